"""A progress bar of many tasks, on stderr; that of a run is `labctl.api.progress`."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


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
            TextColumn("{task.completed:.0f}/{task.total:.0f}"), BarColumn(), TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
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
