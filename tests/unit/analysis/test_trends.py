"""Trends of daily checks: thirty are kept, a jump is told from the usual scatter, and a slow lamp is no jump."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis import trends
from labctl.analysis.trends import Trend, Watched
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

WATCHED = Watched("Dark level", 3.0)


def after(values, errors=0.1):
    count = len(values)
    return Trend(np.arange(count) * trends.DAY_S, np.array(values, dtype=float), np.full(count, errors))


def test_the_last_thirty_checks_are_kept() -> None:
    curve = None
    for day in range(40):
        trend = trends.continued("dark_level", Result(300.0 + day, 0.1, "counts", "mean"), day * trends.DAY_S, curve)
        curve = trends.stored({"dark_level": trend})
    assert len(trend.values) == trends.MOST
    assert (trend.values[0], trend.values[-1]) == (310.0, 339.0)


@pytest.mark.parametrize(("values", "told"), [
    ([300.0, 300.1, 299.9, 310.0], True),                     # a jump
    ([300.0, 300.1, 299.9, 302.0], False),                    # within what is allowed
    ([290.0, 310.0, 300.0, 305.0, 295.0, 318.0], False),      # it always scattered so
    ([300.0, 350.0], False),                                  # two checks are no trend
])
def test_a_jump_is_told_from_scatter(values, told) -> None:
    problem = trends.judge("dark_level", WATCHED, after(values), "counts")
    assert (problem is not None) == told


def test_a_relative_allowance_follows_the_number() -> None:
    noise = Watched("Read noise", 0.1, relative=True)
    assert trends.judge("read_noise", noise, after([20.0, 20.0, 20.0, 21.9]), "1") is None
    assert trends.judge("read_noise", noise, after([20.0, 20.0, 20.0, 22.6]), "1") is not None


def test_drift_of_the_power_is_per_ten_minutes_and_darkness_is_refused() -> None:
    time = np.array([0.0, 60.0, 600.0, 660.0])
    found = trends.steadiness(time, 1e-5 * (1.0 + 0.02 * time / 600.0))
    assert found["power_drift"].value == pytest.approx(2.0, rel=0.02)
    with pytest.raises(AnalysisError, match="sees no light"):
        trends.steadiness(time, np.array([-1e-9, 0.0, 1e-10, -1e-9]))
