"""Questions to the person at the bench, in the window and not before it: everything else stays within reach."""

from __future__ import annotations

from qtpy import QtWidgets

from labctl.gui.model.session import Question, Session
from labctl.gui.presenter.queue import QueuePresenter
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.parts import HoldButton, button, label


class QuestionView(QtWidgets.QFrame):
    """Shows the oldest question that has no answer; hidden while there is none."""

    def __init__(self, session: Session, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("card")
        self._open: list[Question] = []
        self._text = label("", "strong", wrap=True)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        row.addWidget(self._text, 1)
        row.addWidget(button("Done", lambda: self._answer(True), "primary"))
        row.addWidget(button("Not done", lambda: self._answer(False)))
        self.hide()
        session.asked.connect(self._ask)

    def _ask(self, question: Question) -> None:
        self._open.append(question)
        self._show()

    def _answer(self, done: bool) -> None:
        request = self._open.pop(0).request
        request.refused = "" if done else "the answer was no"
        request.done = done
        self._show()

    def _show(self) -> None:
        self.setVisible(bool(self._open))
        if self._open:
            self._text.setText(f"▲ {self._open[0].instrument}: {self._open[0].request.text}")


class OfferView(QtWidgets.QFrame):
    """Runs that were cut off when a program died, and what can become of them; hidden while there are none."""

    def __init__(self, presenter: QueuePresenter, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("card")
        self._text = label("", "strong", wrap=True)
        self.finish = button("Go on", presenter.finish_cut_off, "primary", "Measure the missing points, from the first on")
        self.leave = button("Leave it", presenter.leave_cut_off, "", "Count it as aborted; Go on in the queue takes it up later")
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        row.addWidget(self._text, 1)
        row.addWidget(self.finish)
        row.addWidget(self.leave)
        self.hide()
        presenter.offers.connect(self._offer)

    def _offer(self, runs: tuple[str, ...]) -> None:
        self.setVisible(bool(runs))
        self._text.setText("\n".join(f"▲ {run}" for run in runs))


class ConfirmView(QtWidgets.QFrame):
    """What is dangerous in the queue, and a button to be held for it; hidden while nothing is asked."""

    def __init__(self, presenter: QueuePresenter, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.setObjectName("card")
        self._text = label("", "strong", wrap=True)
        self.start = HoldButton("Hold to start", theme)
        self.start.confirmed.connect(presenter.confirm)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        row.addWidget(self._text, 1)
        row.addWidget(self.start)
        row.addWidget(button("Not now", presenter.decline))
        self.hide()
        presenter.asks.connect(self._ask)

    def _ask(self, dangers: tuple[str, ...]) -> None:
        self.setVisible(bool(dangers))
        self._text.setText("\n".join(["▲ The queue waits for a confirmation.", *dangers]))

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.start.restyle(theme)
