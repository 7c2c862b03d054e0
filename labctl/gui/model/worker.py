"""The one thread that owns the bench: it opens it, does one thing after the other with it, and closes it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labctl.api import Bench
from labctl.core.errors import Aborted
from labctl.engine.control import Control

log = logging.getLogger("labctl.gui")

Job = Callable[[Bench, Control], Any]
Tell = Callable[[object], None]


@dataclass(frozen=True)
class Opened:
    """The bench is open."""

    bench: Bench


@dataclass(frozen=True)
class NotOpened:
    """The bench could not be opened."""

    error: Exception


@dataclass(frozen=True)
class JobEnded:
    """A job came to its end: its value, or what it raised."""

    name: str
    value: Any = None
    error: Exception | None = None


class BenchThread:
    """Opens a bench in a thread of its own and does jobs with it, in order; whatever comes of them is told, never raised."""

    def __init__(self, make: Callable[[], Bench], tell: Tell):
        self._make, self._tell = make, tell
        self._jobs: deque[tuple[str, Job, Control]] = deque()
        self._changing = threading.Lock()           # a job waits, or is the one under way: nobody sees it between the two
        self._wake: Any = None
        self._closing = False
        self.control: Control | None = None         # of the job under way
        self.doing = ""
        self._thread = threading.Thread(target=self._run, name="bench", daemon=True)
        self._thread.start()

    def do(self, name: str, job: Job) -> Control:
        """Have something done after what is already wanted; gives by what it can be stopped."""
        control = Control()
        with self._changing:
            self._jobs.append((name, job, control))
        if self._wake is not None:
            self._wake.set()
        return control

    def stop(self, reason: str) -> None:
        """Stop the job under way at once and forget those that wait."""
        with self._changing:
            forgotten, control = list(self._jobs), self.control
            self._jobs.clear()
        for name, *_ in forgotten:
            self._tell(JobEnded(name, None, Aborted(reason)))
        if control is not None:
            control.request(reason)
            control.request(reason)

    def close(self, reason: str = "the window was closed") -> None:
        """Stop, close the bench, end the thread."""
        self._closing = True
        self.stop(reason)
        if self._wake is not None:
            self._wake.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end; False when it has not come in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            bench = self._make()
        except Exception as exc:     # told, so that a person can mend the bench file or the cable
            log.debug("the bench was not opened", exc_info=True)
            self._tell(NotOpened(exc))
            return
        with bench:
            self._wake = bench.clock.event()
            self._tell(Opened(bench))
            while True:
                self._wake.clear()
                while (wanted := self._begin()) is not None:
                    self._one(bench, *wanted)
                if self._closing:
                    return
                self._wake.wait()

    def _begin(self) -> tuple[str, Job, Control] | None:
        """Make the next job the one under way; None when there is none, or the bench is to be closed."""
        with self._changing:
            if self._closing or not self._jobs:
                return None
            name, job, control = self._jobs.popleft()
            self.control, self.doing = control, name
            return name, job, control

    def _one(self, bench: Bench, name: str, job: Job, control: Control) -> None:
        try:
            told = JobEnded(name, job(bench, control))
        except Exception as exc:     # one job that fails must not take the bench's thread with it
            told = JobEnded(name, None, exc)
        self.control, self.doing = None, ""
        self._tell(told)
