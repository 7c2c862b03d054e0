"""Where a run came from: the whole header, the log and the end record, readable in any HDF5 viewer and read back exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from labctl.store import nexus_data
from labctl.store.header import from_json, to_json
from labctl.store.nexus_data import Node
from labctl.store.reader import Event

NAME = "provenance"
JSON = "json"


def write(entry: Node, header: Mapping[str, Any], end: Mapping[str, Any], events: Sequence[Event]) -> None:
    """Write header, end record (truth apart) and log."""
    group = nexus_data.group(entry, NAME, "NXcollection")
    for name, value in header.items():
        if name == "parameters":
            _parameters(group, value)
        elif name == "plan":
            _lines(group, "plan", value)
        elif name == "channels":
            write_value(group, "channels", {key: _without_coordinates(told) for key, told in value.items()})
        else:
            write_value(group, name, value)
    write_value(group, "end", {key: value for key, value in end.items() if key != "truth"})
    _lines(group, "events", [{"kind": e.kind, "elapsed_s": e.elapsed_s, "text": e.text, "data": e.data} for e in events])


def read(entry: Node) -> tuple[dict[str, Any], dict[str, Any], list[Event]]:
    """Read header, end record and log back; coordinates of channels stand in the data, not here."""
    group = entry[NAME]
    found = {name: _read_item(name, item) for name, item in group.items()}
    end, events = found.pop("end"), found.pop("events")
    if "truth" in entry:
        end["truth"] = read_tree(entry["truth"])
    return found, end, [Event(**event) for event in events]


# ---------------------------------------------------------------- values
def write_value(parent: Node, name: str, value: Any) -> None:
    """Write text, a number or an array of numbers as such, anything else as JSON (marked @content)."""
    if isinstance(value, str):
        nexus_data.text(parent, name, value)
    elif isinstance(value, bool | int | float | np.generic) or _numeric(value):
        parent.create_dataset(name, data=value)
    else:
        nexus_data.text(parent, name, to_json(value)).attrs["content"] = JSON


def read_value(item: Node) -> Any:
    """Read what `write_value` wrote: plain Python types."""
    if h5py.check_string_dtype(item.dtype) is None:
        return item[()].tolist()
    text = item.asstr()[()]
    return from_json(text) if item.attrs.get("content") == JSON else text


def write_tree(group: Node, tree: Mapping[str, Any]) -> None:
    """Write nested mappings as nested groups."""
    for name, value in tree.items():
        if isinstance(value, Mapping) and value and all(isinstance(key, str) and "/" not in key for key in value):
            write_tree(nexus_data.group(group, name, "NXcollection"), value)
        else:
            write_value(group, name, value)


def read_tree(group: Node) -> dict[str, Any]:
    """Read what `write_tree` wrote."""
    return {name: read_tree(item) if isinstance(item, h5py.Group) else read_value(item) for name, item in group.items()}


def _numeric(value: Any) -> bool:
    """Tell whether a list is a non-empty row of floats, which HDF5 keeps exactly; anything else goes the JSON way."""
    return isinstance(value, list) and len(value) > 0 and all(isinstance(item, float) for item in value)


# ---------------------------------------------------------------- parts of the header
def _parameters(parent: Node, parameters: Mapping[str, Any]) -> None:
    group = nexus_data.group(parent, "parameters", "NXcollection")
    for name, told in parameters.items():
        write_value(group, name, told["value"])
        group[name].attrs.update({"units": told["unit"], "long_name": told["label"]})


def _lines(parent: Node, name: str, items: Sequence[Any]) -> None:
    """Write a list as one JSON text per line, fixed length so that HDF5 can compress it: plans repeat themselves."""
    lines = [to_json(item).encode() for item in items]
    length = max(map(len, lines), default=1)
    kind = h5py.string_dtype("utf-8", length)
    packed = np.array(lines, dtype=f"S{length}")
    options = {"chunks": True, "compression": "gzip", "shuffle": False} if len(lines) > 1 else {}
    parent.create_dataset(name, data=packed.astype(kind), dtype=kind, **options).attrs["content"] = JSON


def _without_coordinates(told: Mapping[str, Any]) -> dict[str, Any]:
    coords = {dim: {key: value for key, value in axis.items() if key != "values"} for dim, axis in told["coords"].items()}
    return {**told, "coords": coords}


def _read_item(name: str, item: Any) -> Any:
    if isinstance(item, h5py.Group):
        return {key: {"value": read_value(told), "unit": str(told.attrs["units"]), "label": str(told.attrs["long_name"])}
                for key, told in item.items()}
    if item.ndim == 1 and item.attrs.get("content") == JSON:
        return from_json(b"[" + b",".join(item[()]) + b"]")         # at once: ten times faster than line by line
    return read_value(item)
