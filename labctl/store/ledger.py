"""The dose ledger: how much light every spot of every sample has had, durable before the light falls.

One row for each session (a run, or a stretch of live light) and place. What stands in it is never less than what fell: a session
writes down a reserve before it opens the shutter, and replaces it by what really fell when it ends. If it is killed, the reserve
stands (`left_open`).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labctl.core.dose import DARK, Light, Spot
from labctl.core.errors import StoreError
from labctl.store import processes, state

REAL = ""                # the world of real benches; every session of a simulated bench has one of its own
_TABLES = """
CREATE TABLE IF NOT EXISTS light (session TEXT NOT NULL, place TEXT NOT NULL, world TEXT NOT NULL, bench TEXT NOT NULL,
    sample TEXT NOT NULL, mount TEXT NOT NULL, number INTEGER NOT NULL, x_mm REAL, y_mm REAL, radius_um REAL NOT NULL,
    dose_j_cm2 REAL NOT NULL, pulses REAL NOT NULL, lit_s REAL NOT NULL, peak_j_cm2 REAL NOT NULL, unknown_s REAL NOT NULL,
    doing TEXT NOT NULL, written TEXT NOT NULL, open INTEGER NOT NULL, writer TEXT NOT NULL, PRIMARY KEY (session, place));
CREATE INDEX IF NOT EXISTS by_sample ON light (world, sample, mount, number);
CREATE TABLE IF NOT EXISTS present (sample TEXT NOT NULL, mount TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (sample, mount)) WITHOUT ROWID;
"""
_SPOT = "sample, mount, number, x_mm, y_mm, radius_um"
_LIGHT = "dose_j_cm2, pulses, lit_s, peak_j_cm2, unknown_s"


@dataclass(frozen=True)
class Session:
    """Somebody who lets light fall: an id of its own, on which bench, in which world, and what for."""

    id: str
    bench: str
    world: str
    doing: str


@dataclass(frozen=True)
class Left:
    """What a killed session left behind: its row still counts its reserve. `written` is when that was last raised (ISO, UTC)."""

    session: str
    spot: Spot
    light: Light
    written: str


class Ledger:
    """The ledger of one state folder; with no path it is kept in memory. May be used from several threads."""

    def __init__(self, path: Path | None):
        self.path = path
        self._lock = threading.RLock()
        with self._explained():
            if path is not None:
                state.make(path.parent)
            self._database = sqlite3.connect(path or ":memory:", timeout=10.0, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")       # light that has fallen must not be forgotten with the power
            self._database.executescript(_TABLES)

    # ---------------------------------------------------------------- light
    def write(self, session: Session, spot: Spot, light: Light, *, still_lit: bool) -> None:
        """Write what a session has let fall, or may let fall, on a place: the whole, not an increment."""
        row = (session.id, _place(spot), session.world, session.bench, spot.sample, spot.mount, spot.number, spot.x_mm, spot.y_mm,
               spot.radius_um, light.dose_j_cm2, light.pulses, light.lit_s, light.peak_j_cm2, light.unknown_s, session.doing,
               datetime.now(UTC).isoformat(timespec="seconds"), int(still_lit), json.dumps(processes.me()))
        with self._explained(), self._database:
            marks = ",".join("?" * len(row))
            self._database.execute(f"INSERT OR REPLACE INTO light VALUES ({marks})", row)   # noqa: S608  question marks only

    def total(self, spot: Spot, world: str = REAL, *, without: str = "") -> Light:
        """Give all light that may have fallen on a spot: every place whose disc touches it, the session `without` left out."""
        rows = self._rows("world=? AND sample=? AND mount=? AND number=? AND session<>?",
                          (world, spot.sample, spot.mount, spot.number, without))
        return sum((light for place, light, *_ in rows if place.overlaps(spot)), DARK)

    def places(self, *, sample: str = "", mount: str = "", bench: str = "", world: str = REAL) -> dict[Spot, Light]:
        """Give every place with its own light, latest last; empty words match everything."""
        where, values = ["world=?"], [world]
        for column, wanted in (("sample", sample), ("mount", mount), ("bench", bench)):
            if wanted:
                where.append(f"{column}=?")
                values.append(wanted)
        found: dict[Spot, Light] = {}
        for spot, light, *_ in self._rows(" AND ".join(where), tuple(values)):
            found[spot] = found.pop(spot, DARK) + light
        return found

    def last_world(self, bench: str) -> str | None:
        """Give the world in which light last fell on a bench; None when none ever did."""
        rows = self._execute("SELECT world FROM light WHERE bench=? ORDER BY written DESC, rowid DESC LIMIT 1", (bench,))
        return str(rows[0][0]) if rows else None

    def left_open(self, bench: str) -> list[Left]:
        """Give the rows of real sessions on a bench that were not brought to their end and whose process is dead."""
        rows = self._rows("open=1 AND world=? AND bench=?", (REAL, bench))
        return [Left(session, spot, light, written) for spot, light, session, written, writer in rows
                if processes.lives(json.loads(writer)) is False]

    def settle(self, left: Left, light: Light) -> None:
        """Bring a killed session to its end with what is now known to have fallen."""
        with self._explained(), self._database:
            self._database.execute(
                "UPDATE light SET dose_j_cm2=?, pulses=?, lit_s=?, peak_j_cm2=?, unknown_s=?, open=0 WHERE session=? AND place=?",
                (light.dose_j_cm2, light.pulses, light.lit_s, light.peak_j_cm2, light.unknown_s, left.session, _place(left.spot)))

    # ---------------------------------------------------------------- numbered spots
    def number(self, sample: str, mount: str = "") -> int:
        """Give the number of the spot that is under the beam."""
        rows = self._execute("SELECT number FROM present WHERE sample=? AND mount=?", (sample, mount))
        return int(rows[0][0]) if rows else 1

    def new_spot(self, sample: str, mount: str = "") -> int:
        """Somebody has moved to a spot that has had no light: give it the next number."""
        number = self.number(sample, mount) + 1
        with self._explained(), self._database:
            self._database.execute("INSERT OR REPLACE INTO present VALUES (?,?,?)", (sample, mount, number))
        return number

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---------------------------------------------------------------- the database
    def _rows(self, where: str, values: tuple[Any, ...]) -> list[tuple[Spot, Light, str, str, str]]:
        found = self._execute(f"SELECT {_SPOT}, {_LIGHT}, session, written, writer FROM light WHERE {where} "   # noqa: S608  our own
                              "ORDER BY written, rowid", values)
        return [(Spot(*row[:6]), Light(*row[6:11]), *row[11:]) for row in found]

    def _execute(self, text: str, values: tuple[Any, ...]) -> list[Any]:
        with self._explained():
            return self._database.execute(text, values).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as exc:
                raise StoreError(f"The dose ledger {self.path} cannot be used: {exc}. No light is let out without it. Free space "
                                 "on its disk, or put a damaged one aside: its spots then count as fresh.") from exc


def open_ledger() -> Ledger:
    """Open the ledger of the state folder."""
    return Ledger(state.folder() / "dose.sqlite")


def _place(spot: Spot) -> str:
    where = "" if spot.x_mm is None or spot.y_mm is None else f" {spot.x_mm:.4f} {spot.y_mm:.4f}"
    return f"{spot.number}{where} {spot.sample}/{spot.mount}"
