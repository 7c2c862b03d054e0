"""Virtual time that keeps step with the wall, and hears the world outside."""

from __future__ import annotations

import math
import sys
import threading

import pytest

from labctl.core.clock import VirtualClock
from labctl.core.pacing import Courtesy, PacedClock

WATCHDOG_S = 20.0


def interleaving(clock: VirtualClock) -> list[tuple[str, float]]:
    """Let three threads wait for each other and for time; gives who came when."""
    seen, gate = [], clock.event()

    def steps(name: str, every: float) -> None:
        for _ in range(3):
            clock.wait(every)
            seen.append((name, clock.now()))
        gate.set()

    for name, every in (("b", 2.0), ("a", 1.0), ("c", 1.0)):
        clock.spawn(name, lambda name=name, every=every: steps(name, every))
    gate.wait()
    clock.wait(10.0)
    return seen


class TestPacedClock:
    """As virtual time, but a person can look on, and interfere."""

    @pytest.mark.parametrize("speed", [1e5, float("inf")])
    def test_goes_the_way_of_virtual_time(self, speed):
        assert interleaving(PacedClock(speed)) == interleaving(VirtualClock())

    def test_does_not_run_ahead_of_the_wall(self):
        clock, wall = PacedClock(100.0), threading.Event()
        threading.Timer(0.05, wall.set).start()
        clock.wait(10.0)
        assert wall.is_set(), "ten seconds at hundredfold speed took less than a twentieth of a second"
        assert clock.now() == pytest.approx(10.0)

    @pytest.mark.parametrize("speed", [1.0, float("inf")])
    def test_a_flag_from_outside_ends_a_wait_without_deadline(self, speed):
        clock = PacedClock(speed)
        flag = clock.event()
        threading.Timer(0.01, flag.set).start()
        assert flag.wait()

    def test_a_flag_from_outside_ends_a_long_wait(self):
        clock, done = PacedClock(1.0), threading.Event()
        flag = clock.event()

        def body() -> None:
            flag.wait(1e6)
            done.set()

        clock.spawn("sleeper", body)
        threading.Timer(0.01, flag.set).start()
        flag.wait(1e6)
        assert flag.is_set()
        clock.wait(0.01)
        assert done.wait(WATCHDOG_S)
        assert clock.now() < 1e5

    def test_speed_has_to_be_above_nought(self):
        with pytest.raises(ValueError, match="must be above 0"):
            PacedClock(0.0)


class TestCourtesy:
    """A bench that is simulated stands still while a window draws; nothing else about it changes."""

    @pytest.mark.parametrize("speed", [1.0, float("inf")])
    def test_time_stands_still_while_somebody_is_busy(self, speed):
        clock, courtesy, order = PacedClock(speed), Courtesy(most_s=WATCHDOG_S), []
        clock.courtesy = courtesy
        courtesy.busy()

        def draw() -> None:
            order.append("drawn")
            courtesy.idle()

        threading.Timer(0.02, draw).start()
        clock.wait(0.001)
        order.append("time has passed")
        assert order == ["drawn", "time has passed"]

    def test_nobody_stops_time_for_good(self):
        clock, courtesy = PacedClock(float("inf")), Courtesy(most_s=0.01)
        clock.courtesy = courtesy
        courtesy.busy()
        for _ in range(100):
            courtesy.busy()             # asking again makes it no longer
            clock.wait(1.0)
        assert clock.now() == pytest.approx(100.0)

    def test_a_run_goes_the_same_way(self):
        clock, courtesy, over = PacedClock(float("inf")), Courtesy(most_s=0.001), threading.Event()
        clock.courtesy = courtesy

        def interfere() -> None:
            while not over.is_set():
                courtesy.busy()
                courtesy.idle()

        window = threading.Thread(target=interfere)
        window.start()
        try:
            assert interleaving(clock) == interleaving(VirtualClock())
        finally:
            over.set()
            window.join()

    def test_a_computation_of_others_can_be_made_polite(self):
        courtesy, order = Courtesy(most_s=WATCHDOG_S), []
        courtesy.busy()

        def draw() -> None:
            order.append("drawn")
            courtesy.idle()

        before = sys.getprofile()
        threading.Timer(0.02, draw).start()
        with courtesy.politely():
            order.append(math.sqrt(4.0))
        assert order == ["drawn", 2.0]
        assert sys.getprofile() is before, "the thread is still asked at every call"
