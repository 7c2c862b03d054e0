"""Progress bars on stderr: of a run, and of many tasks."""

from __future__ import annotations

from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from labctl.core.dose import written
from labctl.core.plan import Estimate
from labctl.core.words import human_bytes, human_time
from labctl.engine import events


def cost(estimate: Estimate) -> str:
    """Write what a plan will cost: bench time, dose at the most exposed spot, file size."""
    least = "at least " if estimate.unknown_s else ""
    dose = f"{least}{written('dose_j_cm2', estimate.dose_j_cm2)} in {human_time(estimate.lit_seconds)} of light"
    light = f", {dose}" if estimate.lit_seconds else ""
    return f"{human_time(estimate.seconds)} on the bench{light}, {human_bytes(estimate.bytes)}"


class ProgressBar:
    """A listener that draws points done, bench time left, and log lines above the bar."""

    def __init__(self) -> None:
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
            self.print(f"{event.procedure}: {event.points} points, about {cost(event.estimate)}")
            self._task = self._progress.add_task(event.procedure, total=event.points, left="")
        elif isinstance(event, events.Progress):
            self._progress.update(self._task, completed=event.done, left=f"{human_time(event.left_s)} left on the bench's clock")
        elif isinstance(event, events.LogLine):
            self.print(f"[{human_time(event.elapsed_s)}] {event.level}: {event.text}")
        elif isinstance(event, events.RunEnded):
            self._progress.update(self._task, left=event.status)


class Step(Protocol):
    """How far many tasks are: done and in all, the one that has just ended, and why it failed if it did."""

    @property
    def done(self) -> int: ...          # noqa: D102

    @property
    def tasks(self) -> int: ...         # noqa: D102

    @property
    def ended(self) -> str: ...         # noqa: D102

    @property
    def failed(self) -> str: ...        # noqa: D102


class TaskBar:
    """A progress bar of many tasks: how many are done, and the one that has just ended."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.completed:.0f}/{task.total:.0f}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"),
            console=Console(stderr=True, highlight=False, soft_wrap=True))
        self._task = self._bar.add_task("starting", total=1)

    def __enter__(self) -> TaskBar:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def __call__(self, step: Step) -> None:
        """Take what has just ended."""
        self._bar.update(self._task, completed=step.done, total=step.tasks, description=step.ended)
        if not self._bar.console.is_terminal and step.ended:
            self._bar.console.print(f"{step.done}/{step.tasks} {step.ended}", markup=False)
        if step.failed:
            self._bar.console.print(f"{step.ended} failed: {step.failed}", markup=False)
