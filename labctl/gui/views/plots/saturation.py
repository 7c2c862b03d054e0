"""The limit of a detector in a spectrum: a line with its words, and a mark on every pixel that has reached it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.gui.theme import Theme
from labctl.gui.views.plots.axes import whole
from labctl.gui.views.plots.marks import dashed
from labctl.gui.views.plots.texts import Label, Line, level

NEAR_FULL = 0.4             # of the limit of a frame: from there on the line of saturation stays in sight


class Saturation:
    """Line, words and marks; the words are there only while the line is in sight."""

    def __init__(self, plot: Any):
        self._plot = plot
        self.limit = float("nan")           # in counts as they came; NaN where nobody knows it
        self.marks: Any = pg.ScatterPlotItem(symbol="t1", size=8)
        self.line: Any = pg.InfiniteLine(angle=0)
        self.told = Label(plot)
        for item in (self.marks, self.line):
            plot.addItem(item, ignoreBounds=True)
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.limit = float("nan")
        if len(self.marks.data):
            self.marks.setData([], [])
        self.line.hide()
        self.told.hide()

    def draw(self, x: np.ndarray, y: np.ndarray, counts: np.ndarray, *, dark: np.ndarray | None, log: bool,
             densities: bool) -> None:
        """Mark the pixels of a frame that have reached the limit, and draw the limit less the dark frame; not over densities."""
        full = counts >= self.limit
        if full.any():
            self.marks.setData(x[full], np.log10(y[full]) if log else y[full])
        elif len(self.marks.data):
            self.marks.setData([], [])
        self.line.setVisible(bool(np.isfinite(self.limit)) and not densities)
        if self.line.isVisible():
            height = self.limit - (float(np.median(dark)) if dark is not None else 0.0)
            self.line.setValue(np.log10(max(height, 1.0)) if log else height)

    def reach(self, highest: float) -> float:
        """Give how high a linear scale has to be for a frame: up to the limit where the frame comes near it."""
        near = self.line.isVisible() and highest > NEAR_FULL * self.limit
        return max(highest, self.limit) if near else highest

    def tell(self) -> None:
        """Write what the line is, where it can be seen."""
        low, high = self._plot.vb.viewRange()[1]
        self.told.setVisible(bool(self.line.isVisible() and low <= self.line.value() <= high))
        if self.told.isVisible():
            self.told.setText(f"saturation {whole(self.limit)}")

    def drawn(self) -> list[Line]:
        """Give the line as it stands on the axes; empty while it is not shown."""
        return [level(float(self.line.value()), self._plot)] if self.line.isVisible() else []

    def restyle(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        self.marks.setBrush(pg.mkBrush(theme.fault))
        self.marks.setPen(pg.mkPen(None))
        self.line.setPen(dashed(theme.fault))
        self.told.setColor(theme.fault)
