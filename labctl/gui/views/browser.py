"""The page of measured runs: a list that is filtered as one types, and what is known of the one that is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy import QtCore, QtGui, QtWidgets

from labctl.gui.model.reader import Opened
from labctl.gui.model.runs_model import FILE, STATE_ROLE, STATUS
from labctl.gui.presenter.browser import BrowserPresenter
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.parts import Choice, Elided, button, label
from labctl.gui.views.plots import PlotView, build
from labctl.store.catalogue import Entry
from labctl.store.header import RUN_SUFFIX

ROW_PX = 24
WIDTHS = (128, 126, 36, 118, 76, 70, 40, 200)
LIST_PX, PREVIEW_PX = 520, 420
MOST_RESULTS = 8


class Colours(QtWidgets.QStyledItemDelegate):
    """Writes the status in the colour of its state."""

    theme = DARK

    def initStyleOption(self, option: QtWidgets.QStyleOptionViewItem, index: QtCore.QModelIndex) -> None:
        """Colour the status; the rest is text."""
        super().initStyleOption(option, index)
        role = QtGui.QPalette.ColorRole
        colour = self.theme.colour(index.data(STATE_ROLE).role) if index.column() == STATUS else self.theme.text
        for each in (role.Text, role.HighlightedText):
            option.palette.setColor(each, QtGui.QColor(colour))


class BrowserView(QtWidgets.QWidget):
    """List, filter and preview. A run file dropped on it is opened."""

    def __init__(self, presenter: BrowserPresenter, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.presenter, self.theme = presenter, theme
        self.plot: PlotView | None = None
        self._held: list[Path] = []
        self.filter = QtWidgets.QLineEdit()
        self.filter.setPlaceholderText("Filter: words that occur anywhere, e.g. ple aborted …")
        self.filter.setAccessibleName("Filter of runs")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(presenter.model.filter)
        self.table = QtWidgets.QTableView()
        self._colours = Colours(self)
        self._build_table()
        self.words, self.headline = Elided("muted"), Elided("strong")
        self.which = Choice("small")
        self.which.setAccessibleName("Plot of the preview")
        self.which.currentIndexChanged.connect(lambda number: self._draw(number))
        self.results, self.notes = label("", "muted", wrap=True), label("", "", wrap=True)
        self.results.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note = QtWidgets.QLineEdit()
        self.note.setPlaceholderText("Note about this run; #words become tags")
        self.note.setAccessibleName("Note about this run")
        self.note.returnPressed.connect(self._write)
        self._lay_out()
        self.setAcceptDrops(True)
        presenter.previewed.connect(self._preview)
        presenter.waits.connect(self._wait)
        presenter.changed.connect(lambda: self.words.say(presenter.words))
        self._enable()

    def _build_table(self) -> None:
        table, model = self.table, self.presenter.model
        table.setModel(model)
        table.setItemDelegate(self._colours)
        table.setAccessibleName("Runs")
        table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_PX)
        table.horizontalHeader().setDefaultAlignment(QtCore.Qt.AlignmentFlag.AlignLeft)
        for column, width in enumerate(WIDTHS):
            table.setColumnWidth(column, width)
        table.horizontalHeader().setStretchLastSection(len(WIDTHS) - 1 == FILE)
        table.selectionModel().selectionChanged.connect(lambda *_: self._chosen())
        table.doubleClicked.connect(lambda index: self.presenter.show(model.entries[index.row()]))
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._choose_again)

    def _lay_out(self) -> None:
        presenter = self.presenter
        self._buttons = [
            button("Open", lambda: presenter.show(self.chosen[0]), "primary", "Show the run in the tabs"),
            button("Compare", self._compare, tip="Two to four runs side by side"),
            button("Run again", lambda: presenter.again(self.chosen[0].path), tip="Put its settings into the form"),
        ]
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self.filter, 1)
        for each in (*self._buttons, button("Refresh", presenter.search, "quiet", "Look for new runs")):
            top.addWidget(each)
        left, right = QtWidgets.QWidget(), QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table, 1)
        column.addWidget(self.words)
        self._column = QtWidgets.QVBoxLayout(right)
        self._column.setContentsMargins(GRID, 0, 0, 0)
        for each in (self.headline, self.which, self.results, self.notes, self.note):
            self._column.addWidget(each)
        self._hint = label("Choose a run to look at it; two to four to compare them.", "muted")
        self._hint.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._column.insertWidget(2, self._hint, 1)
        split = QtWidgets.QSplitter(QtCore.Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(GRID)
        split.addWidget(left)
        split.addWidget(right)
        split.setSizes([LIST_PX, PREVIEW_PX])
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        rows = QtWidgets.QVBoxLayout(self)
        rows.setContentsMargins(GRID, GRID, GRID, GRID)
        rows.addLayout(top)
        rows.addWidget(split, 1)

    # ---------------------------------------------------------------- choosing
    @property
    def chosen(self) -> list[Entry]:
        """The runs that are chosen, in the order of the list."""
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})
        entries = self.presenter.model.entries
        return [entries[row] for row in rows if row < len(entries)]

    def _chosen(self) -> None:
        chosen = self.chosen
        self._enable()
        if len(chosen) <= 1:
            self.presenter.look(chosen[0] if chosen else None)

    def _remember(self) -> None:
        self._held = [entry.path for entry in self.chosen]

    def _choose_again(self) -> None:
        """Choose what was chosen before the list was read anew; what is looked at stays."""
        selection, flag = self.table.selectionModel(), QtCore.QItemSelectionModel.SelectionFlag
        whole_row: Any = flag.Select | flag.Rows
        selection.blockSignals(True)
        for row, entry in enumerate(self.presenter.model.entries):
            if entry.path in self._held:
                selection.select(self.presenter.model.index(row, 0), whole_row)
        selection.blockSignals(False)
        self._enable()

    def _compare(self) -> None:
        self.presenter.compare([entry.path for entry in reversed(self.chosen)])        # the list has the newest first

    def _enable(self) -> None:
        count = len(self.chosen)
        for each, wanted in zip(self._buttons, (count == 1, count > 1, count == 1), strict=True):
            each.setEnabled(wanted)
        self.note.setEnabled(count == 1)

    # ---------------------------------------------------------------- the preview
    def _wait(self, words: str) -> None:
        """Say that a file takes long to be read."""
        if words or self.presenter.preview is None:
            self.headline.say(f"◆ {words}" if words else "")

    def _preview(self, opened: Opened | None) -> None:
        self.headline.say("" if opened is None else opened.headline)
        self.which.blockSignals(True)
        self.which.clear()
        if opened is not None:
            self.which.addItems([plot.title for plot in opened.plots])
        self.which.blockSignals(False)
        self.which.setVisible(opened is not None and len(opened.plots) > 1)
        results = [] if opened is None else opened.results()
        more = f"\n… and {len(results) - MOST_RESULTS} more" if len(results) > MOST_RESULTS else ""
        self.results.setText("\n".join(f"{name} = {value}" for name, value in results[:MOST_RESULTS]) + more)
        told = () if opened is None else opened.notes
        self.notes.setText("\n".join(f"{note.time[:16].replace('T', ' ')} {note.user}: {note.text}"
                                     + "".join(f" #{tag}" for tag in note.tags) for note in told))
        self._draw(0)

    def _draw(self, number: int) -> None:
        if self.plot is not None:
            self.plot.setParent(None)
            self.plot.deleteLater()
            self.plot = None
        opened = self.presenter.preview
        self._hint.setVisible(opened is None or not opened.plots)
        if opened is None or not 0 <= number < len(opened.plots):
            return
        self.plot = build(opened.plots[number], self.theme)
        self.plot.be_small()
        self._column.insertWidget(2, self.plot, 1)
        self.plot.set_run(opened.measured)

    def _write(self) -> None:
        words = self.note.text().split()
        tags = [word[1:] for word in words if word.startswith("#")]
        chosen = self.chosen
        if chosen and self.presenter.note(chosen[0], " ".join(word for word in words if not word.startswith("#")), tags):
            self.note.clear()
            self.presenter.look(chosen[0])

    # ---------------------------------------------------------------- dropping, showing, looks
    def dragEnterEvent(self, event: QtGui.QDragEnterEvent) -> None:
        """Take run files."""
        if any(url.toLocalFile().endswith(RUN_SUFFIX) for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QtGui.QDropEvent) -> None:
        """Open one run file; several are compared."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls()]
        if len(paths) > 1:
            self.presenter.compare(paths)
        elif paths:
            self.presenter.opened.emit(paths)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        """Look for new runs when somebody comes here."""
        super().showEvent(event)
        self.presenter.search()

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = self._colours.theme = theme
        if self.plot is not None:
            self.plot.restyle(theme)
        self.table.viewport().update()
