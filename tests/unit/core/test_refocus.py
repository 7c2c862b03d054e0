"""Finding the focus in the middle of a plan: it follows a sample that walks, and says no more than it saw."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.places import focus
from labctl.core.plan import Bounds, Point, Reading
from labctl.core.refocus import AXIS, FLAG, Refocus

DEEP_MM = 0.0024


def searching(**changes) -> Refocus:
    settings = {"span_mm": 0.024, "positions": 13, "exposure_s": 1.0, "reach_mm": 0.1} | changes
    return Refocus(**settings, find=lambda z, light: focus(z, light).position.value)


def look(search: Refocus, at: float, true_mm: float, seed: int = 0):
    """Answer a search as a sample at this place would; gives the place found and the points asked for."""
    steps, points = search.steps(at, {"sample.temperature": at}), []
    draw = np.random.default_rng(seed)
    reading = None
    try:
        while True:
            point = next(steps) if reading is None else steps.send(reading)
            points.append(point)
            light = 1e5 / (1 + ((point.set[AXIS] - true_mm) / DEEP_MM) ** 2) + 3e3
            reading = Reading(len(points), point, {"counts": draw.poisson(light, 4).astype(float)}, {})
    except StopIteration as end:
        return end.value, points


def test_a_scan_finds_the_place_and_comes_to_it_from_below() -> None:
    found, points = look(searching(), 4.0, 0.0031)
    assert found == pytest.approx(0.0031, abs=2e-4)
    assert len(points) == 14
    assert all(point.flags == (FLAG,) for point in points[:-1])
    assert points[-1].set[AXIS] < found
    assert (points[-1].kind, points[-1].light, points[-1].read) == ("zero", False, ())


def test_it_follows_a_walk_in_a_straight_line() -> None:
    search = searching()
    for kelvin in (4.0, 40.0, 76.0):
        look(search, kelvin, 2e-4 * (kelvin - 4.0))
    assert search.expected(112.0) == pytest.approx(2e-4 * 108.0, abs=5e-4)


def test_a_focus_outside_the_scan_is_followed_and_the_stage_stays_within_its_reach() -> None:
    found, points = look(searching(), 4.0, 0.02)
    assert found == pytest.approx(0.02, abs=2e-4)
    assert len(points) == 27, "two scans"
    far, points = look(searching(reach_mm=0.01), 4.0, 0.02)
    assert far == pytest.approx(0.01)
    assert max(point.set[AXIS] for point in points) <= 0.01
    assert len(points) <= searching().most_points()


def test_bounds_hold_the_points_they_were_made_around() -> None:
    points = [Point(set={"a": 1.0, "b": 5.0}, exposure_s=2.0), Point(set={"a": 3.0}, read=("power",), exposure_s=1.0),
              Point(set={"c": 0.0}, kind="zero", read=(), do=("meter.zero",))]
    bounds = Bounds.around(points)
    assert bounds.set == {"a": (1.0, 3.0), "b": (5.0, 5.0), "c": (0.0, 0.0)}
    assert (bounds.points, bounds.exposure_s, bounds.do) == (3, (1.0, 2.0), ("meter.zero",))
    assert [problem for point in points for problem in bounds.violations(point)] == []
    both = bounds.with_others(Bounds(2, {"a": (0.0, 1.0), "d": (9.0, 9.0)}, (4.0, 4.0), ("image",)))
    assert both.set == {"a": (0.0, 3.0), "b": (5.0, 5.0), "c": (0.0, 0.0), "d": (9.0, 9.0)}
    assert (both.points, both.exposure_s, both.read) == (5, (1.0, 4.0), ("spectrum", "power", "image"))
