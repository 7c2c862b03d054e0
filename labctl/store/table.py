"""The points of one kind as columns, in visiting order: what journal and file have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from labctl.store.reader import Record

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
        """Name the channels that hold arrays."""
        ...

    def channel_dims(self, name: str) -> tuple[str, ...]:
        """Name the dimensions of a channel, point axes left out."""
        ...

    def array(self, name: str) -> np.ndarray:
        """Give a channel, (points, ...)."""
        ...

    def coordinate(self, dim: str) -> tuple[np.ndarray, str, str] | None:
        """Give values, unit and medium along a dimension of a channel."""
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
        found = dict.fromkeys(name for record in self._records for name in record.arrays)
        declared = (name for name, told in self._declared.items() if told["dims"]) if not self._records else ()
        return [*found, *declared]

    def channel_dims(self, name: str) -> tuple[str, ...]:
        """Name the dimensions of a channel."""
        declared = tuple(self._declared.get(name, {}).get("dims", ()))
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
        """Give values, unit and medium along a dimension."""
        for told in self._declared.values():
            if dim in told["coords"]:
                found = told["coords"][dim]
                return np.asarray(found["values"], dtype=float), found["unit"], found["medium"]
        return None

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
