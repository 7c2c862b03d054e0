"""The runs that have been measured: found, looked at, written about, compared, measured again."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qtpy import QtCore

from labctl.core.errors import LabctlError
from labctl.gui.model.planner import Planner
from labctl.gui.model.reader import Opened, Reader
from labctl.gui.model.runs_model import RunsModel
from labctl.gui.model.session import Session
from labctl.gui.presenter.form import FormPresenter
from labctl.store import notes
from labctl.store.catalogue import Catalogue, Entry, Query

MOST_RUNS = 2000
MOST_COMPARED = 4


class BrowserPresenter(QtCore.QObject):
    """Finds runs in a thread of its own; opens one to look at, several to compare."""

    previewed = QtCore.Signal(object)       # Opened, or None
    compared = QtCore.Signal(object)        # list of Opened
    opened = QtCore.Signal(object)          # list with the path of one run to be shown in the tabs
    waits = QtCore.Signal(str)              # which file is still being read to be looked at; empty when none is
    changed = QtCore.Signal()

    def __init__(self, session: Session, form: FormPresenter):
        super().__init__()
        self.session, self.form = session, form
        self.model = RunsModel()
        self.preview: Opened | None = None
        self.together: list[Opened] = []
        self.words = ""
        self._looker = Reader(session.say, newest_only=True)         # who goes through the list wants the last one only
        self._said = ""
        self._finder = Planner()
        self._asked = self._answered = 0

    # ---------------------------------------------------------------- finding
    def search(self) -> None:
        """Look for runs below the data folder, new and changed ones too; `tick` takes up the answer."""
        root = self.session.root

        def found() -> list[Entry]:
            with Catalogue(root) as catalogue:
                catalogue.refresh()
                return catalogue.find(Query(limit=MOST_RUNS))

        self._asked = self._finder.ask(found)

    @property
    def searching(self) -> bool:
        """Whether an answer about the runs is still to come."""
        return self._answered != self._asked

    def tick(self) -> None:
        """Take up what has been found and read."""
        self._looker.tick()
        if self._looker.words != self._said:
            self._said = self._looker.words
            self.waits.emit(self._said)
        found = self._finder.answer()
        if found is None:
            return
        self._answered = found.number
        entries: list[Entry] = found.value or []
        self.model.show(entries)
        self.words = f"{len(entries)} runs in {self.session.root}" if found.error is None else str(found.error)
        self.changed.emit()

    # ---------------------------------------------------------------- looking
    def look(self, entry: Entry | None) -> None:
        """Show a run beside the list as soon as it has been read; None shows none."""
        self._looker.forget()
        self._preview(None)
        if entry is not None:
            self._looker.open([entry.path], lambda found: self._preview(found[0] if found else None))

    def _preview(self, found: Opened | None) -> None:
        before, self.preview = self.preview, found
        self.previewed.emit(found)
        if before is not None:
            before.close()

    def show(self, entry: Entry) -> None:
        """Show a run in the tabs."""
        self.opened.emit([entry.path])

    def compare(self, paths: Sequence[Path]) -> None:
        """Show several runs side by side."""
        if len(paths) > MOST_COMPARED:
            self.session.say(f"of {len(paths)} runs the first {MOST_COMPARED} are compared", "warning")
        self.session.reader.open(paths[:MOST_COMPARED], self._compare)

    def _compare(self, found: list[Opened]) -> None:
        before, self.together = self.together, found
        self.compared.emit(found)
        for each in before:
            each.close()

    def close(self) -> None:
        """Close the files."""
        self._looker.close()
        self._finder.close()
        for each in (self.preview, *self.together):
            if each is not None:
                each.close()
        self.preview, self.together = None, []

    # ---------------------------------------------------------------- writing and measuring again
    def note(self, entry: Entry, text: str, tags: Sequence[str]) -> bool:
        """Write something about a run beside its file; False when there was nothing to write, or it could not be."""
        text, tags = text.strip(), [tag for tag in tags if tag]
        if not text and not tags:
            return False
        made = notes.Note(datetime.now(UTC).isoformat(timespec="seconds"), entry.run_id, getpass.getuser(), text, tuple(tags))
        try:
            notes.append(entry.path, made)
        except LabctlError as exc:
            self.session.say(str(exc), "error")
            return False
        self.search()
        return True

    def again(self, path: Path) -> None:
        """Put the settings of a run into the form, and say what differs from what stood there."""
        self.session.reader.open([path], self._again_as_in)

    def _again_as_in(self, found: list[Opened]) -> None:
        for each in found:
            self.form.fill_as_in(each.path.name, each.measured.header)
            each.close()


def differing(runs: Sequence[Opened]) -> list[tuple[str, list[str], bool]]:
    """Give every parameter of some runs with its values, and whether they differ; those that do come first."""
    every: dict[str, Any] = {}
    tables = [run.parameters() for run in runs]
    for table in tables:
        every.update(dict.fromkeys(table))
    rows = [(name, [table.get(name, "–") for table in tables]) for name in every]
    found = [(name, values, len(set(values)) > 1) for name, values in rows]
    return sorted(found, key=lambda row: not row[2])
