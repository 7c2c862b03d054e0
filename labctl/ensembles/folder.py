"""The folder of an ensemble: what is whole is in it under its name, what is not lies in `parts` and is thrown away.

A member is whole when its record `members/<key>.json` is there, and that is the last thing written: first the run file is moved to
`runs`, then the record is renamed into place. Whatever dies before has changed nothing, and the member is made again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from labctl.core.errors import Refused, StoreError
from labctl.core.plan import Problem
from labctl.ensembles.asking import Ensemble
from labctl.store.locks import ProcessLock
from labctl.store.whole import write_whole

ASKED = "ensemble.json"
TABLE = "ensemble.nc"
CATALOGUE = "catalogue.sqlite"
DONE = "done"


@dataclass(frozen=True)
class Record:
    """What came of one member. `run` is relative to the folder, empty when no run file was made."""

    key: str
    number: int
    where: Mapping[str, Any]
    status: str
    run: str = ""
    points: int = 0
    seconds: float = 0.0
    light: Mapping[str, float] = field(default_factory=dict)
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Folder:
    """The folder of an ensemble, at a path."""

    path: Path

    @property
    def runs(self) -> Path:
        """Where the run files lie."""
        return self.path / "runs"

    @property
    def members(self) -> Path:
        """Where the records lie."""
        return self.path / "members"

    @property
    def parts(self) -> Path:
        """Where members are made."""
        return self.path / "parts"

    @property
    def state(self) -> Path:
        """Where the calibrations lie that all members begin with."""
        return self.path / "state"

    @contextmanager
    def held(self, wanted: Ensemble) -> Iterator[None]:
        """Have the folder to oneself, what earlier processes left unfinished thrown away.

        Raises Refused when another process works in it, or when it holds another ensemble.
        """
        _make(self.path)
        lock = ProcessLock(self.path, "ensemble")
        owner = lock.acquire("an ensemble")
        if owner is not None:
            raise Refused([Problem("out", f"{self.path} is in use by {owner}. Wait for its end, or choose another folder.")])
        try:
            self._claim(wanted)
            shutil.rmtree(self.parts, ignore_errors=True)
            for folder in (self.runs, self.members, self.parts, self.state):
                _make(folder)
            yield
            shutil.rmtree(self.parts, ignore_errors=True)
        finally:
            lock.release()

    def _claim(self, wanted: Ensemble) -> None:
        """Write down what this folder is for; Refused when it is for something else."""
        place, fixed = self.path / ASKED, wanted.fixed()
        if place.is_file():
            before = _asked_before(place)
            different = sorted(name for name in fixed if before.get(name) != fixed[name])
            if different:
                raise Refused([Problem("out", f"{self.path} holds an ensemble with another {' and '.join(different)}. Choose "
                                              "another folder; the same one goes on with the same ensemble, or with more of it.")])
        elif any(self.runs.glob("*")):
            raise Refused([Problem("out", f"{self.path} holds runs that are no ensemble. Choose another folder.")])
        _write(place, json.dumps({**fixed, "over": {name: list(values) for name, values in wanted.over.items()}}, indent=1))

    def records(self) -> dict[str, Record]:
        """Give the members that have a record, by key; one that cannot be read counts as not there."""
        found = {}
        for place in self.members.glob("*.json"):
            try:
                record = Record(**json.loads(place.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                continue
            if not record.run or (self.path / record.run).is_file():
                found[record.key] = record
        return found

    def keep(self, record: Record) -> None:
        """Write a member's record: with it the member is whole."""
        _write(self.members / f"{record.key}.json", json.dumps(asdict(record)))


def _asked_before(place: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        found = exc
    if isinstance(found, dict):
        return found
    raise Refused([Problem("out", f"{place} cannot be read, so nobody knows whose runs these are ({found}). Choose another folder, "
                                  "or remove that file if they are runs of this ensemble.")])


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Say what to do where a file of an ensemble cannot be written; raises StoreError."""
    try:
        yield
    except OSError as exc:
        raise StoreError(f"{target} could not be written: {exc.strerror or exc}. Free space or choose another folder; the same "
                         "command then goes on where it was.") from exc


def _write(target: Path, text: str) -> None:
    with writing(target):
        write_whole(target, text)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise Refused([Problem("out", f"{folder} cannot be made: {exc.strerror or exc}. Choose another folder.")]) from None
