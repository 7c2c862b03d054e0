"""Straightness, saturation and onset of a power series."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.saturation import onset, saturation, straightness
from labctl.core.errors import AnalysisError

POWER = np.array([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30, 35, 40, 45, 50, 55, 60, 70, 80.0])
STRAIGHT = 400 * np.clip(POWER - 14, 0, None) + 50


def test_saturation_is_where_the_output_is_a_fifth_below_its_line() -> None:
    bent = np.where(POWER < 40, STRAIGHT, STRAIGHT * (1 - 0.02 * (POWER - 40)))
    found = saturation(POWER, bent, np.sqrt(bent), threshold=14.0, unit="µW")
    assert found.value == pytest.approx(50.0, abs=0.2)
    assert 0 < found.stderr < 3


def test_saturation_is_unbiased() -> None:
    bent = 40 * np.where(POWER < 40, STRAIGHT, STRAIGHT * (1 - 0.02 * (POWER - 40)))
    powers = [saturation(POWER, np.random.default_rng(i).poisson(bent).astype(float), np.sqrt(bent), threshold=14.0).value
              for i in range(60)]
    assert np.mean(powers) == pytest.approx(50.0, abs=0.5)


def test_straight_series_does_not_saturate() -> None:
    with pytest.raises(AnalysisError, match="Extend the series"):
        saturation(POWER, STRAIGHT, np.sqrt(STRAIGHT), threshold=14.0)
    with pytest.raises(AnalysisError, match="the line needs 3"):
        saturation(POWER, STRAIGHT, threshold=60.0)


def test_straightness_is_the_largest_residual_of_full_scale() -> None:
    line = 100.0 * POWER
    line[10] += 0.07 * line[-1]
    assert straightness(POWER, line, np.full(20, 10.0), above=10.0).value == pytest.approx(7, abs=1)
    assert straightness(POWER, 100 * POWER, np.full(20, 10.0), above=10.0).value == pytest.approx(0, abs=1e-6)
    with pytest.raises(AnalysisError, match="needs 4"):
        straightness(POWER, line, above=60.0)


def test_onset_is_the_first_point_from_which_all_stay() -> None:
    width = np.array([23, 23, 7, 22, 9, 7.5, 6, 5.5, 5.4])
    found = onset(np.arange(20.0, 29.0), width, 8.0, rising=False, unit="µJ/cm²")
    assert found.value == 25.0
    assert found.stderr == 0.5


@pytest.mark.parametrize(("values", "reason"), [([1, 2, 1], "Extend"), ([3, 3, 3], "Begin the series")])
def test_series_without_an_onset_is_refused(values: list[float], reason: str) -> None:
    with pytest.raises(AnalysisError, match=reason):
        onset(np.arange(3.0), np.array(values, dtype=float), 1.5)
