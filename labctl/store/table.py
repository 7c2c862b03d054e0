"""The points of one kind as columns, in visiting order: what journal and file have in common."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from labctl.store.reader import Record

COLUMN = "column"       # the dimension of spectra whose wavelengths differ from point to point
CHI2, DIFFERS = "rehearsal_chi2", "differs_from_rehearsal"      # how far a point is from its rehearsal, and whether too far


class Table(Protocol):
    """Points of one kind. Every array runs over them in plan order, which is the order in which they were visited."""

    kind: str

    def numbers(self) -> np.ndarray:
        """Give the place of every point in the plan."""
        ...

    def names(self) -> list[str]:
        """Name every column: set-points, read-backs and companions."""
        ...

    def column(self, name: str) -> np.ndarray | None:
        """Give a column as floats, NaN where a point lacks it; None when no point has it."""
        ...

    def flag_names(self) -> list[str]:
        """Name every flag that any point carries."""
        ...

    def flag(self, name: str) -> np.ndarray:
        """Tell which points carry a flag."""
        ...

    def channels(self) -> list[str]:
        """Name the channels that hold arrays; coordinates that a point carries itself are none."""
        ...

    def channel_dims(self, name: str) -> tuple[str, ...]:
        """Name the dimensions of a channel, point axes left out."""
        ...

    def array(self, name: str) -> np.ndarray:
        """Give a channel, (points, ...)."""
        ...

    def coordinate(self, dim: str) -> tuple[np.ndarray, str, str] | None:
        """Give values, unit and medium along a dimension of a channel, where they are the same at all points."""
        ...

    def moving(self) -> tuple[np.ndarray, str, str] | None:
        """Give wavelengths that are not the same at all points, (points, length), unit and medium; the dimension is COLUMN then."""
        ...


class ArrayReader(Protocol):
    """Where the arrays of a point come from: a journal, or the memory of whoever listened to the run."""

    def arrays(self, record: Record) -> Mapping[str, np.ndarray]:
        """Give the arrays of one point."""
        ...


class JournalTable:
    """The table of a journal."""

    def __init__(self, reader: ArrayReader, header: Mapping[str, Any], records: Sequence[Record], kind: str):
        self.kind = kind
        self._reader = reader
        self._declared: Mapping[str, Any] = header.get("channels", {})
        self._records = [record for record in records if record.kind == kind]
        self._chi2, self._differs = _against_rehearsal(header)
        self._values = [values_of(record) | self._chi2.get(record.number, {}) for record in self._records]
        self._arrays: dict[str, np.ndarray] = {}
        self._coords = {dim: told for channel in self._declared.values() for dim, told in channel["coords"].items()}

    def numbers(self) -> np.ndarray:
        """Give the place of every point in the plan."""
        return np.array([record.number for record in self._records], dtype=np.int64)

    def names(self) -> list[str]:
        """Name every column."""
        return list(dict.fromkeys(name for values in self._values for name in values))

    def column(self, name: str) -> np.ndarray | None:
        """Give a column; None when no point has it."""
        if not any(name in values for values in self._values):
            return None
        return np.array([values.get(name, np.nan) for values in self._values], dtype=float)

    def flag_names(self) -> list[str]:
        """Name every flag that any point carries."""
        found = dict.fromkeys(flag for record in self._records for flag in record.flags)
        return [*found, *([DIFFERS] if self._chi2 else [])]

    def flag(self, name: str) -> np.ndarray:
        """Tell which points carry a flag."""
        late = self._differs if name == DIFFERS else frozenset()
        return np.array([name in record.flags or record.number in late for record in self._records], dtype=bool)

    def channels(self) -> list[str]:
        """Name the channels that hold arrays; before the first point those that were declared."""
        found = dict.fromkeys(name for record in self._records for name in record.arrays if name not in self._coords)
        declared = (name for name, told in self._declared.items() if told["dims"]) if not self._records else ()
        return [*found, *declared]

    def channel_dims(self, name: str) -> tuple[str, ...]:
        """Name the dimensions of a channel."""
        declared = tuple(COLUMN if dim in self._own and self._along(dim) is None else dim
                         for dim in self._declared.get(name, {}).get("dims", ()))
        _, shape = self._form(name)
        return declared if len(declared) == len(shape) else tuple(f"{name}_{i}" for i in range(len(shape)))

    def array(self, name: str) -> np.ndarray:
        """Give a channel; zeros (NaN for floats) at points that did not read it. Kept once read."""
        if name not in self._arrays:
            dtype, shape = self._form(name)
            stack = np.full((len(self._records), *shape), np.nan if dtype.kind == "f" else 0, dtype=dtype)
            for row, record in enumerate(self._records):
                if name in record.arrays:
                    stack[row] = self._reader.arrays(record)[name]
            self._arrays[name] = stack
        return self._arrays[name]

    def coordinate(self, dim: str) -> tuple[np.ndarray, str, str] | None:
        """Give values, unit and medium along a dimension; None where they differ from point to point."""
        if dim == COLUMN and (found := self.moving()) is not None:
            return np.arange(1.0, found[0].shape[1] + 1), "", ""
        told, values = self._coords.get(dim), self._along(dim)
        return None if told is None or values is None else (values, told["unit"], told["medium"])

    def moving(self) -> tuple[np.ndarray, str, str] | None:
        """Give wavelengths that are not the same at all points."""
        for dim in self._own:
            if self._along(dim) is None:
                return self._own[dim], self._coords[dim]["unit"], self._coords[dim]["medium"]
        return None

    @functools.cached_property
    def _own(self) -> dict[str, np.ndarray]:
        """Coordinates that some points carry themselves, (points, length): the others have the header's; NaN without a reading."""
        found = dict.fromkeys(name for record in self._records for name in record.arrays if name in self._coords)
        return {dim: self._rows(dim) for dim in found}

    def _rows(self, dim: str) -> np.ndarray:
        users = {name for name, told in self._declared.items() if dim in told["dims"]}
        rows = np.full((len(self._records), len(self._coords[dim]["values"])), np.nan)
        for row, record in enumerate(self._records):
            if dim in record.arrays:
                rows[row] = self._reader.arrays(record)[dim]
            elif not users.isdisjoint(record.arrays):
                rows[row] = self._coords[dim]["values"]
        return rows

    def _along(self, dim: str) -> np.ndarray | None:
        """Give the values along a dimension that hold for all points; None where there are none."""
        if dim not in self._own:
            told = self._coords.get(dim)
            return None if told is None else np.asarray(told["values"], dtype=float)
        read = self._own[dim][np.isfinite(self._own[dim]).all(axis=1)]
        return read[0] if len(read) and (read == read[0]).all() else None

    def _form(self, name: str) -> tuple[np.dtype, tuple[int, ...]]:
        for record in self._records:
            if name in record.arrays:
                return record.arrays[name]
        told = self._declared[name]
        return np.dtype(told["dtype"]), tuple(told["shape"])


def _against_rehearsal(header: Mapping[str, Any]) -> tuple[dict[int, dict[str, float]], frozenset[int]]:
    """Give reduced χ² by the number of the point, and the points that differ; nothing where no rehearsal was compared with."""
    told = header.get("rehearsal") or {}
    chi2 = {number: {CHI2: value} for number, value in zip(told.get("numbers", ()), told.get("chi2", ()), strict=True)}
    return chi2, frozenset(told.get("differs", ()))


def values_of(record: Record) -> dict[str, float]:
    """Give every number of a point; what the engine measured replaces what the plan asked for."""
    planned = {**record.point.get("set", {})}
    if record.arrays:
        planned["exposure_s"] = record.point.get("exposure_s", np.nan)
    return {**planned, "elapsed_s": record.started_s, **record.values}
