"""The runs that have been measured: found, looked at, written about, compared, measured again."""

from __future__ import annotations

import getpass
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qtpy import QtCore

from labctl import api
from labctl.analysis.labels import value_text
from labctl.core import registry
from labctl.core.errors import LabctlError
from labctl.core.plots import Plot, from_json
from labctl.gui.model.intake import LatestBox
from labctl.gui.model.measured import StoredRun
from labctl.gui.model.runs_model import RunsModel
from labctl.gui.model.session import Session
from labctl.gui.presenter.form import FormPresenter
from labctl.store import notes
from labctl.store.catalogue import Catalogue, Entry, Query

MOST_RUNS = 2000
MOST_COMPARED = 4


@dataclass
class Opened:
    """A run that is looked at: its data, what to draw of it, and what was written about it."""

    measured: StoredRun
    plots: tuple[Plot, ...]
    notes: Sequence[notes.Note]

    @property
    def headline(self) -> str:
        """One line that says which run it is."""
        return self.measured.run.headline

    def results(self) -> list[tuple[str, str]]:
        """Give the results, names and values as people read them."""
        return [(name, value_text(result)) for name, result in self.measured.run.results.items()]

    def parameters(self) -> dict[str, str]:
        """Give the parameters by their labels, values with units."""
        return {str(told["label"]): f"{told['value']} {told['unit'] if told['unit'] != '1' else ''}".strip()
                for told in self.measured.header.get("parameters", {}).values()}


@dataclass(frozen=True)
class _Answer:
    entries: list[Entry]
    problem: str = ""


class BrowserPresenter(QtCore.QObject):
    """Finds runs in a thread of its own; opens one to look at, several to compare."""

    previewed = QtCore.Signal(object)       # Opened, or None
    compared = QtCore.Signal(object)        # list of Opened
    opened = QtCore.Signal(object)          # list with the path of one run to be shown in the tabs
    changed = QtCore.Signal()

    def __init__(self, session: Session, form: FormPresenter):
        super().__init__()
        self.session, self.form = session, form
        self.model = RunsModel()
        self.preview: Opened | None = None
        self.together: list[Opened] = []
        self.words = ""
        self._box: LatestBox[_Answer] = LatestBox()
        self._thread: threading.Thread | None = None
        self._again = False

    # ---------------------------------------------------------------- finding
    def search(self) -> None:
        """Look for runs below the data folder, new and changed ones too; `tick` takes up the answer."""
        if self._thread is not None and self._thread.is_alive():
            self._again = True
            return
        root, box = self.session.root, self._box

        def work() -> None:
            try:
                with Catalogue(root) as catalogue:
                    catalogue.refresh()
                    box.put(_Answer(catalogue.find(Query(limit=MOST_RUNS))))
            except (LabctlError, OSError) as exc:
                box.put(_Answer([], str(exc)))

        self._thread = threading.Thread(target=work, name="catalogue", daemon=True)
        self._thread.start()

    def tick(self) -> None:
        """Take up what has been found."""
        found = self._box.take()
        if found is None:
            return
        self.model.show(found.entries)
        self.words = found.problem or f"{len(found.entries)} runs in {self.session.root}"
        self.changed.emit()
        if self._again:
            self._again = False
            self.search()

    # ---------------------------------------------------------------- looking
    def look(self, entry: Entry | None) -> None:
        """Show a run beside the list; None shows none."""
        found = None if entry is None else self._open(entry.path)
        self._forget(self.preview)
        self.preview = found
        self.previewed.emit(found)

    def show(self, entry: Entry) -> None:
        """Show a run in the tabs."""
        self.opened.emit([entry.path])

    def compare(self, paths: Sequence[Path]) -> None:
        """Show several runs side by side."""
        if len(paths) > MOST_COMPARED:
            self.session.say(f"of {len(paths)} runs the first {MOST_COMPARED} are compared", "warning")
        found = [opened for path in paths[:MOST_COMPARED] if (opened := self._open(path)) is not None]
        for each in self.together:
            self._forget(each)
        self.together = found
        self.compared.emit(found)

    def _open(self, path: Path) -> Opened | None:
        try:
            measured = StoredRun(api.load(path))
            return Opened(measured, tuple(from_json(told) for told in measured.header.get("plots", ())),
                          notes.read(notes.path_of(path)))
        except (LabctlError, OSError, KeyError) as exc:
            self.session.say(f"{path.name} cannot be shown: {exc}", "error")
            return None

    @staticmethod
    def _forget(opened: Opened | None) -> None:
        if opened is not None:
            opened.measured.run.close()

    def close(self) -> None:
        """Close the files."""
        for each in (self.preview, *self.together):
            self._forget(each)
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
        found = self._open(path)
        if found is None:
            return
        name, values = str(found.measured.header.get("procedure", "")), found.measured.header.get("parameters", {})
        self._forget(found)
        if name not in registry.points("procedure"):
            self.session.say(f"{path.name} was measured by {name}, which is not installed", "warning")
            return
        self.form.choose(name)
        changed = self.form.fill({key: told["value"] for key, told in values.items()})
        self.session.say(f"again: {path.name}" + (f"; {'; '.join(changed)}" if changed else "; nothing differs"))


def differing(runs: Sequence[Opened]) -> list[tuple[str, list[str], bool]]:
    """Give every parameter of some runs with its values, and whether they differ; those that do come first."""
    every: dict[str, Any] = {}
    tables = [run.parameters() for run in runs]
    for table in tables:
        every.update(dict.fromkeys(table))
    rows = [(name, [table.get(name, "–") for table in tables]) for name in every]
    found = [(name, values, len(set(values)) > 1) for name, values in rows]
    return sorted(found, key=lambda row: not row[2])
