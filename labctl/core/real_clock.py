"""Real time: the computer's monotonic clock, and its one sleep."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from labctl.core.timing import Forever, Handle, Signal, Timer


class _RealSignal:
    """A flag on an RLock: a signal handler may raise it while its own thread is about to wait for it."""

    def __init__(self, speed: float):
        self._condition = threading.Condition()
        self._speed = speed
        self._up = False

    def set(self) -> None:
        with self._condition:
            self._up = True
            self._condition.notify_all()

    def clear(self) -> None:
        self._up = False

    def is_set(self) -> bool:
        return self._up

    def wait(self, timeout: float | None = None) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: self._up, None if timeout is None else max(timeout, 0.0) / self._speed)


class RealClock:
    """The wall's clock, optionally `speed` times faster (simulated benches only)."""

    virtual = False

    def __init__(self, speed: float = 1.0):
        if not speed > 0:
            raise ValueError(f"speed is {speed}; it must be above 0")
        self.speed = speed
        self._start = time.monotonic()
        self._utc = datetime.now(UTC)
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._timer_thread: threading.Thread | None = None

    def now(self) -> float:
        """Give seconds since construction, times `speed`."""
        return (time.monotonic() - self._start) * self.speed

    def utc(self) -> datetime:
        """Give start UTC plus `now()`: a clock set back meanwhile cannot make durations negative."""
        return self._utc + timedelta(seconds=self.now())

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(max(seconds, 0.0) / self.speed)  # noqa: TID251  the one place where labctl sleeps

    def event(self) -> Signal:
        """Make a flag."""
        return _RealSignal(self.speed)

    def loop(self, wake: Signal, body: Callable[[], float | None]) -> None:
        """Call `body`, and wait for the flag in between."""
        while (seconds := body()) is not None:
            wake.wait(None if seconds == Forever else seconds)

    def spawn(self, name: str, target: Callable[[], None]) -> None:
        """Start a daemon thread."""
        threading.Thread(target=target, name=name, daemon=True).start()

    def call_at(self, when: float, action: Callable[[], None]) -> Handle:
        """Plan a call; one daemon thread carries them all out."""
        timer = Timer(action)
        with self._changed:
            heapq.heappush(self._timers, (when, next(self._order), timer))
            if self._timer_thread is None:
                self._timer_thread = threading.Thread(target=self._run_timers, name="clock timers", daemon=True)
                self._timer_thread.start()
            self._changed.notify()
        return timer

    def _run_timers(self) -> None:
        while True:
            with self._changed:
                while not self._timers:
                    self._changed.wait()
                when, _, timer = self._timers[0]
                left = (when - self.now()) / self.speed
                if left > 0:
                    self._changed.wait(left)
                    continue
                heapq.heappop(self._timers)
            timer.go()
