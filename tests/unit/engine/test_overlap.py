"""The next moves run while the detector is read out: faster, in the dark, and with the same data."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.errors import BadReply, NotSettled
from labctl.core.plan import Bounds, Estimate, Point
from labctl.core.quality import Policy, policies
from labctl.engine.control import Control
from labctl.engine.course import AdaptiveCourse, FixedCourse
from labctl.engine.engine import Engine

EXPOSURE_S, READ_OUT_S, SHUTTER_S = 1.0, 0.4, 0.01


def scan(count, **more):
    return [Point({"pump.wavelength": 500.0 + index}, exposure_s=EXPOSURE_S, **more) for index in range(count)]


def run(bench, journal, points, control=None, quality=None, guards=()):
    bench.guards = list(guards)
    course = points if hasattr(points, "upcoming") else FixedCourse(points)
    return Engine(bench, control=control).run(course, journal, seed=7, run_id="r", procedure="p",
                                              estimate=Estimate(1.0, 0.0, 0, 1), quality=policies(quality or {}))


@pytest.fixture
def slow(bench):
    """A camera that takes 0.4 s to be read out and says that it is blanked meanwhile."""
    detector = bench.detectors["spectrum"]
    detector.overlaps = True

    def fetch():
        index = bench.announced[-1][1]
        bench.did(f"fetch spectrum {'lit' if bench.shutter.is_open else 'dark'}")
        yield READ_OUT_S
        bench.did("read out")
        return {"counts": np.full(4, 100 + len(bench.announced), dtype="u4")}, {"visit": float(index)}, ()

    detector.fetch = fetch
    return bench


def seconds(bench, journal, move_s, overlaps):
    bench.axes["pump.wavelength"].seconds = move_s
    bench.detectors["spectrum"].overlaps = overlaps
    before = bench.clock.now()
    assert run(bench, journal, scan(50)).status == "done"
    return bench.clock.now() - before


@pytest.mark.parametrize("move_s", [0.1, 0.3, 0.5, 1.0])
def test_no_slower_than_the_critical_path(slow, journal, move_s):
    """Shutter, exposure, shutter, and the longer of move and read-out: nothing else takes time on this bench."""
    overlapped = seconds(slow, journal, move_s, True)
    critical = move_s + 50 * (SHUTTER_S + EXPOSURE_S + SHUTTER_S) + 49 * max(move_s, READ_OUT_S) + READ_OUT_S
    asking = 8 * SHUTTER_S + 51 * SHUTTER_S       # parking twice, and asking whether the shutter is closed before every move
    assert critical <= overlapped <= critical + asking + 1e-6
    assert overlapped <= 1.01 * critical


def test_moves_only_behind_a_closed_shutter(slow, journal):
    run(slow, journal, scan(3))
    assert "fetch spectrum lit" not in slow.done        # and FakeAxis refuses to move while it is open
    first = slow.done.index("fetch spectrum dark")
    assert slow.done.index("move pump.wavelength 501") < slow.done.index("read out", first)


def test_every_point_is_there_once_and_in_order(slow, journal):
    assert run(slow, journal, scan(5)).points == 5
    assert [index for index, _ in journal.points] == [0, 1, 2, 3, 4]
    assert [found["values"]["pump.wavelength_measured"] for _, found in journal.points] == [500, 501, 502, 503, 504]


def test_off_by_default(bench, journal):
    run(bench, journal, scan(3))
    for index in (501, 502):
        at = bench.done.index(f"move pump.wavelength {index}")
        assert "fetch spectrum dark" in bench.done[at - 3:at]
        assert bench.announced == [(7, 0), (7, 1), (7, 2)]


@pytest.mark.parametrize("following", [{"exposure_s": 2.0}, {"exposure_s": 1.0, "do": ("power_meter.zero",)}])
def test_waits_where_the_next_point_wants_something_of_a_detector(slow, journal, following):
    points = [*scan(1), Point({"pump.wavelength": 501.0}, **following)]
    assert run(slow, journal, points).status == "done"
    assert slow.done.index("read out") < slow.done.index("move pump.wavelength 501")


def test_an_adaptive_plan_waits_for_the_reading(slow, journal):
    def plan():
        for point in scan(2):
            reading = yield point
            assert reading.point == point

    bounds = Bounds(2, {"pump.wavelength": (500.0, 501.0)}, (EXPOSURE_S, EXPOSURE_S))
    run(slow, journal, AdaptiveCourse(plan(), bounds, 2, lambda point: [], lambda point: 0.0))
    assert slow.done.index("read out") < slow.done.index("move pump.wavelength 501")


class TestTrouble:
    """Nothing that goes wrong while two things run loses a point, doubles one, or lights the sample."""

    def test_a_read_out_that_fails_is_repeated_where_it_was(self, slow, journal):
        good, calls = slow.detectors["spectrum"].fetch, []

        def fetch():
            calls.append(1)
            if len(calls) == 1:
                yield 0.1
                raise BadReply("spectrum", "garbled")
            return (yield from good())

        slow.detectors["spectrum"].fetch = fetch
        assert run(slow, journal, scan(3)).status == "done"
        values = [found["values"] for _, found in journal.points]
        assert [each["pump.wavelength_measured"] for each in values] == [500, 501, 502]
        assert values[0]["takes"] == 2
        assert values[0]["lit_s"] == pytest.approx(2 * (EXPOSURE_S + 2 * SHUTTER_S)), "the lost exposure was light too"
        assert "restore" in slow.done

    def test_a_retake_is_exposed_where_it_was(self, slow, journal):
        slow.detectors["spectrum"].level = 5000
        slow.detectors["spectrum"].fetch = type(slow.detectors["spectrum"]).fetch.__get__(slow.detectors["spectrum"])
        assert run(slow, journal, scan(2), quality={"saturated": Policy("retake", times=2)}).status == "done"
        assert [found["values"]["takes"] for _, found in journal.points] == [3, 3]
        assert [found["values"]["pump.wavelength_measured"] for _, found in journal.points] == [500, 501]

    def test_a_move_that_fails_is_repeated_by_its_own_point(self, slow, journal):
        axis = slow.axes["pump.wavelength"]
        move, failed = axis.move, []

        def faulty(value, at):
            if value == 501 and len(failed) < 2:
                failed.append(value)
                yield 0.1
                raise NotSettled("pump.wavelength", "stands elsewhere")
            return (yield from move(value, at))

        axis.move = faulty
        end = run(slow, journal, scan(3))
        assert (end.status, [index for index, _ in journal.points]) == ("done", [0, 1, 2])

    @pytest.mark.parametrize("moment", [0.05 * step for step in range(4, 60, 2)])
    @pytest.mark.parametrize("wish", ["drop", "abort", "guard"])
    def test_no_moment_is_wrong_for_an_interruption(self, slow, journal, moment, wish):
        control = Control()
        guard = BandOnce(slow.clock, moment)
        slow.axes["pump.wavelength"].seconds = 0.7
        if wish == "drop":
            slow.clock.call_at(moment, lambda: control.pause(drop=True))
            slow.clock.call_at(100.0, control.resume)
        if wish == "abort":
            for _ in range(2):
                slow.clock.call_at(moment, lambda: control.request("Ctrl-C"))
        end = run(slow, journal, scan(4), control, guards=[guard] if wish == "guard" else ())
        assert end.status == ("aborted" if wish == "abort" else "done")
        assert [index for index, _ in journal.points] == list(range(end.points))
        assert end.points == (4 if wish != "abort" else len(journal.points))
        assert all(found["values"]["pump.wavelength_measured"] == 500 + index for index, found in journal.points)
        assert not slow.shutter.is_open


class BandOnce:
    """A guard that is out of band for a second."""

    name, action = "cryostat", "pause"

    def __init__(self, clock, start):
        self.clock, self.start = clock, start

    def look(self):
        yield 0.001
        return "too warm" if self.start <= self.clock.now() < self.start + 1.0 else ""
