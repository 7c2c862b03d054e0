"""What a run has measured so far, as plots and live fits see it: fed by events while it runs, read from its file afterwards."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from labctl.core.errors import LabctlError
from labctl.core.plan import Reading
from labctl.core.reduction import Reduction
from labctl.store import run as store
from labctl.store.layout import WAVELENGTH
from labctl.store.reader import Record
from labctl.store.table import JournalTable, values_of
from labctl.store.view import View

MOST_BYTES = 256_000_000        # of arrays kept in memory; what comes later stands in the journal, and its rows on the screen
COUNTS_LABEL = "Counts per pixel"


class Measured(Protocol):
    """A run as the plots see it. Rows are scan points in the order in which they were visited; nothing here waits for a disk."""

    header: Mapping[str, Any]
    reduction: Reduction | None
    refusal: str                    # why there is no reduction, in the words of the analysis
    changes: int                    # grows with everything that comes
    live: bool                      # more may come

    @property
    def flags(self) -> Sequence[tuple[str, ...]]:
        """The flags of every row."""
        ...

    def __len__(self) -> int:
        """The number of rows."""
        ...

    @property
    def view(self) -> View:
        """The points as procedures and figures ask for them."""
        ...

    def column(self, name: str) -> np.ndarray | None:
        """Give a number of every row; None when no row has it."""
        ...

    def counts(self, row: int, channel: str = "") -> np.ndarray | None:
        """Give an array of a row as it came; None when it was not kept."""
        ...

    def wavelength(self, row: int) -> np.ndarray | None:
        """Give the wavelengths (vacuum, nm) of a row that carries its own: the spectrograph had moved. None of all others."""
        ...

    def signal(self, row: int) -> np.ndarray | None:
        """Give the row in electrons per second, dark subtracted, or in counts where that cannot be; None when it was not kept."""
        ...

    @property
    def signal_label(self) -> str:
        """Words and unit of `signal`."""
        ...

    def dark(self, exposure_s: float | None = None) -> np.ndarray | None:
        """Give the mean dark frame of an exposure; None when there is none."""
        ...

    def dark_taken_s(self) -> float | None:
        """Give when the last dark frame was taken, in seconds since the start."""
        ...


# ------------------------------------------------------------------ what the header tells of the run
def channel_name(header: Mapping[str, Any], wanted: str = "") -> str:
    """Give the channel that a plot means: the named one, else the default signal."""
    channels: Mapping[str, Any] = header.get("channels") or {}
    return wanted if wanted in channels else str(header.get("default_signal", ""))


def planned(header: Mapping[str, Any], name: str) -> np.ndarray:
    """Give the values of a quantity at the planned scan points, NaN where a point does not set it; empty for an adaptive plan."""
    if header.get("bounds"):
        return np.empty(0)
    points = [point for point in header.get("plan", ()) if point.get("kind", "scan") == "scan"]
    found, standing = [], np.nan
    for point in points:
        standing = float(point.get("set", {}).get(name, standing))
        found.append(standing)
    return np.array(found)


def spectrograph_moves(header: Mapping[str, Any]) -> bool:
    """Tell whether the plan looks at several places of the spectrograph."""
    places = (planned(header, name) for name in ("emission.centre", "spectrograph.grating"))
    return any(len(np.unique(values[np.isfinite(values)])) > 1 for values in places)


def columns(header: Mapping[str, Any], channel: str) -> tuple[str, str, np.ndarray]:
    """Give the columns of a channel, counted from 1: the only axis that all spectra share where the spectrograph moves."""
    shape = header.get("channels", {}).get(channel, {}).get("shape") or (0,)
    return "column", "", np.arange(1.0, shape[-1] + 1)


def abscissa(view: View, channel: str) -> tuple[str, str, np.ndarray] | None:
    """Give name, unit and values along the last dimension of a channel; wavelengths in vacuum. None when nobody knows them."""
    try:
        found = view.coordinate(channel)
        if found is not None and found[:2] == (WAVELENGTH, "nm"):
            return "emission.wavelength", "nm", view.wavelength("vacuum")
    except (LabctlError, KeyError):
        return None
    return found


# ------------------------------------------------------------------ while it runs
class _Kept(dict[int, Mapping[str, np.ndarray]]):
    """The arrays of points by their numbers, as tables ask for them: a table that held the run would keep it in memory for long."""

    def arrays(self, record: Record) -> Mapping[str, np.ndarray]:
        """Give the arrays of a point."""
        return self[record.number]


class LiveRun:
    """A run that is under way; with `most_rows` only the last of them are kept, as of live light."""

    def __init__(self, header: Mapping[str, Any], most_bytes: int = MOST_BYTES, most_rows: int = 0):
        self.header, self.most_rows = header, most_rows
        self.changes, self.live = 0, True
        self.reduction: Reduction | None = None
        self.refusal = ""
        self.flags: list[tuple[str, ...]] = []
        self.complete = True                    # false once arrays had to be left out
        self._room = most_bytes
        self._records: dict[str, list[Record]] = {}
        self._arrays = _Kept()
        self._columns: dict[str, list[float]] = {}
        self._dark: tuple[int, JournalTable] | None = None      # number of the last frame, and the table with it
        self._raw = False                       # counts cannot be turned into electrons

    @classmethod
    def resumed(cls, header: Mapping[str, Any], journal: Path) -> LiveRun:
        """Begin with the points that stand in a journal."""
        from labctl.store.reader import JournalReader

        made = cls(header)
        with JournalReader(journal) as reader:
            for reading in reader.readings():
                made.add(reading)
        return made

    def add(self, reading: Reading) -> None:
        """Take the reading of a point."""
        size = sum(array.nbytes for array in reading.arrays.values())
        arrays = reading.arrays if size <= self._room else {}
        self.complete &= len(arrays) == len(reading.arrays)
        self._room -= size if arrays else 0
        forms = {name: (array.dtype, array.shape) for name, array in arrays.items()}
        record = Record(reading.index, float(reading.values.get("elapsed_s", np.nan)), reading.point.as_json(), reading.values,
                        reading.flags, forms, {})
        self._arrays[reading.index] = arrays
        self._records.setdefault(record.kind, []).append(record)
        if record.kind == "scan":
            self._grow(record)
            self.flags.append(reading.flags)
        if self.most_rows and len(self._records[record.kind]) > self.most_rows:
            self._forget(record.kind)
        self.changes += 1

    def _forget(self, kind: str) -> None:
        """Let the oldest point of a kind go."""
        oldest = self._records[kind].pop(0)
        self._room += sum(array.nbytes for array in self._arrays.pop(oldest.number).values())
        if kind == "scan":
            del self.flags[0]
            for column in self._columns.values():
                del column[0]

    def _grow(self, record: Record) -> None:
        before = len(self._records["scan"]) - 1
        values = values_of(record)
        for name in values.keys() | self._columns.keys():
            self._columns.setdefault(name, [np.nan] * before).append(float(values.get(name, np.nan)))

    def __len__(self) -> int:
        return len(self._records.get("scan", ()))

    @property
    def view(self) -> View:
        """The points so far; it does not change when others come."""
        tables = {kind: JournalTable(self._arrays, self.header, tuple(records), kind) for kind, records in self._records.items()}
        return self._view(tables)

    def _view(self, tables: Mapping[str, JournalTable]) -> View:
        def table(kind: str) -> JournalTable:
            return tables[kind] if kind in tables else JournalTable(self._arrays, self.header, (), kind)

        return View(self.header, table)

    def number(self, row: int) -> int:
        """Give the place of a row in the plan; of live light the number of the frame."""
        return self._records["scan"][row].number

    def column(self, name: str) -> np.ndarray | None:
        """Give a number of every row."""
        found = self._columns.get(name)
        return None if found is None else np.array(found)

    def counts(self, row: int, channel: str = "") -> np.ndarray | None:
        """Give an array of a row as it came."""
        return self._arrays[self._records["scan"][row].number].get(channel_name(self.header, channel))

    def wavelength(self, row: int) -> np.ndarray | None:
        """Give the wavelengths of a row that carries its own."""
        record = self._records["scan"][row]
        if WAVELENGTH not in record.arrays:
            return None
        return self._view({"scan": JournalTable(self._arrays, self.header, (record,), "scan")}).wavelength("vacuum")

    def signal(self, row: int) -> np.ndarray | None:
        """Give a row in electrons per second; in counts for good once that turned out to be impossible."""
        counts = self.counts(row)
        if counts is None or self._raw:
            return counts
        record = self._records["scan"][row]
        one = JournalTable(self._arrays, self.header, (record,), "scan")
        try:
            return self._view({"scan": one, "dark": self._dark_table()}).signal()[0]
        except LabctlError:
            self._raw = True
            return counts

    @property
    def signal_label(self) -> str:
        """Words and unit of `signal`."""
        return COUNTS_LABEL if self._raw else self._view({}).signal_label

    def dark(self, exposure_s: float | None = None) -> np.ndarray | None:
        """Give the mean dark frame."""
        try:
            return self._view({"dark": self._dark_table()}).dark(exposure_s) if self._records.get("dark") else None
        except LabctlError:
            return None

    def dark_taken_s(self) -> float | None:
        """Give when the last dark frame was taken."""
        records = self._records.get("dark")
        return records[-1].started_s if records else None

    def _dark_table(self) -> JournalTable:
        """Give the table of the dark frames; made anew only when another has come."""
        records = self._records.get("dark", [])
        last = records[-1].number if records else -1
        if self._dark is None or self._dark[0] != last:
            self._dark = last, JournalTable(self._arrays, self.header, tuple(records), "dark")
        return self._dark[1]


# ------------------------------------------------------------------ from its file
class StoredRun:
    """A run that has ended, or that somebody else is taking: what its file or journal holds."""

    def __init__(self, run: store.Run):
        self.run, self.header = run, run.header
        self.reduction: Reduction | None = Reduction(run.results, run.curves) if run.results or run.curves else None
        self.refusal = "" if self.reduction else str(next(
            (problem.get("text", "") for problem in run.end.get("problems", ()) if problem.get("field") == "analysis"), ""))
        self.flags = self._flags()
        self.changes, self.live = 1, False

    def prepare(self) -> None:
        """Read now what every plot will ask for, in whatever thread this is."""
        _ = self._signal, self._stack(channel_name(self.header)), self.dark()

    def _flags(self) -> list[tuple[str, ...]]:
        names = self.run.flag_names
        masks = {name: self.run.flag(name) for name in names}
        return [tuple(name for name in names if masks[name][row]) for row in range(len(self.run))]

    def __len__(self) -> int:
        return len(self.run)

    @property
    def view(self) -> View:
        """The run itself."""
        return self.run

    def column(self, name: str) -> np.ndarray | None:
        """Give a number of every row."""
        try:
            return self.run[name]
        except KeyError:
            return None

    def counts(self, row: int, channel: str = "") -> np.ndarray | None:
        """Give an array of a row as it came."""
        stack = self._stack(channel_name(self.header, channel))
        return None if stack is None else stack[row]

    @functools.lru_cache(maxsize=4)     # noqa: B019  lives no longer than the run it belongs to
    def _stack(self, channel: str) -> np.ndarray | None:
        try:
            return self.run.counts(channel)
        except LabctlError:
            return None

    def wavelength(self, row: int) -> np.ndarray | None:
        """Give the wavelengths of a row that carries its own."""
        return None if self._own is None else self._own[row]

    @functools.cached_property
    def _own(self) -> np.ndarray | None:
        """Wavelengths of every row, where the spectrograph moved between them."""
        try:
            return self.run.wavelengths("vacuum") if WAVELENGTH in self.run.data and self.run.data[WAVELENGTH].ndim > 1 else None
        except LabctlError:
            return None

    @functools.cached_property
    def _signal(self) -> tuple[np.ndarray | None, str]:
        try:
            return self.run.signal(), self.run.signal_label
        except LabctlError:
            return self._stack(channel_name(self.header)), COUNTS_LABEL

    def signal(self, row: int) -> np.ndarray | None:
        """Give a row in electrons per second."""
        stack = self._signal[0]
        return None if stack is None else stack[row]

    @property
    def signal_label(self) -> str:
        """Words and unit of `signal`."""
        return self._signal[1]

    def dark(self, exposure_s: float | None = None) -> np.ndarray | None:
        """Give the mean dark frame."""
        try:
            return self.run.dark(exposure_s)
        except LabctlError:
            return None

    def dark_taken_s(self) -> float | None:
        """Give when the last dark frame was taken."""
        try:
            taken = self.run.select("dark")["elapsed_s"]
        except KeyError:
            return None
        return float(taken[-1]) if len(taken) else None
