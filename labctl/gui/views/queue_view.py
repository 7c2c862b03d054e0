"""The run queue: what ran, runs and waits, and what can be done with it."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from labctl.api import Item
from labctl.gui.model.queue_model import (
    FILE,
    PARAMETERS,
    PROCEDURE,
    PROGRESS,
    SHARE_ROLE,
    STATE,
    STATE_ROLE,
    TIME,
    QueueModel,
)
from labctl.gui.presenter.queue import QueuePresenter
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.parts import Elided, button, label, panel

ROW_PX = 25
WIDTHS = {STATE: 88, PROCEDURE: 124, PARAMETERS: 160, PROGRESS: 106, TIME: 86, FILE: 160}
BAR_PX = 54
SUMMARY_PX = 720         # below, there is no room for it beside the buttons


class Cells(QtWidgets.QStyledItemDelegate):
    """Draws states in glyph, word and colour, and progress as a bar beside its number."""

    def __init__(self, theme: Theme, parent: QtCore.QObject | None = None):
        super().__init__(parent)
        self.theme = theme

    def initStyleOption(self, option: QtWidgets.QStyleOptionViewItem, index: QtCore.QModelIndex) -> None:
        """Colour by state; what is over or waits is muted."""
        super().initStyleOption(option, index)
        told, column = index.data(STATE_ROLE), index.column()
        role = QtGui.QPalette.ColorRole
        colour = self.theme.colour(told.role) if column == STATE else self.theme.text if column == PROCEDURE else self.theme.muted
        for each in (role.Text, role.HighlightedText):
            option.palette.setColor(each, QtGui.QColor(colour))
        if column == PROCEDURE and told.word == "running":
            option.font.setBold(True)

    def paint(self, painter: QtGui.QPainter, option: QtWidgets.QStyleOptionViewItem, index: QtCore.QModelIndex) -> None:
        """Draw the cell; the bar of a progress before its text."""
        if index.column() != PROGRESS or not index.data():
            super().paint(painter, option, index)
            return
        rect = option.rect
        bar = QtCore.QRectF(rect.left() + 4, rect.center().y() - 2, BAR_PX, 6)
        painter.save()
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        if option.state & QtWidgets.QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QtGui.QColor(self.theme.selected))
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(self.theme.field))
        painter.drawRoundedRect(bar, 2, 2)
        painter.setBrush(QtGui.QColor(self.theme.colour(index.data(STATE_ROLE).role)))
        painter.drawRoundedRect(QtCore.QRectF(bar.left(), bar.top(), max(BAR_PX * index.data(SHARE_ROLE), 1.0), 6), 2, 2)
        painter.setPen(QtGui.QColor(self.theme.muted))
        text = QtCore.QRect(rect.left() + BAR_PX + GRID + 2, rect.top(), rect.width() - BAR_PX - GRID, rect.height())
        painter.drawText(text, int(QtCore.Qt.AlignmentFlag.AlignVCenter), index.data())
        painter.restore()


class QueueView(QtWidgets.QWidget):
    """Table and buttons of the queue."""

    def __init__(self, model: QueueModel, presenter: QueuePresenter, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.model, self.presenter = model, presenter
        self._summary = Elided("muted")
        self.table = QtWidgets.QTableView()
        self.table.setModel(model)
        self._cells = Cells(theme, self)
        self.table.setItemDelegate(self._cells)
        self.table.setAccessibleName("Run queue")
        self.table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setHorizontalScrollMode(QtWidgets.QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setVerticalScrollMode(QtWidgets.QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW_PX)
        heads = self.table.horizontalHeader()
        heads.setDefaultAlignment(QtCore.Qt.AlignmentFlag.AlignLeft)
        heads.setHighlightSections(False)
        heads.setMinimumSectionSize(40)
        for column, width in WIDTHS.items():
            self.table.setColumnWidth(column, width)
        heads.setSectionResizeMode(PARAMETERS, QtWidgets.QHeaderView.ResizeMode.Stretch)
        self.start = button("Start", presenter.start, "quiet", "Run what waits, in order")
        self.again = button("Run again", self._again, "quiet", "Put the settings of the chosen run into the form")
        self.go_on = button("Go on", self._go_on, "quiet", "Go on with the chosen run at its first missing point")
        self.buttons = [
            self.start,
            self.go_on,
            button("Up", lambda: self._move(-1), "quiet", "Let the chosen run begin earlier"),
            button("Down", lambda: self._move(1), "quiet", "Let the chosen run begin later"),
            button("Remove", lambda: presenter.remove(self.chosen()), "quiet", "Take the chosen runs out; their files stay"),
            button("Compare", lambda: presenter.compare(self.chosen()), "quiet", "Show the chosen runs in the same plots"),
            self.again,
        ]
        frame, column = panel()
        column.setSpacing(GRID // 2)
        head = QtWidgets.QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(label("RUN QUEUE", "title"))
        head.addSpacing(GRID)
        head.addWidget(self._summary, 1)
        for each in self.buttons:
            head.addWidget(each)
        column.addLayout(head)
        column.addWidget(self.table, 1)
        outer = QtWidgets.QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        self.table.doubleClicked.connect(lambda index: presenter.compare([model.items[index.row()]]))
        model.modelReset.connect(self._show_newest)

    def chosen(self) -> list[Item]:
        """Give the items that are selected."""
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})
        return [self.model.items[row] for row in rows]

    def refresh(self) -> None:
        """Show what may be done now."""
        self._summary.say(self.presenter.summary if self.width() >= SUMMARY_PX else "")
        waits = any(item.status == "waiting" or item.abandoned for item in self.model.items)
        self.start.setEnabled(waits and not self.presenter.session.busy)
        chosen = self.chosen()[:1]
        self.go_on.setEnabled(any(self.presenter.can_go_on(item) for item in chosen))
        self.again.setEnabled(bool(chosen))

    def _move(self, by: int) -> None:
        chosen = self.chosen()
        for item in chosen[:1]:
            self.presenter.move(item, by)
            self.select(item.id)

    def _go_on(self) -> None:
        for item in self.chosen()[:1]:
            self.presenter.go_on(item)

    def _again(self) -> None:
        for item in self.chosen()[:1]:
            self.presenter.again(item)

    def select(self, number: int) -> None:
        """Select an item by its number."""
        for row, item in enumerate(self.model.items):
            if item.id == number:
                self.table.selectRow(row)

    def _show_newest(self) -> None:
        rows = [row for row, item in enumerate(self.model.items) if item.status == "running"] or [len(self.model.items) - 1]
        if rows[0] >= 0:
            self.table.scrollTo(self.model.index(rows[0], 0))

    def fit(self, width: int) -> None:
        """Leave out the columns for which there is no room."""
        self.table.setColumnHidden(FILE, width < 760)
        self.table.setColumnHidden(TIME, width < 430)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """As above."""
        super().resizeEvent(event)
        self.fit(self.width())

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self._cells.theme = theme
        self.table.viewport().update()
