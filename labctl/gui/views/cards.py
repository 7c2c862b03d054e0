"""One card per instrument, made from what its driver declares; it opens for manual control."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from labctl.bench.panel import Action, Card, Setting
from labctl.gui.presenter.instrument import InstrumentPresenter, name_of
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.form import FieldView
from labctl.gui.views.parts import Bar, Elided, HoldButton, button, label

STRIPE_PX = 3


class CardView(QtWidgets.QFrame):
    """What one instrument says, and a fold for what can be done with it by hand."""

    def __init__(self, card: Card, presenter: InstrumentPresenter, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.card, self.presenter, self.theme = card, presenter, theme
        self.setObjectName("card")
        self.setToolTip(card.title)
        self._name, self._state = label(name_of(card.role), "strong"), label("")
        self._value, self._unit, self._set = label("", "value"), label("", "muted"), label("", "muted")
        self._detail = Elided("muted")
        self.meter = Bar(theme, 4)
        self.meter.hide()
        self.more = button("⋯", self._fold, "quiet", "Manual control")
        self.more.setAccessibleName(f"Manual control of {name_of(card.role)}")
        self.more.setCheckable(True)
        self.more.setFixedSize(self.more.minimumSizeHint())
        self._hand = QtWidgets.QWidget()
        self._hand.hide()
        self._typed: dict[str, str] = {}
        self._targets: list[tuple[Setting, FieldView, QtWidgets.QAbstractButton]] = []
        self._buttons: list[QtWidgets.QAbstractButton] = []
        self._opens: HoldButton | None = None
        self._role = "off"
        self._lay_out()

    def _lay_out(self) -> None:
        grid = QtWidgets.QGridLayout()
        grid.setHorizontalSpacing(GRID // 2)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(2, 1)
        grid.addWidget(self._name, 0, 0, 1, 3)
        grid.addWidget(self._state, 0, 3, QtCore.Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self._value, 1, 0)
        grid.addWidget(self._unit, 1, 1, QtCore.Qt.AlignmentFlag.AlignBottom)
        grid.addWidget(self._set, 1, 3, QtCore.Qt.AlignmentFlag.AlignRight)
        foot = QtWidgets.QHBoxLayout()
        foot.setSpacing(0)
        foot.addWidget(self._detail, 1)
        if self.card.settings or self.card.actions or self.card.shutter:
            foot.addWidget(self.more)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(GRID + STRIPE_PX + 2, 5, GRID, 5)
        column.setSpacing(1)
        column.addLayout(grid)
        column.addLayout(foot)
        column.addWidget(self.meter)
        column.addWidget(self._hand)

    # ---------------------------------------------------------------- what it shows
    def refresh(self) -> None:
        """Show the newest answers."""
        shown = self.presenter.shown(self.card)
        _say(self._state, str(shown.state))
        if shown.state.role != self._role:
            self._role = shown.state.role
            self._colour()
        _say(self._value, shown.value)
        _say(self._unit, shown.unit)
        _say(self._set, shown.setpoint)
        self._value.setVisible(bool(shown.value))
        self._detail.say(shown.detail)
        self.meter.setVisible(shown.meter is not None)
        if shown.meter is not None:
            self.meter.show_share(min(max(shown.meter, 0.0), 1.0))
        self.setAccessibleName(f"{name_of(self.card.role)}: {shown.state.word}, {shown.value} {shown.unit}")
        if self._hand.isVisible():
            self._refresh_hand()

    def _refresh_hand(self) -> None:
        idle = self.presenter.idle
        for each in self._buttons:
            each.setEnabled(idle)
            each.setToolTip(each.toolTip() if idle else "Only while nothing runs")
        for setting, view, go in self._targets:
            go.setEnabled(idle and setting.name in self._typed and not view.problem)
        if self._opens is not None:
            self._opens.set_text(self.presenter.what_opens())

    def _colour(self) -> None:
        self._state.setStyleSheet(f"color: {self.theme.colour(self._role)}; font-weight: 600;")
        self.update()

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        self.meter.restyle(theme)
        self._colour()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Draw the stripe of the state's colour."""
        super().paintEvent(event)
        painter = QtGui.QPainter(self)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(self.theme.colour(self._role)))
        painter.drawRect(QtCore.QRectF(4, 7, STRIPE_PX, self.height() - 14))

    # ---------------------------------------------------------------- by hand
    def _fold(self) -> None:
        if self._hand.layout() is None:
            self._make_hand()
        self._hand.setVisible(self.more.isChecked())
        self.refresh()

    def _make_hand(self) -> None:
        column = QtWidgets.QVBoxLayout(self._hand)
        column.setContentsMargins(0, GRID // 2, 0, GRID // 2)
        column.setSpacing(GRID // 2)
        if self.card.shutter:
            self._opens = HoldButton(self.presenter.what_opens(), self.theme)
            self._opens.confirmed.connect(lambda: self.presenter.light(True))
            column.addWidget(self._opens)
            close = button("Close", lambda: self.presenter.light(False))
            column.addWidget(close)
            self._buttons += [self._opens, close]
        for setting in self.card.settings:
            column.addLayout(self._setting(setting))
        for action in self.card.actions:
            made = self._action(action)
            self._buttons.append(made)
            column.addWidget(made)

    def _setting(self, setting: Setting) -> QtWidgets.QLayout:
        field = self.presenter.field(setting)
        view = FieldView(field, self.theme, label_above=True)
        view.typed.connect(lambda name, text, view=view: self._type(view, text))
        go: QtWidgets.QAbstractButton
        if setting.dangerous:
            go = HoldButton("Set", self.theme)
            go.confirmed.connect(lambda: self._go(setting))
        else:
            go = button("Set", lambda: self._go(setting))
        go.setAccessibleName(f"Set {field.label}")
        go.setEnabled(False)
        self._targets.append((setting, view, go))
        row = QtWidgets.QHBoxLayout()
        row.addWidget(view, 1)
        row.addWidget(go, 0, QtCore.Qt.AlignmentFlag.AlignBottom)
        return row

    def _type(self, view: FieldView, text: str) -> None:
        name, problem = view.field.name, ""
        self._typed[name] = text
        try:
            view.field.read(text)
        except ValueError as exc:
            problem = str(exc)
        view.show_state(problem, changed=False)
        self._refresh_hand()

    def _go(self, setting: Setting) -> None:
        view = next(view for each, view, _ in self._targets if each is setting)
        self.presenter.move({setting.name: view.field.read(self._typed[setting.name])})

    def _action(self, action: Action) -> QtWidgets.QAbstractButton:
        words = action.words[:1].upper() + action.words[1:]
        if not action.dangerous:
            return button(words, lambda: self.presenter.act(action))
        made = HoldButton(words, self.theme)
        made.confirmed.connect(lambda: self.presenter.act(action))
        return made


class CardsView(QtWidgets.QWidget):
    """The cards of all instruments below each other."""

    def __init__(self, presenter: InstrumentPresenter, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.presenter, self.theme = presenter, theme
        self.setObjectName("inside")
        self.cards: list[CardView] = []
        self._column = QtWidgets.QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GRID - 2)

    def make(self, cards: tuple[Card, ...]) -> None:
        """Make the cards of a bench anew."""
        for view in self.cards:
            view.deleteLater()
        self.cards = [CardView(card, self.presenter, self.theme) for card in cards]
        for view in self.cards:
            self._column.addWidget(view)
        self.refresh()
        for view in self.cards:
            view.restyle(self.theme)

    def refresh(self) -> None:
        """Show the newest answers."""
        for view in self.cards:
            view.refresh()

    @property
    def summary(self) -> str:
        """Say how many instruments are well."""
        bad = [view for view in self.cards if self.presenter.shown(view.card).state.role in ("fault", "warning")]
        return f"{len(bad)} of {len(self.cards)} want a look" if bad else f"all {len(self.cards)} connected" if self.cards else ""

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        for view in self.cards:
            view.restyle(theme)


def _say(where: QtWidgets.QLabel, text: str) -> None:
    if where.text() != text:
        where.setText(text)
