"""Pens, legends and labels that all plots share. Data are lines one pixel wide and not smoothed: anything else costs too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyqtgraph as pg
from qtpy import QtCore, QtGui

from labctl.gui.theme import CAPTION_PX, Theme

MOST_LINES = 6              # of a legend; longer ones have two columns


def line(colour: str, width: int = 1) -> QtGui.QPen:
    """Give a plain line."""
    return pg.mkPen(colour, width=width)


def dashed(colour: str) -> QtGui.QPen:
    """Give the line of a limit or of something kept for comparison."""
    return pg.mkPen(colour, width=1, style=QtCore.Qt.PenStyle.DashLine)


def dotted(colour: str) -> QtGui.QPen:
    """Give the line of what was not measured: a rehearsal."""
    return pg.mkPen(colour, width=1, style=QtCore.Qt.PenStyle.DotLine)


def faint(colour: str, alpha: int) -> QtGui.QBrush:
    """Give a filling through which one sees."""
    made = pg.mkColor(colour)
    made.setAlpha(alpha)
    return pg.mkBrush(made)


def legend(parent: Any) -> pg.LegendItem:
    """Make an empty legend in a view box; `Texts` finds a place for it."""
    made = pg.LegendItem(offset=(-12, 8), labelTextSize=f"{CAPTION_PX}px", verSpacing=-4)
    made.setParentItem(parent)
    made.hide()
    return made


def legend_size(made: pg.LegendItem) -> tuple[float, float]:
    """Give width and height of a legend in pixels, as its texts need them."""
    grid: Any = made.layout
    grid.activate()
    wanted = grid.effectiveSizeHint(QtCore.Qt.SizeHint.PreferredSize)
    made.resize(wanted)
    return float(wanted.width()), float(wanted.height())


def restyle_legend(made: pg.LegendItem, theme: Theme, entries: Mapping[str, Any]) -> None:
    """Fill a legend anew, unless it says so already."""
    told = (theme.name, tuple(entries))
    if getattr(made, "told", None) == told:
        return
    made.told = told        # type: ignore[attr-defined]
    made.clear()
    made.setLabelTextColor(theme.text)
    made.setBrush(faint(theme.plot, 190))
    made.setColumnCount(1 if len(entries) <= MOST_LINES else 2)
    for name, item in entries.items():
        made.addItem(item, name)
