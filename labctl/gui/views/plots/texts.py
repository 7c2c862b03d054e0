"""Texts inside a plot: each stands where there is room, clear of the data and of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy import QtCore, QtGui

from labctl.gui.theme import CAPTION_PX
from labctl.gui.views.plots.marks import legend_size

CELL_PX = 4                 # places are looked for on cells of this size
MARGIN_PX = 4               # between a text and what is drawn, and the edge
LATER_MS = 100              # after the last change of a scale the texts look for new places
MOST_DOTS = 4096            # of one line, when its course is followed
HEADROOM_PX = 10            # above the data, more than the texts are high

Line = tuple[np.ndarray, np.ndarray]        # x and y as they stand on the axes; NaN breaks a line


def small_font() -> QtGui.QFont:
    """Give the font of labels in a plot."""
    font = QtGui.QFont()
    font.setPixelSize(CAPTION_PX)
    return font


class Label(pg.TextItem):
    """A text in a plot that does not move with the data."""

    def __init__(self, plot: Any):
        super().__init__("", anchor=(0.0, 0.0))
        self.setFont(small_font())
        self.setParentItem(plot.vb)
        self.setZValue(20)


class Note(Label):
    """A sentence in the middle of a plot in which there is nothing to be seen."""

    def __init__(self, plot: Any):
        super().__init__(plot)
        self._box = plot.vb
        self._box.sigResized.connect(lambda *_: self.say(self.toPlainText()))
        self.hide()

    def say(self, words: str) -> None:
        """Write the sentence; nothing hides it."""
        self.setText(words)
        self.setVisible(bool(words))
        (wide, high), box = _size(self), self._box.boundingRect()
        self.setPos(max((box.width() - wide) / 2, 0.0), max((box.height() - high) / 2, 0.0))


class Texts:
    """The texts of one plot, placed in the order in which they were added: labels and legends, whose parent is the view box."""

    def __init__(self, plot: Any):
        self._plot = plot
        self._wishes: dict[Any, tuple[float, float]] = {}
        self._lines: Sequence[Line] = ()
        self._dots: Sequence[Line] = ()
        self._later = QtCore.QTimer(plot.vb)
        self._later.setSingleShot(True)
        self._later.setInterval(LATER_MS)
        self._later.timeout.connect(self._look_again)
        plot.vb.sigResized.connect(lambda *_: self.place())
        plot.vb.sigRangeChanged.connect(lambda *_: self._later.start())

    def add(self, item: Any, at: tuple[float, float] = (1.0, 0.0)) -> None:
        """Place an item where there is room, as near as can be to `at`: (0, 0) is the upper left corner, (1, 1) the lower right.

        An item that is added again has another wish.
        """
        self._wishes[item] = at

    def keep_clear(self, dots: Sequence[Line] = (), lines: Sequence[Line] = ()) -> bool:
        """Say what is drawn, as points and as lines; places all texts anew, and tells whether there was room for all."""
        self._dots, self._lines = dots, lines
        return self.place()

    @property
    def any(self) -> bool:
        """Whether there is any text to be placed."""
        return bool(self._shown())

    @property
    def needed_px(self) -> float:
        """The height of a strip that would hold all texts above one another."""
        return sum(_size(item)[1] + MARGIN_PX for item in self._shown()) + HEADROOM_PX

    def _shown(self) -> list[Any]:
        return [item for item in self._wishes if item.isVisible() and _size(item)[0] > 0]

    def _look_again(self) -> None:
        self.place()

    def place(self) -> bool:
        """Place all texts anew; tells whether there was room for all."""
        shown, box = self._shown(), self._plot.vb.boundingRect()
        if not shown or box.width() < 2 * CELL_PX or box.height() < 2 * CELL_PX:
            return True
        filled = self._filled(box)
        room = True
        for item in shown:
            row, column, crowd = _best(filled, _size(item), self._wishes[item])
            _move(item, MARGIN_PX + column * CELL_PX, MARGIN_PX + row * CELL_PX)
            room &= crowd == 0
            _fill(filled, row, column, _size(item))
        return room

    def _filled(self, box: QtCore.QRectF) -> np.ndarray:
        """Give how much is drawn in every cell, (rows, columns)."""
        (left, right), (low, high) = self._plot.vb.viewRange()
        inner = box.width() - 2 * MARGIN_PX, box.height() - 2 * MARGIN_PX
        filled = np.zeros((max(int(inner[1] / CELL_PX), 1), max(int(inner[0] / CELL_PX), 1)))
        for x, y in (*self._dots, *(_followed(line, (right - left), (high - low), box) for line in self._lines)):
            across = (np.asarray(x, dtype=float) - left) / ((right - left) or 1.0) * box.width() - MARGIN_PX
            down = (high - np.asarray(y, dtype=float)) / ((high - low) or 1.0) * box.height() - MARGIN_PX
            with np.errstate(invalid="ignore"):
                seen = ((across >= -MARGIN_PX) & (across < inner[0] + MARGIN_PX)
                        & (down >= -MARGIN_PX) & (down < inner[1] + MARGIN_PX))
            rows = np.clip((down[seen] / CELL_PX).astype(int), 0, filled.shape[0] - 1)
            columns = np.clip((across[seen] / CELL_PX).astype(int), 0, filled.shape[1] - 1)
            np.add.at(filled, (rows, columns), 1.0)
        return _spread(filled)


def _size(item: Any) -> tuple[float, float]:
    if isinstance(item, pg.LegendItem):
        return legend_size(item) if item.items else (0.0, 0.0)
    rect = item.boundingRect()
    return float(rect.width()), float(rect.height())


def _move(item: Any, x: float, y: float) -> None:
    """Put the upper left corner of a label or a legend somewhere; a legend holds on to its parent's corner."""
    if isinstance(item, pg.LegendItem):
        item.anchor(itemPos=(0, 0), parentPos=(0, 0), offset=(x, y))
    else:
        item.setPos(x, y)


def _spread(filled: np.ndarray) -> np.ndarray:
    """Let what is drawn count in the neighbouring cells too: marks are wider than their middle."""
    padded = np.pad(filled, 1)
    every = [np.roll(padded, (up, along), (0, 1)) for up in (-1, 0, 1) for along in (-1, 0, 1)]
    return np.sum(every, axis=0)[1:-1, 1:-1]


def _cells(size: tuple[float, float]) -> tuple[int, int]:
    """Give how many rows and columns of cells a text takes, its margin included."""
    return tuple(int(np.ceil((part + MARGIN_PX) / CELL_PX)) for part in reversed(size))     # type: ignore[return-value]


def _best(filled: np.ndarray, size: tuple[float, float], at: tuple[float, float]) -> tuple[int, int, float]:
    """Give row and column of the emptiest place for a text, of several the nearest to `at`, and how much is drawn there."""
    high, wide = (min(cells, most) for cells, most in zip(_cells(size), filled.shape, strict=True))
    sums = np.pad(filled, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    crowd = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    rows, columns = (np.arange(float(count)) for count in crowd.shape)
    away = (np.abs(columns - at[0] * (len(columns) - 1))[None, :] + 2.0 * np.abs(rows - at[1] * (len(rows) - 1))[:, None])
    least = crowd.min()
    row, column = np.unravel_index(int(np.argmin(np.where(crowd <= least + 1e-9, away, np.inf))), crowd.shape)
    return int(row), int(column), float(round(least, 6))


def _fill(filled: np.ndarray, row: int, column: int, size: tuple[float, float]) -> None:
    """Mark the place of a text as taken: worse than any data."""
    high, wide = _cells(size)
    filled[row:row + high, column:column + wide] += 1e6


def _followed(line: Line, wide: float, high: float, box: QtCore.QRectF) -> Line:
    """Give points along a line, none further from the next than a cell."""
    x, y = (np.asarray(part, dtype=float) for part in line)
    if len(x) < 2 or not wide or not high:
        return x, y
    with np.errstate(invalid="ignore"):
        steps = np.maximum(np.abs(np.diff(x)) / abs(wide) * box.width(), np.abs(np.diff(y)) / abs(high) * box.height()) / CELL_PX
    course = np.concatenate([[0.0], np.cumsum(np.nan_to_num(np.clip(steps, 0.0, MOST_DOTS), nan=1.0))])
    fine = np.linspace(0.0, course[-1], int(min(course[-1] + 2, MOST_DOTS)))
    return np.interp(fine, course, x), np.interp(fine, course, y)


def upright(place: float, plot: Any) -> Line:
    """Give the line of a vertical cursor, as high as the plot shows."""
    return np.array([place, place]), np.array(plot.vb.viewRange()[1])


def level(height: float, plot: Any) -> Line:
    """Give the line of a limit, as wide as the plot shows."""
    return np.array(plot.vb.viewRange()[0]), np.array([height, height])

