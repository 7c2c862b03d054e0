"""The virtual clock: one baton, deterministic order, time that jumps."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from labctl.core.clock import RealClock, VirtualClock
from labctl.core.steps import drive
from sim_instruments.twin.motion import Mover


class TestVirtualClock:
    """Exactly one thread runs; time jumps to the earliest deadline."""

    def test_waiting_takes_virtual_time_only(self):
        clock = VirtualClock()
        clock.wait(8 * 3600.0)
        assert clock.now() == 8 * 3600.0

    def test_utc_follows_virtual_time(self):
        clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        clock.wait(90.0)
        assert clock.utc() == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)

    def test_threads_run_in_order_of_deadline_then_name(self):
        clock = VirtualClock()
        seen: list[tuple[float, str]] = []

        def worker(name: str, period: float):
            def body():
                for _ in range(3):
                    clock.wait(period)
                    seen.append((clock.now(), name))
            return body

        clock.spawn("b", worker("b", 1.0))
        clock.spawn("a", worker("a", 1.0))
        clock.spawn("c", worker("c", 0.4))
        clock.wait(10.0)
        assert [name for _, name in seen] == ["c", "c", "a", "b", "c", "a", "b", "a", "b"]

    def test_signal_wakes_before_timeout_at_the_time_it_was_set(self):
        clock = VirtualClock()
        flag = clock.event()

        def setter():
            clock.wait(2.0)
            flag.set()

        clock.spawn("setter", setter)
        assert flag.wait(100.0)
        assert clock.now() == 2.0

    def test_signal_times_out(self):
        clock = VirtualClock()
        assert not clock.event().wait(5.0)
        assert clock.now() == 5.0

    def test_planned_calls_come_in_time_order_and_can_be_called_off(self):
        clock = VirtualClock()
        seen = []
        clock.call_at(3.0, lambda: seen.append(("late", clock.now())))
        clock.call_at(1.0, lambda: seen.append(("early", clock.now())))
        clock.call_at(2.0, lambda: seen.append(("never", clock.now()))).cancel()
        clock.wait(5.0)
        assert seen == [("early", 1.0), ("late", 3.0)]

    def test_stranger_that_waits_gets_an_error(self):
        clock = VirtualClock()
        caught: list[BaseException] = []

        def stranger():
            try:
                clock.wait(1.0)
            except RuntimeError as exc:
                caught.append(exc)

        thread = threading.Thread(target=stranger)
        thread.start()
        thread.join(10)
        assert "does not know" in str(caught[0])

    def test_a_wait_nobody_can_end_is_reported_instead_of_hanging(self):
        clock = VirtualClock()
        with pytest.raises(RuntimeError, match="nothing can ever happen"):
            clock.event().wait()

    @pytest.mark.parametrize("last", [lambda clock: None, lambda clock: clock.event().wait()], ids=["ends", "waits, too"])
    def test_the_oldest_thread_hears_of_it_whoever_was_last(self, last):
        clock = VirtualClock()
        clock.spawn("other", lambda: (clock.wait(1.0), last(clock)))
        with pytest.raises(RuntimeError, match="nothing can ever happen"):
            clock.event().wait()
        assert clock.now() == 1.0

    def test_same_interleaving_every_time(self):
        def trace() -> list[str]:
            clock = VirtualClock()
            seen: list[str] = []

            def worker(name: str, period: float):
                def body():
                    while clock.now() < 20:
                        clock.wait(period)
                        seen.append(f"{name}@{clock.now():.3f}")
                return body

            for number in range(6):
                clock.spawn(f"w{number}", worker(f"w{number}", 0.3 + 0.1 * (number % 3)))
            clock.wait(30.0)
            return seen

        first = trace()
        assert len(first) > 200
        assert all(trace() == first for _ in range(3))


def by_waiting(clock, wake, body):
    """What a loop is to the rest of the world: its thread waits between two calls."""
    while (seconds := body()) is not None:
        wake.wait(None if seconds == float("inf") else seconds)


class TestLoop:
    """A loop takes its turns as if its thread waited in between, and its thread sleeps through them."""

    @staticmethod
    def trace(loop) -> tuple[list[str], set[int]]:
        clock, seen, callers = VirtualClock(), [], set()
        wake = clock.event()

        def worker(name: str, period: float):
            def body():
                for _ in range(20):
                    clock.wait(period)
                    seen.append(f"{name} {clock.now():.3f}")
                    if name == "b":
                        wake.set()
            return body

        def body():
            wake.clear()
            callers.add(threading.get_ident())
            seen.append(f"main {clock.now():.3f}")
            return None if clock.now() > 8.0 else 0.35

        for name, period in (("a", 0.35), ("b", 0.5), ("z", 0.7)):
            clock.spawn(name, worker(name, period))
        loop(clock, wake, body)
        return seen, callers

    def test_order_is_that_of_waiting(self):
        seen, callers = self.trace(lambda clock, wake, body: clock.loop(wake, body))
        waited, only_main = self.trace(by_waiting)
        assert seen == waited
        assert only_main == {threading.get_ident()}
        assert len(callers) > 1, "the thread was woken for its turns"

    @pytest.mark.parametrize("clock", [VirtualClock(), RealClock(speed=1000.0)])
    def test_an_error_belongs_to_the_thread_whose_loop_it_is(self, clock):
        turns = iter([1.0, 1.0])

        def body():
            return next(turns)

        clock.spawn("other", lambda: clock.wait(1.5))
        with pytest.raises(StopIteration):
            clock.loop(clock.event(), body)
        clock.wait(1.0)

    def test_a_body_that_waits_is_refused(self):
        clock = VirtualClock()
        with pytest.raises(RuntimeError, match="has to give the seconds"):
            clock.loop(clock.event(), lambda: clock.wait(1.0))
        clock.wait(1.0)
        assert clock.now() == 1.0

    def test_a_loop_that_nothing_can_wake_is_told_whoever_waits_last(self):
        clock = VirtualClock()
        clock.spawn("other", lambda: (clock.wait(1.0), clock.event().wait()))
        with pytest.raises(RuntimeError, match="nothing can ever happen"):
            clock.loop(clock.event(), lambda: float("inf"))

    def test_a_flag_raised_while_the_body_runs_calls_it_again_at_once(self):
        clock, seen = VirtualClock(), []
        wake = clock.event()

        def body():
            wake.clear()
            seen.append(clock.now())
            if len(seen) == 1:
                wake.set()
            return 1.0 if len(seen) < 3 else None

        clock.loop(wake, body)
        assert seen == [0.0, 0.0, 1.0]


class TestRealClock:
    """The wall's clock, faster on demand."""

    def test_speed_must_be_positive(self):
        with pytest.raises(ValueError, match="above 0"):
            RealClock(0)

    def test_runs_faster_by_its_speed(self):
        clock = RealClock(speed=1000.0)
        before = clock.now()
        clock.wait(5.0)
        assert clock.now() - before >= 5.0

    def test_planned_call_and_signal(self):
        clock = RealClock(speed=100.0)
        flag = clock.event()
        clock.call_at(clock.now() + 1.0, flag.set)
        assert flag.wait(1000.0)

    def test_signal_timeout_returns_false(self):
        assert not RealClock(speed=1000.0).event().wait(1.0)


@pytest.mark.parametrize("hour_s", [0.0, 0.1, 3600.7, 86_400.123456789])
@pytest.mark.parametrize("poll_s", [0.02, 0.01, 0.003])
def test_what_ends_at_a_poll_has_ended_then_at_any_hour(hour_s, poll_s):
    clock = VirtualClock()
    clock.wait(hour_s)
    mover, polls = Mover(clock), 0
    mover.move(1.0, 101 * poll_s)
    while mover.moving:
        clock.wait(poll_s)
        polls += 1
    assert polls == 101


def test_a_time_between_two_ticks_of_the_clock_is_reached():
    clock = VirtualClock()
    clock.wait(0.1)
    wanted, looks = 0.1 + 1e-12, 0
    while clock.now() < wanted:
        clock.wait(wanted - clock.now())
        looks += 1
    assert looks == 1


def test_steps_that_wait_for_the_rest_of_a_time_get_there():
    clock = VirtualClock()
    clock.wait(3600.7)

    def pause(seconds):
        over, looks = clock.now() + seconds, 0
        while (left := over - clock.now()) > 0.0:
            looks += 1
            assert looks < 1000
            yield min(left, 0.3)

    drive(clock, pause(60.1))
    assert clock.now() == pytest.approx(3660.8, abs=1e-9)
