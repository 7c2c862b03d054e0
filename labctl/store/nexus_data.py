"""NXdata groups: signal, axes as dimension scales, companions, flags."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from labctl.store import chunks
from labctl.store.layout import Arranged

Node = Any      # a group or dataset: h5py types `group[name]` as a union in which nothing can be used without a cast


def group(parent: Node, name: str, nexus_class: str, **attrs: Any) -> Node:
    """Make a NeXus group; a collection keeps the order in which things were put into it."""
    made = parent.create_group(name, track_order=nexus_class == "NXcollection")
    made.attrs.update({"NX_class": nexus_class, **attrs})
    return made


def text(parent: Node, name: str, value: str) -> Node:
    """Write a UTF-8 string."""
    return parent.create_dataset(name, data=value, dtype=h5py.string_dtype())


def number(parent: Node, name: str, value: float | np.ndarray, units: str = "", **attrs: str) -> Node:
    """Write a number or array with its unit."""
    made = parent.create_dataset(name, data=value)
    made.attrs.update({**({"units": units} if units else {}), **attrs})
    return made


def view(parent: Node, name: str, source: Node) -> Node:
    """Show a dataset a second time, in another group, as a virtual dataset.

    netCDF cannot follow a hard link to a dataset whose dimension scales stand in a group that is none of its parents.
    """
    if source.size:
        layout = h5py.VirtualLayout(source.shape, source.dtype)
        layout[...] = h5py.VirtualSource(".", source.name, shape=source.shape, dtype=source.dtype)
        made = parent.create_virtual_dataset(name, layout)
    else:
        made = parent.create_dataset(name, source.shape, source.dtype)      # of a run without points there is nothing to show
    made.attrs.update({key: source.attrs[key] for key in ("units", "long_name") if key in source.attrs})
    return made


def write(entry: Node, name: str, arranged: Arranged, *, title: str) -> Node:
    """Write the points of one kind; every dimension has a scale attached, as netCDF readers need."""
    target = group(entry, name, "NXdata", signal=arranged.signal, interpretation="spectrum", **_axes(arranged))
    text(target, "title", title)
    for variable in arranged.variables:
        made = chunks.write(target, variable.name, variable.values)
        if variable.dims == (variable.name,):
            made.make_scale(variable.name)
        made.attrs.update(variable.told)
        if variable.name == arranged.signal and arranged.coordinates:
            made.attrs["coordinates"] = " ".join(arranged.coordinates)
    for variable in arranged.variables:
        if variable.dims != (variable.name,):
            for position, dim in enumerate(variable.dims):
                target[variable.name].dims[position].attach_scale(target[dim])
    return target


def _axes(arranged: Arranged) -> dict[str, Any]:
    """Give @axes, and @<name>_indices for whatever is not spread over all of them."""
    places = {axis: position for position, axis in enumerate(arranged.axes)}
    indices = {
        f"{variable.name}_indices": [places[dim] for dim in variable.dims]
        for variable in arranged.variables
        if variable.name != arranged.signal and all(dim in places for dim in variable.dims)
    }
    return {"axes": list(arranged.axes), **{key: np.array(value, dtype="i4") for key, value in indices.items()}}
