"""The beam path, drawn from the bench file's own: where light is now, in its colour; dashed where it is dark."""

from __future__ import annotations

import itertools

from qtpy import QtCore, QtGui, QtWidgets

from labctl.bench.panel import OFF, Path, path, position
from labctl.gui.model.session import Session
from labctl.gui.presenter.instrument import name_of
from labctl.gui.theme import CAPTION_PX, DARK, GRID, Theme
from labctl.gui.views.colour import of_wavelength
from labctl.gui.views.style import font

COLUMNS = 3
ROW_PX, TOP_PX, BOX_PX = 54, 30, 14


class BeamPathView(QtWidgets.QFrame):
    """The elements in rows that turn like the beam on the table."""

    def __init__(self, session: Session, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.session, self.theme = session, theme
        self.setObjectName("card")
        self._path = Path()
        self._seen: tuple[object, ...] = ()

    def make(self) -> None:
        """Take the path of the bench that is open."""
        self._path = path(self.session.bench) if self.session.bench is not None else Path()
        rows = -(-len(self._path.roles) // COLUMNS)
        self.setFixedHeight(rows * ROW_PX + TOP_PX // 2 + GRID if rows else 0)
        self.refresh()

    def refresh(self) -> None:
        """Look whether the light has changed."""
        seen = (self.lit(), self._pump_nm(), self._emission_nm())
        if seen != self._seen:
            self._seen = seen
            lit = [role for role, on in zip(self._path.roles, self.lit(), strict=True) if on]
            self.setAccessibleName(f"Beam path: light up to {name_of(lit[-1])}" if lit else "Beam path: dark")
            self.update()

    @property
    def words(self) -> str:
        """Say how far the light goes."""
        if self.session.watch is None:
            return ""
        return "no light at the sample" if self.session.watch.beam() == OFF else "light on sample"

    def lit(self) -> tuple[bool, ...]:
        """Tell for every element whether light leaves it; what nobody knows counts as lit."""
        watch, on, found = self.session.watch, False, []
        for role in self._path.roles:
            if watch is not None and role in watch.sources:
                on = watch.emission(role) != OFF
            if watch is not None and role == self._path.shutter and watch.beam() == OFF:
                on = False
            found.append(on)
        return tuple(found)

    def _pump_nm(self) -> float | None:
        return position(self.session.bench, "pump.wavelength") if self.session.bench is not None else None

    def _emission_nm(self) -> float | None:
        return position(self.session.bench, "emission.centre") if self.session.bench is not None else None

    def _colours(self) -> list[str]:
        """Give the colour of the light behind every element: white, then the pump's, then the emission's."""
        colour, found = self.theme.text, []
        for role in self._path.roles:
            pump, emission = self._pump_nm(), self._emission_nm()
            if role == self._path.tuned_at and pump:
                colour = of_wavelength(pump, self.theme)
            if role == self._path.sample and emission:
                colour = of_wavelength(emission, self.theme)
            found.append(colour)
        return found

    def _places(self) -> list[QtCore.QPointF]:
        """Give the middle of every element: rows that run to and fro."""
        width = (self.width() - 2 * GRID) / COLUMNS
        found = []
        for number in range(len(self._path.roles)):
            row, column = divmod(number, COLUMNS)
            column = column if row % 2 == 0 else COLUMNS - 1 - column
            found.append(QtCore.QPointF(GRID + width * (column + 0.5), TOP_PX + ROW_PX * row))
        return found

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw segments, then elements over them."""
        super().paintEvent(event)
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setFont(font(CAPTION_PX - 1))
        places, lit, colours = self._places(), self.lit(), self._colours()
        for number, (start, stop) in enumerate(itertools.pairwise(places)):
            pen = QtGui.QPen(QtGui.QColor(colours[number] if lit[number] else self.theme.off), 2.2 if lit[number] else 1)
            if not lit[number]:
                pen.setStyle(QtCore.Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.drawLine(start, stop)
        self._label_light(painter, places)
        for number, (role, place) in enumerate(zip(self._path.roles, places, strict=True)):
            self._element(painter, role, place, QtGui.QColor(colours[number] if lit[number] else self.theme.muted))

    def _label_light(self, painter: QtGui.QPainter, places: list[QtCore.QPointF]) -> None:
        """Write the wavelength where its colour begins."""
        painter.setPen(QtGui.QColor(self.theme.text))
        for role, nm in ((self._path.tuned_at, self._pump_nm()), (self._path.sample, self._emission_nm())):
            if nm and role in self._path.roles:
                place = places[self._path.roles.index(role)]
                box = QtCore.QRectF(place.x() - 40, place.y() - BOX_PX / 2 - 15, 80, 13)
                painter.drawText(box, QtCore.Qt.AlignmentFlag.AlignCenter, f"{nm:.1f} nm")

    def _element(self, painter: QtGui.QPainter, role: str, place: QtCore.QPointF, colour: QtGui.QColor) -> None:
        painter.setPen(QtGui.QPen(colour, 1.6))
        painter.setBrush(QtGui.QColor(self.theme.card))
        box = QtCore.QRectF(place.x() - BOX_PX / 2, place.y() - BOX_PX / 2, BOX_PX, BOX_PX)
        if role == self._path.sample:
            painter.drawEllipse(box)
            painter.setBrush(colour)
            painter.drawEllipse(place, 2.5, 2.5)
        else:
            painter.drawRoundedRect(box, 3, 3)
        words = name_of(role)
        half = painter.fontMetrics().horizontalAdvance(words) / 2 + 2
        text = QtCore.QRectF(place.x() - half, place.y() + BOX_PX / 2 + 3, 2 * half, 13)
        painter.fillRect(text, QtGui.QColor(self.theme.card))        # a segment may run behind the word
        painter.setPen(QtGui.QColor(self.theme.muted))
        painter.drawText(text, QtCore.Qt.AlignmentFlag.AlignCenter, words)

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        self.update()
