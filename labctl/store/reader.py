"""Reading a journal, also while another process writes it. Nothing here changes what a file holds."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labctl.core.errors import StoreError
from labctl.core.plan import Point, Reading
from labctl.store.header import from_json
from labctl.store.journal import RUNNING, check_is_journal


@dataclass(frozen=True)
class Record:
    """One point without its arrays: what is small enough to keep for every point of a run.

    `arrays` gives type and shape of each, `packed` the type in which it stands in the journal.
    """

    number: int
    started_s: float
    point: Mapping[str, Any]
    values: Mapping[str, float]
    flags: tuple[str, ...]
    arrays: Mapping[str, tuple[np.dtype, tuple[int, ...]]]
    packed: Mapping[str, np.dtype]

    @property
    def kind(self) -> str:
        """Scan, reference, dark or zero."""
        return str(self.point.get("kind", "scan"))


@dataclass(frozen=True)
class Event:
    """One line of the run's log."""

    kind: str
    elapsed_s: float
    text: str
    data: Mapping[str, Any] | None = None


class JournalReader:
    """The reading end of a journal. Every method asks anew, so a running journal grows under it."""

    def __init__(self, path: Path):
        self.path = Path(path)
        check_is_journal(self.path)
        self._database = _connect(self.path)

    @property
    def header(self) -> dict[str, Any]:
        """What was known before the first point."""
        return from_json(self._meta("header", "{}"))

    @property
    def status(self) -> str:
        """The status; "running" while nobody wrote an end, also after the writer was killed."""
        return self._meta("status", RUNNING)

    @property
    def end(self) -> dict[str, Any]:
        """The end record; empty while running."""
        return from_json(self._meta("end", "{}"))

    @property
    def writer(self) -> dict[str, Any]:
        """Process id and host of who wrote last."""
        return from_json(self._meta("writer", "{}"))

    def meta(self) -> dict[str, str]:
        """Everything that stands about the run as a whole, as text."""
        return dict(self._ask("SELECT name, value FROM meta"))

    def records(self) -> list[Record]:
        """Give every point in plan order, without arrays."""
        rows = self._ask("SELECT number, started_s, record, record_crc FROM point ORDER BY number")
        for number, _, text, crc in rows:
            if not isinstance(text, str) or zlib.crc32(text.encode()) != crc:
                raise StoreError(f"{self.path}: point {number} was altered after it was written (checksum); the disk or a program "
                                 "damaged the file. Try a copy of it.")
        return [_record(*row[:3]) for row in rows]

    def events(self) -> list[Event]:
        """Give the log, oldest first."""
        rows = self._ask("SELECT kind, elapsed_s, text, data FROM event ORDER BY number")
        return [Event(kind, elapsed_s, text, None if data is None else from_json(data)) for kind, elapsed_s, text, data in rows]

    def arrays(self, record: Record) -> dict[str, np.ndarray]:
        """Give the arrays of one point; raises StoreError when the file was damaged after it was written."""
        rows = self._ask("SELECT crc, data FROM point WHERE number=?", (record.number,))
        if not rows or not isinstance(rows[0][1], bytes) or zlib.crc32(rows[0][1]) != rows[0][0]:
            raise StoreError(f"{self.path}: the arrays of point {record.number} were altered after they were written (checksum); "
                             "the disk or a program damaged the file. The other points can be read.")
        return _split(rows[0][1], record)

    def readings(self) -> Iterator[Reading]:
        """Give every point as it was handed to the procedure's plan, in plan order."""
        for record in self.records():
            yield Reading(record.number, Point.from_json(record.point), self.arrays(record), record.values, record.flags)

    def stack(self, name: str, records: Iterable[Record]) -> Iterator[np.ndarray]:
        """Give one channel point by point."""
        for record in records:
            yield self.arrays(record)[name]

    def checkpoint(self, number: int) -> bytes | None:
        """Give the state of the simulated bench after a point; None on hardware."""
        rows = self._ask("SELECT checkpoint FROM point WHERE number=?", (number,))
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _meta(self, name: str, default: str) -> str:
        rows = self._ask("SELECT value FROM meta WHERE name=?", (name,))
        return rows[0][0] if rows else default

    def _ask(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Ask and take all rows at once: a cursor left open would keep the writer's log from being folded in."""
        try:
            return self._database.execute(sql, values).fetchall()
        except sqlite3.Error as exc:
            raise StoreError(f"{self.path} cannot be read: {exc}. If a copy of it exists, try that.") from exc


def _connect(path: Path) -> sqlite3.Connection:
    try:
        try:
            return _read_only(path)
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
                raise
        _undo_half_a_commit(path)
        return _read_only(path)
    except sqlite3.Error as exc:
        raise StoreError(f"{path} cannot be read as a journal: {exc}.") from exc


def _read_only(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False,
                               timeout=5.0)
    try:
        database.execute("SELECT count(*) FROM meta").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _undo_half_a_commit(path: Path) -> None:
    """Let SQLite roll back what a killed writer left between two states: the one thing a reader has to write."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=5.0)
    try:
        database.execute("SELECT count(*) FROM meta").fetchone()
    finally:
        database.close()


def _record(number: int, started_s: float, text: str) -> Record:
    told = from_json(text)
    arrays, packed = {}, {}
    for name, dtype, shape, *written in told["arrays"]:
        arrays[name] = np.dtype(dtype), tuple(shape)
        packed[name] = np.dtype(written[0] if written else dtype)       # journals of version 1 pack nothing
    return Record(number, started_s, told["point"], told["values"], tuple(told["flags"]), arrays, packed)


def _split(data: bytes, record: Record) -> dict[str, np.ndarray]:
    found, offset = {}, 0
    for name, (dtype, shape) in record.arrays.items():
        count = int(np.prod(shape, dtype=np.int64))
        written = record.packed[name]
        found[name] = np.frombuffer(data, written, count, offset).reshape(shape).astype(dtype, copy=False)
        offset += count * written.itemsize
    return found
