"""Step and glue: windows join without a step, the factor of every overlap is told, too little overlap is refused."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.glue import Window, glue
from labctl.core.errors import AnalysisError


def spectrum(nm: np.ndarray) -> np.ndarray:
    return 500 + 4000 * np.exp(-(((nm - 530) / 20) ** 2))


def window(rng: np.random.Generator, low: float, high: float, factor: float = 1.0) -> Window:
    nm = np.linspace(low, high, 600)
    exact = spectrum(nm) / factor
    return Window(nm, rng.poisson(exact).astype(float), np.sqrt(exact))


def test_windows_join_in_any_order_and_follow_the_spectrum() -> None:
    rng = np.random.default_rng(3)
    made = glue([window(rng, 535, 575), window(rng, 500, 540), window(rng, 570, 610)])
    assert np.all(np.diff(made.wavelength_nm) > 0)
    assert (made.wavelength_nm[0], made.wavelength_nm[-1]) == (500, 610)
    pulls = (made.signal - spectrum(made.wavelength_nm)) / made.sigma
    assert abs(pulls.mean()) < 1.0
    assert [one.value for one in made.factors] == pytest.approx([1, 1], abs=0.02)


def test_factor_is_recovered_and_removed_or_only_told(recover) -> None:
    def draw(rng: np.random.Generator):
        return glue([window(rng, 500, 540), window(rng, 534, 574, factor=1.2)]).factors[0]

    recover(draw, 1.2).insist()
    rng = np.random.default_rng(4)
    kept = glue([window(rng, 500, 540), window(rng, 534, 574, factor=1.2)], scaled=False)
    assert np.mean(kept.signal[-300:] / spectrum(kept.wavelength_nm[-300:])) == pytest.approx(1 / 1.2, rel=0.01)


def test_averaging_halves_the_variance() -> None:
    rng = np.random.default_rng(5)
    one = window(rng, 500, 540)
    made = glue([one, window(rng, 520, 560)])
    assert made.sigma[500] == pytest.approx(one.sigma[500] / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize(("low", "reason"), [(538.0, "10%, of a window|10% of a window"), (545.0, "0.00 nm in common")])
def test_too_little_overlap_is_refused(low: float, reason: str) -> None:
    rng = np.random.default_rng(6)
    with pytest.raises(AnalysisError, match=reason):
        glue([window(rng, 500, 540), window(rng, low, low + 40)])


def test_dark_overlap_and_single_windows_are_refused() -> None:
    nm = np.linspace(500, 540, 200)
    dark = np.random.default_rng(7).normal(0, 1, 200)
    with pytest.raises(AnalysisError, match="is dark"):
        glue([Window(nm, 0 * dark, np.ones(200)), Window(nm + 30, 0 * dark, np.ones(200))])
    with pytest.raises(AnalysisError, match="nothing to join"):
        glue([Window(nm, dark, np.ones(200))])
