"""Order, references and darks around any procedure."""

from __future__ import annotations

import pytest

from labctl.core.plan import Point
from labctl.engine.arrangement import Arrangement


def scan(*values, kind="scan"):
    return [Point(set={"pump.wavelength": float(value)}, kind=kind, exposure_s=1.0) for value in values]


def visited(points):
    marks = {"scan": "", "reference": "r"}
    return ["d" if point.kind == "dark" else f"{marks[point.kind]}{point.set['pump.wavelength']:g}" for point in points]


@pytest.mark.parametrize(("order", "expected"), [
    ("planned", "1 2 3 4 5"), ("down", "5 4 3 2 1"), ("up-down", "1 2 3 4 5 5 4 3 2 1"), ("interleaved", "1 3 5 2 4"),
])
def test_orders(order, expected):
    assert visited(Arrangement(order).apply(scan(1, 2, 3, 4, 5), 7)) == expected.split()


def test_random_order_is_a_permutation_decided_by_the_seed():
    points = scan(*range(30))
    first, again, other = (visited(Arrangement("random").apply(points, seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert sorted(first) == sorted(visited(points))


def test_references_come_first_last_and_in_between():
    points = Arrangement(reference_every=2).apply(scan(1, 2, 3, 4, 5), 7)
    assert visited(points) == ["r3", "1", "2", "r3", "3", "4", "r3", "5", "r3"]


def test_the_procedures_own_reference_and_darks_are_kept():
    dark = Point(kind="dark", light=False, exposure_s=1.0)
    planned = [dark, *scan(9, kind="reference"), *scan(1, 2, 3), *scan(9, kind="reference")]
    assert visited(Arrangement(reference_every=2).apply(planned, 7)) == ["d", "r9", "1", "2", "r9", "3", "r9"]
    assert visited(Arrangement("down").apply(planned, 7)) == ["d", "r9", "3", "2", "1", "r9"]


def test_darks_have_the_exposure_of_their_neighbours():
    points = Arrangement(dark_every=1).apply(scan(1, 2), 7)
    assert visited(points) == ["1", "d", "2"]
    assert (points[1].exposure_s, points[1].light) == (1.0, False)


def test_a_plan_without_scan_points_is_left_alone():
    assert visited(Arrangement("down").apply(scan(1, kind="reference"), 7)) == ["r1"]


def test_mistakes_are_named():
    assert {problem.field for problem in Arrangement("sideways", -1, -2).check()} == {"order", "reference_every", "dark_every"}
