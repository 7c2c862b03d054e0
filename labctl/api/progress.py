"""How far a run is: a bar on stderr for terminals, a bar in the cell for notebooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

from labctl.core.dose import written
from labctl.core.errors import UnsafeState
from labctl.core.plan import Estimate
from labctl.core.words import human_bytes, human_time
from labctl.engine import events
from labctl.engine.control import Control
from labctl.engine.events import Listeners
from labctl.engine.runner import Outcome
from labctl.engine.signals import signals

STEPS = 200         # a bar in a notebook is drawn anew that many times at most
LAST_LINES = 5      # of the log that stay below it


def cost(estimate: Estimate) -> str:
    """Write what a plan will cost: bench time, dose at the most exposed spot, file size."""
    least = "at least " if estimate.unknown_s else ""
    dose = f"{least}{written('dose_j_cm2', estimate.dose_j_cm2)} in {human_time(estimate.lit_seconds)} of light"
    light = f", {dose}" if estimate.lit_seconds else ""
    return f"{human_time(estimate.seconds)} on the bench{light}, {human_bytes(estimate.bytes)}"


class Bar(Protocol):
    """A listener that shows how far a run is, and writes lines beside."""

    def print(self, text: str) -> None:
        """Write a line."""
        ...

    def __call__(self, event: events.Event) -> None:
        """Take one event of the engine."""
        ...


class ProgressBar:
    """A listener that draws points done, bench time left, and log lines above the bar."""

    def __init__(self) -> None:
        from rich.console import Console  # not for those who draw no bar: a window starts without it
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} points"),
            TextColumn("{task.fields[left]}"), console=console, transient=False)
        self._task: Any = None

    def __enter__(self) -> ProgressBar:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def print(self, text: str) -> None:
        """Write a line above the bar."""
        self._progress.console.print(text, markup=False)

    def __call__(self, event: events.Event) -> None:
        """Take one event of the engine."""
        if isinstance(event, events.RunStarted):
            if self._task is not None:
                self._progress.remove_task(self._task)      # of the run before: a long queue has more bars than a screen lines
            self.print(f"{event.procedure}: {event.points} points, about {cost(event.estimate)}")
            self._task = self._progress.add_task(event.procedure, total=event.points, left="")
        elif isinstance(event, events.Progress) and self._task is not None:
            self._progress.update(self._task, completed=event.done, left=f"{human_time(event.left_s)} left on the bench's clock")
        elif isinstance(event, events.LogLine):
            self.print(f"[{human_time(event.elapsed_s)}] {event.level}: {event.text}")
        elif isinstance(event, events.RunEnded) and self._task is not None:
            self._progress.update(self._task, left=event.status)


class CellBar:
    """The same in the cell of a notebook, by IPython alone: no widgets are needed. `display` is the module IPython.display."""

    def __init__(self, display: Any):
        self._display, self._handle = display, None
        self._name, self._drawn, self._lines = "", -1, []

    def print(self, text: str) -> None:
        """Write a line below the bar."""
        self._lines = [*self._lines, text][-LAST_LINES:]
        self._show("")

    def __call__(self, event: events.Event) -> None:
        """Take one event of the engine."""
        if isinstance(event, events.RunStarted):
            self._name, self._drawn = event.procedure, -1
            self.print(f"{event.procedure}: {event.points} points, about {cost(event.estimate)}")
        elif isinstance(event, events.Progress):
            step = event.done * STEPS // max(event.total, 1)
            if step != self._drawn:
                self._drawn = step
                self._show(f'<progress value="{event.done}" max="{event.total}"></progress> {event.done}/{event.total} points, '
                           f"{human_time(event.left_s)} left on the bench's clock")
        elif isinstance(event, events.LogLine):
            self.print(f"[{human_time(event.elapsed_s)}] {event.level}: {event.text}")
        elif isinstance(event, events.RunEnded):
            self._show(f"{event.points} points, {escape(event.status)}")

    def _show(self, bar: str) -> None:
        page = self._display.HTML(f"{escape(self._name)} {bar}<pre>{escape(chr(10).join(self._lines))}</pre>")
        if self._handle is None:
            self._handle = self._display.display(page, display_id=True)
        else:
            self._handle.update(page)


class Silent:
    """Where nobody looks: a script whose output goes into a file."""

    def print(self, text: str) -> None:
        """Let it go; the run's own log has it."""

    def __call__(self, event: events.Event) -> None:
        """Let it go."""


def in_notebook() -> bool:
    """Tell whether this is the kernel of a notebook."""
    python = sys.modules.get("IPython")
    shell = python.get_ipython() if python is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


@contextmanager
def shown() -> Iterator[Bar]:
    """Show progress where somebody looks: in the cell of a notebook, on a terminal, else nowhere."""
    if in_notebook():
        from importlib import import_module

        yield CellBar(import_module("IPython.display"))
    elif sys.stderr is not None and sys.stderr.isatty():
        with ProgressBar() as bar:
            yield bar
    else:
        yield Silent()


@dataclass(frozen=True)
class Care:
    """Who listens to a run and who may stop it; `alone` when nobody could, so that it was given an ear for Ctrl-C."""

    listeners: Listeners | None
    control: Control | None
    bar: Bar
    alone: bool = False

    def over(self, outcome: Outcome) -> Outcome:
        """Hand an outcome on; after Ctrl-C KeyboardInterrupt ends the script instead, UnsafeState when the bench is not parked."""
        if not self.alone or self.control is None or not self.control.interrupted:
            return outcome
        if outcome.status == "unsafe":
            raise UnsafeState(f"Interrupted, and not parked: {'; '.join(map(str, outcome.problems))} Look at the bench.")
        raise KeyboardInterrupt(f"the run is {outcome.status} and the bench parked; {outcome.points} points are in {outcome.run}")


@contextmanager
def looked_after(listeners: Listeners | None, control: Control | None) -> Iterator[Care]:
    """Look after a run that nobody else looks after; one that has a control is left as it is.

    Without a control it is given an ear: the first Ctrl-C ends the run at the next gate, parked, its points kept; torn out of the
    engine by an exception it would not be parked. Without listeners it is given a bar, too.
    """
    if control is not None:
        yield Care(listeners, control, Silent())
        return
    with signals() as heard, shown() if listeners is None else nullcontext(Silent()) as bar:
        yield Care(listeners or Listeners(bar), heard, bar, alone=True)
