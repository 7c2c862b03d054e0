"""One point in order, and parked on every way out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labctl.core.plan import Estimate, Point, Reading
from labctl.engine.control import Control
from labctl.engine.course import FixedCourse
from labctl.engine.engine import Earlier, Engine
from labctl.engine.events import Listeners, Paused, PointDone, Prepared, RunEnded, RunStarted

ESTIMATE = Estimate(1.0, 0.0, 0, 1)


def run(bench, journal, points, abort=None, listeners=None):
    return Engine(bench, listeners, abort).run(FixedCourse(points), journal, seed=7, run_id="r", procedure="p", estimate=ESTIMATE)


def lit(wavelength, **extra):
    return Point(set={"pump.wavelength": wavelength, "pump.power": 1.0, **extra}, exposure_s=1.0)


class TestOnePoint:
    """Closed, moved, settled, open, exposed, closed, fetched, journalled."""

    def test_order_of_one_point(self, bench, journal):
        assert run(bench, journal, [lit(500)]).status == "done"
        start = bench.done.index("configure spectrum")
        assert bench.done[start + 1:bench.done.index("park shutter", start)] == [
            "close", "move pump.wavelength 500", "there pump.wavelength 500", "move pump.power 1", "there pump.power 1",
            "open", "expose spectrum lit", "close", "fetch spectrum dark"]

    def test_parked_before_the_first_and_after_the_last_point(self, bench, journal):
        run(bench, journal, [lit(500)])
        parks = [i for i, what in enumerate(bench.done) if what == "park shutter"]
        assert len(parks) == 2
        assert parks[0] == 0
        assert "safe laser" not in bench.done, "a normal end must not touch emission"

    def test_independent_axes_move_together_dependent_ones_after(self, bench, journal):
        before = bench.clock.now()
        run(bench, journal, [lit(500, **{"analyser.angle": 10.0})])
        began = bench.done.index("move pump.wavelength 500")
        assert bench.done[began + 1] == "move analyser.angle 10"
        assert bench.done.index("there analyser.angle 10") < bench.done.index("move pump.power 1")
        assert bench.clock.now() - before < 2.0

    def test_dark_points_keep_the_shutter_closed(self, bench, journal):
        run(bench, journal, [Point(light=False, kind="dark", exposure_s=1.0)])
        assert "open" not in bench.done
        assert "expose spectrum dark" in bench.done

    def test_detectors_that_need_no_light_are_read_in_the_dark(self, bench, journal):
        run(bench, journal, [Point(set={"pump.wavelength": 500}, read=("spectrum", "power"), exposure_s=1.0)])
        assert "expose power dark" in bench.done
        assert bench.done.index("fetch power dark") < bench.done.index("open")

    def test_reading_has_setpoints_readbacks_and_settings(self, bench, journal):
        run(bench, journal, [lit(500)])
        index, stored = journal.points[0]
        assert index == 0
        assert stored["values"]["pump.wavelength"] == 500
        assert stored["values"]["pump.wavelength_measured"] == 500
        assert stored["values"]["exposure_s"] == 1.0
        assert stored["checkpoint"] == b"checkpoint"

    def test_saturation_is_flagged(self, bench, journal):
        bench.detectors["spectrum"].level = 1000
        run(bench, journal, [lit(500)])
        assert journal.points[0][1]["flags"] == ("saturated",)

    def test_each_visit_is_announced_with_the_seed(self, bench, journal):
        run(bench, journal, [lit(500), lit(501)])
        assert bench.announced == [(7, 0), (7, 1)]


class TestTrouble:
    """Repeat what may be repeated; then fail, parked."""

    def test_garbled_move_is_repeated_and_noted(self, bench, journal):
        bench.axes["pump.power"].fail = 2
        assert run(bench, journal, [lit(500)]).status == "done"
        assert sum("repeated" in text for _, text in journal.events) == 2

    def test_a_move_that_never_works_fails_and_parks(self, bench, journal):
        bench.axes["pump.power"].fail = 99
        end = run(bench, journal, [lit(500), lit(501)])
        assert (end.status, end.points) == ("failed", 0)
        assert end.problems[0].field == "pump.power"
        assert bench.done[-2:] == ["close", "park attenuator"] or "park laser" in bench.done[-4:]
        assert not bench.shutter.is_open

    def test_wrong_frame_length_is_taken_again(self, bench, journal):
        bench.detectors["spectrum"].bad_frames = 1
        assert run(bench, journal, [lit(500)]).status == "done"
        assert journal.points[0][1]["arrays"]["counts"].shape == (4,)

    def test_defect_in_a_listener_does_not_stop_the_run(self, bench, journal):
        def broken(event):
            raise ValueError("listener bug")

        assert run(bench, journal, [lit(500)], listeners=Listeners(broken)).status == "done"

    def test_shutter_that_does_not_confirm_makes_the_bench_unsafe(self, bench, journal):
        bench.shutter.stuck = True
        end = run(bench, journal, [lit(500)])
        assert end.status == "unsafe"
        assert "safe laser" in bench.done
        assert "open" not in bench.done

    def test_one_failing_park_action_does_not_keep_the_others_from_running(self, bench, journal):
        bench.failing_levels = {("park", "attenuator")}
        end = run(bench, journal, [lit(500)])
        assert end.status == "unsafe"
        assert [what for what in bench.done if what.startswith("park")][:3] == ["park shutter", "park attenuator", "park laser"]


class TestPause:
    """Parked while it lasts; afterwards the point comes as if nothing had happened."""

    def paused_between(self, bench, start, stop, **options):
        control = Control()
        bench.clock.call_at(start, lambda: control.pause(**options))
        bench.clock.call_at(stop, control.resume)
        return control

    def test_waits_parked_and_goes_on(self, bench, journal):
        seen = []
        end = run(bench, journal, [lit(500), lit(501)], self.paused_between(bench, 0.5, 1000.0), Listeners(seen.append))
        assert (end.status, end.points) == ("done", 2)
        assert bench.clock.now() > 1000.0
        assert [event.paused for event in seen if isinstance(event, Paused)] == [True, False]
        paused = bench.done.index("restore")
        assert bench.done[:paused].count("park shutter") == 2

    def test_axes_stand_again_where_the_point_expects_them(self, bench, journal):
        run(bench, journal, [lit(500), Point(set={"analyser.angle": 3.0}, exposure_s=1.0)], self.paused_between(bench, 0.5, 50.0))
        again = bench.done.index("restore")
        assert bench.done[:again].count("move pump.wavelength 500") == 2

    def test_dropped_exposure_is_repeated(self, bench, journal):
        end = run(bench, journal, [lit(500), lit(501)], self.paused_between(bench, 0.8, 50.0, drop=True))
        assert (end.status, [index for index, _ in journal.points]) == ("done", [0, 1])
        assert bench.announced.count((7, 0)) == 2

    def test_abort_ends_a_pause(self, bench, journal):
        control = self.paused_between(bench, 0.5, 1e9)
        bench.clock.call_at(100.0, lambda: control.request("Ctrl-C"))
        assert run(bench, journal, [lit(500), lit(501)], control).status == "aborted"

    def test_the_header_is_told_before_the_first_point(self, bench, journal):
        seen = []
        Engine(bench, Listeners(seen.append)).run(FixedCourse([lit(500)]), journal, seed=7, run_id="r", procedure="p",
                                                  estimate=ESTIMATE, before_first=lambda: {"channels": {"counts": {}}})
        names = [type(event).__name__ for event in seen]
        assert names.index("RunStarted") < names.index("Prepared") < names.index("PointDone")
        assert next(event.header for event in seen if isinstance(event, Prepared)) == {"channels": {"counts": {}}}

    def test_earlier_points_are_not_visited_again(self, bench, journal):
        points = [lit(500), lit(501), lit(502)]
        course = FixedCourse(points, [Reading(index, points[index], {}, {}) for index in (0, 1)])
        end = Engine(bench).run(course, journal, seed=7, run_id="r", procedure="p", estimate=ESTIMATE, earlier=Earlier(2, b"there"))
        assert end.points == 3
        assert [index for index, _ in journal.points] == [2]

    def test_a_resumed_run_sets_detectors_up_as_the_points_so_far_had(self, bench, journal):
        points = [replace(lit(500 + index), exposure_s=exposure) for index, exposure in enumerate((1.0, 2.0, 3.0))]
        run(bench, journal, points)
        visit = bench.done[bench.done.index("fetch spectrum dark", bench.done.index("move pump.wavelength 501")) + 1:]
        bench.done.clear()
        course = FixedCourse(points, [Reading(index, points[index], {}, {}) for index in (0, 1)])
        Engine(bench).run(course, journal, seed=7, run_id="r", procedure="p", estimate=ESTIMATE, earlier=Earlier(2, b"there"))
        assert bench.done[bench.done.index("restore") + 1:] == visit, "what follows is what followed then"
        assert bench.done[:bench.done.index("restore")].count("configure spectrum") == 2, "for the first point, then as left"


class BandOverTime:
    """A guard that is out of band between two times."""

    name = "cryostat"

    def __init__(self, clock, start, stop, action="pause"):
        self.clock, self.start, self.stop, self.action = clock, start, stop, action

    def look(self):
        yield 0.001
        return "too warm" if self.start <= self.clock.now() < self.stop else ""


class TestGuards:
    """Out of band: parked at once, the point repeated when it is back, or the run ended."""

    def test_pauses_within_a_second_and_goes_on_by_itself(self, bench, journal):
        bench.guards = [BandOverTime(bench.clock, 0.7, 300.0)]
        end = run(bench, journal, [lit(500), lit(501)])
        assert (end.status, [index for index, _ in journal.points]) == ("done", [0, 1])
        assert bench.clock.now() > 310.0
        assert bench.announced.count((7, 0)) == 2, "the point under way was not repeated"
        texts = [text for _, text in journal.events]
        assert "guard cryostat: too warm" in texts
        assert any("back in band" in text for text in texts)

    def test_is_dark_while_out_of_band(self, bench, journal):
        bench.guards = [BandOverTime(bench.clock, 0.7, 300.0)]
        seen = []
        bench.clock.call_at(1.5, lambda: seen.append(bench.shutter.is_open))
        run(bench, journal, [lit(500)])
        assert seen == [False]

    def test_abort_guard_ends_the_run(self, bench, journal):
        bench.guards = [BandOverTime(bench.clock, 0.7, 1e9, "abort")]
        end = run(bench, journal, [lit(500), lit(501)])
        assert (end.status, end.points) == ("aborted", 0)
        assert not bench.shutter.is_open

    def test_out_of_band_for_too_long_ends_the_run(self, bench, journal):
        bench.guards = [BandOverTime(bench.clock, 0.0, 1e9)]
        assert run(bench, journal, [lit(500)]).status == "aborted"
        assert "open" not in bench.done

    def test_the_user_can_end_the_wait(self, bench, journal):
        bench.guards = [BandOverTime(bench.clock, 0.0, 1e9)]
        control = Control()
        bench.clock.call_at(60.0, lambda: control.request("Ctrl-C"))
        run(bench, journal, [lit(500)], control)
        assert bench.clock.now() < 62.0


class TestAbort:
    """First request at the gate, second at once; parked both times, done points kept."""

    def abort_after(self, bench, seconds, times=1):
        abort = Control()
        for _ in range(times):
            bench.clock.call_at(seconds, lambda: abort.request("Ctrl-C"))
        return abort

    def test_first_request_finishes_the_exposure_and_keeps_the_point(self, bench, journal):
        end = run(bench, journal, [lit(500 + i) for i in range(10)], self.abort_after(bench, 2.0))
        assert end.status == "aborted"
        assert end.points == len(journal.points) == 2
        assert not bench.shutter.is_open

    def test_second_request_stops_within_the_exposure(self, bench, journal):
        bench.axes["analyser.angle"].hang = True
        end = run(bench, journal, [lit(500, **{"analyser.angle": 1.0})], self.abort_after(bench, 2.0, times=2))
        assert end.status == "aborted"
        assert bench.clock.now() < 3.0
        assert not bench.shutter.is_open

    @pytest.mark.parametrize("moment", [i * 0.05 for i in range(60)])
    def test_parked_whenever_the_abort_comes(self, bench, journal, moment):
        end = run(bench, journal, [lit(500), lit(501)], self.abort_after(bench, moment, times=2))
        assert end.status in ("aborted", "done")
        assert not bench.shutter.is_open
        assert bench.done.count("park laser") >= (2 if end.status == "done" else 1)
        assert len(journal.points) == end.points

    def test_events_tell_the_story(self, bench, journal):
        seen = []
        run(bench, journal, [lit(500), lit(501)], listeners=Listeners(seen.append))
        kinds = [type(event) for event in seen]
        assert kinds[0] is RunStarted
        assert kinds[-1] is RunEnded
        assert kinds.count(PointDone) == 2
        assert seen[-1].status == "done"


class Interrupting:
    """Raises KeyboardInterrupt so many times where it is called."""

    def __init__(self, times=1):
        self.left = times

    def __call__(self, *args, **kwargs):
        if self.left:
            self.left -= 1
            raise KeyboardInterrupt


class TestInterrupted:
    """KeyboardInterrupt raised inside, as the kernel of a notebook does: parked, told, and handed on by whoever called."""

    @pytest.mark.parametrize("where", ["fetch", "move"])
    def test_in_the_middle_of_a_point(self, bench, journal, where, monkeypatch):
        strike, target = Interrupting(), bench.detectors["spectrum"] if where == "fetch" else bench.axes["pump.wavelength"]
        going = getattr(target, where)

        def torn(*args):
            if len(journal.points) == 1:
                strike()
            return going(*args)

        monkeypatch.setattr(target, where, torn)
        control = Control()
        end = run(bench, journal, [lit(500), lit(501), lit(502)], abort=control)
        assert (end.status, end.points, len(journal.points)) == ("aborted", 1, 1)
        assert bench.done[-5:] == ["park shutter", "close", "park attenuator", "park laser", "release"]
        assert control.interrupted, "the caller has to know that somebody wants the whole program to end"
        assert not bench.shutter.is_open

    @pytest.mark.parametrize("times", [1, 3])
    def test_while_it_is_parked(self, bench, journal, times, monkeypatch):
        strike, level = Interrupting(times), bench.level
        monkeypatch.setattr(bench, "level", lambda name: (strike() if journal.points else None, level(name))[1])
        control = Control()
        assert run(bench, journal, [lit(500)], abort=control).status == "done"
        assert strike.left == 0
        assert control.interrupted
        assert bench.done[-5:] == ["park shutter", "close", "park attenuator", "park laser", "release"]

    def test_what_ends_the_program_parks_first(self, bench, journal, monkeypatch):
        def end(*args):
            raise SystemExit(3)

        monkeypatch.setattr(bench.detectors["spectrum"], "expose", end)
        with pytest.raises(SystemExit):
            run(bench, journal, [lit(500)])
        assert bench.done[-5:] == ["park shutter", "close", "park attenuator", "park laser", "release"]
        assert not bench.shutter.is_open
