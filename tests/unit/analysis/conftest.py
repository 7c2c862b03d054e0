"""Recovery: many noisy copies of data whose truth is known, and what the estimator made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from labctl.core.plan import Result

FEW = 50
MANY = pytest.param(1000, marks=pytest.mark.soak)


@dataclass(frozen=True)
class Recovery:
    """Deviations from the truth in standard errors (draws, results), and the share of 95 % intervals that hold the truth."""

    pulls: np.ndarray
    coverage: float

    def insist(self, *, bias: float = 0.5, low: float = 0.85, narrow: float = 0.75) -> None:
        """Fail when the estimator is biased or its errors dishonest; the limits allow for the scatter of few draws."""
        allowed = 1 / np.sqrt(len(self.pulls))
        mean, scatter = self.pulls.mean(axis=0), self.pulls.std(axis=0)
        assert np.all(np.abs(mean) < min(bias, 0.25 + 4 * allowed)), f"bias of {mean} standard errors"
        assert np.all((narrow - allowed < scatter) & (scatter < 1.1 + 2 * allowed)), f"scatter of {scatter} standard errors"
        assert self.coverage >= (low if len(self.pulls) < 500 else max(low, 0.9)), f"coverage {self.coverage:.3f}"


Draw = Callable[[np.random.Generator], Result | tuple[Result, ...]]


@pytest.fixture(params=[FEW, MANY], ids=["few", "many"])
def recover(request: pytest.FixtureRequest) -> Callable[..., Recovery]:
    """Give a function that repeats an estimate with fresh noise and compares it with the truth.

    An estimate may be a tuple of results with as many truths: its recovery joins them all. `share` makes slow estimates rarer.
    """
    def repeat(draw: Draw, *truth: float, share: float = 1.0) -> Recovery:
        rng = np.random.default_rng(20211)
        pulls, held = [], []
        for _ in range(round(share * request.param)):
            found = draw(rng)
            for result, true in zip(found if isinstance(found, tuple) else (found,), truth, strict=True):
                assert result.stderr is not None
                low, high = result.interval or (result.value - 1.96 * result.stderr, result.value + 1.96 * result.stderr)
                pulls.append((result.value - true) / result.stderr)
                held.append(low <= true <= high)
        return Recovery(np.array(pulls).reshape(-1, len(truth)), float(np.mean(held)))

    return repeat
