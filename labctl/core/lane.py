"""A lane: the one daemon thread through which all traffic of a connection goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from labctl.core.clock import Clock, Signal
from labctl.core.errors import InstrumentError, LaneDead

T = TypeVar("T")
DEFAULT_DEADLINE_S = 10.0


class Future(Generic[T]):
    """The outcome of a call handed to a lane, with the time by which it has to be there."""

    def __init__(self, lane: Lane, deadline: float):
        self.lane = lane
        self.deadline = deadline
        self.done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self._listeners: list[Signal] = []

    def notify(self, signal: Signal) -> None:
        """Set `signal` when the outcome is there (at once if it is already)."""
        if signal not in self._listeners:
            self._listeners.append(signal)
        if self.done:
            signal.set()

    def settle(self, now: float) -> BaseException | None:
        """Give the error to raise, or None; past the deadline the lane is declared dead."""
        if not self.done and now >= self.deadline:
            self.lane.declare_dead()
            return LaneDead(
                self.lane.name, "a call did not come back within its deadline.",
                state="unknown", remedy="Check cable and power; reopen the bench.",
            )
        return self.error

    def finish(self, value: Any, error: BaseException | None) -> None:
        """Record the outcome and wake whoever waits for it."""
        self.value, self.error, self.done = value, error, True
        for signal in self._listeners:
            signal.set()


class Lane:
    """Run calls one after another in a daemon thread of the clock.

    A call that hangs cannot be killed: its lane is declared dead, later calls are refused at once, and the thread, being
    a daemon, does not keep the process alive. A keep-alive is called at least once a period, whatever else the lane does: other
    units on the same bus do not count for a laser's traffic watchdog.
    """

    def __init__(self, name: str, clock: Clock):
        self.name = name
        self.clock = clock
        self.dead = False
        self._queue: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._work = clock.event()
        self._closing = False
        self._keepalive: tuple[float, Callable[[], Any]] | None = None
        self._kept_alive = 0.0
        clock.spawn(f"lane {name}", self._run)

    def submit(self, call: Callable[[], T], deadline_s: float = DEFAULT_DEADLINE_S) -> Future[T]:
        """Queue a call; it must be back `deadline_s` after now."""
        future: Future[T] = Future(self, self.clock.now() + deadline_s)
        if self.dead or self._closing:
            future.finish(None, LaneDead(self.name, "this connection was given up after a call hung.",
                                         state="unknown", remedy="Reopen the bench."))
            return future
        self._queue.append((future, call))
        self._work.set()
        return future

    def keep_alive(self, period_s: float, call: Callable[[], Any]) -> None:
        """Call `call` every `period_s` seconds, between other calls."""
        self._keepalive = (period_s, call)
        self._kept_alive = self.clock.now()
        self._work.set()

    def stop_keep_alive(self) -> None:
        """Call it no more."""
        self._keepalive = None

    def declare_dead(self) -> None:
        """Give up on this connection: queued and later calls fail at once."""
        self.dead = True
        while self._queue:
            future, _ = self._queue.popleft()
            future.finish(None, LaneDead(self.name, "an earlier call on this connection hung.", state="unknown"))

    def close(self) -> None:
        """Let the thread end after what is queued."""
        self._closing = True
        self._work.set()

    def _run(self) -> None:
        while True:
            left = self._until_keep_alive()
            if left is not None and left <= 0:
                self._kept_alive = self.clock.now()
                self._quietly(self._keepalive[1] if self._keepalive else bool)
            elif self._queue:
                self._serve(*self._queue.popleft())
            elif self._closing or self.dead:
                return
            else:
                self._work.clear()
                if not self._queue and not self._closing and not self.dead:
                    self._work.wait(left)

    def _until_keep_alive(self) -> float | None:
        """Give the seconds until the next keep-alive is due; None without one, or when the lane is closing."""
        if self._keepalive is None or self._closing or self.dead:
            return None
        return self._kept_alive + self._keepalive[0] - self.clock.now()

    @staticmethod
    def _serve(future: Future[Any], call: Callable[[], Any]) -> None:
        try:
            value, error = call(), None
        except Exception as exc:
            value, error = None, exc
        future.finish(value, error)

    @staticmethod
    def _quietly(call: Callable[[], Any]) -> None:
        """Run a keep-alive: its failure shows at the next real call, which raises it where it can be handled."""
        try:
            call()
        except InstrumentError:
            return
