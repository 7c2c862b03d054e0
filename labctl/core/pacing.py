"""Virtual time that a person can watch: it keeps step with the wall, and the world outside may raise flags in it.

A simulated bench behind a window runs on it. A slow computer makes time slower and never a deadline missed, which a clock tied to
the wall could not promise; and a run on it goes the same way as one in plain virtual time.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from labctl.core.clock import Forever, Signal, VirtualClock
from labctl.core.timing import moment
from labctl.core.virtual_clock import _VirtualSignal

LATE_S = 0.05            # on the wall: who is later than this does not hurry to catch up
GIVE_WAY_S = 0.05        # on the wall: longest that time stands still for somebody who is busy; a quarter of what an abort may take


class Courtesy:
    """Lets somebody go first: while he is `busy`, simulated time stands still, but not for long.

    Python runs one thread at a time, and who asks for his turn waits up to 5 ms for it. A window loses its turn at every call into
    the toolkit and back, hundreds of times in one drawing; beside a bench that computes all the time it would draw for a third of
    a second. Nothing depends on who goes first but when, on the wall: runs on a paced clock go the same way.
    """

    def __init__(self, most_s: float = GIVE_WAY_S) -> None:
        self._most_s, self._until = most_s, 0.0
        self._idle = threading.Event()
        self._idle.set()

    def busy(self) -> None:
        """Ask for the right of way; asking again while it is granted makes it no longer."""
        if self._idle.is_set():
            self._until = time.monotonic() + self._most_s
            self._idle.clear()

    def idle(self) -> None:
        """Give the right of way back."""
        self._idle.set()

    def wait(self) -> None:
        """Wait while somebody is busy, at most for what is left of his time."""
        if not self._idle.is_set() and (left := self._until - time.monotonic()) > 0:
            self._idle.wait(left)

    @contextmanager
    def politely(self) -> Iterator[None]:
        """Wait so before every call that this thread makes within a block: for analyses, which know nothing of a window.

        Threads of Python have no priorities. What a profiler is told of, every call and return, is where a computation that is not
        ours can be asked to pause. A fit of many short calls takes half as long again for it (measured).
        """
        before, idle = sys.getprofile(), self._idle.is_set

        def look(*_: object) -> None:
            if not idle():
                self.wait()

        sys.setprofile(look)
        try:
            yield
        finally:
            sys.setprofile(before)


class PacedClock(VirtualClock):
    """A virtual clock that is never ahead of the wall's, times `speed`; infinity does not wait for the wall at all.

    Flags made by `event` may be raised by threads the clock does not know (a window's); they may not wait on it.
    """

    _patient = True

    def __init__(self, speed: float = 1.0, start: datetime | None = None):
        if not speed > 0:
            raise ValueError(f"speed is {speed}; it must be above 0")
        super().__init__(start)
        self.speed = speed
        self.courtesy: Courtesy | None = None          # of somebody who looks on
        self._raised = threading.Condition()
        self._news = False
        self._anchor = (time.monotonic(), 0.0)         # a moment on the wall, and the time then

    def event(self) -> Signal:
        """Make a flag that anybody may raise."""
        return _OutsideSignal(self)

    def wake(self) -> None:
        """Have whoever waits for the wall look who comes next."""
        with self._raised:
            self._news = True
            self._raised.notify()

    def _pass_until(self, when: float) -> bool:
        """Wait until the wall has come as far, or somebody raises a flag; then time has come as far as the wall."""
        if self.courtesy is not None:
            self.courtesy.wait()
        if when <= self._now:
            return True
        if self.speed == float("inf") and when != Forever:
            self._now = when
            return True
        self._do_not_hurry()
        wall, now = self._anchor
        left = None if when == Forever else wall + (when - now) / self.speed - time.monotonic()
        with self._raised:
            if left is None or left > 0:
                self._raised.wait_for(lambda: self._news, left)
            news, self._news = self._news, False
        if not news and when != Forever:
            self._now = when
            return True
        if self.speed != float("inf"):
            self._now = max(self._now, moment(min(when, now + (time.monotonic() - wall) * self.speed)))
        return False

    def _do_not_hurry(self) -> None:
        wall, now = self._anchor
        if time.monotonic() - wall - (self._now - now) / self.speed > LATE_S:
            self._anchor = (time.monotonic(), self._now)


class _OutsideSignal(_VirtualSignal):
    """A flag that wakes the clock's waiting."""

    __slots__ = ()
    _clock: PacedClock

    def set(self) -> None:
        super().set()
        self._clock.wake()
