"""Pens, legends and labels that all plots share. Data are lines one pixel wide and not smoothed: anything else costs too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
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


def small_font() -> QtGui.QFont:
    """Give the font of labels in a plot."""
    font = QtGui.QFont()
    font.setPixelSize(CAPTION_PX)
    return font


class CornerLabel(pg.TextItem):
    """A text at the upper edge of a plot that does not move with the data."""

    def setText(self, text: str, color: Any = None) -> None:
        """Write, and stay in the middle of the upper edge."""
        super().setText(text, color)
        parent = self.parentItem()
        if parent is not None:
            self.setPos(parent.boundingRect().center().x(), 4)


def text_label(anchor: tuple[float, float] = (0.5, 0.0)) -> CornerLabel:
    """Make a label for the upper edge of a plot."""
    made = CornerLabel("", anchor=anchor)
    made.setFont(small_font())
    return made


def corner(x: np.ndarray, y: np.ndarray, ranges: Any) -> tuple[int, int]:
    """Give the offset of a legend into the corner with the fewest points; the upper right one if it is as empty as any."""
    (left, right), (low, high) = ranges
    across, up = (x - left) / ((right - left) or 1.0), (y - low) / ((high - low) or 1.0)
    crowds = {(-12, 8): (across > 0.5) & (up > 0.55), (72, 8): (across < 0.5) & (up > 0.55),
              (-12, -48): (across > 0.5) & (up < 0.45), (72, -48): (across < 0.5) & (up < 0.45)}
    return min(crowds, key=lambda offset: int(np.count_nonzero(crowds[offset])))


def legend(plot: pg.PlotItem) -> pg.LegendItem:
    """Make an empty legend in the upper right corner of a plot."""
    made = pg.LegendItem(offset=(-12, 8), labelTextSize=f"{CAPTION_PX}px", verSpacing=-4)
    made.setParentItem(plot.vb)
    return made


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
