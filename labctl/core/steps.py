"""Cooperative steps: how many instruments move at once without a thread per movement.

A *step generator* does a little work and yields what it waits for: a `Future` of a lane (its result is sent back in), a number of
seconds, or `Together` (several generators side by side; the dictionary of their results is sent back in). `drive` runs one to its
end. Composite axes simply `yield from` the steps of their parts.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

from labctl.core.clock import Clock, Signal
from labctl.core.lane import Future
from labctl.core.timing import moment

T = TypeVar("T")


class Together:
    """Several generators to be run side by side; the first exception closes the others and is raised."""

    def __init__(self, steps: Mapping[Any, Steps[Any]]):
        self.steps = steps


Steps = Generator[Future[Any] | float | Together, Any, T]
Interrupt = Callable[[], None]


class _Task:
    """One running generator: what it waits for, and its outcome."""

    def __init__(self, steps: Steps[Any]):
        self.steps = steps
        self.waiting: Future[Any] | float | dict[Any, _Task] | None = None
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def ready(self, now: float) -> bool:
        waiting = self.waiting
        if isinstance(waiting, Future):
            return waiting.done or now >= waiting.deadline
        if isinstance(waiting, dict):
            return all(t.done for t in waiting.values()) or any(t.error for t in waiting.values())
        return waiting is None or now >= waiting

    def advance(self, now: float) -> list[_Task]:
        """Run to the next yield; gives the tasks this one has just started."""
        waiting, self.waiting = self.waiting, None
        try:
            item = self._resume(waiting, now)
        except StopIteration as end:
            self.done, self.result = True, end.value
            return []
        except Exception as exc:
            self.done, self.error = True, exc
            return []
        if isinstance(item, Together):
            self.waiting = {key: _Task(steps) for key, steps in item.steps.items()}
            return list(self.waiting.values())
        self.waiting = item if isinstance(item, Future) else moment(now + float(item), now)
        return []

    def _resume(self, waiting: Any, now: float) -> Any:
        if isinstance(waiting, Future):
            error = waiting.settle(now)
            return self.steps.throw(error) if error else self.steps.send(waiting.value)
        if isinstance(waiting, dict):
            error = next((t.error for t in waiting.values() if t.error), None)
            if error is not None:
                for task in waiting.values():
                    task.close()
                return self.steps.throw(error)
            return self.steps.send({key: task.result for key, task in waiting.items()})
        return next(self.steps)

    def close(self) -> None:
        """Give up: the generator's `finally` blocks run, its children are closed first."""
        if isinstance(self.waiting, dict):
            for task in self.waiting.values():
                task.close()
        self.done = True
        self.steps.close()


def side_by_side(steps: Mapping[Any, Steps[Any]]) -> Steps[dict[Any, Any]]:
    """Run several generators side by side and give their results; one alone needs no task of its own."""
    if len(steps) == 1:
        ((key, only),) = steps.items()
        return {key: (yield from only)}
    return (yield Together(steps)) if steps else {}


def drive(clock: Clock, steps: Steps[T], interrupt: Interrupt | None = None, wake: Signal | None = None) -> T:
    """Run a step generator to its end and return its result.

    `interrupt` is asked whenever something wakes; it raises to stop everything at once (second Ctrl-C). `wake` is the flag the
    driver sleeps on; who raises it from outside makes `interrupt` be asked.
    """
    flag = wake or clock.event()
    root = _Task(steps)
    tasks = [root]

    def body() -> float | None:
        while not root.done:
            flag.clear()
            if interrupt is not None:
                interrupt()
            if not _advance_ready(tasks, clock):
                return _seconds_left(clock, tasks, flag)
        return None

    try:
        clock.loop(flag, body)
        if root.error is not None:
            raise root.error
        return root.result
    finally:
        root.close()


def _advance_ready(tasks: list[_Task], clock: Clock) -> bool:
    progressed = False
    for task in list(tasks):
        if not task.done and task.ready(clock.now()):
            tasks.extend(task.advance(clock.now()))
            progressed = True
    tasks[:] = [task for task in tasks if not task.done]
    return progressed


def _seconds_left(clock: Clock, tasks: list[_Task], wake: Signal) -> float:
    """Give the time until the soonest deadline or wake-up, infinite without any; futures that are done meanwhile raise `wake`."""
    soonest = float("inf")
    for task in tasks:
        if isinstance(task.waiting, Future):
            task.waiting.notify(wake)
            soonest = min(soonest, task.waiting.deadline)
        elif not isinstance(task.waiting, dict) and task.waiting is not None:
            soonest = min(soonest, task.waiting)
    return max(soonest - clock.now(), 0.0)
