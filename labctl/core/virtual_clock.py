"""Virtual time: one baton for all threads, so that a run is fast and the same every time.

Exactly one thread runs at a time; when it waits, the next in order (deadline, name, sequence) runs, and when all wait, time jumps
to the earliest deadline. Nothing depends on the operating system's scheduler.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from labctl.core.timing import Forever, Handle, Signal, Timer, moment


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
        heapq.heappush(self._timers, (max(moment(when, self._now), self._now), next(self._order), timer))
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
        me.deadline, me.signal = moment(deadline, self._now), signal
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
                    runner.deadline = moment(self._now + max(seconds, 0.0), self._now)
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
