"""What happens during a run, as seen from outside: GUI, CLI progress and monitors know nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.core.plan import Estimate, Problem, Reading
from labctl.core.reduction import Reduction

log = logging.getLogger("labctl.engine")


@dataclass(frozen=True)
class Event:
    """Base of all events; `elapsed_s` counts from the start of the run, on the bench's clock."""

    elapsed_s: float


@dataclass(frozen=True)
class RunStarted(Event):
    """Preflight has passed and the bench is held."""

    run_id: str
    procedure: str
    points: int
    estimate: Estimate


@dataclass(frozen=True)
class Prepared(Event):
    """The bench is ready for the first point; `header` is the one of the run's file, arrays and their coordinates described."""

    header: Mapping[str, Any]


@dataclass(frozen=True)
class PointDone(Event):
    """A point stands in the journal."""

    reading: Reading


@dataclass(frozen=True)
class Progress(Event):
    """How far the run is; `left_s` is the estimate of the bench time still needed."""

    done: int
    total: int
    left_s: float


@dataclass(frozen=True)
class Paused(Event):
    """The run is parked and waits (True), or goes on (False)."""

    paused: bool


@dataclass(frozen=True)
class LogLine(Event):
    """Something worth a line: a retry, a wait, a failed action."""

    level: str
    text: str


@dataclass(frozen=True)
class RunEnded(Event):
    """The run is closed and the bench parked (or not: status unsafe)."""

    status: str
    points: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class RunClosed(Event):
    """The run's file is there, None when it could not be written, with what the analysis made of the run."""

    status: str
    run_id: str
    run: Path | None
    reduction: Reduction
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Kept(Event):
    """A frame of live light has become a run; `run` is None when that failed, and `problems` say why."""

    index: int
    run: Path | None
    problems: tuple[Problem, ...]


Listener = Callable[[Event], None]


class Listeners:
    """Hands events on; a listener that fails is logged and never stops a run."""

    def __init__(self, *listeners: Listener):
        self._listeners = list(listeners)

    def add(self, listener: Listener) -> None:
        """Add one more."""
        self._listeners.append(listener)

    def tell(self, event: Event) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                log.exception("a listener failed on %s; the run goes on", type(event).__name__)
