"""What every plot of the window can do, and which view draws which declaration.

The window calls `set_run` when a run begins or a finished one is opened, `point` for every reading in turn, and `frame` for
arrays that belong to no point (live light, at most 30 a second). Views never touch an instrument, a file or a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qtpy import QtWidgets

from labctl.core.plan import Reading
from labctl.core.plots import Plot
from labctl.core.reduction import Reduction
from labctl.gui.theme import DARK, Theme


class PlotView(QtWidgets.QWidget):
    """One plot of a run; subclasses draw one kind of declaration."""

    def __init__(self, spec: Plot, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.spec, self.theme = spec, theme
        self.setAccessibleName(spec.title)

    def set_run(self, header: Mapping[str, Any]) -> None:
        """Begin anew for a run: `header` as in its file (parameters, plots, scan_axes, channels with coordinates, ...)."""

    def point(self, reading: Reading) -> None:
        """Add a point of the run."""

    def frame(self, name: str, array: np.ndarray) -> None:
        """Show an array of channel `name` that belongs to no point."""

    def reduced(self, reduction: Reduction) -> None:
        """Show what the analysis made of the whole run."""

    def refresh(self) -> None:
        """Draw what has come since the last call; the window calls this at most 30 times a second while the view is visible."""

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme


class PlainView(PlotView):
    """Stands for a kind that nobody can draw: says so instead of failing."""

    def __init__(self, spec: Plot, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(spec, theme, parent)
        layout = QtWidgets.QVBoxLayout(self)
        layout.addWidget(QtWidgets.QLabel(f"{spec.title}: there is no view for {type(spec).__name__}."))


VIEWS: dict[type[Plot], Callable[[Plot, Theme], PlotView]] = {}


def build(spec: Plot, theme: Theme = DARK) -> PlotView:
    """Make the view of a declaration; an unknown kind gets a plain one, never an error."""
    return VIEWS.get(type(spec), PlainView)(spec, theme)
