"""The journal: what a run writes while measuring. One SQLite file in WAL mode, one transaction per point.

A point is in the journal whole or not at all, whatever kills the process; other processes read while it is written
(`labctl.store.reader`). The final NeXus file is rendered from it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labctl.core.errors import StoreError
from labctl.store import places, processes
from labctl.store.header import from_json, to_json

log = logging.getLogger("labctl.store")

APPLICATION_ID = 0x6C_61_62_63          # "labc": tells a journal from any other SQLite file
VERSION = 2                             # 2: whole numbers may be packed (see `_TABLES`); version 1 is read and continued
RUNNING, INTERRUPTED = "running", "interrupted"
STATUSES = ("done", "aborted", "failed", "unsafe", INTERRUPTED)
SYNC_EVERY_S = 1.0                      # points that come faster than 10/s reach the platter at most this often
LEAST_FREE_BYTES = 128 * 1024
PACKED, MOST_PACKED = np.dtype("<u2"), 0xFFFF
SLOW_POINT_S = 0.1                      # points slower than this are each synced (an fsync costs about 4 ms)

# primary codes of SQLite for a file that cannot be reached any more; a full disk is not one of them
_UNREACHABLE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}

_TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # number: place in the plan; record: JSON {point, values, flags, arrays: [[name, dtype, shape, packed], ...]};
    # data: the arrays one after the other, little endian, as the type `packed`; record_crc and crc: crc32 of record and data
    "CREATE TABLE point (number INTEGER PRIMARY KEY, started_s REAL NOT NULL, record TEXT NOT NULL, record_crc INTEGER NOT NULL, "
    "crc INTEGER NOT NULL, data BLOB NOT NULL, checkpoint BLOB)",
    "CREATE TABLE event (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, elapsed_s REAL NOT NULL, text TEXT NOT NULL, data TEXT)",
)


class Journal:
    """The writing end of a journal. Made by `create` or `open`; may be used from several threads."""

    def __init__(self, path: Path, database: sqlite3.Connection):
        self.path = path
        self._database = database
        self._lock = threading.RLock()
        self._events: list[tuple[str, float, str, str | None]] = []
        self._last_s = 0.0
        self._synced = self._committed = time.monotonic()
        self._durable = True        # what `PRAGMA synchronous` stands at
        self._closed = False
        self._file = _identity(path)
        self._points = database.execute("SELECT count(*) FROM point").fetchone()[0]
        self._header: str = database.execute("SELECT value FROM meta WHERE name='header'").fetchone()[0]

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any], *, home: Path | None = None) -> Journal:
        """Start the journal of a new run; an empty file of that name (a reservation) is taken over, any other refused.

        `home` is where the run file belongs if that is not beside the journal: the path of a journal that would lie there.
        Raises StoreError when the file exists or the folder cannot be written.
        """
        path = Path(path)
        if path.exists() and path.stat().st_size > 0:
            raise StoreError(f"{path} exists already and is left as it is. Give the new run another number or name.")
        meta = {"header": to_json(header), "status": RUNNING, "writer": _writer(), **({} if home is None else {"home": str(home)})}
        with _explained(path, "could not be created; nothing was measured"):
            try:
                database = _connect(path)
                _begin(database, meta)
                return cls(path, _with_log(database))
            except sqlite3.Error:
                for left in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))):
                    left.unlink(missing_ok=True)
                raise

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open an existing journal to go on writing; its status becomes "running" again.

        Raises StoreError when the file is missing or is not a journal.
        """
        path = Path(path)
        check_is_journal(path)
        with _explained(path, "could not be opened for writing"):
            journal = cls(path, _with_log(_connect(path)))
            journal._database.execute(f"PRAGMA user_version={VERSION}")
            journal._put_meta({"status": RUNNING, "writer": _writer()}, forget="end")
        return journal

    # ---------------------------------------------------------------- writing
    def describe(self, more: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add to the header, or replace parts of it: channels and instruments once they are set up; gives the whole."""
        def work(database: sqlite3.Connection) -> None:
            database.execute("UPDATE meta SET value=? WHERE name='header'", (header,))

        described = {**from_json(self._header), **more}
        header = to_json(described)
        self._transact("the description of the channels", work)
        self._header = header
        return described

    def point(self, index: int, *, point: Mapping[str, Any], started_s: float, arrays: Mapping[str, np.ndarray],
              values: Mapping[str, float], flags: Sequence[str], checkpoint: bytes | None = None) -> None:
        """Write one point in one transaction, with every event since the last. When this returns, the point is kept.

        `arrays` come back bit for bit; `point` is `Point.as_json()`. Raises StoreError when the disk is full or gone, and when
        the point is already there: a point is never replaced.
        """
        kept = {name: _packed(array) for name, array in arrays.items()}
        record = to_json({
            "point": point, "values": values, "flags": list(flags),
            "arrays": [[name, _little(array).str, array.shape, kept[name].dtype.str] for name, array in arrays.items()],
        })
        data = b"".join(array.data.cast("B") if array.size else b"" for array in kept.values())
        self._last_s = float(started_s)
        row = (index, started_s, record, zlib.crc32(record.encode()), zlib.crc32(data), data, checkpoint)
        insert = "INSERT INTO point VALUES (?,?,?,?,?,?,?)"
        self._transact(f"point {index}", lambda database: database.execute(insert, row), alone=True)
        self._points += 1

    def event(self, kind: str, elapsed_s: float, text: str, data: Mapping[str, Any] | None = None, *, now: bool = False) -> None:
        """Write one line of the run's log with the next point or end of the run; at once when `now` or when it is an error.

        Never raises for a full or vanished disk: who reports a failure must get on with making the bench safe. The line is tried
        again with the next transaction.
        """
        with self._lock:
            self._events.append((kind, float(elapsed_s), text, None if data is None else to_json(data)))
            if now or kind == "error":
                try:
                    self._flush("an event")
                except StoreError as exc:
                    log.warning("%s", exc)

    def end(self, status: str, *, end: Mapping[str, Any]) -> None:
        """Write how the run ended: status done, aborted, failed, unsafe or interrupted, and the end record."""
        if status not in STATUSES:
            raise ValueError(f"a run ends as one of {', '.join(STATUSES)}, not {status!r}")
        self._put_meta({"status": status, "end": to_json(end)})

    def close(self) -> None:
        """Write what is still buffered, fold the log into the file, and close. May be called twice.

        Afterwards the file stands alone, without `-wal` and `-shm` beside it, unless another process still reads it.
        """
        with self._lock:
            if self._closed:
                return
            try:
                if self._events:
                    self._flush("the last events")
            finally:
                self._closed = True
                with contextlib.suppress(sqlite3.Error):       # refused while somebody reads; the log then stays beside the file
                    self._database.execute("PRAGMA busy_timeout=0")
                    self._database.execute("PRAGMA journal_mode=DELETE")
                self._database.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---------------------------------------------------------------- how
    def _put_meta(self, entries: Mapping[str, str], forget: str = "") -> None:
        def work(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR REPLACE INTO meta VALUES (?,?)", entries.items())
            database.execute("DELETE FROM meta WHERE name=?", (forget,))

        self._transact("the state of the run", work, durable=True)

    def _flush(self, what: str) -> None:
        self._transact(what, lambda database: None)      # nothing but the buffered events

    def _transact(self, what: str, work: Callable[[sqlite3.Connection], object], *, durable: bool = False,
                  alone: bool = False) -> None:
        """Do the work in one transaction, buffered events with it. When the folder has gone, do it in the state folder.

        `alone` says that it is a single statement, which is a transaction by itself when no event waits.
        """
        consequence = f"{what} could not be written; the {self._points} points before it are safe there"
        with self._lock, _explained(self.path, consequence):
            if _identity(self.path) != self._file:
                self._spill("its folder is gone")
            try:
                self._commit(work, durable, alone)
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode & 0xFF not in _UNREACHABLE or _is_full(self.path):
                    raise
                self._spill(str(exc))
                self._commit(work, durable, alone)
            self._events.clear()

    def _commit(self, work: Callable[[sqlite3.Connection], object], durable: bool, alone: bool) -> None:
        self._choose_durability(durable)
        if alone and not self._events:
            work(self._database)
            return
        self._database.execute("BEGIN IMMEDIATE")
        try:
            work(self._database)
            if self._events:
                self._database.executemany("INSERT INTO event (kind,elapsed_s,text,data) VALUES (?,?,?,?)", self._events)
            self._database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):    # SQLite has rolled back by itself when the disk is full
                self._database.execute("ROLLBACK")
            raise

    def _spill(self, why: str) -> None:
        """Go on in the state folder: with every point that can still be read through the open file, else with the new ones."""
        target = places.spill_place(self.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        database = _connect(target)
        try:
            self._database.backup(database)
        except sqlite3.Error:
            database.close()
            target.unlink(missing_ok=True)
            database = _connect(target)
            _begin(database, {"header": self._header, "status": RUNNING, "writer": _writer(), "continues": str(self.path)})
        database.execute("INSERT OR REPLACE INTO meta VALUES ('home',?)", (str(self.path),))
        with contextlib.suppress(sqlite3.Error):
            self._database.close()
        lost, self.path, self._file = self.path, target, _identity(target)
        self._database, self._durable = _with_log(database), True
        text = f"{lost} cannot be written any more ({why}); the run goes on in {target}"
        log.warning("%s", text)
        self._events.append(("warning", self._events[-1][1] if self._events else self._last_s, text, None))

    def _choose_durability(self, durable: bool) -> None:
        """Sync this commit to the platter if points are slow, or the last sync is a second old.

        Against kill -9 no sync is needed; this is about power cuts. The computer's clock counts, not the run's: a simulated run
        in virtual time writes hundreds of points per second.
        """
        now = time.monotonic()
        durable = durable or now - self._committed > SLOW_POINT_S or now - self._synced > SYNC_EVERY_S
        if durable != self._durable:
            self._database.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        self._committed = now
        if durable:
            self._synced = now


def check_is_journal(path: Path) -> None:
    """Raise StoreError unless the file is a journal of this version; reads 72 bytes and changes nothing."""
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError as exc:
        raise StoreError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    if not head:
        raise StoreError(f"{path} is empty: the run ended before its journal was begun, nothing was measured. It can be deleted.")
    if head[:16] != b"SQLite format 3\0" or int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise StoreError(f"{path} is not a labctl journal.")
    if (version := int.from_bytes(head[60:64], "big")) > VERSION:
        raise StoreError(f"{path} was written by a newer labctl (journal version {version}, this one reads {VERSION}); update it.")


def _little(array: np.ndarray) -> np.dtype:
    return array.dtype.newbyteorder("<")


def _packed(array: np.ndarray) -> np.ndarray:
    """Give the array in the order and width in which it is written: counts that fit into two bytes take two.

    Counters deliver four bytes per bin and fill two (a PicoHarp counts to 65535): half the pages and half the checksum.
    """
    small = array.dtype.kind == "u" and array.dtype.itemsize > PACKED.itemsize and array.size and array.max() <= MOST_PACKED
    return np.ascontiguousarray(array, dtype=PACKED if small else _little(array))


def _connect(path: Path) -> sqlite3.Connection:
    """Open read-write, transactions by hand, every commit synced."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    database.execute("PRAGMA synchronous=FULL")
    return database


def _begin(database: sqlite3.Connection, meta: Mapping[str, str]) -> None:
    """Make tables, marks and header in one transaction of the file itself: a kill leaves an empty file or a whole journal."""
    database.execute("BEGIN IMMEDIATE")
    database.execute(f"PRAGMA application_id={APPLICATION_ID}")
    database.execute(f"PRAGMA user_version={VERSION}")
    for table in _TABLES:
        database.execute(table)
    database.executemany("INSERT INTO meta VALUES (?,?)", meta.items())
    database.execute("COMMIT")


def _with_log(database: sqlite3.Connection) -> sqlite3.Connection:
    """Switch to write-ahead logging: one append per point, and readers are never in the way."""
    database.execute("PRAGMA journal_mode=WAL")
    return database


def _writer() -> str:
    return to_json(processes.me())


def _is_full(path: Path) -> bool:
    """Tell a full disk, which SQLite calls an I/O error where the index of its log cannot grow."""
    try:
        return shutil.disk_usage(path.parent).free < LEAST_FREE_BYTES
    except OSError:
        return False


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell which file stands at a path: a journal that was deleted or whose disk went away can be written for ever, in vain."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def _explained(path: Path, consequence: str) -> Iterator[None]:
    """Turn what SQLite says into what happened, what is safe and what to do."""
    try:
        yield
    except sqlite3.IntegrityError as exc:
        raise StoreError(f"{path}: {consequence}. It is already in the journal and is never replaced ({exc}).") from exc
    except (sqlite3.Error, OSError) as exc:
        remedy = "Check that the folder exists and can be written."
        if "full" in str(exc) or _is_full(path):
            remedy = f"The disk of {path.parent} is full: free some space, then resume the run."
        raise StoreError(f"{path}: {consequence}. {remedy} ({exc})") from exc
