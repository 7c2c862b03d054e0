"""The one clock through which everything in labctl waits.

`RealClock(speed)` runs on the computer's monotonic clock. `VirtualClock` hands one baton round: exactly one of its threads runs
at a time; when it waits, the next in order (deadline, name, sequence) runs, and when all wait, time jumps to the earliest
deadline. A run in virtual time is therefore fast, and the same every time, whatever the operating system's scheduler does.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

log = logging.getLogger("labctl.clock")
Forever = float("inf")


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
    """Time: seconds since the clock's start (never going back), and the UTC that belongs to them."""

    virtual: bool

    def now(self) -> float:
        """Give seconds since the clock's start."""
        ...

    def utc(self) -> datetime:
        """Give the UTC time that belongs to `now()`."""
        ...

    def wait(self, seconds: float) -> None:
        """Let the calling thread wait."""
        ...

    def event(self) -> Signal:
        """Make a flag that can be waited for on this clock."""
        ...

    def call_at(self, when: float, action: Callable[[], None]) -> Handle:
        """Call `action` (short, must not wait) at clock time `when`."""
        ...

    def spawn(self, name: str, target: Callable[[], None]) -> None:
        """Start a daemon thread that may wait on this clock."""
        ...

    def loop(self, wake: Signal, body: Callable[[], float | None]) -> None:
        """Call `body` again and again: whenever `wake` is up, or after the seconds it gave, until it gives None.

        `body` must not wait. Whatever it raises is raised here.
        """
        ...


class Timer:
    """A planned call; cancelled ones are skipped when their time comes."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]):
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Call it off."""
        self.action = None

    def go(self) -> None:
        """Make the call; one that fails is logged, for it would take an innocent thread with it."""
        try:
            if self.action is not None:
                self.action()
        except Exception:
            log.exception("a planned call failed")


# ------------------------------------------------------------------ real time
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


# ------------------------------------------------------------------ virtual time
class _Runner:
    """One thread of a virtual clock: its place in the order, the lock it sleeps on, and the loop it has left to the others."""

    __slots__ = ("baton", "body", "deadline", "error", "place", "signal")

    def __init__(self, name: str, order: int):
        self.place = (name, order)               # who comes first when several want to run at the same time
        self.baton = threading.Lock()
        self.baton.acquire()
        self.deadline = Forever                  # when it wants to run again
        self.signal: _VirtualSignal | None = None  # or as soon as this is up
        self.body: Callable[[], float | None] | None = None
        self.error: BaseException | None = None    # to be raised when it runs again

    def complain(self) -> None:
        """Raise what has been left for it."""
        error, self.error = self.error, None
        if error is not None:
            raise error


class _VirtualSignal:
    """A flag of a virtual clock."""

    __slots__ = ("_clock", "_up")

    def __init__(self, clock: VirtualClock):
        self._clock, self._up = clock, False

    def set(self) -> None:
        self._up = True

    def clear(self) -> None:
        self._up = False

    def is_set(self) -> bool:
        return self._up

    def wait(self, timeout: float | None = None) -> bool:
        if not self._up:
            self._clock._sleep(Forever if timeout is None else self._clock.now() + max(timeout, 0.0), self)
        return self._up


class VirtualClock:
    """Time that jumps. The creating thread is registered; others come by `spawn`. A stranger that waits gets an error."""

    virtual = True

    def __init__(self, start: datetime | None = None):
        self._utc = start or datetime.now(UTC)
        self._now = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Timer]] = []
        self._runners: dict[int, _Runner] = {}
        self._looping = False                    # a body is being called, by whichever thread
        self._waiting: list[_Runner] = []
        self._register(threading.get_ident(), "main")

    def now(self) -> float:
        """Give virtual seconds since the start."""
        return self._now

    def utc(self) -> datetime:
        """Give the real UTC of the start plus virtual time."""
        return self._utc + timedelta(seconds=self._now)

    def wait(self, seconds: float) -> None:
        """Give the baton away until `seconds` have passed."""
        self._sleep(self._now + max(seconds, 0.0), None)

    def event(self) -> Signal:
        """Make a flag."""
        return _VirtualSignal(self)

    def call_at(self, when: float, action: Callable[[], None]) -> Handle:
        """Plan a call; it is made by whichever thread is giving the baton away when its time comes."""
        timer = Timer(action)
        heapq.heappush(self._timers, (max(when, self._now), next(self._order), timer))
        return timer

    def loop(self, wake: Signal, body: Callable[[], float | None]) -> None:
        """Call `body` whenever it is this thread's turn; the call is made by whichever thread is giving the baton away.

        Turns come as if this thread waited in between. It need not be woken for them, which is most of what a wait costs.
        """
        me = self._me()
        me.signal, me.body = wake, body      # type: ignore[assignment]  a flag of this clock
        try:
            if not self._ended(me):
                self._hand_over(me)
            me.complain()
        finally:
            me.signal = me.body = None

    def spawn(self, name: str, target: Callable[[], None]) -> None:
        """Start a daemon thread; it first runs when the baton reaches it, however fast the system started it."""
        runner = _Runner(name, next(self._order))
        runner.deadline = self._now
        self._waiting.append(runner)

        def body() -> None:
            self._runners[threading.get_ident()] = runner
            runner.baton.acquire()
            try:
                target()
            finally:
                del self._runners[threading.get_ident()]
                following = self._following()
                if following is not None:
                    following.baton.release()

        threading.Thread(target=body, name=name, daemon=True).start()

    # -------------------------------------------------------------- the baton
    def _register(self, ident: int, name: str) -> _Runner:
        runner = self._runners[ident] = _Runner(name, next(self._order))
        return runner

    def _me(self) -> _Runner:
        """Give the calling thread if it may wait."""
        me = self._runners.get(threading.get_ident())
        if me is None:
            raise RuntimeError("a thread that this virtual clock does not know tried to wait; start it with clock.spawn()")
        if self._looping:
            raise RuntimeError("the body of a loop tried to wait on its virtual clock; it has to give the seconds to its loop")
        return me

    def _sleep(self, deadline: float, signal: _VirtualSignal | None) -> None:
        me = self._me()
        me.deadline, me.signal = deadline, signal
        self._waiting.append(me)
        self._hand_over(me)
        me.signal = None
        me.complain()

    def _hand_over(self, me: _Runner) -> None:
        """Give the baton to whoever is next, and wait until it comes back."""
        following = self._following()
        if following is not me and following is not None:      # somebody always waits: this thread does
            following.baton.release()
            me.baton.acquire()

    def _following(self) -> _Runner | None:
        """Choose who runs next, carrying out planned calls on the way; advances time. Only the baton's holder calls this."""
        while True:
            best, due = self._soonest()
            if self._timers and self._timers[0][0] <= due:
                if self._timers[0][2].action is None:
                    heapq.heappop(self._timers)
                elif self._pass_until(self._timers[0][0]):
                    heapq.heappop(self._timers)[2].go()
                continue
            if due == Forever and not self._patient:
                return self._told_nothing()
            if not self._pass_until(due) or best is None:
                continue
            self._waiting.remove(best)
            if best.body is None or self._ended(best):
                return best

    def _ended(self, runner: _Runner) -> bool:
        """Call the body of a loop as long as its flag is up; tells whether the loop has ended, else it waits again."""
        assert runner.body is not None and runner.signal is not None   # noqa: S101, PT018  whose loop this is
        self._looping = True
        try:
            while (seconds := runner.body()) is not None:
                if not runner.signal._up:
                    runner.deadline = self._now + max(seconds, 0.0)
                    self._waiting.append(runner)
                    return False
        except BaseException as exc:      # it belongs to the thread whose loop this is
            runner.error = exc
        finally:
            self._looping = False
        return True

    def _told_nothing(self) -> _Runner | None:
        """Let the oldest thread that waits hear that nothing can ever happen; None if none waits."""
        oldest = min(self._waiting, key=lambda runner: runner.place[1], default=None)
        if oldest is not None:
            self._waiting.remove(oldest)
            oldest.error = RuntimeError("every thread of the virtual clock waits without a deadline: nothing can ever happen")
        return oldest

    def _soonest(self) -> tuple[_Runner | None, float]:
        """Find who is to run next, and when; Forever when nobody has a deadline and no flag is up."""
        best, due = None, Forever
        for runner in self._waiting:
            raised = runner.signal is not None and runner.signal._up
            when = self._now if raised or runner.deadline < self._now else runner.deadline
            if best is None or when < due or (when == due and runner.place < best.place):
                best, due = runner, when
        return best, due

    _patient = False         # whether somebody outside may raise a flag when all wait without a deadline

    def _pass_until(self, when: float) -> bool:
        """Let time pass; False when it is to be looked anew who comes next."""
        self._now = max(self._now, when)
        return True


def make_clock(*, virtual: bool, speed: float = 1.0) -> Any:
    """Give the clock for a bench: virtual, or real at `speed`."""
    return VirtualClock() if virtual else RealClock(speed)
