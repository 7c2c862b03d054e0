"""How the points of a run become arrays with axes: grid, ascending scan, or plain numbering.

Pure functions on header and point table, used by the file and by `Run.data` alike, so that both show the same thing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labctl.core.quantities import file_name, long_name, quantity_unit
from labctl.store.table import COLUMN, Table

POINT_NUMBER = "point_number"
WAVELENGTH = "emission_wavelength"
POINT_INDEX = "point_index"          # place in the plan; -1 where nothing was measured
POINT_OK = "point_ok"
ALWAYS_FLAGGED = ("saturated",)
BAD = "bad"                          # the flag of a point that was kept although its reading failed
NANOMETRES_IN_VACUUM = ("pump.wavelength", "pump.bandwidth")     # the core's convention for every pump wavelength
CAMERA_WORDS = {
    "gain_e_per_count": ("", "Camera gain in electrons per count"),
    "read_noise_e": ("", "Read noise in electrons"),
    "saturation_counts": ("counts", "Counts at which a frame is saturated"),
}


@dataclass(frozen=True)
class Variable:
    """One array of the file: name, dimensions, attributes and values."""

    name: str
    dims: tuple[str, ...]
    values: np.ndarray
    attrs: Mapping[str, str] = field(default_factory=dict)

    @property
    def told(self) -> dict[str, str]:
        """The attributes that say something."""
        return {key: value for key, value in self.attrs.items() if value}


@dataclass(frozen=True)
class Layout:
    """Point axes (outer to inner) and the flat position of every measured point among them."""

    axes: tuple[Variable, ...]
    place: np.ndarray

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the point axes."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the point axes."""
        return tuple(len(axis.values) for axis in self.axes)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Put per-point values (points, ...) at their places; NaN, or 0 for whole numbers, where nothing was measured."""
        missing = np.nan if values.dtype.kind == "f" else 0
        full = np.full((math.prod(self.shape), *values.shape[1:]), missing, dtype=values.dtype)
        full[self.place] = values
        return full.reshape(self.shape + values.shape[1:])


@dataclass(frozen=True)
class Arranged:
    """The points of one kind as they stand in a group: which variable is the signal, its axes, all variables."""

    kind: str
    layout: Layout
    signal: str
    axes: tuple[str, ...]
    variables: tuple[Variable, ...]          # point axes and channel coordinates first
    coordinates: tuple[str, ...]             # companions of the signal, besides its axes

    def __getitem__(self, name: str) -> Variable:
        return next(variable for variable in self.variables if variable.name == name)


def arrange(header: Mapping[str, Any], table: Table, background: np.ndarray | None = None) -> Arranged:
    """Arrange the points of a table; `background` (pixels) is the mean dark frame of the default signal."""
    layout = _layout(header, table)
    channels = [_channel(header, table, layout, name) for name in table.channels()]
    coordinates = {v.name: v for name in table.channels() for v in _coordinates(header, table, name)}
    moving = _moving(table, layout)
    columns = [_column(header, table, layout, name) for name in table.names() if file_name(name) not in layout.dims]
    signal = _signal(header, channels, columns)
    axes = layout.dims + tuple(dim for v in channels if v.name == signal for dim in v.dims[len(layout.dims):])
    scalars = {file_name(name) for name in header.get("channels", {})}
    variables = [*layout.axes, *coordinates.values(), *moving, *channels, *columns, *_flags(header, table, layout)]
    if background is not None and background.ndim == len(axes) - len(layout.dims):
        about = {"units": "counts", "long_name": "Mean dark frame"}
        variables.append(Variable("background", axes[len(layout.dims):], background.astype("f8"), about))
    companions = tuple(column.name for column in (*moving, *columns) if column.name != signal and column.name not in scalars)
    return Arranged(table.kind, layout, signal, axes, tuple(variables), companions)


# ---------------------------------------------------------------- point axes
def _layout(header: Mapping[str, Any], table: Table) -> Layout:
    """Choose among the three cases. Dark, reference and zero points are always numbered."""
    names, shape = list(header.get("scan_axes") or ()), header.get("shape")
    if table.kind == "scan" and names:
        grid = _grid(header, table, names, shape) if shape else None
        if grid is not None:
            return grid
        column = table.column(names[0]) if len(names) == 1 else None
        if column is not None and len(column) and np.all(np.diff(column) > 0) and np.all(np.isfinite(column)):
            return Layout((_axis(header, names[0], column),), np.arange(len(column)))
    count = len(table.numbers())
    numbering = Variable(POINT_NUMBER, (POINT_NUMBER,), np.arange(count, dtype="f8"), {"long_name": "Point", "units": ""})
    return Layout((numbering,), np.arange(count))


def _grid(header: Mapping[str, Any], table: Table, names: Sequence[str], shape: Sequence[int]) -> Layout | None:
    """Place every point by its set-points on the ascending axes of the plan; None when they do not form the declared grid."""
    planned = [point["set"] for point in header.get("plan", ()) if point["kind"] == "scan"]
    if len(names) != len(shape) or any(name not in where for where in planned for name in names):
        return None
    levels = [np.unique(np.array([where[name] for where in planned], dtype=float)) for name in names]
    columns = [column for name in names if (column := table.column(name)) is not None]
    if tuple(map(len, levels)) != tuple(shape) or len(columns) < len(names):
        return None
    steps = [np.minimum(np.searchsorted(level, column), len(level) - 1) for level, column in zip(levels, columns, strict=True)]
    if any(np.any(level[step] != column) for level, step, column in zip(levels, steps, columns, strict=True)):
        return None
    place = np.asarray(np.ravel_multi_index(steps, tuple(shape)))
    if len(np.unique(place)) < len(place):
        return None
    return Layout(tuple(_axis(header, name, level) for name, level in zip(names, levels, strict=True)), place)


def _axis(header: Mapping[str, Any], name: str, values: np.ndarray) -> Variable:
    return Variable(file_name(name), (file_name(name),), values.astype("f8"), words(header, name))


# ---------------------------------------------------------------- what stands at every point
def words(header: Mapping[str, Any], name: str) -> dict[str, str]:
    """Give units, label, medium and labctl's own name of a per-point quantity."""
    channel = header.get("channels", {}).get(name) or header.get("companions", {}).get(name) or {}
    unit, label = CAMERA_WORDS.get(name, (quantity_unit(name), long_name(name)))
    if not unit and name.removesuffix("_measured").endswith("_s"):
        unit = "s"          # durations carry their unit in the name wherever a bare float is passed
    found = {"units": channel.get("unit") or unit, "long_name": channel.get("long_name") or label, "labctl_name": name}
    if name.removesuffix("_measured") in NANOMETRES_IN_VACUUM:
        found["medium"] = "vacuum"
    if name == "elapsed_s":
        found["start"] = str(header.get("start_utc", ""))
    return found


def _column(header: Mapping[str, Any], table: Table, layout: Layout, name: str) -> Variable:
    values = table.column(name)
    assert values is not None    # noqa: S101  names() lists only columns that exist
    return Variable(file_name(name), layout.dims, layout.spread(values), words(header, name))


def _channel(header: Mapping[str, Any], table: Table, layout: Layout, name: str) -> Variable:
    values = table.array(name)
    attrs = {**words(header, name), "interpretation": "image" if values.ndim > 2 else "spectrum"}
    if values.ndim == 2 and len(layout.dims) == 1:
        attrs["interpretation"] = "image"       # the field itself is shown as a map, the group says "spectrum"
    return Variable(file_name(name), layout.dims + table.channel_dims(name), layout.spread(values), attrs)


def _moving(table: Table, layout: Layout) -> list[Variable]:
    """Give the wavelength of every column at every point, where a spectrograph moved between the points."""
    found = table.moving()
    if found is None:
        return []
    rows, unit, medium = found
    about = {"units": unit, "long_name": "Emission wavelength", "medium": medium}
    return [Variable(WAVELENGTH, (*layout.dims, COLUMN), layout.spread(rows), about)]


def _coordinates(header: Mapping[str, Any], table: Table, name: str) -> list[Variable]:
    """Give the coordinate of every dimension of a channel; pixel numbers where the detector declared none."""
    declared = header.get("channels", {}).get(name, {}).get("coords", {})
    found = []
    for dim, length in zip(table.channel_dims(name), table.array(name).shape[1:], strict=True):
        told, along = declared.get(dim, {}), table.coordinate(dim)
        values = np.arange(length, dtype="f8") if along is None else np.asarray(along[0], dtype="f8")
        attrs = {"units": told.get("unit", ""), "long_name": told.get("long_name") or dim.replace("_", " ").capitalize()}
        if told.get("medium"):
            attrs["medium"] = told["medium"]
        found.append(Variable(dim, (dim,), values, attrs))
    return found


def _flags(header: Mapping[str, Any], table: Table, layout: Layout) -> list[Variable]:
    """Give every flag as 0 or 1, whether a point can be used, and its place in the plan."""
    planned = [name for point in header.get("plan", ()) for name in point.get("flags", ())]
    names = dict.fromkeys((*ALWAYS_FLAGGED, *planned, *table.flag_names()))
    found = [
        Variable(name, layout.dims, layout.spread(table.flag(name).astype("u1")),
                 {"long_name": f"1 where the point is flagged {name.replace('_', ' ')}", "labctl_flag": name})
        for name in names
    ]
    ok = layout.spread((~table.flag(BAD)).astype("u1"))
    numbers = layout.spread(table.numbers().astype("i8") + 1) - 1
    return [
        *found, Variable(POINT_OK, layout.dims, ok, {"long_name": "1 where measured and not flagged bad"}),
        Variable(POINT_INDEX, layout.dims, numbers, {"long_name": "Place in the plan, -1 where nothing was measured"}),
    ]


def _signal(header: Mapping[str, Any], channels: Sequence[Variable], columns: Sequence[Variable]) -> str:
    """Choose what a viewer shows first: the declared signal, else any array, else any scalar of a detector, else any number."""
    names = [variable.name for variable in (*channels, *columns)]
    scalars = [file_name(name) for name in header.get("channels", {}) if file_name(name) in names]
    wanted = [file_name(header.get("default_signal", "")), *(v.name for v in channels), *scalars, *names]
    return next((name for name in wanted if name in names), POINT_INDEX)
