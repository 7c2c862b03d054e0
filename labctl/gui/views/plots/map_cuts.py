"""The cuts through a map: along what was scanned at its right, along one row below it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.gui.theme import Theme
from labctl.gui.views.plots.marks import dotted, line

CUT_PX, LOW_CUT_PX = 150, 100
SHRINK = 0.5                # the scale of a cut shrinks when its values fill less of it
ABOVE, BELOW = 0.3, 0.05    # room that the scale leaves beyond them
ROOM_FOR_ROW_PX = 400       # of height, from which the cut along a row is shown


class Cuts:
    """Two panels whose curves follow the cursors of the map between them."""

    def __init__(self, main: Any, beside: Any, below: Any):
        self.beside, self.below = beside, below
        self.log, self._promise = False, True
        beside.setYLink(main)
        beside.getAxis("left").setStyle(showValues=False)
        below.setXLink(main)
        for plot in (beside, below):
            plot.showGrid(x=False, y=False)
            plot.vb.disableAutoRange()
        self.curves = {"cut": beside.plot(connect="finite"), "promised": beside.plot(connect="finite"),
                       "row": below.plot(connect="finite")}

    def clear(self) -> None:
        """Forget what was drawn."""
        for curve in self.curves.values():
            curve.setData([], [])

    def show(self, on: bool, height: int) -> None:
        """Show the panels, the lower one where there is room; a panel that is hidden takes no place."""
        low = on and height >= ROOM_FOR_ROW_PX
        self.beside.setVisible(on)
        self.beside.setFixedWidth(CUT_PX if on else 0)
        self.below.setVisible(low)
        self.below.setFixedHeight(LOW_CUT_PX if low else 0)

    def set_log(self, on: bool) -> None:
        """Draw the values on logarithmic scales."""
        self.log = on
        for plot, axis in ((self.beside, "bottom"), (self.below, "left")):
            plot.getAxis(axis).decades(on)
            for curve in plot.listDataItems():
                curve.setLogMode(on and axis == "bottom", on and axis == "left")

    def draw(self, column: tuple[np.ndarray, np.ndarray], row: tuple[np.ndarray, np.ndarray], promised: np.ndarray | None,
             where: str) -> None:
        """Draw the values of a column against their places, the same of a rehearsal, and the values of a row; name the column."""
        values, up = column
        self.curves["cut"].setData(values, up)
        if promised is not None:
            self.curves["promised"].setData(promised, up)
        elif len(self.curves["promised"].xData if self.curves["promised"].xData is not None else ()):
            self.curves["promised"].setData([], [])
        self._follow(self.beside, 0, values)
        self.beside.getAxis("bottom").say(where)
        if self.below.isVisible():
            self.curves["row"].setData(*row)
            self._follow(self.below, 1, row[1])

    def _follow(self, panel: Any, axis: int, values: np.ndarray) -> None:
        """Let the scale of a cut follow its values, with patience: an axis that moves is drawn anew."""
        finite = values[np.isfinite(values) & ((values > 0) | (not self.log))]
        if not len(finite):
            return
        low, high = float(finite.min()), float(finite.max())
        if self.log:
            low, high = float(np.log10(low)), float(np.log10(high))
        now, span = panel.vb.viewRange()[axis], max(high - low, 1e-12)
        if high > now[1] or low < now[0] - 0.1 * span or span < SHRINK * (now[1] - now[0]):
            panel.vb.setRange(**{"xRange" if axis == 0 else "yRange": (low - BELOW * span, high + ABOVE * span)}, padding=0.0)

    def restyle(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        for name, pen in (("cut", line(theme.series[0])), ("row", line(theme.series[0])), ("promised", dotted(theme.simulated))):
            self.curves[name].setPen(pen)


def without_axis(plot: Any, *sides: str) -> None:
    """Keep the room of axes that say nothing, so that panels end at the same edges."""
    for side in sides:
        plot.showAxis(side)
        plot.getAxis(side).setStyle(showValues=False, tickLength=0)
        plot.getAxis(side).setPen(pg.mkPen(None))
        plot.getAxis(side).setTicks([])
