"""The runs of the catalogue as a table, with a filter over everything that is written in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy import QtCore

from labctl.gui.theme import State, state
from labctl.store.catalogue import Entry

COLUMNS = ("Status", "Start (UTC)", "Run", "Procedure", "Sample", "Tags", "Notes", "File")
STATUS, START, NUMBER, PROCEDURE, SAMPLE, TAGS, NOTES, FILE = range(len(COLUMNS))
STATE_ROLE = int(QtCore.Qt.ItemDataRole.UserRole)
STATES = {"done": ("ok", "done"), "aborted": ("warning", "aborted"), "failed": ("fault", "failed"), "unsafe": ("fault", "unsafe"),
          "interrupted": ("warning", "interrupted"), "running": ("busy", "running")}


def state_of(status: str) -> State:
    """Give glyph, word and colour of how a run ended."""
    return state(*STATES.get(status, ("off", status or "unknown")))


def texts(entry: Entry) -> tuple[str, ...]:
    """Write what stands in the row of a run."""
    told = state_of(entry.status)
    return (f"{told}{' (simulated)' if entry.simulated else ''}", entry.start[:16].replace("T", " "), str(entry.number),
            entry.procedure, entry.sample, ", ".join(entry.tags), str(entry.notes or ""), entry.path.name)


class RunsModel(QtCore.QAbstractTableModel):
    """Runs, newest first, those that match the filter."""

    def __init__(self) -> None:
        super().__init__()
        self._all: list[Entry] = []
        self.entries: list[Entry] = []
        self._wanted = ""

    def show(self, entries: Sequence[Entry]) -> None:
        """Take the runs that the catalogue has found."""
        self._all = list(entries)
        self._filter()

    def filter(self, wanted: str) -> None:
        """Show the runs in which every one of some words occurs, in any column."""
        self._wanted = wanted
        self._filter()

    def _filter(self) -> None:
        parts = self._wanted.lower().split()
        found = [entry for entry in self._all if all(part in " ".join(texts(entry)).lower() for part in parts)]
        if found != self.entries:
            self.beginResetModel()
            self.entries = found
            self.endResetModel()

    def rowCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:     # noqa: B008  Qt's own default
        """How many runs match."""
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:      # noqa: B008  Qt's own default
        """How many columns there are."""
        return len(COLUMNS)

    def headerData(self, section: int, orientation: QtCore.Qt.Orientation, role: int = 0) -> Any:
        """Give the names of the columns."""
        if role == QtCore.Qt.ItemDataRole.DisplayRole and orientation == QtCore.Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index: QtCore.QModelIndex, role: int = 0) -> Any:
        """Give a cell: its text, its state, the whole path as a tip."""
        entry = self.entries[index.row()]
        if role == QtCore.Qt.ItemDataRole.DisplayRole:
            return texts(entry)[index.column()]
        if role == STATE_ROLE:
            return state_of(entry.status)
        return str(entry.path) if role == QtCore.Qt.ItemDataRole.ToolTipRole else None
