"""The run queue as a table: what waits, what is under way and what is over."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from qtpy import QtCore

from labctl.api import Item, Waiting
from labctl.core.words import human_time
from labctl.gui.model.session import Session
from labctl.gui.theme import State, state

COLUMNS = ("State", "Procedure", "Parameters", "Progress", "Time", "File")
STATE, PROCEDURE, PARAMETERS, PROGRESS, TIME, FILE = range(len(COLUMNS))
STATE_ROLE = int(QtCore.Qt.ItemDataRole.UserRole)
SHARE_ROLE = STATE_ROLE + 1
STATES = {"waiting": ("off", "queued"), "running": ("busy", "running"), "done": ("ok", "done"), "aborted": ("warning", "aborted"),
          "failed": ("fault", "failed"), "refused": ("fault", "refused"), "unsafe": ("fault", "unsafe"),
          "skipped": ("off", "left out")}
LOOK_S = 2.0             # between two looks whether the processes of runs still live: a table is drawn thirty times a second


class QueueModel(QtCore.QAbstractTableModel):
    """Reads the queue's file when told that it has changed; somebody else may have it open, too."""

    def __init__(self, session: Session):
        super().__init__()
        self.session = session
        self.waiting = Waiting()
        self.items: list[Item] = self.waiting.items()
        self._cut_off: set[int] = set()
        self._looked = -LOOK_S
        session.queue_changed.connect(self.reread)
        session.changed.connect(self._progress)

    def reread(self) -> None:
        """Read the file again."""
        found = self.waiting.items()
        self._looked = -LOOK_S
        if [item.id for item in found] == [item.id for item in self.items]:
            self.items = found
            if found:
                self.dataChanged.emit(self.index(0, 0), self.index(len(found) - 1, len(COLUMNS) - 1))
        else:
            self.beginResetModel()
            self.items = found
            self.endResetModel()

    def retitle(self) -> None:
        """Show the titles of procedures that have been loaded since."""
        if self.items:
            self.dataChanged.emit(self.index(0, PROCEDURE), self.index(len(self.items) - 1, PROCEDURE))

    def _progress(self) -> None:
        for row, item in enumerate(self.items):
            if item.status == "running":
                self.dataChanged.emit(self.index(row, PROGRESS), self.index(row, TIME))

    def rowCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:     # noqa: B008  Qt's own default
        """How many items there are."""
        return 0 if parent.isValid() else len(self.items)

    def columnCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:      # noqa: B008  Qt's own default
        """How many columns there are."""
        return len(COLUMNS)

    def headerData(self, section: int, orientation: QtCore.Qt.Orientation, role: int = 0) -> Any:
        """Name a column."""
        if orientation == QtCore.Qt.Orientation.Horizontal and role == QtCore.Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section] if section != STATE else ""
        return None

    def data(self, index: QtCore.QModelIndex, role: int = 0) -> Any:
        """Give the text, tool tip, state or share of a cell."""
        item = self.items[index.row()]
        if role == QtCore.Qt.ItemDataRole.DisplayRole:
            return self.text(item, index.column())
        if role == QtCore.Qt.ItemDataRole.ToolTipRole:
            return item.message or self.text(item, index.column())
        if role == STATE_ROLE:
            return self.state(item)
        if role == SHARE_ROLE:
            return self.share(item)
        return None

    def text(self, item: Item, column: int) -> str:
        """Write a cell."""
        if column == STATE:
            return str(self.state(item))
        if column == PROCEDURE:
            return self.session.procedures.title(item.procedure)
        if column == PARAMETERS:
            return ", ".join(f"{name} {value}" for name, value in item.settings.items()) or "defaults"
        if column == PROGRESS:
            return f"{self.share(item):.0%}" if self.share(item) or item.status == "running" else ""
        if column == TIME:
            return self._time(item)
        return Path(item.run).name if item.run else "—"

    def _time(self, item: Item) -> str:
        if item.status == "running" and item.run_id == self.session.run.run_id:
            speed = self.session.speed or 1.0
            return f"{human_time(self.session.run.left_s / speed)} left"
        return "?" if item.seconds is None else human_time(item.seconds)

    def state(self, item: Item) -> State:
        """Give the state of an item."""
        if time.monotonic() - self._looked >= LOOK_S:
            self._looked = time.monotonic()
            self._cut_off = {each.id for each in self.items if each.abandoned}
        return state("warning", "cut off") if item.id in self._cut_off else state(*STATES.get(item.status, ("off", item.status)))

    def share(self, item: Item) -> float:
        """How much of an item is done."""
        if item.status == "running" and item.run_id == self.session.run.run_id:
            return self.session.run.share
        return 1.0 if item.status == "done" else self.session.run.share if item.run_id == self.session.run.run_id and item.run_id \
            else 0.0

    def close(self) -> None:
        """Close the file."""
        self.waiting.close()
