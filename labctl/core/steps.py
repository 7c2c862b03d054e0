"""Cooperative steps: how many instruments move at once without a thread per movement.

A *step generator* does a little work and yields either a `Future` (wait until it is done and send me its result) or a
number of seconds (wake me then). `drive` runs one to its end, `drive_all` runs several side by side. Composite axes simply
`yield from` the steps of their parts.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeVar

from labctl.core.clock import Clock
from labctl.core.lane import Future

T = TypeVar("T")
Steps = Generator["Future[Any] | float", Any, T]


class _Task:
    """One running generator: what it waits for, and its outcome."""

    def __init__(self, steps: Steps[Any]):
        self.steps = steps
        self.waiting: Future[Any] | float | None = None   # a future, or the time to wake at
        self.done = False
        self.result: Any = None

    def ready(self, now: float) -> bool:
        if isinstance(self.waiting, Future):
            return self.waiting.done or now >= self.waiting.deadline
        return self.waiting is None or now >= self.waiting

    def advance(self, now: float) -> None:
        """Run to the next yield; exceptions of the awaited future are thrown into the generator."""
        waiting, self.waiting = self.waiting, None
        try:
            if isinstance(waiting, Future):
                error = waiting.settle(now)
                item = self.steps.throw(error) if error else self.steps.send(waiting.value)
            else:
                item = next(self.steps)
        except StopIteration as end:
            self.done, self.result = True, end.value
            return
        self.waiting = item if isinstance(item, Future) else now + float(item)


def drive_all(clock: Clock, steps: Mapping[Any, Steps[Any]], interrupt: Any = None) -> dict[Any, Any]:
    """Run all generators side by side until every one has ended; returns their results by key.

    The first exception closes the others and is raised. `interrupt` is an optional callable asked whenever something
    wakes; it raises to stop everything (second Ctrl-C).
    """
    tasks = {key: _Task(gen) for key, gen in steps.items()}
    wake = clock.event()
    try:
        while True:
            if interrupt is not None:
                interrupt()
            progressed = False
            for task in tasks.values():
                if not task.done and task.ready(clock.now()):
                    task.advance(clock.now())
                    progressed = True
            running = [t for t in tasks.values() if not t.done]
            if not running:
                return {key: task.result for key, task in tasks.items()}
            if not progressed:
                _sleep_until_one_is_ready(clock, running, wake)
    finally:
        for task in tasks.values():
            task.steps.close()


def _sleep_until_one_is_ready(clock: Clock, running: list[_Task], wake: Any) -> None:
    wake.clear()
    times = []
    for task in running:
        if isinstance(task.waiting, Future):
            task.waiting.notify(wake)
            times.append(task.waiting.deadline)
        else:
            times.append(task.waiting)
    soonest = min(times)
    timeout = None if soonest == float("inf") else max(soonest - clock.now(), 0.0)
    wake.wait(timeout)


def drive(clock: Clock, steps: Steps[T], interrupt: Any = None) -> T:
    """Run one generator to its end and return its result."""
    return drive_all(clock, {0: steps}, interrupt)[0]


def wait(seconds: float) -> Steps[None]:
    """Let time pass."""
    yield seconds
