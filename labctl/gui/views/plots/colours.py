"""Colour tables of maps, with a transparent place for what was not measured, and the bar that explains them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy import QtWidgets

from labctl.gui.model.raster import COLOURS, NOT_MEASURED
from labctl.gui.theme import Theme
from labctl.gui.views.plots.axes import PlotAxis
from labctl.gui.views.plots.rows import ToolRow

TABLES = ("viridis", "cividis", "grey")       # even in brightness, and the same to every eye; no rainbow
RED = "red"
BAR_PX = 14


def opaque(colours: np.ndarray, background: str) -> np.ndarray:
    """Give the same colours (256, 3) on a background: without transparency an image is drawn in a third of the time."""
    made = np.array(colours[:, :3])
    made[NOT_MEASURED] = pg.mkColor(background).getRgb()[:3]
    return made


def table(name: str) -> np.ndarray:
    """Give 256 colours (256, 4), the first of them transparent."""
    ramp = np.linspace(0.0, 1.0, COLOURS)
    made = np.full((COLOURS + 1, 4), 255, dtype=np.uint8)
    if name == RED:
        made[1:, :3] = np.outer(ramp, [255, 0, 0]).astype(np.uint8)
    elif name == "grey":
        made[1:, :3] = np.rint(ramp * 255)[:, None].astype(np.uint8)
    else:
        made[1:] = pg.colormap.get(name).mapToByte(ramp)       # type: ignore[union-attr]  the two come with pyqtgraph
    made[NOT_MEASURED] = 0
    return made


class ColourChoice:
    """The button that goes through the colour tables; the red theme has one only."""

    def __init__(self, tools: ToolRow, changed: Callable[[], None]):
        self._name, self._changed = TABLES[0], changed
        self._button = tools.button(self._name, self._next, f"Colours: {', '.join(TABLES[:-1])} or {TABLES[-1]}", right=True)

    def _next(self) -> None:
        self._name = TABLES[(TABLES.index(self._name) + 1) % len(TABLES)]
        self._button.setText(self._name)
        self._changed()

    def table(self, theme: Theme) -> np.ndarray:
        """Give the colours, (256, 4)."""
        red = theme.colormap not in TABLES
        self._button.setEnabled(not red)
        return table(theme.colormap if red else self._name)


def over(theme: Theme) -> str:
    """Give the colour of lines over an image, which is dark in every theme."""
    return "#ffffff" if theme.colormap in TABLES else theme.text


class ColourBar:
    """A strip of the colours beside a map, with its axis at the right."""

    def __init__(self, canvas: Any, row: int, col: int, theme: Theme):
        self.axis = PlotAxis("right", theme)
        self.plot: Any = canvas.addPlot(row=row, col=col, axisItems={"right": self.axis}, enableMenu=False)
        self.plot.hideAxis("left")
        self.plot.hideAxis("bottom")
        self.plot.hideButtons()
        self.plot.showAxis("right")
        self.plot.vb.setMouseEnabled(False, False)
        self.plot.vb.setFixedWidth(BAR_PX)
        self._image: Any = pg.ImageItem(np.arange(1, COLOURS + 1, dtype=np.uint8)[:, None], axisOrder="row-major", levels=None)
        self._image.setCacheMode(QtWidgets.QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self.axis.setCacheMode(QtWidgets.QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self.plot.addItem(self._image)

    def show_levels(self, low: float, high: float, log: bool, label: str) -> None:
        """Say what the colours stand for."""
        self.axis.decades(log)
        self._image.setRect(0.0, low, 1.0, high - low)
        self.plot.setRange(xRange=(0.0, 1.0), yRange=(low, high), padding=0.0)
        self.axis.say(label)

    def recolour(self, colours: np.ndarray) -> None:
        """Take a colour table."""
        self._image.setLookupTable(colours)
        self._image.setLevels((0, COLOURS))
