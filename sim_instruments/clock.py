"""The small clock that emulators and twin run on; `labctl.core.clock` satisfies it structurally."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Protocol

DIGITS = 9                   # of a second, to which a virtual clock tells the time


def moment(when: float) -> float:
    """Give the time at which something will end as a virtual clock tells it: polled just then, it has ended, at any hour."""
    return round(when, DIGITS)


class Signal(Protocol):
    """A flag one can wait for."""

    def set(self) -> None:
        """Raise the flag and wake all who wait."""
        ...

    def clear(self) -> None:
        """Lower the flag."""
        ...

    def is_set(self) -> bool:
        """Tell whether the flag is up."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is up, at most `timeout` clock seconds; True if it is."""
        ...


class Handle(Protocol):
    """A planned call that can be called off."""

    def cancel(self) -> None:
        """Call it off; harmless when it has already happened."""
        ...


class Clock(Protocol):
    """Time for everything simulated: seconds since an arbitrary start, never going back."""

    def now(self) -> float:
        """Give the seconds since the clock's start."""
        ...

    def wait(self, seconds: float) -> None:
        """Let the calling thread wait."""
        ...

    def call_at(self, when: float, action: Callable[[], None]) -> Handle:
        """Call `action` (short, must not wait) at clock time `when`."""
        ...

    def event(self) -> Signal:
        """Make a flag that can be waited for on this clock."""
        ...


class _Timer:
    def __init__(self, action: Callable[[], None]):
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class _RealSignal:
    def __init__(self, speed: float):
        self._event = threading.Event()
        self._speed = speed
        self.set, self.clear, self.is_set = self._event.set, self._event.clear, self._event.is_set

    def wait(self, timeout: float | None = None) -> bool:
        return self._event.wait(None if timeout is None else max(timeout, 0.0) / self._speed)


class RealClock:
    """The wall's clock, optionally `speed` times faster: for emulators served to other people's programs."""

    def __init__(self, speed: float = 1.0):
        if not speed > 0:
            raise ValueError(f"speed is {speed}; it must be above 0")
        self.speed = speed
        self._start = time.monotonic()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def now(self) -> float:
        """Give the clock seconds since construction."""
        return (time.monotonic() - self._start) * self.speed

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(max(seconds, 0.0) / self.speed)  # noqa: TID251  real time, for served emulators

    def event(self) -> Signal:
        """Make a flag."""
        return _RealSignal(self.speed)  # type: ignore[return-value]

    def call_at(self, when: float, action: Callable[[], None]) -> Handle:
        """Plan a call; one daemon thread carries them all out."""
        timer = _Timer(action)
        with self._changed:
            heapq.heappush(self._timers, (when, next(self._order), timer))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="emulator timers", daemon=True)
                self._thread.start()
            self._changed.notify()
        return timer

    def _run(self) -> None:
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
            if timer.action is not None:
                timer.action()
