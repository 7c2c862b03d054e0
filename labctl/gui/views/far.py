"""The far view: what one wants to know from two metres away, over the whole window but the header."""

from __future__ import annotations

import numpy as np
from qtpy import QtCore, QtGui, QtWidgets

from labctl.core.plan import Reading
from labctl.gui.model.session import Session
from labctl.gui.presenter.run import RunPresenter
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.parts import Bar, label
from labctl.gui.views.style import font

HUGE_PX, LARGE_PX = 96, 44


class FarView(QtWidgets.QFrame):
    """State, light, brightest pixel, progress and time left, in letters that can be read across the laboratory."""

    def __init__(self, session: Session, presenter: RunPresenter, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.presenter, self.theme = presenter, theme
        self._brightest = ""
        self._state, self._value, self._beam, self._left = label(), label(), label(), label()
        for widget, px in ((self._state, HUGE_PX), (self._value, HUGE_PX), (self._beam, LARGE_PX), (self._left, LARGE_PX)):
            widget.setFont(font(px, bold=True))
            widget.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._bar = Bar(theme, 24)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(8 * GRID, 4 * GRID, 8 * GRID, 4 * GRID)
        for widget in (self._state, self._beam, self._value, self._left, self._bar):
            column.addWidget(widget, 0 if widget is self._bar else 1)
        session.point.connect(self._point)
        self.hide()

    def _point(self, reading: Reading) -> None:
        arrays = [array for array in reading.arrays.values() if array.size]
        self._brightest = f"{float(np.nanmax(arrays[0])):,.0f} counts".replace(",", "\u202f") if arrays else ""

    def refresh(self) -> None:
        """Show the present state."""
        if not self.isVisible():
            return
        told, (beam, lit) = self.presenter.state, self.presenter.beam()
        for widget, state, role in ((self._state, told, told.role), (self._beam, beam, "emission" if lit else "off")):
            widget.setText(f"{state.glyph} {state.word}")
            size = HUGE_PX if widget is self._state else LARGE_PX
            widget.setStyleSheet(f"color: {self.theme.colour(role)}; font-size: {size}px; font-weight: 700;")
        for widget, text, size in ((self._value, self._brightest, HUGE_PX), (self._left, self.presenter.time_left, LARGE_PX)):
            widget.setText(text)
            widget.setStyleSheet(f"font-size: {size}px; font-weight: 700;")
        self._bar.show_share(self.presenter.share)

    def toggle(self) -> None:
        """Show or hide it."""
        if self.parentWidget() is not None:
            self.setGeometry(self.parentWidget().rect())
        self.setVisible(not self.isVisible())
        self.raise_()
        self.refresh()

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        self._bar.restyle(theme)
        self.setStyleSheet(f"FarView {{ background: {theme.background}; }}")

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        """A click brings the window back."""
        self.hide()
