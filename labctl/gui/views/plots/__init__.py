"""One view per kind of plot; `build` makes the one that a declaration asks for."""

from labctl.gui.views.plots.base import VIEWS, PlotView, build

__all__ = ["VIEWS", "PlotView", "build"]
