"""The log: what happened, newest below, warnings with their glyph."""

from __future__ import annotations

import html

from qtpy import QtWidgets

from labctl.gui.model.line import Line
from labctl.gui.model.session import Session
from labctl.gui.theme import DARK, GLYPHS, GRID, Theme
from labctl.gui.views.parts import button, label, panel

MOST_LINES = 2000
ROLES = {"info": "", "warning": "warning", "error": "fault"}


class LogView(QtWidgets.QWidget):
    """The lines of the session's log."""

    def __init__(self, session: Session, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.session, self.theme = session, theme
        self.text = QtWidgets.QPlainTextEdit()
        self.text.setObjectName("log")
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setAccessibleName("Log")
        self.text.setTabChangesFocus(True)
        self.only = button("Warnings only", self._rewrite, "quiet")
        self.only.setCheckable(True)
        frame, column = panel()
        column.setSpacing(GRID // 2)
        head = QtWidgets.QHBoxLayout()
        head.addWidget(label("LOG", "title"))
        head.addStretch(1)
        head.addWidget(self.only)
        column.addLayout(head)
        column.addWidget(self.text, 1)
        outer = QtWidgets.QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        session.said.connect(self.add)

    def add(self, line: Line) -> None:
        """Write a line at the end; whoever reads further up is left there."""
        if self.only.isChecked() and line.level == "info":
            return
        bar = self.text.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 4
        role = ROLES.get(line.level, "")
        glyph = f"{GLYPHS[role]} " if role else ""
        colour = self.theme.colour(role) if role else self.theme.text
        self.text.appendHtml(f'<span style="color:{self.theme.muted}">{line.when:%H:%M:%S}</span>&nbsp;&nbsp;'
                             f'<span style="color:{colour}">{glyph}{html.escape(line.text)}</span>')
        if at_end:
            bar.setValue(bar.maximum())

    def _rewrite(self) -> None:
        self.text.clear()
        for line in self.session.lines[-MOST_LINES:]:
            self.add(line)

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        self._rewrite()
