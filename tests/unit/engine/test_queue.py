"""The queue: order, what follows a failure, the terms of a night, and what survives a crash."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from labctl.core.clock import VirtualClock
from labctl.core.dose import Light
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Estimate, Problem, Result
from labctl.engine import dependence
from labctl.engine.control import Control
from labctl.engine.events import RunStarted
from labctl.engine.queue import Terms, Worker, expected_end, latest
from labctl.engine.runner import Outcome
from labctl.store import processes, state
from labctl.store.locks import ProcessLock
from labctl.store.waiting import Item, Waiting

START = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)


@pytest.fixture
def waiting():
    with Waiting() as opened:
        yield opened


class Hands:
    """Benches that are opened and closed, and runs that take an hour each and end as they are told to."""

    def __init__(self, outcomes=(), light_s=60.0):
        self.outcomes, self.light_s = list(outcomes), light_s
        self.clock = VirtualClock(START)
        self.done, self.levels = [], []
        self.meanwhile = lambda item: None
        self.failing_level = []

    @contextmanager
    def open(self, bench):
        self.done.append(f"open {bench}")
        yield SimpleNamespace(clock=self.clock, name=bench, simulated=True, run_level=lambda level: self._level(bench, level))
        self.done.append(f"close {bench}")

    def _level(self, bench, level):
        self.done.append(f"{level} {bench}")
        return self.failing_level

    def run(self, item, bench, *, most_lit_s, listeners, control):
        self.done.append(f"{'resume' if item.run_id else 'run'} {item.procedure}")
        listeners.tell(RunStarted(0.0, f"id of {item.procedure}", item.procedure, 3, Estimate(3600.0, 0.0, 0, 3, self.light_s)))
        self.meanwhile(item)
        for _ in range(60):
            self.clock.wait(60.0)
            if control.requests:
                return self._outcome("aborted", item)
        status = self.outcomes.pop(0) if self.outcomes else "done"
        if isinstance(status, Exception):
            raise status
        return self._outcome(status, item)

    def _outcome(self, status, item):
        problems = () if status == "done" else (Problem("run", f"{item.procedure} {status}"),)
        return Outcome(status, None, f"id of {item.procedure}", 3, 1, problems=problems, light=Light(lit_s=self.light_s))


def fill(waiting, *names, bench="lab", **estimates):
    return [waiting.add(bench, name, {"start": "500"}, {"seed": 1}, **estimates).id for name in names]


def statuses(waiting):
    return [item.status for item in waiting.items()]


class TestOrder:
    def test_first_come_first_run_on_one_open_bench(self, waiting):
        fill(waiting, "a", "b")
        hands = Hands()
        ended = Worker(waiting, hands).run()
        assert hands.done == ["open lab", "run a", "run b", "close lab"]
        assert (ended.status, ended.reason) == ("done", "nothing waits any more")
        assert statuses(waiting) == ["done", "done"]

    def test_moved_ones_go_first(self, waiting):
        first, second, third = fill(waiting, "a", "b", "c")
        waiting.move(third, 1)
        waiting.move(first, 99)
        assert [item.id for item in waiting.items()] == [third, second, first]
        with pytest.raises(Refused, match="no item 77"):
            waiting.move(77, 1)

    def test_what_is_over_cannot_be_moved(self, waiting):
        (number,) = fill(waiting, "a")
        Worker(waiting, Hands()).run()
        with pytest.raises(Refused, match="does not wait any more"):
            waiting.move(number, 1)

    def test_one_added_meanwhile_is_run(self, waiting):
        fill(waiting, "a")
        hands = Hands()
        hands.meanwhile = lambda item: fill(waiting, "late") if item.procedure == "a" else None
        Worker(waiting, hands).run()
        assert "run late" in hands.done

    def test_another_bench_is_opened_after_the_first_is_closed(self, waiting):
        fill(waiting, "a")
        fill(waiting, "b", bench="other")
        hands = Hands()
        Worker(waiting, hands).run()
        assert hands.done == ["open lab", "run a", "close lab", "open other", "run b", "close other"]

    def test_removed_and_cleared(self, waiting):
        first, second, _ = fill(waiting, "a", "b", "c")
        waiting.remove([second])
        waiting.end(first, "done")
        assert waiting.clear() == 1
        assert [item.procedure for item in waiting.items()] == ["c"]
        assert waiting.clear(everything=True) == 1

    def test_one_under_way_is_not_removed(self, waiting):
        (number,) = fill(waiting, "a")
        waiting.begin(waiting.item(number))
        with pytest.raises(Refused, match="is being run by process"):
            waiting.remove([number])


class TestFailure:
    def test_stop(self, waiting):
        fill(waiting, "a", "b")
        ended = Worker(waiting, Hands(["failed"])).run()
        assert statuses(waiting) == ["failed", "waiting"]
        assert ended.status == "failed"
        assert "a failed" in ended.reason

    def test_skip(self, waiting):
        fill(waiting, "a", "b")
        hands = Hands(["failed"])
        assert Worker(waiting, hands, Terms(on_failure="skip")).run().status == "failed"
        assert statuses(waiting) == ["failed", "done"]
        assert hands.done == ["open lab", "run a", "close lab", "open lab", "run b", "close lab"], "fresh after a failure"

    def test_retry_goes_on_with_the_same_run_once(self, waiting):
        fill(waiting, "a", "b")
        hands = Hands(["failed", "done"])
        assert Worker(waiting, hands, Terms(on_failure="retry")).run().status == "done"
        assert [what for what in hands.done if "a" in what.split()] == ["run a", "resume a"]
        hands = Hands(["failed", "failed"])
        fill(waiting, "c", "d")
        assert Worker(waiting, hands, Terms(on_failure="retry")).run().status == "failed"
        assert "run d" not in hands.done

    def test_a_refused_one_is_not_tried_again(self, waiting):
        fill(waiting, "a", "b")
        hands = Hands([Refused([Problem("stop", "too far")])])
        assert Worker(waiting, hands, Terms(on_failure="retry")).run().status == "failed"
        assert statuses(waiting) == ["refused", "waiting"]
        assert waiting.items()[0].message == "stop: too far"

    def test_an_error_on_opening_is_a_failure(self, waiting):
        fill(waiting, "a")
        ended = Worker(waiting, Hands([LabctlError("the laser does not answer")])).run()
        assert "the laser does not answer" in ended.reason

    @pytest.mark.parametrize("policy", ["skip", "retry"])
    def test_unsafe_always_stops(self, waiting, policy):
        fill(waiting, "a", "b")
        ended = Worker(waiting, Hands(["unsafe"]), Terms(on_failure=policy)).run()
        assert (ended.status, statuses(waiting)) == ("unsafe", ["unsafe", "waiting"])

    def test_an_abort_stops(self, waiting):
        fill(waiting, "a", "b")
        hands, control = Hands(), Control()
        hands.meanwhile = lambda item: control.request("SIGINT received")
        ended = Worker(waiting, hands, Terms(on_failure="skip"), control=control).run()
        assert (ended.status, ended.reason) == ("aborted", "SIGINT received")
        assert statuses(waiting) == ["aborted", "waiting"]


class TestPolicies:
    def test_once_more_then_the_next(self, waiting):
        fill(waiting, "a", "b")
        ended = Worker(waiting, Hands(["failed", "failed"]), Terms(on_failure="retry-skip")).run()
        assert (statuses(waiting), ended.reason) == (["failed", "done"], "nothing waits any more")

    def test_safe_leaves_the_bench_dark(self, waiting):
        fill(waiting, "a", "b")
        hands = Hands(["failed"])
        Worker(waiting, hands, Terms(on_failure="safe")).run()
        assert (statuses(waiting), hands.done[-2:]) == (["failed", "waiting"], ["safe lab", "close lab"])

    def test_an_item_may_have_its_own(self, waiting):
        waiting.add("lab", "a", {}, {"on_failure": "skip"})
        fill(waiting, "b", "c")
        Worker(waiting, Hands(["failed", "failed"])).run()
        assert statuses(waiting) == ["failed", "failed", "waiting"]

    def test_too_many_failures_end_it(self, waiting):
        fill(waiting, "a", "b", "c")
        ended = Worker(waiting, Hands(["failed", "failed"]), Terms(on_failure="skip", max_failures=2)).run()
        assert "2 runs have failed, the most" in ended.reason
        assert statuses(waiting) == ["failed", "failed", "waiting"]

    def test_others_are_left_alone_and_every_end_is_heard(self, waiting):
        first, second = fill(waiting, "a", "b")
        heard = []
        Worker(waiting, Hands(), mine=lambda item: item.id == second, over=lambda item: heard.append((item.id, item.status))).run()
        assert (statuses(waiting), heard) == (["waiting", "done"], [(second, "done")])
        assert waiting.item(first).tries == 0


class TestDependence:
    """Conditions and computed parameters of runs that wait for each other's results."""

    @pytest.fixture(autouse=True)
    def _results(self, monkeypatch):
        results = {"rate": Result(5.0, None, "µW", "made up"), "place": Result(526.0, None, "nm", "made up")}
        runs = {"a.nxs": SimpleNamespace(results=results), "empty.nxs": SimpleNamespace(results={})}
        monkeypatch.setattr(dependence, "load", lambda path: nullcontext(runs[path]))

    def add(self, waiting, name, procedure="snapshot", **options):
        return waiting.add("lab", procedure, {"frames": "2"}, {"night": "n", "entry": name, **options}).id

    def done(self, waiting, name="a", run="a.nxs"):
        number = self.add(waiting, name)
        waiting.note(number, run=run)
        waiting.end(number, "done")

    def wanted(self, waiting, **options):
        return dependence.resolve(waiting.item(self.add(waiting, "z", **options)), waiting.items())

    def test_a_parameter_is_computed_in_its_unit(self, waiting):
        self.done(waiting)
        found = self.wanted(waiting, computed={"power": ["120 % * a.rate", 1e-6, 1e-5]}, when="a.place > 520 [nm]")
        assert (float(found.settings["power"]), found.settings["frames"]) == (pytest.approx(6e-6), "2")

    @pytest.mark.parametrize(("formula", "why"), [
        ("10 * a.rate", "outside 1e-06 to 1e-05 W, which was checked"), ("a.rate / a.rate", "a pure number; power is in W"),
        ("a.place", "is not a number in W"), ("a.rat", "no result rat. Did you mean rate"),
    ])
    def test_a_value_that_is_no_good_is_refused(self, waiting, formula, why):
        self.done(waiting)
        with pytest.raises(Refused, match=why):
            self.wanted(waiting, computed={"power": [formula, 1e-6, 1e-5]})

    @pytest.mark.parametrize(("when", "why"), [
        ("a.place > 530 [nm]", "does not hold"), ("b.x > 1", "b is not there"), ("empty.x > 1", "empty gave no results")])
    def test_what_is_not_wanted_is_left_out(self, waiting, when, why):
        self.done(waiting)
        self.done(waiting, "empty", "empty.nxs")
        with pytest.raises(dependence.NotWanted, match=why):
            self.wanted(waiting, when=when)

    def test_left_out_is_no_failure(self, waiting):
        self.add(waiting, "x", when="nobody.there > 1")
        assert Worker(waiting, Hands(), Terms()).run().status == "done"
        assert statuses(waiting) == ["skipped"]

    def test_a_condition_ends_the_queue(self, waiting):
        self.done(waiting)
        self.add(waiting, "b", stop_when="c.x > 1 [nm]")
        self.add(waiting, "c")
        self.add(waiting, "d")
        hands = Hands()
        assert "a.rate > 4" in Worker(waiting, hands, Terms(stop_when=("a.rate > 9 [uW]", "a.rate > 4 [uW]"))).run().reason
        assert statuses(waiting) == ["done", "done", "waiting", "waiting"]
        assert "cannot be judged" in Worker(waiting, hands, Terms(stop_when=("a.rate > 4",))).run().reason


class TestNight:
    def test_what_would_not_be_over_in_time_is_not_begun(self, waiting):
        fill(waiting, "a", "b", seconds=3600.0)
        ended = Worker(waiting, Hands(), Terms(until=START + timedelta(hours=1.5)), today=lambda: START).run()
        assert "would not be over by 23:30" in ended.reason
        assert statuses(waiting) == ["done", "waiting"]
        assert ended.status == "done"

    def test_what_takes_longer_is_held_up_and_goes_on_later(self, waiting):
        fill(waiting, "a")
        hands = Hands()
        ended = Worker(waiting, hands, Terms(until=START + timedelta(minutes=30)), today=lambda: START).run()
        assert ended.reason == "it is 22:30, the latest time"
        assert statuses(waiting) == ["waiting"]
        assert hands.clock.utc() < START + timedelta(minutes=32)
        Worker(waiting, hands).run()
        assert hands.done[-2:] == ["resume a", "close lab"]

    def test_light_is_limited_over_all_runs(self, waiting):
        fill(waiting, "a", "b", "c", lit_s=60.0)
        ended = Worker(waiting, Hands(light_s=60.0), Terms(most_lit_s=130.0)).run()
        assert statuses(waiting) == ["done", "done", "waiting"]
        assert "120 s of 130 s are used" in ended.reason

    @pytest.mark.parametrize("level", ["safe", "shutdown"])
    def test_every_bench_that_was_used_is_left_as_wished(self, waiting, level):
        fill(waiting, "a")
        fill(waiting, "b", bench="other")
        hands = Hands()
        Worker(waiting, hands, Terms(end_level=level)).run()
        assert hands.done[-5:] == [f"{level} other", "close other", "open lab", f"{level} lab", "close lab"]

    def test_also_after_a_failure_and_told_when_it_fails(self, waiting):
        fill(waiting, "a")
        hands = Hands(["failed"])
        hands.failing_level = [Problem("laser", "does not answer")]
        ended = Worker(waiting, hands, Terms(end_level="safe")).run()
        assert "safe lab" in hands.done
        assert ended.status == "unsafe"
        assert ended.problems[0].field == "laser"

    def test_a_paused_queue_begins_nothing_further(self, waiting):
        fill(waiting, "a", "b")
        hands = Hands()
        hands.meanwhile = lambda item: waiting.pause()
        assert Worker(waiting, hands).run().reason == "the queue was paused"
        assert statuses(waiting) == ["done", "waiting"]
        hands.meanwhile = lambda item: None
        Worker(waiting, hands).run()
        assert statuses(waiting) == ["done", "done"]

    def test_wrong_terms_are_refused_all_together(self, waiting):
        with pytest.raises(Refused) as refused:
            Worker(waiting, Hands(), Terms("later", "off", datetime(2026, 1, 1), 0.0)).run()
        assert {problem.field for problem in refused.value.problems} == {"on_failure", "end_level", "until", "longest_lit"}


class TestCrash:
    @pytest.fixture
    def cut_off(self, waiting):
        """An item whose process has died in its run."""
        (number,) = fill(waiting, "a")
        waiting.begin(waiting.item(number))
        waiting.note(number, run_id="id of a")
        database = sqlite3.connect(waiting.path)
        with database:
            database.execute("UPDATE item SET writer=?", (json.dumps({**processes.me(), "pid": 2**22 + 1}),))
        database.close()
        return number

    def test_goes_on_with_the_run_that_was_cut_off(self, waiting, cut_off):
        fill(waiting, "b")
        assert waiting.item(cut_off).abandoned
        hands = Hands()
        Worker(waiting, hands).run()
        assert hands.done == ["open lab", "resume a", "run b", "close lab"]

    def test_can_be_removed(self, waiting, cut_off):
        waiting.remove([cut_off])
        assert waiting.items() == []

    def test_one_process_runs_the_queue(self, waiting):
        other = ProcessLock(state.folder() / "locks", "queue")
        assert other.acquire("labctl queue run") is None
        with pytest.raises(Refused, match="the queue is being run by process"):
            Worker(waiting, Hands()).run()
        other.release()

    def test_everything_is_still_there(self, waiting):
        fill(waiting, "a", "b", seconds=5.0)
        with Waiting() as other:
            assert other.items() == waiting.items()
            assert other.items()[0].settings == {"start": "500"}


def item(status="waiting", seconds=3600.0, started=""):
    return Item(1, "lab", "a", status=status, seconds=seconds, started=started, writer=processes.me())


def test_expected_end_counts_what_waits_and_what_is_left_of_the_one_under_way():
    half_way = item("running", started=(START - timedelta(minutes=30)).isoformat())
    assert expected_end([half_way, item(), item("done")], START) == (START + timedelta(hours=1.5), 0)
    assert expected_end([item(seconds=None), item()], START) == (START + timedelta(hours=1), 1)


@pytest.mark.parametrize(("text", "wanted"), [
    ("23:30", START + timedelta(hours=1.5)), ("07:00", START + timedelta(hours=9)),
    ("2026-11-22T01:00", START + timedelta(hours=3)), ("2026-11-22T01:00+01:00", START + timedelta(hours=2)), ("", None),
])
def test_latest_time(text, wanted):
    assert latest(text, START) == wanted


def test_latest_time_that_is_none():
    with pytest.raises(Refused, match="is no time"):
        latest("noon", START)


def test_a_step_that_nobody_has_confirmed_is_not_begun(waiting):
    first, second = (waiting.add("bench", "measurement", {}, {}) for _ in range(2))
    hands = Hands()
    ended = Worker(waiting, hands, allow=lambda item: item.id == first.id).run()
    assert "nobody has confirmed" in ended.reason
    assert [item.status for item in waiting.items()] == ["done", "waiting"]
    assert Worker(waiting, hands).run().reason == "nothing waits any more"
    assert waiting.items()[1].id == second.id
