"""A journal as the source of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.core.plan import Point, Result, plan_hash
from labctl.core.reduction import CurveData
from labctl.store.layout import Arranged, arrange
from labctl.store.reader import Event, JournalReader
from labctl.store.table import JournalTable

if TYPE_CHECKING:
    import xarray


class JournalSource:
    """What a journal held at the moment it was opened; a running one is opened again to see more."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self._reader = JournalReader(self.path)
        self.header: Mapping[str, Any] = self._reader.header
        self.status = self._reader.status
        self.end: Mapping[str, Any] = self._reader.end
        self.results: dict[str, Result] = {}
        self.curves: dict[str, CurveData] = {}
        self._records = self._reader.records()
        if self.header.get("bounds"):        # the plan of an adaptive run is what it has visited so far
            visited = [Point.from_json(record.point) for record in self._records]
            self.header = {**self.header, "plan": [point.as_json() for point in visited], "plan_hash": plan_hash(visited)}
        self._tables: dict[str, JournalTable] = {}

    def events(self) -> list[Event]:
        """Give the log."""
        return self._reader.events()

    def table(self, kind: str) -> JournalTable:
        """Give the points of one kind."""
        if kind not in self._tables:
            self._tables[kind] = JournalTable(self._reader, self.header, self._records, kind)
        return self._tables[kind]

    def arranged(self, kind: str) -> Arranged:
        """Give the points of one kind on their axes."""
        return arrange(self.header, self.table(kind), self._background() if kind == "scan" else None)

    def dataset(self, kind: str) -> xarray.Dataset:
        """Give the points of one kind as an xarray Dataset like the one read from the file."""
        return as_dataset(self.arranged(kind))

    def close(self) -> None:
        """Close the journal."""
        self._reader.close()

    def __enter__(self) -> JournalSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _background(self) -> np.ndarray | None:
        """Give the mean dark frame of the default signal, of the exposure of the first scan point where there is one."""
        dark, scan = self.table("dark"), self.table("scan")
        name = self.header.get("default_signal", "")
        if name not in dark.channels() or not len(dark.numbers()):
            return None
        frames, wanted, had = dark.array(name), scan.column("exposure_s"), dark.column("exposure_s")
        if wanted is None or had is None or not len(wanted):
            return frames.mean(axis=0)
        same = np.isclose(had, wanted[0])
        return frames[same].mean(axis=0) if same.any() else None


def as_dataset(arranged: Arranged) -> xarray.Dataset:
    """Give arranged points as an xarray Dataset like the one read from a file."""
    import xarray

    variables = {v.name: (v.dims, v.values, dict(v.told)) for v in arranged.variables}
    made = xarray.Dataset(variables, attrs={"NX_class": "NXdata", "signal": arranged.signal, "interpretation": "spectrum"})
    return made.set_coords(list(arranged.coordinates))
