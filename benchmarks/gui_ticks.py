"""What the ticks of a window consist of: how far apart they are, how much of that the window worked, and at what."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from qtpy import QtCore

from labctl.gui.main_window import MainWindow

WORTH_MS = 2.0              # parts that took less are not named


@dataclass(frozen=True)
class Part:
    """One piece of the window's work: when it began, how long it took on the wall and of the processor, in seconds."""

    name: str
    began: float
    wall_s: float
    own_s: float


@dataclass(frozen=True)
class Gap:
    """From one tick of the timer to the next. What was neither worked nor slept was spent waiting for Python or the processor."""

    began: float
    wall_ms: float
    own_ms: float
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        told = ", ".join(f"{part.name} {1e3 * part.wall_s:.0f} ({1e3 * part.own_s:.0f})" for part in self.parts
                         if 1e3 * part.wall_s >= WORTH_MS)
        return f"{self.wall_ms:.0f} ms, of the processor {self.own_ms:.0f} ms: {told or 'nothing of the window'}"


class Ticks:
    """A timer in the window's thread that notes when it comes, and beside it what the window does."""

    def __init__(self, every_ms: int):
        self._ticks: list[tuple[float, float]] = []
        self._parts: list[Part] = []
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.setInterval(every_ms)
        self._timer.timeout.connect(lambda: self._ticks.append((time.perf_counter(), time.thread_time())))

    @contextmanager
    def watching(self, window: MainWindow) -> Iterator[None]:
        """Count ticks, and note every part of the window's work, within a block."""
        places = [(window.session, "tick"), (window.form, "tick"), (window.centre, "refresh"), (window.centre, "reduced"),
                  (window, "_refresh"), (window._rubbish, "tick"), (pg.GraphicsView, "paintEvent")]
        for owner, name in places:
            setattr(owner, name, self._noted(owner, name))
        self._timer.start()
        try:
            yield
        finally:
            self._timer.stop()
            for owner, name in places[:-1]:
                delattr(owner, name)
            pg.GraphicsView.paintEvent = pg.GraphicsView.paintEvent.real

    def _noted(self, owner: Any, name: str) -> Any:
        real: Callable[..., object] = getattr(owner, name)
        words = f"{(owner if isinstance(owner, type) else type(owner)).__name__}.{name}"

        def noted(*args: object, **kwargs: object) -> object:
            began, worked = time.perf_counter(), time.thread_time()
            try:
                return real(*args, **kwargs)
            finally:
                self._parts.append(Part(words, began, time.perf_counter() - began, time.thread_time() - worked))

        noted.real = real       # type: ignore[attr-defined]
        return noted

    @property
    def gaps(self) -> list[Gap]:
        """What lies between the ticks, the longest first."""
        found = [Gap(before[0], 1e3 * (after[0] - before[0]), 1e3 * (after[1] - before[1]),
                     tuple(part for part in self._parts if before[0] <= part.began < after[0]))
                 for before, after in zip(self._ticks, self._ticks[1:], strict=False)]
        return sorted(found, key=lambda gap: -gap.wall_ms)
