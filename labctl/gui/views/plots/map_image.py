"""The image of a map: its rows in colours that follow the data, and faintly what a rehearsal promises."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy import QtCore

from labctl.gui.model.raster import Raster, indexed, levels
from labctl.gui.theme import Theme
from labctl.gui.views.plots.colours import ColourBar, ColourChoice, opaque
from labctl.gui.views.plots.raster_image import RasterImage

RELEVEL_MS = 500            # colours follow the data so often, not with every row
GHOST = 0.35                # opacity of what a rehearsal promises


class MapImage:
    """The rows of a raster as colours. New rows are drawn alone, until it is time to fit the colours to the data again."""

    def __init__(self, plot: Any, bar: ColourBar, choice: ColourChoice):
        self.ghost, self.image = RasterImage(GHOST), RasterImage()
        for item in (self.ghost, self.image):
            plot.addItem(item)
        self._bar, self._choice = bar, choice
        self.log, self.auto = False, True
        self.promised: Raster | None = None
        self._leveled = QtCore.QElapsedTimer()
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self._low, self._high = 0.0, 1.0
        self.promised = None
        self.ghost.clear()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget the rows: they are laid out in another way."""
        self.index = np.zeros((1, 1), dtype=np.uint8)
        self._leveled.invalidate()
        self.image.clear()

    @property
    def due(self) -> bool:
        """Whether the colours have to be fitted to the data."""
        return not self._leveled.isValid() or self._leveled.hasExpired(RELEVEL_MS)

    def level(self, raster: Raster, plain: list[int], label: str) -> None:
        """Fit the colours to rows without foreign light, draw every row, and say what the colours mean."""
        self._leveled.start()
        if self.auto:
            self._low, self._high = levels(raster.z[plain], self.log)
        self.index = indexed(raster.z, self._low, self._high, self.log)
        self._bar.show_levels(self._low, self._high, self.log, label)
        _show(self.image, raster, self.index)

    def put(self, raster: Raster, lines: list[int]) -> None:
        """Draw the rows that have come, and no other."""
        for each in lines:
            self.index[each] = indexed(raster.z[each], self._low, self._high, self.log)
            self.image.put(raster.grid.lines_of(each), self.index[each])

    def promise(self, promised: Raster | None, theme: Theme) -> None:
        """Show faintly what a rehearsal promises where nothing was measured; None shows nothing."""
        self.promised = promised
        self.restyle(theme)
        if promised is None:
            self.ghost.clear()
        else:
            _show(self.ghost, promised, indexed(promised.z, *levels(promised.z, self.log), self.log))

    def restyle(self, theme: Theme) -> None:
        """Take the colours of a theme; the ghost shines through only where there is one, for it costs time."""
        colours = self._choice.table(theme)
        self.image.set_table(opaque(colours, theme.plot) if self.promised is None else colours)
        self.ghost.set_table(colours)
        self._bar.recolour(colours)


def _show(item: RasterImage, raster: Raster, index: np.ndarray) -> None:
    """Show places in the colour table, one line for every row, where the raster lies."""
    grid = raster.grid
    item.show_index(index if grid.even else index[grid.owner],
                    (float(raster.x[0] - raster.step / 2), grid.low, raster.step * len(raster.x), grid.high - grid.low))
