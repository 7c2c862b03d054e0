"""Small parts that several views are built from: badges, bars, titles, and the button that wants to be held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy import QtCore, QtGui, QtWidgets

from labctl.gui.theme import DARK, GRID, RADIUS, State, Theme
from labctl.gui.views.style import font

HOLD_MS = 800            # a dangerous step wants the button held so long
STEP_MS = 25


def label(text: str = "", name: str = "", *, wrap: bool = False) -> QtWidgets.QLabel:
    """Make a plain text; `name` picks its style."""
    made = QtWidgets.QLabel(text)
    made.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if name:
        made.setObjectName(name)
    return made


def button(text: str, pressed: Callable[[], Any], name: str = "", tip: str = "") -> QtWidgets.QPushButton:
    """Make a button with a name for those who cannot see it."""
    made = QtWidgets.QPushButton(text)
    made.setAccessibleName(text)
    made.setToolTip(tip)
    made.setAutoDefault(False)
    if name:
        made.setObjectName(name)
    made.clicked.connect(lambda: pressed())
    return made


def panel(name: str = "panel") -> tuple[QtWidgets.QFrame, QtWidgets.QVBoxLayout]:
    """Make a framed panel and its column."""
    frame = QtWidgets.QFrame()
    frame.setObjectName(name)
    column = QtWidgets.QVBoxLayout(frame)
    column.setContentsMargins(GRID + 2, GRID, GRID + 2, GRID)
    column.setSpacing(GRID)
    return frame, column


class Choice(QtWidgets.QComboBox):
    """A choice of words with an arrow in the theme's colours; the wheel changes it only while it has the focus."""

    def __init__(self, name: str = "", parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        if name:
            self.setObjectName(name)

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        """Let the form scroll unless somebody is choosing."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the arrow, which a style sheet cannot."""
        super().paintEvent(event)
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(QtGui.QPen(self.palette().color(QtGui.QPalette.ColorRole.PlaceholderText), 1.5))
        x, y = self.width() - 13.0, self.height() / 2 + 2
        painter.drawPolyline(QtGui.QPolygonF([QtCore.QPointF(x - 4, y - 4), QtCore.QPointF(x, y), QtCore.QPointF(x + 4, y - 4)]))


class Elided(QtWidgets.QLabel):
    """A text that ends in "…" where there is no room, and says the whole in its tool tip."""

    def __init__(self, name: str = "", parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self._whole = ""
        self.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.setMinimumWidth(24)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        if name:
            self.setObjectName(name)

    def say(self, text: str) -> None:
        """Show a text."""
        if text != self._whole:
            self._whole = text
            self.setAccessibleName(text)
            self._fit()

    @property
    def whole(self) -> str:
        """The text as it was given."""
        return self._whole

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Cut anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        cut = self.fontMetrics().elidedText(self._whole, QtCore.Qt.TextElideMode.ElideRight, max(self.width(), 24))
        super().setText(cut)
        self.setToolTip(self._whole if cut != self._whole else "")


class Badge(QtWidgets.QWidget):
    """A state in a rounded frame: glyph, word and colour; filled while it demands attention, hatched where it says "not real"."""

    def __init__(self, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.theme = theme
        self._text, self._role, self._filled, self._hatched = "", "off", False, False
        self.setFont(font(bold=True))
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Minimum, QtWidgets.QSizePolicy.Policy.Fixed)

    def show_state(self, state: State, *, filled: bool = False, hatched: bool = False) -> None:
        """Show a state."""
        text = f"{state.glyph}  {state.word}".strip()
        if (text, state.role, filled, hatched) != (self._text, self._role, self._filled, self._hatched):
            self._text, self._role, self._filled, self._hatched = text, state.role, filled, hatched
            self.setAccessibleName(state.word)
            self.updateGeometry()
            self.update()

    @property
    def text(self) -> str:
        """What is written on it."""
        return self._text

    def sizeHint(self) -> QtCore.QSize:
        """As wide as the text."""
        return QtCore.QSize(self.fontMetrics().horizontalAdvance(self._text) + 3 * GRID, 26)

    minimumSizeHint = sizeHint

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw frame, filling, hatch and text."""
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        colour = QtGui.QColor(self.theme.colour(self._role))
        box = QtCore.QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QtGui.QPen(colour, 1))
        painter.setBrush(colour if self._filled else QtGui.QColor(self.theme.field))
        painter.drawRoundedRect(box, RADIUS, RADIUS)
        if self._hatched:
            veil = QtGui.QColor(colour)
            veil.setAlpha(90)
            painter.setBrush(QtGui.QBrush(veil, QtCore.Qt.BrushStyle.BDiagPattern))
            painter.drawRoundedRect(box, RADIUS, RADIUS)
        on = self.theme.on_emission if self._role == "emission" else self.theme.on_accent
        painter.setPen(QtGui.QColor(on if self._filled else self.theme.text if self._hatched else self.theme.colour(self._role)))
        painter.drawText(self.rect(), QtCore.Qt.AlignmentFlag.AlignCenter, self._text)


class Bar(QtWidgets.QWidget):
    """A share of a whole, with a tick at the limit; beyond it the bar is a warning."""

    def __init__(self, theme: Theme = DARK, height: int = 6, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.theme, self._share, self._limit = theme, 0.0, 0.0
        self.role = "accent"
        self.setFixedHeight(height + 4)

    def show_share(self, share: float, limit: float = 0.0) -> None:
        """Show a share, 0 to 1, and a tick at a limit, 0 for none."""
        if (share, limit) != (self._share, self._limit):
            self._share, self._limit = share, limit
            self.setAccessibleName(f"{share:.0%}")
            self.update()

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw it."""
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        box = QtCore.QRectF(0, 2, self.width(), self.height() - 4)
        painter.setBrush(QtGui.QColor(self.theme.field))
        painter.drawRoundedRect(box, 2, 2)
        over = self._limit and self._share > self._limit
        painter.setBrush(QtGui.QColor(self.theme.fault if over else self.theme.colour(self.role)))
        if self._share > 0:
            painter.drawRoundedRect(QtCore.QRectF(0, 2, max(self.width() * min(self._share, 1.0), 2.0), self.height() - 4), 2, 2)
        if self._limit:
            painter.setBrush(QtGui.QColor(self.theme.text))
            painter.drawRect(QtCore.QRectF(min(self.width() * self._limit, self.width() - 1.5), 0, 1.5, self.height()))


class HoldButton(QtWidgets.QPushButton):
    """A button for a dangerous step: it acts only when it has been held for 0.8 s, by the mouse or by the space bar."""

    confirmed = QtCore.Signal()

    def __init__(self, text: str = "", theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(text, parent)
        self.theme, self._held_ms = theme, 0
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._step)
        self.pressed.connect(self._timer.start)
        self.released.connect(self._let_go)
        self.setAutoDefault(False)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Say what will happen, with numbers."""
        if text != self.text():
            self.setText(text)
        self.setAccessibleName(f"{text} (hold)")
        self.setToolTip(f"{text}: hold for {HOLD_MS / 1000:.1f} s, with the mouse or the space bar")

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Let a held space bar be one press."""
        if not event.isAutoRepeat():
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QtGui.QKeyEvent) -> None:
        """As above."""
        if not event.isAutoRepeat():
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QtGui.QFocusEvent) -> None:
        """Looking away is letting go."""
        self._let_go()
        super().focusOutEvent(event)

    def _step(self) -> None:
        self._held_ms += STEP_MS
        if self._held_ms >= HOLD_MS:
            self._let_go()
            self.confirmed.emit()
        self.update()

    def _let_go(self) -> None:
        self._timer.stop()
        self._held_ms = 0
        self.update()

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the button, and from left to right how long it has been held."""
        super().paintEvent(event)
        if self._held_ms:
            painter = QtGui.QPainter(self)
            veil = QtGui.QColor(self.theme.warning)
            veil.setAlpha(110)
            painter.fillRect(QtCore.QRectF(1, 1, (self.width() - 2) * self._held_ms / HOLD_MS, self.height() - 2), veil)
