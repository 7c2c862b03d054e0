"""The cursor and the region of a spectrum: where somebody reads off, and over what is summed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.analysis.read_off import read_off
from labctl.gui.model.scales import SCALES, Scale
from labctl.gui.theme import Theme
from labctl.gui.views.plots.axes import number
from labctl.gui.views.plots.marks import dashed, faint, line
from labctl.gui.views.plots.texts import Label

SHADE = 28                  # of 255: opacity of the region
Shown = tuple[np.ndarray, np.ndarray]


class Pointers:
    """A vertical cursor with what stands there, and a region with two edges; both hidden at first."""

    def __init__(self, plot: Any, cursor_moved: Callable[[], None], region_moved: Callable[[], None]):
        self.cursor: Any = pg.InfiniteLine(angle=90, movable=True)
        self.region: Any = pg.LinearRegionItem(movable=True)
        self.told = Label(plot)
        self._box = plot.vb
        for item in (self.cursor, self.region):
            plot.addItem(item, ignoreBounds=True)
            item.hide()
        self.told.hide()
        self.cursor.sigPositionChanged.connect(lambda: cursor_moved())
        self.region.sigRegionChanged.connect(lambda: region_moved())

    def show_region(self, on: bool, shown: Shown | None) -> None:
        """Show the region over the middle fifth of what is seen."""
        if on and shown is not None:
            low, high = self._box.viewRange()[0]
            self.region.setRegion((low + 0.4 * (high - low), low + 0.6 * (high - low)))
        self.region.setVisible(on)

    def show_cursor(self, on: bool, shown: Shown | None) -> None:
        """Show the cursor, at first where the peak is."""
        if on and shown is not None:
            top = read_off(*shown).peak
            self.cursor.setValue(top if np.isfinite(top) else float(np.mean(self._box.viewRange()[0])))
        for item in (self.cursor, self.told):
            item.setVisible(on)

    def convert(self, convert: Callable[[float], float]) -> None:
        """Stand at the same places of another scale."""
        self.cursor.setValue(convert(float(self.cursor.value())))
        self.region.setRegion(sorted(convert(float(end)) for end in self.region.getRegion()))

    def tell(self, x: np.ndarray, y: np.ndarray, scale: Scale | None, what: str) -> float | None:
        """Write what stands at the cursor, on every scale; gives its vacuum wavelength in nm, None where there is no scale."""
        place = float(self.cursor.value())
        value = f"{number(float(y[int(np.argmin(np.abs(x - place)))]))} counts"
        if scale is None:
            self.told.setText(f"{what} {place:.6g} · {value}")
            return None
        nm = float(scale.to_nm(np.array(place)))
        elsewhere = (f"{number(float(each.from_nm(np.array(nm))), 5)} {each.unit}" for each in SCALES[1:])
        self.told.setText(" · ".join((f"{nm:.2f} nm", *elsewhere, value)))
        return nm

    def restyle(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        self.cursor.setPen(line(theme.text))
        self.cursor.setHoverPen(line(theme.accent))
        self.region.setBrush(faint(theme.accent, SHADE))
        for edge in self.region.lines:
            edge.setPen(dashed(theme.accent))
        self.told.setColor(theme.text)
        self.told.fill = pg.mkBrush(theme.panel)
