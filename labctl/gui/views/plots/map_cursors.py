"""The two cursors of a map: at which column and along which row somebody looks, and what stands there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.gui.model.map_rows import MapRows
from labctl.gui.model.raster import Raster
from labctl.gui.model.scales import Scale
from labctl.gui.theme import Theme
from labctl.gui.views.plots.axes import number, place
from labctl.gui.views.plots.colours import over
from labctl.gui.views.plots.marks import dashed, line
from labctl.gui.views.plots.rows import Value
from labctl.gui.views.plots.texts import small_font


class MapCursors:
    """An upright cursor and a level one, which says on which row it stands; hidden at first."""

    def __init__(self, plot: Any):
        self.across: Any = pg.InfiniteLine(angle=90, movable=True)
        self.along: Any = pg.InfiniteLine(angle=0, movable=True, label="",
                                          labelOpts={"position": 0.01, "anchors": [(0, 1), (0, 0)]})
        self.along.label.setFont(small_font())
        for cursor in (self.across, self.along):
            plot.addItem(cursor, ignoreBounds=True)
        self.show(False)

    def show(self, on: bool) -> None:
        """Show both, or none."""
        for cursor in (self.across, self.along):
            cursor.setVisible(on)

    def column(self, raster: Raster) -> int:
        """Give the column that is looked at."""
        return raster.column(float(self.across.value()))

    def line(self, raster: Raster) -> int:
        """Give the line that is looked at."""
        return raster.grid.nearest(float(self.along.value()))

    def to_line(self, raster: Raster, chosen: int, *, labelled: bool) -> None:
        """Stand on a line; a label afterwards would hide data, and what it says is told below."""
        self.along.setValue(float(raster.grid.position(raster.grid.values[chosen])))
        self.along.label.setVisible(labelled)

    def tell(self, rows: MapRows, raster: Raster, chosen: int) -> None:
        """Write at the cursor which row it stands on."""
        if self.along.label.isVisible():
            value = rows.words(chosen, place(float(raster.grid.values[chosen])))
            row = f"row {rows.row_of.get(chosen, chosen) + 1}" + (f" of {rows.planned}" if rows.planned else "")
            self.along.label.setFormat(f"{value} · {row}")

    def restyle(self, theme: Theme) -> None:
        """Take colours that are seen over those of the map."""
        self.across.setPen(dashed(over(theme)))
        self.along.setPen(line(over(theme)))
        self.along.label.setColor(over(theme))
        self.along.label.fill = pg.mkBrush(0, 0, 0, 110)


def values_at(rows: MapRows, raster: Raster, scale: Scale, column: int, chosen: int) -> tuple[Value, ...]:
    """Give what stands below a map: place and value at the cursors, and of how many rows how many are saturated."""
    unit = f" {scale.unit}" if rows.in_nm else ""
    value = float(raster.z[chosen, column])
    flagged = sum(1 for flags in rows.measured.flags if "saturated" in flags)
    total = f" of {rows.planned}" if rows.planned else ""
    where = f"{place(float(raster.x[column]))}{unit} · {rows.words(chosen, place(float(raster.grid.values[chosen])))}"
    return (("Cursor", where, ""), ("Value", number(value) if np.isfinite(value) else "not measured", ""),
            ("Rows", f"{rows.seen}{total}", ""),
            ("Saturated rows", f"{'▲ ' if flagged else ''}{flagged}", "warning" if flagged else "ok"))
