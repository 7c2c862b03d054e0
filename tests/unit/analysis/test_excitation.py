"""The parabola estimator: right, honest about its error, and silent when the data show no maximum."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.excitation import parabola_maximum
from labctl.core.errors import AnalysisError

GRID = np.arange(520.0, 532.01, 0.5)
PEAK, CURVATURE = 526.41, 0.12


def parabola(wavelength: np.ndarray, peak: float = PEAK) -> np.ndarray:
    return np.clip(1.0 - CURVATURE * (wavelength - peak) ** 2, 0.02, None)


def test_exact_parabola_is_recovered() -> None:
    rate = 5e4 * parabola(GRID)
    found = parabola_maximum(GRID, rate, 0.01 * rate)
    assert found.wavelength_nm == pytest.approx(PEAK, abs=1e-9)
    assert found.height == pytest.approx(5e4, rel=1e-9)
    assert found.curve(GRID[found.used]) == pytest.approx(rate[found.used])


def test_only_the_neighbours_of_the_maximum_are_fitted() -> None:
    rate = parabola(GRID)
    rate[2] = 0.9          # a lonely high point far away
    found = parabola_maximum(GRID, rate, 0.01 * rate)
    assert set(GRID[found.used]) == {525.0, 525.5, 526.0, 526.5, 527.0, 527.5}


def test_order_of_the_points_does_not_matter() -> None:
    rate = parabola(GRID)
    upwards, downwards = parabola_maximum(GRID, rate, 0.01 * rate), parabola_maximum(GRID[::-1], rate[::-1], 0.01 * rate[::-1])
    assert downwards.wavelength_nm == pytest.approx(upwards.wavelength_nm, abs=1e-12)
    assert np.array_equal(downwards.used[::-1], upwards.used)


def test_unusable_points_do_not_enter() -> None:
    rate = parabola(GRID)
    rate[GRID == 526.5] = 40.0
    found = parabola_maximum(GRID, rate, 0.01 * parabola(GRID), GRID != 526.5)
    assert found.wavelength_nm == pytest.approx(PEAK, abs=1e-9)


@pytest.mark.parametrize("usable_to", [530.0, 527.0])
def test_stderr_covers_the_truth_as_often_as_it_should(usable_to: float) -> None:
    """One standard error must hold the truth in 68 % of the runs; scaling by scatter may only make it more careful."""
    rng = np.random.default_rng(11)
    exact = parabola(GRID)
    inside, spread, claimed = 0, [], []
    for _ in range(1500):
        rate = exact * (1 + 0.01 * rng.standard_normal(len(GRID)))
        found = parabola_maximum(GRID, rate, 0.01 * rate, usable_to >= GRID)
        inside += abs(found.wavelength_nm - PEAK) < found.stderr_nm
        spread.append(found.wavelength_nm)
        claimed.append(found.stderr_nm)
    assert 0.65 < inside / 1500 < 0.78
    assert np.mean(spread) == pytest.approx(PEAK, abs=0.01)
    assert 0.95 < np.mean(claimed) / np.std(spread) < 1.25


def test_scatter_beyond_the_stated_errors_widens_the_result() -> None:
    rate = parabola(GRID) * (1 + 0.03 * np.array([1, -1] * 12 + [1]))
    careless = parabola_maximum(GRID, rate, 1e-4 * rate)
    assert careless.reduced_chi2 > 100
    assert careless.stderr_nm > 20 * careless.propagated_nm


class TestRefusals:
    """A text that names numbers and remedy, instead of a number that means nothing."""

    def test_too_few_points(self) -> None:
        coarse = np.array([520.0, 523.0, 526.0, 529.0, 532.0])
        with pytest.raises(AnalysisError, match=r"Only 1 neighbouring usable points lie above 75% .* smaller step"):
            parabola_maximum(coarse, parabola(coarse), np.full(5, 0.01))

    def test_maximum_on_the_last_usable_point(self) -> None:
        with pytest.raises(AnalysisError, match=r"clearly beyond the maximum: .* at 526\.41 .* at 526\.50 nm.*narrower"):
            parabola_maximum(GRID, parabola(GRID), 0.01 * parabola(GRID), GRID <= 526.5)

    def test_maximum_beyond_the_last_usable_point_even_with_noise(self) -> None:
        rng = np.random.default_rng(3)
        for _ in range(300):
            rate = parabola(GRID) * (1 + 0.01 * rng.standard_normal(len(GRID)))
            with pytest.raises(AnalysisError):
                parabola_maximum(GRID, rate, 0.01 * rate, GRID <= 526.5)

    def test_maximum_before_the_first_point(self) -> None:
        with pytest.raises(AnalysisError, match="clearly short of the maximum"):
            parabola_maximum(GRID, parabola(GRID, 525.1), np.full(len(GRID), 0.01), GRID >= 525.0)

    def test_rising_flank_that_bends_upwards(self) -> None:
        wavelength = np.arange(10.0)
        with pytest.raises(AnalysisError, match="do not bend downwards"):
            parabola_maximum(wavelength, 100 + wavelength**2, np.ones(10))

    def test_no_signal(self) -> None:
        with pytest.raises(AnalysisError, match="positive signal"):
            parabola_maximum(GRID, -parabola(GRID), np.full(len(GRID), 0.01))

    def test_nothing_usable(self) -> None:
        with pytest.raises(AnalysisError, match="positive signal"):
            parabola_maximum(GRID, parabola(GRID), np.full(len(GRID), 0.01), np.zeros(len(GRID), dtype=bool))
