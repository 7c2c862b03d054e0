"""A finished run file as the source of a run."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from labctl.core.errors import StoreError
from labctl.core.quantities import file_name
from labctl.store import nexus_process, provenance, seal
from labctl.store.confined import leading_out
from labctl.store.header import SCHEMA
from labctl.store.layout import POINT_INDEX, WAVELENGTH
from labctl.store.nexus_data import Node
from labctl.store.reader import Event

if TYPE_CHECKING:
    import xarray

GROUPS = {"scan": "data"}          # other kinds carry their own names


class NexusTable:
    """The measured points of one NXdata group, flattened and in visiting order."""

    def __init__(self, group: Node | None, kind: str):
        self.kind = kind
        self._group = group
        self._dims: tuple[str, ...] = ()
        self._rows = np.zeros(0, dtype=int)
        self._shape: tuple[int, ...] = ()
        if group is not None:
            index = group[POINT_INDEX][()]
            self._shape = index.shape
            self._dims = tuple(str(name) for name in group.attrs["axes"])[: index.ndim]
            measured = np.flatnonzero(index.ravel() >= 0)
            self._rows = measured[np.argsort(index.ravel()[measured], kind="stable")]

    def numbers(self) -> np.ndarray:
        """Give the place of every point in the plan."""
        return np.zeros(0, dtype=int) if self._group is None else self._group[POINT_INDEX][()].ravel()[self._rows]

    def names(self) -> list[str]:
        """Name every column, by labctl's own names."""
        found = [item for item in self._fields.values() if "labctl_name" in item.attrs and item.ndim <= len(self._dims)]
        return [str(item.attrs["labctl_name"]) for item in found]

    def column(self, name: str) -> np.ndarray | None:
        """Give a column as floats; None when there is none of that name."""
        item = self._fields.get(file_name(name))
        if item is None or "labctl_name" not in item.attrs or item.ndim > len(self._dims):
            return None
        values = item[()]
        if item.ndim < len(self._dims):             # one of several point axes
            along = self._dims.index(file_name(name))
            values = np.broadcast_to(np.expand_dims(values, [i for i in range(len(self._dims)) if i != along]), self._shape)
        return np.asarray(values, dtype=float).ravel()[self._rows]

    def flag_names(self) -> list[str]:
        """Name every flag that was recorded."""
        return [str(item.attrs["labctl_flag"]) for item in self._fields.values() if "labctl_flag" in item.attrs]

    def flag(self, name: str) -> np.ndarray:
        """Tell which points carry a flag."""
        item = self._fields.get(name)
        if item is None or "labctl_flag" not in item.attrs:
            return np.zeros(len(self._rows), dtype=bool)
        return item[()].ravel()[self._rows].astype(bool)

    def channels(self) -> list[str]:
        """Name the channels that hold arrays."""
        found = [item for item in self._fields.values() if "labctl_name" in item.attrs and item.ndim > len(self._dims)]
        return [str(item.attrs["labctl_name"]) for item in found]

    def channel_dims(self, name: str) -> tuple[str, ...]:
        """Name the dimensions of a channel."""
        item = self._fields[file_name(name)]
        return tuple(str(dim[0].name).rsplit("/", 1)[-1] for dim in item.dims)[len(self._dims):]

    def array(self, name: str) -> np.ndarray:
        """Give a channel, (points, ...)."""
        item = self._fields[file_name(name)]
        inner = item.shape[len(self._dims):]
        whole = item[()].reshape((-1, *inner))
        in_order = len(self._rows) == len(whole) and bool(np.all(np.diff(self._rows) == 1))
        return whole if in_order else whole[self._rows]

    def coordinate(self, dim: str) -> tuple[np.ndarray, str, str] | None:
        """Give values, unit and medium along a dimension."""
        item = self._fields.get(dim)
        if item is None or item.ndim > 1:
            return None
        return item[()], str(item.attrs.get("units", "")), str(item.attrs.get("medium", ""))

    def moving(self) -> tuple[np.ndarray, str, str] | None:
        """Give wavelengths that are not the same at all points."""
        item = self._fields.get(WAVELENGTH)
        if item is None or item.ndim < 2:
            return None
        rows = item[()].reshape(-1, item.shape[-1])[self._rows]
        return rows, str(item.attrs.get("units", "")), str(item.attrs.get("medium", ""))

    @functools.cached_property
    def _fields(self) -> dict[str, Any]:
        """Every dataset by name; looking them up one by one is the slow part of HDF5."""
        return {} if self._group is None else dict(self._group.items())


class NexusSource:
    """A run file, opened for reading only."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self._stack = contextlib.ExitStack()
        self._file: Node = self._open()
        try:
            self.status = str(self._file.attrs["labctl_status"])
            entry = self._file["entry"]
            header, end, self._events = provenance.read(entry)
            self.results = nexus_process.read(entry)
            self.curves = nexus_process.read_curves(entry)
        except (KeyError, ValueError, TypeError, AttributeError, OSError, RuntimeError) as exc:
            self._stack.close()
            raise StoreError(f"{self.path} is damaged: {exc}. Its arrays may still be read with h5py, under entry/data.") from exc
        self.header: Mapping[str, Any] = header
        self.end: Mapping[str, Any] = end
        self._tables: dict[str, NexusTable] = {}
        self._datasets: dict[str, xarray.Dataset] = {}

    def events(self) -> list[Event]:
        """Give the log."""
        return self._events

    def table(self, kind: str) -> NexusTable:
        """Give the points of one kind."""
        if kind not in self._tables:
            self._tables[kind] = NexusTable(self._file.get(f"entry/{GROUPS.get(kind, kind)}"), kind)
        return self._tables[kind]

    def dataset(self, kind: str) -> xarray.Dataset:
        """Open the points of one kind with xarray; nothing is read before it is used."""
        import xarray

        if kind not in self._datasets:
            group = f"entry/{GROUPS.get(kind, kind)}"
            if group not in self._file:
                raise StoreError(f"{self.path} holds no {kind} points.")
            try:
                opened = xarray.open_dataset(self.path, group=group, engine="h5netcdf")
            except (KeyError, ValueError, TypeError, AttributeError, OSError, RuntimeError) as exc:
                raise StoreError(f"{self.path} is damaged: the axes of {group} cannot be read ({exc}).") from exc
            self._stack.callback(opened.close)
            self._datasets[kind] = opened.drop_vars("title", errors="ignore")
        return self._datasets[kind]

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def _open(self) -> h5py.File:
        if self.path.stat().st_size <= seal.CHECKED_AT_ONCE and seal.check(self.path) == "altered":
            raise StoreError(f"{self.path} was altered or damaged after it was finished, so its data cannot be trusted. Take it "
                             "from a backup; what can be read of it, h5py reads.")
        try:
            file = self._stack.enter_context(h5py.File(self.path, "r"))
            schema = file.attrs.get("labctl_schema")
            outside = leading_out(file, self.path.stat().st_size)
        except (OSError, RuntimeError, ValueError) as exc:
            self._stack.close()
            raise StoreError(f"{self.path} cannot be read as a run file: {exc}.") from exc
        if schema is None or int(schema) > SCHEMA:
            self._stack.close()
            newer = f"was written by a newer labctl (schema {schema}); update labctl"
            reason = "was not written by labctl" if schema is None else newer
            raise StoreError(f"{self.path} {reason}.")
        if outside:
            self._stack.close()
            raise StoreError(f"{self.path} is refused: {outside} labctl writes no such files.")
        return file


