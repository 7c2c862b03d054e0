"""Recovery: many noisy copies of data whose truth is known, and what the estimator made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from labctl.core.plan import Result

FEW = 60
MANY = pytest.param(1000, marks=pytest.mark.soak)


@dataclass(frozen=True)
class Recovery:
    """Deviations from the truth in standard errors, and the share of 95 % intervals that hold the truth."""

    pulls: np.ndarray
    coverage: float

    def insist(self, *, bias: float = 0.5, low: float = 0.85, narrow: float = 0.75) -> None:
        """Fail when the estimator is biased or its errors dishonest; the limits allow for the scatter of few draws."""
        allowed = 1 / np.sqrt(len(self.pulls))
        assert abs(self.pulls.mean()) < min(bias, 0.25 + 4 * allowed), f"bias of {self.pulls.mean():.2f} standard errors"
        assert narrow < self.pulls.std() < 1.3, f"scatter of {self.pulls.std():.2f} standard errors"
        assert self.coverage >= (low if len(self.pulls) < 500 else max(low, 0.9)), f"coverage {self.coverage:.3f}"


@pytest.fixture(params=[FEW, MANY], ids=["few", "many"])
def recover(request: pytest.FixtureRequest) -> Callable[[Callable[[np.random.Generator], Result], float], Recovery]:
    """Give a function that repeats an estimate with fresh noise and compares it with the truth."""
    def repeat(draw: Callable[[np.random.Generator], Result], truth: float) -> Recovery:
        rng = np.random.default_rng(20211)
        found = [draw(rng) for _ in range(request.param)]
        for result in found:
            assert result.stderr is not None
        pulls = np.array([(r.value - truth) / r.stderr for r in found])  # type: ignore[operator]
        ends = np.array([r.interval or (r.value - 1.96 * r.stderr, r.value + 1.96 * r.stderr) for r in found])  # type: ignore[operator]
        return Recovery(pulls, float(np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1]))))

    return repeat
