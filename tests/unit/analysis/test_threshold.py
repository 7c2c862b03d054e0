"""Thresholds come back with honest intervals, by three names, or are refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis import threshold
from labctl.core.errors import AnalysisError

FLUENCE = np.array([3, 6, 9, 12, 14, 16, 18, 20, 21, 22, 23, 24, 25, 26, 28, 30, 33, 36, 40.0])
TRUE = 22.3


def output(fluence: np.ndarray, place: float = TRUE) -> np.ndarray:
    """Give electrons: offset, spontaneous line, and a line from the threshold on."""
    return 200 + 40 * fluence + 900 * np.clip(fluence - place, 0, None)


def noisy(rng: np.random.Generator, jitter: float = 0.01) -> threshold.Series:
    seen = rng.poisson(output(FLUENCE * (1 + jitter * rng.normal(size=len(FLUENCE))))).astype(float)
    return threshold.series(FLUENCE, seen, np.sqrt(seen), relative_pump=jitter, unit="µJ/cm²")


def test_kink_is_unbiased_and_its_interval_holds_the_truth(recover) -> None:
    recover(lambda rng: threshold.kink(noisy(rng)).threshold, TRUE).insist()


def test_kink_without_stated_errors_takes_them_from_the_scatter(recover) -> None:
    def draw(rng: np.random.Generator):
        seen = output(FLUENCE) + rng.normal(0, 150, len(FLUENCE))
        return threshold.kink(threshold.series(FLUENCE, seen)).threshold

    recover(draw, TRUE).insist()


def test_kink_tries_600_places_from_the_second_to_the_last_but_one_point() -> None:
    """The grid decides the last digits of the papers' regression values, so it is part of the definition."""
    found = threshold.kink(threshold.series(FLUENCE, output(FLUENCE), np.sqrt(output(FLUENCE)))).threshold
    step = (FLUENCE[-2] - FLUENCE[1]) / 599
    position = (found.value - FLUENCE[1]) / step
    assert position == pytest.approx(round(position), abs=1e-6)
    assert abs(found.value - TRUE) <= step / 2


def test_jitter_of_the_pump_widens_the_error() -> None:
    quiet = threshold.kink(threshold.series(FLUENCE, output(FLUENCE), np.sqrt(output(FLUENCE)))).threshold
    shaky = threshold.kink(threshold.series(FLUENCE, output(FLUENCE), np.sqrt(output(FLUENCE)), relative_pump=0.03)).threshold
    assert shaky.stderr > 2 * quiet.stderr


def test_intercept_of_a_straight_line_is_where_it_meets_zero(recover) -> None:
    def draw(rng: np.random.Generator):
        seen = rng.poisson(np.clip(900 * (FLUENCE - TRUE), 0, None)) + rng.normal(0, 30, len(FLUENCE))
        data = threshold.series(FLUENCE, seen, np.hypot(30, np.sqrt(np.clip(seen, 0, None))))
        return threshold.intercept(data).threshold

    recover(draw, TRUE).insist()


def test_intercept_reads_higher_than_the_kink_on_a_curve_that_bends_upwards() -> None:
    bent = 10 * FLUENCE + 20 * np.clip(FLUENCE - 15, 0, None) ** 1.8
    data = threshold.series(FLUENCE, bent, np.sqrt(bent), unit="µJ/cm²")
    found, refused = threshold.estimate(data)
    assert not refused
    assert found["intercept"].threshold.value > found["kink"].threshold.value
    assert len({fit.threshold.estimator for fit in found.values()}) == 3


def test_saturated_end_does_not_pull_the_intercept() -> None:
    straight = np.clip(900 * (FLUENCE - TRUE), 1, None)
    bent = np.minimum(straight, 900 * (36 - TRUE))
    bent[-1] *= 0.7
    found = threshold.intercept(threshold.series(FLUENCE, bent)).threshold
    assert found.value == pytest.approx(TRUE, abs=0.05)


def test_second_break_of_three_segments_is_the_lasing_threshold() -> None:
    fluence = np.geomspace(1, 4.4, 26)
    log = np.log(fluence)
    curve = np.exp(3 * log + 2.7 * np.clip(log - np.log(2.2), 0, None) - 3 * np.clip(log - np.log(3.1), 0, None))
    fit = threshold.log_log(threshold.series(fluence, curve, 0.02 * curve, unit="mJ/cm²"), count=3)
    assert fit.threshold.value == pytest.approx(3.1, rel=0.02)
    assert fit.threshold.unit == "mJ/cm²"
    assert fit.curve(fluence) == pytest.approx(curve, rel=0.05)


@pytest.mark.parametrize("estimator", ["kink", "log_log"])
def test_curve_passes_through_the_data(estimator: str) -> None:
    clean = output(FLUENCE)
    fit = threshold.ESTIMATORS[estimator](threshold.series(FLUENCE, clean, 0.05 * clean))
    assert np.median(np.abs(fit.curve(FLUENCE) / clean - 1)) < 0.12


def test_a_straight_line_has_no_threshold() -> None:
    rng = np.random.default_rng(3)
    seen = rng.poisson(500 * FLUENCE).astype(float)
    with pytest.raises(AnalysisError, match=r"slope does not rise|lies outside"):
        threshold.kink(threshold.series(FLUENCE, seen, np.sqrt(seen)))


def test_threshold_beyond_the_series_is_refused_with_the_side() -> None:
    low = FLUENCE[FLUENCE <= 24]
    seen = output(low, 23.5)
    with pytest.raises(AnalysisError, match=r"on the last point .* Extend the series"):
        threshold.kink(threshold.series(low, seen, np.sqrt(seen)))


def test_too_few_points_are_refused() -> None:
    with pytest.raises(AnalysisError, match="5 usable points"):
        threshold.series(np.array([1, 2, 3, 4, 5, np.nan]), np.arange(6.0))


def test_one_refusal_leaves_the_other_estimators() -> None:
    steep = np.array([1, 1, 1, 1, 1, 1, 1, 100.0])
    found, refused = threshold.estimate(threshold.series(np.arange(1.0, 9.0), steep, 0.05 * steep))
    assert "intercept" in refused
    assert "needs 3" in refused["intercept"]
    assert set(found) | set(refused) == {"kink", "intercept", "log_log"}
