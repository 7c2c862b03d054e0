"""The catalogue: an index over the root attributes of all run files, which can always be thrown away and made again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from labctl.core.errors import StoreError
from labctl.store import notes, processes, seal, state
from labctl.store.find import rank
from labctl.store.header import JOURNAL_SUFFIX, RUN_SUFFIX
from labctl.store.journal import INTERRUPTED, RUNNING
from labctl.store.reader import JournalReader

VERSION = 3
FIELDS = ("run_id", "number", "procedure", "sample", "user", "start", "status", "simulated", "rehearsal")
_TABLES = """
CREATE TABLE file (path TEXT PRIMARY KEY, root TEXT NOT NULL, stamp TEXT NOT NULL, run_id TEXT, number INTEGER, procedure TEXT,
                   sample TEXT, user TEXT, start TEXT, status TEXT, simulated INTEGER, rehearsal INTEGER, rank INTEGER,
                   newest INTEGER) WITHOUT ROWID;
CREATE INDEX by_start ON file (root, newest, start);
CREATE INDEX by_run ON file (run_id, rank);
CREATE TABLE note (path TEXT NOT NULL, root TEXT NOT NULL, stamp TEXT NOT NULL, run_id TEXT, time TEXT, user TEXT, text TEXT,
                   tag TEXT);
CREATE INDEX by_note ON note (run_id, tag);
"""


@dataclass(frozen=True)
class Entry:
    """One run as the catalogue shows it: its newest file, and how many notes there are."""

    path: Path
    run_id: str
    number: int
    procedure: str
    sample: str
    user: str
    start: str
    status: str
    simulated: bool
    rehearsal: bool = False
    tags: tuple[str, ...] = ()
    notes: int = 0


@dataclass(frozen=True)
class Query:
    """What is looked for; an empty field matches everything. `since` is an ISO date or time, compared as text in UTC."""

    sample: str = ""
    procedure: str = ""
    since: str = ""
    status: str = ""
    tag: str = ""
    limit: int = 100


class Catalogue:
    """The index of one data root, in the state folder. Use it in a `with` block."""

    def __init__(self, root: Path, path: Path | None = None):
        self.root = Path(root).resolve()
        self.path = path or state.folder() / "catalogue.sqlite"
        self._database = _open(self.path)

    def refresh(self) -> int:
        """Look at every file that is new or changed, forget those that are gone; gives how many were read."""
        if not self.root.is_dir():
            raise StoreError(f"There is no data folder {self.root}. Say with --out where the runs lie.")
        with self._transaction() as database:
            stamps = "SELECT path, stamp FROM file WHERE root=?1 UNION SELECT path, stamp FROM note WHERE root=?1"
            known = dict(database.execute(stamps, (str(self.root),)).fetchall())
            found = dict(_walk(self.root))
            changed = [path for path, stamp in found.items() if known.get(path) != stamp or path.endswith(JOURNAL_SUFFIX)]
            for path in (known.keys() - found.keys()) | set(changed):
                database.execute("DELETE FROM file WHERE path=?", (path,))
                database.execute("DELETE FROM note WHERE path=?", (path,))
            for path in changed:
                self._read(database, Path(path), found[path])
            if changed or known.keys() - found.keys():
                database.execute("UPDATE file SET newest = rank = (SELECT max(rank) FROM file AS other "
                                 "WHERE other.run_id = file.run_id AND other.root = file.root) WHERE root=?", (str(self.root),))
        return len(changed)

    def find(self, query: Query | None = None) -> list[Entry]:
        """Give the runs that match, newest first."""
        query = query or Query()
        where, values = ["root = ?", "newest = 1"], [str(self.root)]
        for column, wanted, how in (("sample", query.sample, "="), ("procedure", query.procedure, "="),
                                    ("status", query.status, "="), ("start", query.since, ">=")):
            if wanted:
                where.append(f"{column} {how} ?")
                values.append(wanted)
        if query.tag:
            where.append("run_id IN (SELECT run_id FROM note WHERE tag = ?)")
            values.append(query.tag)
        rows = self._database.execute(
            f"SELECT path, {', '.join(FIELDS)}, (SELECT group_concat(DISTINCT tag) FROM note WHERE note.run_id = file.run_id "  # noqa: S608  ours
            "AND tag <> ''), (SELECT count(DISTINCT time || text) FROM note WHERE note.run_id = file.run_id) FROM file "
            f"WHERE {' AND '.join(where)} ORDER BY start DESC, number DESC LIMIT {int(query.limit)}", values).fetchall()
        return [Entry(Path(path), *told[:-2], *map(bool, told[-2:]), tags=tuple(tags.split(",")) if tags else (), notes=count)
                for path, *told, tags, count in rows]

    def notes(self, run_id: str) -> list[notes.Note]:
        """Give what was written about a run, oldest first."""
        rows = self._database.execute("SELECT time, user, text, group_concat(tag) FROM note WHERE run_id=? "
                                      "GROUP BY time, user, text ORDER BY time", (run_id,)).fetchall()
        return [notes.Note(time, run_id, user, text, tuple(filter(None, (tags or "").split(","))))
                for time, user, text, tags in rows]

    def close(self) -> None:
        """Close the index."""
        self._database.close()

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database:
                yield self._database
        except sqlite3.Error as exc:
            raise StoreError(f"The catalogue {self.path} cannot be written: {exc}. No run is affected; free space on its disk, or "
                             "delete it: it is made again from the run files.") from exc

    def _read(self, database: sqlite3.Connection, path: Path, stamp: str) -> None:
        if path.suffix == notes.SUFFIX:
            rows = [(str(path), str(self.root), stamp, note.run_id, note.time, note.user, note.text, tag)
                    for note in notes.read(path) for tag in note.tags or ("",)]
            database.executemany("INSERT INTO note VALUES (?,?,?,?,?,?,?,?)", rows)
            return
        told = facts(path)
        values = [None] * len(FIELDS) if told is None else [told[name] for name in FIELDS]
        row = (str(path), str(self.root), stamp, *values, rank(path), 0)
        database.execute("INSERT INTO file VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row)


def facts_of(header: Mapping[str, Any], status: str) -> dict[str, Any]:
    """Give what the catalogue knows of a run, from its header."""
    return {
        "run_id": str(header.get("run_id", "")), "number": int(header.get("run_number", 0)), "status": status,
        "procedure": str(header.get("procedure", "")), "sample": str(header.get("sample", "")), "user": str(header.get("user", "")),
        "start": str(header.get("start_utc", "")),
        **{name: int(header.get("bench", {}).get(name, False)) for name in ("simulated", "rehearsal")},
    }


def facts(path: Path) -> Mapping[str, Any] | None:
    """Read what a run file or journal says about itself; None when it is no readable run."""
    try:
        if path.suffix == JOURNAL_SUFFIX:
            with JournalReader(path) as reader:
                left = reader.status == RUNNING and processes.lives(reader.writer) is False       # killed: nobody wrote an end
                return facts_of(reader.header, INTERRUPTED if left else reader.status)
        told = seal.facts(path)
        return _attributes(path) if told is None else {"rehearsal": 0} | told
    except (OSError, RuntimeError, KeyError, ValueError, StoreError):
        return None


def _attributes(path: Path) -> Mapping[str, Any]:
    """Read the root attributes of a file without a seal, as one that another program has rewritten."""
    with h5py.File(path, "r") as file:
        told: dict[str, Any] = dict(file.attrs)
    numbers = {name: int(told[f"labctl_{full}"]) for name, full in (("number", "run_number"), ("simulated", "simulated"))}
    numbers["rehearsal"] = int(told.get("labctl_rehearsal", 0))
    return numbers | {name: str(told[f"labctl_{name}"]) for name in FIELDS if name not in numbers}


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    """Give every run file, journal and notes file with a stamp that changes when it changes; hidden ones left out."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
            elif entry.name.endswith((RUN_SUFFIX, JOURNAL_SUFFIX, notes.SUFFIX)):
                told = entry.stat()
                yield entry.path, f"{told.st_mtime_ns}:{told.st_size}"


def _open(path: Path) -> sqlite3.Connection:
    """Open the index; one of another version, or a damaged one, is made anew."""
    state.make(path.parent)
    try:
        database = sqlite3.connect(path, timeout=10.0)
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version == VERSION:
            return database
        with closing(database):
            pass
    except sqlite3.DatabaseError:
        version = -1
    if version:
        path.unlink(missing_ok=True)
    database = sqlite3.connect(path, timeout=10.0)
    database.executescript(_TABLES + f"PRAGMA user_version={VERSION};")
    return database
