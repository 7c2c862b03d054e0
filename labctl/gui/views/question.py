"""A question to the person at the bench, in the window and not before it: everything else stays within reach."""

from __future__ import annotations

from qtpy import QtWidgets

from labctl.gui.model.session import Question, Session
from labctl.gui.theme import GRID
from labctl.gui.views.parts import button, label


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
