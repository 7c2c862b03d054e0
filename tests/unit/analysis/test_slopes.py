"""Slopes and breaks of power laws come back with honest errors."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.slopes import segments, slope, slope_above_noise
from labctl.core.errors import AnalysisError

FLUENCE = np.geomspace(1, 4.4, 26)
BREAKS, SLOPES = (2.2, 3.1), (3.0, 5.7, 2.7)


def lasing(fluence: np.ndarray) -> np.ndarray:
    log = np.log(fluence)
    ramps = [np.clip(log - np.log(place), 0, None) for place in BREAKS]
    return np.exp(4 + SLOPES[0] * log + (SLOPES[1] - SLOPES[0]) * ramps[0] + (SLOPES[2] - SLOPES[1]) * ramps[1])


def test_slope_is_unbiased_with_an_honest_error(recover) -> None:
    def draw(rng: np.random.Generator):
        seen = rng.poisson(400 * FLUENCE**1.98).astype(float)
        return slope(FLUENCE, seen, np.sqrt(seen)).slopes[0]

    recover(draw, 1.98).insist()


def test_slopes_of_three_segments(recover) -> None:
    exact = lasing(FLUENCE)

    def draw(rng: np.random.Generator):
        return segments(FLUENCE, exact * (1 + 0.03 * rng.normal(size=26)), 0.03 * exact, count=3).slopes

    recover(draw, *SLOPES).insist(narrow=0.6)     # the grid of breaks adds an error of its own


def test_pump_error_is_weighed_with_the_slope() -> None:
    """1 % of pump energy is 5.7 % of the output where the slope is 5.7."""
    exact = lasing(FLUENCE)
    quiet = segments(FLUENCE, exact, 0.002 * exact, count=3)
    shaky = segments(FLUENCE, exact, 0.002 * exact, count=3, relative_x=0.02)
    assert shaky.breaks[1].stderr > 2 * quiet.breaks[1].stderr
    assert [s.value for s in shaky.slopes] == pytest.approx(SLOPES, abs=0.25)


def test_points_in_the_noise_are_left_out_and_marked() -> None:
    seen = 100 * FLUENCE**2
    seen[:4] = [-3, 2, 5, np.nan]
    law = slope(FLUENCE, seen, np.full(26, 10.0))
    assert law.used.tolist() == [False] * 4 + [True] * 22
    assert law.slopes[0].value == pytest.approx(2, abs=1e-6)


def test_band_is_fitted_where_it_stands_out_only() -> None:
    rng = np.random.default_rng(4)
    sigma = np.full(26, 400.0)
    area = 300 * FLUENCE**2 + rng.normal(0, sigma)
    assert slope_above_noise(FLUENCE, area, sigma).slopes[0].value == pytest.approx(2, abs=0.8)
    with pytest.raises(AnalysisError, match="needs 3"):
        slope_above_noise(FLUENCE, area, 10 * sigma)


def test_unneeded_break_is_refused() -> None:
    rng = np.random.default_rng(5)
    seen = 50 * FLUENCE**3 * (1 + 0.05 * rng.normal(size=26))
    with pytest.raises(AnalysisError, match="not significant"):
        segments(FLUENCE, seen, 0.05 * seen, count=3)


def test_too_few_points_are_refused() -> None:
    with pytest.raises(AnalysisError, match="needs 8"):
        segments(np.arange(1.0, 6.0), np.arange(1.0, 6.0), count=3)
    with pytest.raises(AnalysisError, match="span only"):
        slope(np.array([1.0, 1.05, 1.1]), np.array([1.0, 1.1, 1.2]))
