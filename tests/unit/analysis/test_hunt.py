"""Where a threshold hunt measures next."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis import hunt


def hinge(pump: np.ndarray) -> np.ndarray:
    return 1.0 + pump + 30.0 * np.clip(pump - 10.0, 0, None)


def test_the_coarse_ladder_spans_the_range() -> None:
    ladder = hunt.ladder(1.0, 100.0)
    assert (ladder[0], ladder[-1]) == pytest.approx((1.0, 100.0))
    assert np.all(np.diff(ladder) > 0)


def test_points_come_to_both_sides_of_the_kink_and_never_twice() -> None:
    pump = hunt.ladder(1.0, 50.0)
    for _ in range(12):
        pump = np.append(pump, hunt.next_pump(pump, hinge(pump), 1.0, 50.0))
    added = pump[hunt.COARSE:]
    assert np.count_nonzero(added < 10.0) >= 4
    assert np.count_nonzero(added > 10.0) >= 4
    assert np.all(np.abs(added / 10.0 - 1.0) < 0.95)
    assert len(np.unique(np.round(pump, 6))) == len(pump)


def test_without_a_kink_the_widest_gap_is_halved() -> None:
    pump = np.array([1.0, 2.0, 8.0, 16.0])
    assert hunt.next_pump(pump, pump, 1.0, 16.0) == pytest.approx(4.0)


def test_the_range_is_never_left() -> None:
    pump = hunt.ladder(9.0, 30.0)
    for _ in range(12):
        pump = np.append(pump, hunt.next_pump(pump, hinge(pump), 9.0, 30.0))
    assert pump.min() >= 9.0
    assert pump.max() <= 30.0
