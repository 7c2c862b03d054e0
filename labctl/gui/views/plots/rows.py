"""The two rows of every plot: what can be switched above it, what can be read off below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy import QtCore, QtGui, QtWidgets

from labctl.gui.theme import CAPTION_PX, GRID, RADIUS, TEXT_PX, Theme

Value = tuple[str, str, str]        # caption, value, role of the theme's colour or ""
READ_MS = 200               # between two writings of the values: writing costs more than drawing


class ToolRow(QtWidgets.QWidget):
    """Toggles, choices and buttons in one row; every one is reached by the keyboard and has a name for those who cannot see it."""

    def __init__(self, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("tools")
        self._row = QtWidgets.QHBoxLayout(self)
        self._row.setContentsMargins(GRID, GRID // 2, GRID, 0)
        self._row.setSpacing(2)
        self._left = 0

    def toggle(self, text: str, on: bool, changed: Callable[[bool], None], tip: str = "", *,
               right: bool = False) -> QtWidgets.QToolButton:
        """Add something that is on or off."""
        made = self._add(text, tip, right=right)
        made.setCheckable(True)
        made.setChecked(on)
        made.toggled.connect(changed)
        return made

    def button(self, text: str, pressed: Callable[[], None], tip: str = "", *, right: bool = False) -> QtWidgets.QToolButton:
        """Add something to do."""
        made = self._add(text, tip, right=right)
        made.clicked.connect(lambda: pressed())
        return made

    def choice(self, texts: Sequence[str], chosen: int, changed: Callable[[int], None], tip: str = "") -> QtWidgets.QButtonGroup:
        """Add several of which one is on."""
        group = QtWidgets.QButtonGroup(self)
        for number, text in enumerate(texts):
            made = self._add(text, tip, right=False)
            made.setCheckable(True)
            made.setChecked(number == chosen)
            group.addButton(made, number)
        group.setExclusive(True)
        group.idToggled.connect(lambda number, on: changed(number) if on else None)
        return group

    def gap(self) -> None:
        """Set what follows apart."""
        line = QtWidgets.QFrame()
        line.setObjectName("gap")
        line.setFixedSize(1, 2 * GRID)
        self._place(line, right=False)

    def stretch(self) -> None:
        """Put the rest at the right edge."""
        self._row.addStretch(1)

    def _add(self, text: str, tip: str, *, right: bool) -> QtWidgets.QToolButton:
        made = QtWidgets.QToolButton()
        made.setText(text)
        made.setToolTip(tip or text)
        made.setAccessibleName(tip or text)
        made.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        self._place(made, right=right)
        return made

    def _place(self, widget: QtWidgets.QWidget, *, right: bool) -> None:
        if right:
            self._row.addWidget(widget)
        else:
            self._row.insertWidget(self._left, widget)
            self._left += 1

    def restyle(self, theme: Theme) -> None:
        """Take a theme."""
        self.setStyleSheet(
            f"QToolButton {{ color: {theme.muted}; background: transparent; border: 1px solid transparent;"
            f" border-radius: {RADIUS}px; padding: 3px 8px; font-size: {TEXT_PX}px; }}"
            f"QToolButton:hover {{ border-color: {theme.border}; color: {theme.text}; }}"
            f"QToolButton:focus {{ border-color: {theme.accent}; }}"
            f"QToolButton:checked {{ background: {theme.selected}; color: {theme.text}; }}"
            f"QToolButton:disabled {{ color: {theme.off}; background: transparent; }}"
            f"#gap {{ background: {theme.border}; }}")


class ReadoutRow(QtWidgets.QWidget):
    """Captions and values below a plot; a state colours a value and puts its glyph before it."""

    def __init__(self, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self._row = QtWidgets.QHBoxLayout(self)
        self._row.setContentsMargins(GRID, 0, GRID, GRID // 2)
        self._row.setSpacing(2 * GRID)
        self._labels: list[QtWidgets.QLabel] = []
        self._shown: tuple[Value, ...] = ()
        self._written = QtCore.QElapsedTimer()
        self._later = QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(READ_MS)
        self._later.timeout.connect(self._flush)
        self._offered: Callable[[], Sequence[Value]] | None = None
        self._theme: Theme | None = None
        self._row.addStretch(1)
        self.setFixedHeight(3 * GRID)
        self.setSizePolicy(QtWidgets.QSizePolicy.Ignored, QtWidgets.QSizePolicy.Fixed)

    @property
    def shown(self) -> dict[str, str]:
        """The values by their captions."""
        self._take()
        return {caption: value for caption, value, _ in self._shown}

    def offer(self, make: Callable[[], Sequence[Value]]) -> None:
        """Show what `make` gives, which is asked only when it is time to write."""
        self._offered = make
        if self._due:
            self._flush()
        elif not self._later.isActive():
            self._later.start()

    @property
    def _due(self) -> bool:
        return not self._written.isValid() or self._written.hasExpired(READ_MS)

    def _take(self) -> None:
        make, self._offered = self._offered, None
        if make is not None:
            self._shown = tuple(make())

    def _flush(self) -> None:
        self._take()
        self._write_all()

    def show_values(self, *values: Value) -> None:
        """Show (caption, value, role of the theme's colour or ""), in this order; nobody reads more than a few a second."""
        self._offered = None
        if values == self._shown:
            return
        self._shown = values
        if self._due:
            self._write_all()
        elif not self._later.isActive():
            self._later.start()

    def _write_all(self) -> None:
        self._written.start()
        values = self._shown
        while len(self._labels) < len(values):
            label = QtWidgets.QLabel()
            label.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
            self._labels.append(label)
            self._row.insertWidget(len(self._labels) - 1, label)
        for number, label in enumerate(self._labels):
            if number < len(values):
                self._write(label, *values[number])
        self.setToolTip("\n".join(f"{caption}: {value}" if caption else value for caption, value, _ in values))
        self._fit()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Show as many as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Hide the last values where they would be cut; the tip has them all."""
        left = self.width() - 2 * GRID
        for number, label in enumerate(self._labels):
            left -= label.sizeHint().width() + (2 * GRID if number else 0)
            label.setVisible(number < len(self._shown) and (left >= 0 or number == 0))

    def _write(self, label: QtWidgets.QLabel, caption: str, value: str, role: str) -> None:
        theme = self._theme
        muted, colour = ("", "") if theme is None else (theme.muted, theme.colour(role) if role else theme.text)
        label.setText(f"<span style='color:{muted}; font-size:{CAPTION_PX}px'>{caption}&nbsp;&nbsp;</span>"
                      f"<b style='color:{colour}; font-size:{CAPTION_PX}px'>{value}</b>")
        label.setAccessibleName(f"{caption}: {value}")

    def restyle(self, theme: Theme) -> None:
        """Take a theme."""
        self._theme = theme
        self._write_all()
