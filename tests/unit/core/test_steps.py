"""Lanes and step generators: parallel, deterministic, and bounded in time."""

from __future__ import annotations

import pytest

from labctl.core.clock import VirtualClock
from labctl.core.errors import BadReply, InstrumentError, LaneDead
from labctl.core.lane import Lane
from labctl.core.steps import Together, drive


@pytest.fixture
def clock():
    return VirtualClock()


def slow(clock, seconds, value):
    def call():
        clock.wait(seconds)
        return value
    return call


class TestDrive:
    """Steps run to their end, side by side where asked."""

    def test_result_of_a_lane_call_is_sent_back(self, clock):
        lane = Lane("a", clock)

        def steps():
            first = yield lane.submit(slow(clock, 0.5, 20))
            second = yield lane.submit(slow(clock, 0.5, 22))
            return first + second

        assert drive(clock, steps()) == 42
        assert clock.now() == 1.0

    def test_together_takes_as_long_as_the_slowest(self, clock):
        lanes = {name: Lane(name, clock) for name in "abc"}

        def one(name, seconds):
            return (yield lanes[name].submit(slow(clock, seconds, name)))

        def all_of_them():
            return (yield Together({"a": one("a", 1.0), "b": one("b", 3.0), "c": one("c", 2.0)}))

        assert drive(clock, all_of_them()) == {"a": "a", "b": "b", "c": "c"}
        assert clock.now() == 3.0

    def test_one_lane_serves_one_call_at_a_time(self, clock):
        lane = Lane("a", clock)

        def one():
            yield lane.submit(slow(clock, 1.0, None))

        def both():
            yield Together({1: one(), 2: one()})

        drive(clock, both())
        assert clock.now() == 2.0

    def test_exception_in_a_lane_is_raised_in_the_generator(self, clock):
        lane = Lane("a", clock)

        def fails():
            raise BadReply("meter", "garbled")

        def steps():
            try:
                yield lane.submit(fails)
            except BadReply:
                return "handled"

        assert drive(clock, steps()) == "handled"

    def test_failure_of_one_closes_the_others(self, clock):
        closed = []

        def fails():
            yield 1.0
            raise InstrumentError("stage", "blocked")

        def endless():
            try:
                while True:
                    yield 0.1
            finally:
                closed.append(clock.now())

        def both():
            yield Together({"f": fails(), "e": endless()})

        with pytest.raises(InstrumentError, match="blocked"):
            drive(clock, both())
        assert closed == [1.0]

    def test_interrupt_stops_at_once(self, clock):
        def long():
            yield 1e6

        wake = clock.event()
        stop = []
        clock.call_at(2.0, lambda: (stop.append(True), wake.set()))

        def interrupt():
            if stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            drive(clock, long(), interrupt, wake)
        assert clock.now() == 2.0


class TestLane:
    """A hung call costs its deadline, once."""

    def test_hung_call_ends_at_its_deadline_and_the_lane_is_dead(self, clock):
        lane = Lane("port", clock)

        def hang():
            clock.event().wait()

        def steps(deadline):
            yield lane.submit(hang, deadline)

        with pytest.raises(LaneDead, match="port"):
            drive(clock, steps(3.0))
        assert clock.now() == 3.0
        with pytest.raises(LaneDead):
            drive(clock, steps(3.0))
        assert clock.now() == 3.0, "a dead lane must refuse at once"

    def test_keep_alive_is_called_every_period_also_under_other_traffic(self, clock):
        lane = Lane("laser", clock)
        calls = []
        lane.keep_alive(3.0, lambda: calls.append(clock.now()))

        def traffic():
            while clock.now() < 10.0:
                yield lane.submit(slow(clock, 0.5, None))

        drive(clock, traffic())
        assert calls == [3.0, 6.0, 9.0]
        lane.stop_keep_alive()
        clock.wait(20.0)
        assert len(calls) == 3

    def test_failing_keep_alive_does_not_end_the_lane(self, clock):
        lane = Lane("laser", clock)

        def fails():
            raise InstrumentError("laser", "no answer")

        lane.keep_alive(1.0, fails)
        clock.wait(5.0)

        def steps():
            return (yield lane.submit(lambda: "alive"))

        assert drive(clock, steps()) == "alive"
