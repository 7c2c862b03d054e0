"""An image of rows that come one by one: a new row is coloured and drawn alone, not the whole image with it."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from qtpy import QtCore, QtGui, QtWidgets

Place = tuple[float, float, float, float]       # left, bottom, width, height, as they stand on the axes


class RasterImage(pg.GraphicsObject):
    """Colours by index, first row below. The pixels are kept as the screen wants them, so that drawing is copying."""

    def __init__(self, opacity: float = 1.0):
        super().__init__()
        self.setOpacity(opacity)
        self.index: np.ndarray | None = None
        self._colours = np.zeros(256, dtype=np.uint32)
        self._format = QtGui.QImage.Format.Format_RGB32
        self._place: Place = (0.0, 0.0, 1.0, 1.0)
        self._pixels = np.empty((0, 0), dtype=np.uint32)
        self._image = QtGui.QImage()

    def set_table(self, colours: np.ndarray) -> None:
        """Take 256 colours, (256, 3), or (256, 4) where some are transparent (all of it or not at all)."""
        made = np.asarray(colours, dtype=np.uint32)
        seen = made[:, 3] > 0 if made.shape[1] == 4 else np.ones(len(made), dtype=bool)
        packed = 0xFF000000 | made[:, 0] << 16 | made[:, 1] << 8 | made[:, 2]
        self._colours = np.where(seen, packed, 0).astype(np.uint32)
        form = QtGui.QImage.Format
        self._format = form.Format_RGB32 if seen.all() else form.Format_ARGB32_Premultiplied
        if self.index is not None:
            self.show_index(self.index, self._place)

    def show_index(self, index: np.ndarray, place: Place) -> None:
        """Show an image: places in the table (rows, columns, uint8)."""
        self.index = index
        if place != self._place:
            self.prepareGeometryChange()
            self._place = place
        self._pixels = self._colours[index]
        self._image = pg.functions.ndarray_to_qimage(self._pixels, self._format)
        self.update()

    def put(self, rows: slice, index: np.ndarray) -> None:
        """Show one line of places in the table (columns,) in rows of the image."""
        assert self.index is not None       # noqa: S101  there is an image
        self.index[rows] = index
        self._pixels[rows] = self._colours[index]
        left, bottom, width, height = self._place
        step = height / len(self.index)
        self.update(QtCore.QRectF(left, bottom + (rows.start - 1) * step, width, (rows.stop - rows.start + 2) * step))

    def clear(self) -> None:
        """Show nothing."""
        self.index = None
        self.update()

    def boundingRect(self) -> QtCore.QRectF:
        """Give where the image lies."""
        return QtCore.QRectF(*self._place)

    def paint(self, painter: QtGui.QPainter, option: QtWidgets.QStyleOptionGraphicsItem | None,
              widget: QtWidgets.QWidget | None = None) -> None:
        """Draw the image; Qt asks for no more of it than has changed."""
        if self.index is not None:
            painter.drawImage(self.boundingRect(), self._image)

