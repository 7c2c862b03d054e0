"""The right side of the window: the cards of all instruments, and the beam path below them."""

from __future__ import annotations

from qtpy import QtCore, QtWidgets

from labctl.gui.model.session import Session
from labctl.gui.presenter.instrument import InstrumentPresenter
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.beam_path import BeamPathView
from labctl.gui.views.cards import CardsView
from labctl.gui.views.parts import Elided, button, label, panel


class InstrumentsView(QtWidgets.QWidget):
    """Cards and beam path, each with a line that sums it up; scrolls."""

    def __init__(self, session: Session, presenter: InstrumentPresenter, theme: Theme = DARK):
        super().__init__()
        self.session = session
        self.cards, self.beam = CardsView(presenter, theme), BeamPathView(session, theme)
        self.reconnect = button("Reconnect", lambda: session.reopen(session.speed), "quiet",
                                "Open the bench anew: a connection was given up after a call had hung")
        self.reconnect.hide()
        self._summary, self._light = Elided("muted"), Elided("muted")
        frame, column = panel()
        column.addLayout(self._headed("INSTRUMENTS", self._summary, self.reconnect))
        column.addWidget(self._scrolling(), 1)
        outer = QtWidgets.QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)

    def _scrolling(self) -> QtWidgets.QScrollArea:
        inside = QtWidgets.QWidget()
        inside.setObjectName("inside")
        rows = QtWidgets.QVBoxLayout(inside)
        rows.setContentsMargins(0, 0, GRID, 0)
        rows.addWidget(self.cards)
        rows.addLayout(self._headed("BEAM PATH", self._light))
        rows.addWidget(self.beam)
        rows.addStretch(1)
        scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        return scroll

    @staticmethod
    def _headed(title: str, words: Elided, *more: QtWidgets.QWidget) -> QtWidgets.QHBoxLayout:
        row = QtWidgets.QHBoxLayout()
        row.addWidget(label(title, "title"))
        words.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight)
        row.addWidget(words, 1)
        for each in more:
            row.addWidget(each)
        return row

    def make(self) -> None:
        """Make the cards and the path of the bench that has been opened."""
        self.cards.make(self.session.cards)
        self.beam.make()

    def refresh(self) -> None:
        """Show the newest answers."""
        self.cards.refresh()
        self.beam.refresh()
        self._summary.say(self.cards.summary)
        self._light.say(self.beam.words)
        self.reconnect.setVisible(self.session.lost and not self.session.busy)

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.cards.restyle(theme)
        self.beam.restyle(theme)
