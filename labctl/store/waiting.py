"""The run queue as it is kept: one SQLite file in the state folder, every change a transaction, whoever looks or dies meanwhile."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labctl.core.errors import Refused, StoreError
from labctl.core.plan import Problem
from labctl.store import processes, state

WAITING, RUNNING, SKIPPED = "waiting", "running", "skipped"
OVER = ("done", "failed", "aborted", "refused", "unsafe", SKIPPED)
_TABLES = """
CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY AUTOINCREMENT, place REAL NOT NULL, bench TEXT NOT NULL,
    procedure TEXT NOT NULL, settings TEXT NOT NULL, options TEXT NOT NULL, status TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    run TEXT NOT NULL DEFAULT '', run_id TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '', seconds REAL,
    lit_s REAL, started TEXT NOT NULL DEFAULT '', ended TEXT NOT NULL DEFAULT '', writer TEXT NOT NULL DEFAULT '{}');
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Item:
    """One run that is wanted, under way or over.

    `settings` are the procedure's, as a person typed them; `options` those of the run (sample, mount, note, seed, out, order,
    reference_every, dark_every) and of a night (`labctl.engine.dependence`). `seconds` and `lit_s` are estimates, None where nobody
    knows yet; of a run that is over `lit_s` is what was. `run` is the file, `run_id` by what an unfinished one is found again.
    """

    id: int
    bench: str
    procedure: str
    settings: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    status: str = WAITING
    tries: int = 0
    run: str = ""
    run_id: str = ""
    message: str = ""
    seconds: float | None = None
    lit_s: float | None = None
    started: str = ""
    ended: str = ""
    writer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def abandoned(self) -> bool:
        """Whether it was under way in a process that has died."""
        return self.status == RUNNING and processes.lives(self.writer) is False

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON types."""
        told = {name: value for name, value in vars(self).items() if name != "writer"}
        return {**told, "settings": dict(self.settings), "options": dict(self.options)}


_COLUMNS = ("id", "bench", "procedure", "settings", "options", "status", "tries", "run", "run_id", "message", "seconds", "lit_s",
            "started", "ended", "writer")


class Waiting:
    """The queue's file. Use it in a `with` block; several processes may have it open."""

    def __init__(self, path: Path | None = None):
        self.path = path or state.folder() / "queue.sqlite"
        with self._explained():
            state.make(self.path.parent)
            self._database = sqlite3.connect(self.path, timeout=10.0, isolation_level="IMMEDIATE", check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.executescript(_TABLES)

    # ---------------------------------------------------------------- what people do
    def add(self, bench: str, procedure: str, settings: Mapping[str, str], options: Mapping[str, Any], *,
            seconds: float | None = None, lit_s: float | None = None) -> Item:
        """Put a run at the end; gives it with its number."""
        return self.add_all([Item(0, bench, procedure, settings, options, seconds=seconds, lit_s=lit_s)])[0]

    def add_all(self, items: Sequence[Item]) -> list[Item]:
        """Put runs at the end, all or none; gives them with their numbers."""
        numbers = []
        with self._explained(), self._database as database:
            for item in items:
                numbers.append(database.execute(
                    "INSERT INTO item (place, bench, procedure, settings, options, status, seconds, lit_s) VALUES "
                    "((SELECT coalesce(max(place), 0) + 1 FROM item), ?,?,?,?,?,?,?)",
                    (item.bench, item.procedure, json.dumps(dict(item.settings)), json.dumps(dict(item.options)), WAITING,
                     item.seconds, item.lit_s)).lastrowid or 0)
        found = {item.id: item for item in self.items()}
        return [found[number] for number in numbers]

    def items(self) -> list[Item]:
        """Give everything, in the order in which it is run."""
        with self._explained():
            rows = self._database.execute(f"SELECT {', '.join(_COLUMNS)} FROM item ORDER BY place").fetchall()   # noqa: S608  our own
        return [_item(row) for row in rows]

    def item(self, number: int) -> Item:
        """Give one; Refused when there is none of that number."""
        found = next((item for item in self.items() if item.id == number), None)
        if found is None:
            raise Refused([Problem("item", f"there is no item {number} in the queue; see 'labctl queue list'.")])
        return found

    def move(self, number: int, position: int) -> None:
        """Put a waiting run at a position among those that wait, 1 the first."""
        waiting = [item.id for item in self.items() if item.status == WAITING]
        if number not in waiting:
            raise Refused([Problem("item", f"item {self.item(number).id} does not wait any more, so it cannot be moved.")])
        waiting.remove(number)
        waiting.insert(min(max(position, 1), len(waiting) + 1) - 1, number)
        with self._explained(), self._database as database:
            places = sorted(place for place, in database.execute("SELECT place FROM item WHERE status=?", (WAITING,)))
            database.executemany("UPDATE item SET place=? WHERE id=?", list(zip(places, waiting, strict=True)))

    def remove(self, numbers: Sequence[int]) -> None:
        """Take runs out, those under way excepted; refuses all together."""
        found = [self.item(number) for number in numbers]
        if busy := [item for item in found if item.status == RUNNING and not item.abandoned]:
            raise Refused([Problem("item", f"item {item.id} is being run by process {item.writer.get('pid')}; abort it there.")
                           for item in busy])
        with self._explained(), self._database as database:
            database.executemany("DELETE FROM item WHERE id=?", [(item.id,) for item in found])

    def clear(self, *, everything: bool = False) -> int:
        """Take out what is over, or everything that is not under way; gives how many."""
        gone = [item.id for item in self.items() if item.status in OVER or (everything and item.status == WAITING) or
                (everything and item.abandoned)]
        self.remove(gone)
        return len(gone)

    def pause(self, paused: bool = True) -> None:
        """Ask whoever runs the queue to begin no further run, or to go on."""
        with self._explained(), self._database as database:
            database.execute("INSERT OR REPLACE INTO setting VALUES ('paused', ?)", (str(int(paused)),))

    @property
    def paused(self) -> bool:
        """Whether no further run is to be begun."""
        with self._explained():
            row = self._database.execute("SELECT value FROM setting WHERE name='paused'").fetchone()
        return row is not None and row[0] == "1"

    # ---------------------------------------------------------------- what the worker does
    def begin(self, item: Item) -> None:
        """Say that this process runs it now."""
        self._change(item.id, status=RUNNING, tries=item.tries + 1, started=_now(), ended="", message="",
                     writer=json.dumps(processes.me()))

    def note(self, number: int, **values: Any) -> None:
        """Keep what has become known of a run: seconds, lit_s, run, run_id, message."""
        self._change(number, **values)

    def end(self, number: int, status: str, message: str = "") -> None:
        """Say how it ended."""
        self._change(number, status=status, message=message, ended=_now())

    def wait_again(self, number: int, message: str) -> None:
        """Put it back among those that wait, at its place."""
        self._change(number, status=WAITING, message=message)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _change(self, number: int, **values: Any) -> None:
        columns = ", ".join(f"{name}=?" for name in values)
        with self._explained(), self._database as database:
            database.execute(f"UPDATE item SET {columns} WHERE id=?", (*values.values(), number))     # noqa: S608  our own names

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as exc:
            raise StoreError(f"The run queue {self.path} cannot be used: {exc}. No run is affected; free space on its disk, or put "
                             "a damaged one aside.") from exc


def _item(row: Sequence[Any]) -> Item:
    told = dict(zip(_COLUMNS, row, strict=True))
    return Item(**{**told, **{name: json.loads(told[name]) for name in ("settings", "options", "writer")}})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
