"""What every view with colours shares: an image on a raster, a colour bar beside it, one place that the mouse reads off."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.core.plots import Plot
from labctl.gui.model.raster import indexed, levels
from labctl.gui.theme import DARK, Theme
from labctl.gui.views.plots.base import PlotView
from labctl.gui.views.plots.colours import BAR_PX, ColourBar, ColourChoice, opaque, over
from labctl.gui.views.plots.map_cuts import without_axis
from labctl.gui.views.plots.marks import line
from labctl.gui.views.plots.raster_image import RasterImage

LABEL_PX, BOTTOM_PX = 72, 38


class PictureView(PlotView):
    """An image with linear or logarithmic colours and a cross to read off at; subclasses say what it is an image of."""

    def __init__(self, spec: Plot, theme: Theme = DARK):
        super().__init__(spec, theme)
        self.log, self.auto = False, True
        self.main = self.plot(0, 0)
        self.main.showGrid(x=False, y=False)
        self.image = RasterImage()
        self.main.addItem(self.image)
        self.bar = ColourBar(self.canvas, 0, 1, theme)
        self.bar.plot.setFixedWidth(BAR_PX + LABEL_PX)
        self._axes.append(self.bar.axis)
        without_axis(self.bar.plot, "bottom")           # as high as that of the image, so that the two end together
        for plot in (self.main, self.bar.plot):
            plot.getAxis("bottom").setHeight(BOTTOM_PX)
        self.cross: tuple[Any, Any] = (pg.InfiniteLine(angle=90, movable=True), pg.InfiniteLine(angle=0, movable=True))
        for part in self.cross:
            self.main.addItem(part, ignoreBounds=True)
            part.sigPositionChanged.connect(lambda: self.read())
        self._low, self._high = 0.0, 1.0
        self.key("L", self.tools.toggle("Log", False, functools.partial(self._set, "log"), "Logarithmic colours"))
        self.key("A", self.tools.toggle("Auto", True, functools.partial(self._set, "auto"), "Let the colours follow the data"))
        self._choice = ColourChoice(self.tools, lambda: self.colours(self.theme))
        self.add_copy()

    def picture(self, z: np.ndarray, place: tuple[float, float, float, float], label: str) -> None:
        """Draw z (rows, columns), first row below, at left, bottom, width, height; NaN is what was not measured."""
        if self.auto:
            self._low, self._high = levels(z, self.log)
        self.image.show_index(indexed(z, self._low, self._high, self.log), place)
        self.bar.show_levels(self._low, self._high, self.log, label)

    def read(self) -> None:
        """Write below what stands at the cross."""

    def redraw(self) -> None:
        """Draw again, after a switch."""

    def _set(self, name: str, on: bool) -> None:
        setattr(self, name, on)
        self.redraw()

    def colours(self, theme: Theme) -> None:
        """Colour what is drawn."""
        made = self._choice.table(theme)
        self.image.set_table(opaque(made, theme.plot))
        self.bar.recolour(made)
        for part in self.cross:
            part.setPen(line(over(theme)))
