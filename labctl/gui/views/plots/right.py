"""A second ordinate: another curve over the same abscissa. It stays linear however the first one stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.gui.theme import Theme
from labctl.gui.views.plots.axes import PlotAxis
from labctl.gui.views.plots.marks import line


class RightAxis:
    """A view laid over a plot, with an axis at its right."""

    def __init__(self, plot: Any, theme: Theme):
        self._plot = plot
        self.axis = PlotAxis("right", theme)
        plot.setAxisItems({"right": self.axis})
        self.axis.decades(False)
        self.axis.setGrid(False)
        self.view: Any = pg.ViewBox(enableMenu=False)
        self.view.setMouseEnabled(False, False)
        self.view.setZValue(5)
        plot.scene().addItem(self.view)
        self.axis.linkToView(self.view)
        self.view.setXLink(plot)
        self._curve: Any = pg.PlotCurveItem(antialias=True)
        self.sample: Any = pg.ScatterPlotItem(symbol="s", size=7)
        for item in (self._curve, self.sample):
            self.view.addItem(item, ignoreBounds=True)
        plot.vb.sigResized.connect(self._follow)
        plot.hideAxis("right")

    def show(self, x: np.ndarray, y: np.ndarray, label: str, colour: str) -> None:
        """Draw a curve; places as they stand on the plot's abscissa."""
        good = np.isfinite(x) & np.isfinite(y)
        if not good.any():
            self.clear()
            return
        order = np.argsort(x[good])
        x, y = x[good][order], y[good][order]
        self._curve.setData(x, y, pen=line(colour))
        self.sample.setData(x, y, pen=line(colour, 2), brush=pg.mkBrush(None))
        low, high = min(0.0, float(y.min())), float(y.max())
        self.view.setYRange(low, high if high > low else low + 1.0, padding=0.08)
        self._plot.showAxis("right")
        self.axis.say(label)
        self.view.show()
        self._follow()

    def drawn(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the curve as it stands on the axes of the plot it is laid over."""
        x, y = self._curve.getData()
        if x is None or not self.view.isVisible():
            return np.empty(0), np.empty(0)
        (low, high), (bottom, top) = self.view.viewRange()[1], self._plot.vb.viewRange()[1]
        return x, bottom + (y - low) / ((high - low) or 1.0) * (top - bottom)

    def clear(self) -> None:
        """Take it away."""
        self._curve.setData([], [])
        self.sample.setData([], [])
        self._plot.hideAxis("right")
        self.view.hide()

    def _follow(self) -> None:
        self.view.setGeometry(self._plot.vb.sceneBoundingRect())
        self.view.linkedViewChanged(self._plot.vb, self.view.XAxis)
