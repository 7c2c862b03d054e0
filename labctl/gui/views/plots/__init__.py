"""One view per kind of plot; `build` makes the one that a declaration asks for."""

from labctl.gui.views.plots import curve, heat_map, histogram, image, map, polar, spectrum, trace  # noqa: F401  each enters VIEWS
from labctl.gui.views.plots.base import VIEWS, PlotView, build

__all__ = ["VIEWS", "PlotView", "build"]
