"""Courses: which point comes next, within which bounds, and again after an interruption."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.errors import Refused
from labctl.core.plan import Bounds, Estimate, Point, Reading
from labctl.engine.arrangement import Arrangement
from labctl.engine.course import AdaptiveCourse, FixedCourse
from labctl.engine.engine import Engine

BOUNDS = Bounds(10, {"analyser.angle": (0.0, 100.0)}, (1.0, 2.0))


def at(angle, **more):
    return Point({"analyser.angle": float(angle)}, **{"exposure_s": 1.0, **more})


def doubling(start=1.0, stop=64.0):
    """Go twice as far as the last read-back, until it is far enough."""
    angle = start
    while angle <= stop:
        reading = yield at(angle)
        angle = 2 * reading.values["analyser.angle_measured"]


def adaptive(steps, bounds=BOUNDS, total=None, dose=0.0):
    return AdaptiveCourse(steps, bounds, total or bounds.points, lambda point: [], lambda point: dose)


def walk(course):
    """Follow a course on a bench that goes exactly where it is sent; gives the angles."""
    visited = []
    while (step := course.upcoming()) is not None:
        assert course.upcoming() == step, "the upcoming point has to stay until it is finished"
        visited.append(step[1].set["analyser.angle"])
        course.finish(reading(*step))
    return visited


def reading(index, point):
    return Reading(index, point, {"counts": np.zeros(4, "u4")}, {"analyser.angle_measured": point.set["analyser.angle"]})


class TestFixed:
    def test_leaves_out_what_is_done(self):
        course = FixedCourse([at(1), at(2), at(3)], [reading(0, at(1))])
        assert course.left.standing == {"analyser.angle": 1.0}
        assert course.following() == (2, at(3))
        assert walk(course) == [2.0, 3.0]
        assert course.left.standing == {"analyser.angle": 3.0}

    def test_everything_that_is_read(self):
        course = FixedCourse([Point(read=()), at(1, read=("power",)), at(2, read=("spectrum", "power"), exposure_s=3.0)])
        assert course.everything() == Point(read=("power", "spectrum"), exposure_s=1.0)


class TestAdaptive:
    def test_readings_decide(self):
        assert walk(adaptive(doubling())) == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]

    def test_replayed_readings_lead_to_the_same_place(self):
        course = adaptive(doubling())
        course.replay(iter([reading(0, at(1)), reading(1, at(2))]))
        assert course.left.standing == {"analyser.angle": 2.0}
        assert course.upcoming() == (2, at(4))

    @pytest.mark.parametrize(("start", "stop"), [(3.0, 64.0), (1.0, 1.0), (200.0, 400.0)])
    def test_another_way_is_refused(self, start, stop):
        with pytest.raises(Refused, match="Start a new run"):
            adaptive(doubling(start, stop)).replay(iter([reading(0, at(1)), reading(1, at(2))]))

    @pytest.mark.parametrize(("point", "field"), [
        (at(101), "analyser.angle"), (at(1, exposure_s=3.0), "exposure"), (at(1, read=("power",)), "read"),
        (at(1, do=("home",)), "do"), (Point({"pump.power": 1.0}, exposure_s=1.0), "pump.power"),
    ])
    def test_points_outside_the_bounds_are_refused(self, point, field):
        def one():
            yield point

        with pytest.raises(Refused) as caught:
            adaptive(one()).upcoming()
        assert [problem.field for problem in caught.value.problems] == [field]

    def test_ended_at_its_most_points(self):
        course = adaptive(doubling(), Bounds(3, BOUNDS.set, BOUNDS.exposure_s))
        assert walk(course) == [1.0, 2.0, 4.0]
        assert "3 points" in course.remarks()[0].text

    def test_ended_before_its_dose_is_exceeded(self):
        course = adaptive(doubling(), Bounds(10, BOUNDS.set, BOUNDS.exposure_s, dose_j_cm2=2.5), dose=1.0)
        assert walk(course) == [1.0, 2.0]
        assert "2.5 J/cm²" in course.remarks()[0].text


class TestBounds:
    def test_corners_are_every_combination_of_extremes(self):
        bounds = Bounds(5, {"a": (0.0, 1.0), "b": (2.0, 2.0), "c": (3.0, 4.0)}, (0.1, 0.2))
        found = {(*point.set.values(), point.exposure_s) for point in bounds.corners()}
        assert found == {(0, 2, 3, 0.2), (0, 2, 4, 0.2), (1, 2, 3, 0.2), (1, 2, 4, 0.2), (0, 2, 3, 0.1)}

    def test_mistakes_are_named(self):
        assert {problem.field for problem in Bounds(0, {"a": (2.0, 1.0)}, (2.0, 1.0)).check()} == {"plan", "a", "exposure"}


class TestArranged:
    """References and darks around a plan that does not learn of them."""

    def visited(self, steps, **wanted):
        arrangement = Arrangement(**wanted)
        course = adaptive(arrangement.around(steps), total=arrangement.most(10))
        found = []
        while (step := course.upcoming()) is not None:
            found.append(f"{step[1].kind[0]}{step[1].set.get('analyser.angle', 0):g}")
            course.finish(reading(step[0], step[1] if step[1].set else at(99)))
        return found

    def test_references_first_in_between_and_last(self):
        assert self.visited(doubling(stop=8.0), reference_every=2) == ["r1", "s1", "s2", "r1", "s4", "s8", "r1"]

    def test_the_procedures_own_reference_is_taken(self):
        def own():
            yield at(50, kind="reference")
            yield from doubling(stop=2.0)

        assert self.visited(own(), reference_every=1) == ["r50", "s1", "r50", "s2", "r50"]

    def test_darks(self):
        assert self.visited(doubling(stop=4.0), dark_every=1) == ["s1", "d0", "s2", "d0", "s4"]

    def test_no_order_can_be_imposed(self):
        assert [problem.field for problem in Arrangement("random").check_adaptive()] == ["order"]
        assert not Arrangement("planned", 3, 3).check_adaptive()


class TestOnTheEngine:
    def run(self, bench, journal, steps):
        return Engine(bench).run(adaptive(steps), journal, seed=7, run_id="r", procedure="p", estimate=Estimate(1.0, 0.0, 0, 1))

    def test_goes_where_the_readings_lead(self, bench, journal):
        end = self.run(bench, journal, doubling(stop=4.0))
        assert (end.status, end.points) == ("done", 3)
        assert [what for what in bench.done if what.startswith("move")] == [f"move analyser.angle {x}" for x in (1, 2, 4)]

    def test_a_point_outside_ends_the_run_before_it_moves(self, bench, journal):
        end = self.run(bench, journal, doubling(stop=1000.0))
        assert (end.status, end.points) == ("failed", 7)
        assert end.problems[0].field == "analyser.angle"
        assert "move analyser.angle 128" not in bench.done
        assert not bench.shutter.is_open

    def test_a_defect_in_the_plan_parks_the_bench(self, bench, journal):
        def wrong():
            reading = yield at(1)
            yield at(reading.values["no such value"])

        end = self.run(bench, journal, wrong())
        assert end.status == "failed"
        assert "defect" in end.problems[0].text
        assert bench.done.count("park laser") == 2
