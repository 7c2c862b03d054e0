"""The result that is a place on the axis of a plot: a line with its 95 % interval, and what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.core.plan import Result
from labctl.gui.theme import Theme
from labctl.gui.views.plots.marks import faint, line
from labctl.gui.views.plots.reduced import short_text, words
from labctl.gui.views.plots.texts import Label, Line, upright

BAND = 1.96                 # standard errors of a 95 % interval


class ResultMark:
    """A vertical line, a band about it, and its words; hidden while there is no result."""

    def __init__(self, plot: Any):
        self._plot = plot
        self.line: Any = pg.InfiniteLine(angle=90)
        self.band: Any = pg.LinearRegionItem(movable=False)
        self.told = Label(plot)
        for item in (self.band, self.line):
            plot.addItem(item, ignoreBounds=True)
        self.hide()

    def hide(self) -> None:
        """Show nothing."""
        for item in (self.line, self.band, self.told):
            item.setVisible(False)

    def show(self, name: str, result: Result, measured: np.ndarray, *, log: bool) -> None:
        """Show a result among the places that were measured, all in the unit of the axis."""
        for item in (self.line, self.band, self.told):
            item.setVisible(True)
        spread = BAND * (result.stderr or 0.0)
        low, high = result.interval or (result.value - spread, result.value + spread)
        if log and low <= 0.0:
            low = float(measured[measured > 0].min())
        place, low, high = (float(np.log10(value)) if log else value for value in (result.value, low, high))
        self.line.setValue(place)
        self.band.setRegion((low, high))
        self.told.setText(f"{words(name)}  {short_text(result)}")

    @property
    def shown(self) -> bool:
        """Whether there is a result to be seen."""
        return bool(self.line.isVisible())

    def drawn(self) -> Line:
        """Give the line as it stands on the axes."""
        return upright(float(self.line.value()), self._plot)

    @property
    def across(self) -> float:
        """Where the line stands in what is seen: 0 at the left edge, 1 at the right."""
        (low, high), _ = self._plot.vb.viewRange()
        return (float(self.line.value()) - low) / ((high - low) or 1.0)

    def restyle(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        self.line.setPen(line(theme.warning, 2))
        self.band.setBrush(faint(theme.warning, 45))
        for edge in self.band.lines:
            edge.setPen(pg.mkPen(None))
        self.told.setColor(theme.warning)
        self.told.fill = faint(theme.plot, 190)
