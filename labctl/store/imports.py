"""Data of other programs as a run, so that old measurements meet the same analysis and the same plots.

Every format has a well-kept reader of its own, in the extra `labctl[import]`; here their answers become points and axes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.core.errors import LabctlError, StoreError
from labctl.core.plan import Result
from labctl.core.reduction import CurveData
from labctl.store.layout import Arranged, arrange
from labctl.store.reader import Event

if TYPE_CHECKING:
    import xarray

LARGEST_FILE = 2**31            # bytes; readers hold the whole file in memory, some several times
IMPORTED = "imported"


@dataclass(frozen=True)
class Foreign:
    """What a file of another program holds: `values` (points, samples), the axis along the samples, numbers per point, the rest.

    `medium` is "air", "vacuum" or empty when the file does not say; `told` is whatever else the file states, as text and numbers.
    """

    channel: str
    unit: str
    long_name: str
    values: np.ndarray
    axis_name: str
    axis_unit: str
    axis: np.ndarray
    medium: str = ""
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    start_utc: str = ""


class ForeignTable:
    """The points of a foreign file, as a table like any other."""

    def __init__(self, kind: str, foreign: Foreign | None):
        self.kind = kind
        self._foreign = foreign

    def numbers(self) -> np.ndarray:
        """Give the place of every point."""
        return np.arange(0 if self._foreign is None else len(self._foreign.values))

    def names(self) -> list[str]:
        """Name every number per point."""
        return [] if self._foreign is None else list(self._foreign.columns)

    def column(self, name: str) -> np.ndarray | None:
        """Give a column; None when there is none."""
        return None if self._foreign is None else self._foreign.columns.get(name)

    def flag_names(self) -> list[str]:
        """Foreign files flag nothing."""
        return []

    def flag(self, name: str) -> np.ndarray:
        """Tell that no point is flagged."""
        return np.zeros(len(self.numbers()), dtype=bool)

    def channels(self) -> list[str]:
        """Name the one array."""
        return [] if self._foreign is None else [self._foreign.channel]

    def channel_dims(self, name: str) -> tuple[str, ...]:
        """Name the axis of the array."""
        return () if self._foreign is None else (self._foreign.axis_name,)

    def array(self, name: str) -> np.ndarray:
        """Give the array, (points, samples)."""
        assert self._foreign is not None    # noqa: S101  channels() lists nothing then
        return self._foreign.values

    def coordinate(self, dim: str) -> tuple[np.ndarray, str, str] | None:
        """Give values, unit and medium along the axis."""
        found = self._foreign
        return None if found is None or dim != found.axis_name else (found.axis, found.axis_unit, found.medium)

    def moving(self) -> None:
        """Tell that all points share one axis."""


class ForeignSource:
    """A file of another program as the source of a run."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self._foreign = read(self.path)
        self.header: Mapping[str, Any] = _header(self.path, self._foreign)
        self.status = IMPORTED
        self.end: Mapping[str, Any] = {}
        self.results: dict[str, Result] = {}
        self.curves: dict[str, CurveData] = {}

    def events(self) -> list[Event]:
        """Foreign files have no log."""
        return []

    def table(self, kind: str) -> ForeignTable:
        """Give the points of one kind; all are scan points."""
        return ForeignTable(kind, self._foreign if kind == "scan" else None)

    def arranged(self, kind: str) -> Arranged:
        """Give the points of one kind on their axes."""
        return arrange(self.header, self.table(kind))

    def dataset(self, kind: str) -> xarray.Dataset:
        """Give the points of one kind as xarray."""
        from labctl.store.journal_source import as_dataset

        return as_dataset(self.arranged(kind))

    def close(self) -> None:
        """Nothing stays open."""


def read(path: Path) -> Foreign:
    """Read a file of another program by its ending.

    Raises StoreError when the ending is unknown, the reader is not installed, or the file is not what its ending says.
    """
    ending = path.suffix.lower()
    if ending not in READERS:
        raise StoreError(f"{path} is of no format that can be read; known are {', '.join(sorted(READERS))}.")
    if path.stat().st_size > LARGEST_FILE:
        raise StoreError(f"{path} has {path.stat().st_size / 1e9:.1f} GB; files up to {LARGEST_FILE / 1e9:.1f} GB are read.")
    package, reader = READERS[ending]
    if package and find_spec(package.split(".")[0]) is None:
        raise StoreError(f"Reading {ending} files needs {package}, which is not installed; `pip install labctl[import]` brings it.")
    try:
        return reader(path)
    except LabctlError:
        raise
    except Exception as exc:        # the readers raise whatever the bytes lead them to
        raise StoreError(f"{path} cannot be read as a {ending} file: {type(exc).__name__}: {exc}") from exc


def _header(path: Path, foreign: Foreign) -> dict[str, Any]:
    """Give what is known about the run; its id is made of the file's bytes, so the same file is always the same run."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()
    axis = {"values": foreign.axis.tolist(), "unit": foreign.axis_unit, "long_name": "", "medium": foreign.medium}
    channel = {"unit": foreign.unit, "dims": [foreign.axis_name], "shape": [len(foreign.axis)], "dtype": foreign.values.dtype.str,
               "long_name": foreign.long_name, "coords": {foreign.axis_name: axis}}
    shown, title = ("histogram", "Decay") if foreign.axis_name == "time_delay" else ("spectrum", "Spectrum")
    return {
        "run_id": digest[:32], "run_number": 0, "procedure": IMPORTED, "title": path.name, "parameters": {}, "plan": [],
        "scan_axes": [], "shape": None, "plots": [{"kind": shown, "title": title, "channel": foreign.channel}],
        "default_signal": foreign.channel, "channels": {foreign.channel: channel}, "companions": {}, "seed": 0, "constants": {},
        "bench": {"name": path.suffix.lower().lstrip("."), "simulated": False}, "sample": "", "foreign": dict(foreign.told),
        "start_utc": foreign.start_utc or changed, "serials": {},
    }


def _readers() -> dict[str, tuple[str, Callable[[Path], Foreign]]]:
    from labctl.store import foreign_formats as formats

    text = dict.fromkeys((".csv", ".asc", ".txt", ".dat"), ("", formats.two_columns))
    return {".sif": ("sif_parser", formats.sif), ".spe": ("imageio", formats.spe),
            **dict.fromkeys((".phu", ".phd"), ("ptufile", formats.phu)), ".ptu": ("ptufile", formats.ptu),
            **dict.fromkeys((".h5", ".hdf5", ".nxs"), ("", formats.hdf5)), **text}


READERS = _readers()
