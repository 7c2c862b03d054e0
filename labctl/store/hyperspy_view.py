"""A view of the spectra for HyperSpy and LumiSpy in their own layout; the data are a virtual dataset, not a copy.

A link would do for HyperSpy but breaks netCDF4 readers. `hs.load(path, file_format="hspy")` reads it, with the true, unevenly
spaced axes, which HyperSpy's reader for NeXus drops.
"""

from __future__ import annotations

import numpy as np

from labctl.store import nexus_data
from labctl.store.layout import Arranged, Variable
from labctl.store.nexus_data import Node
from labctl.store.table import COLUMN

FORMAT_VERSION = "3.3"


def write(file: Node, scan: Arranged, *, title: str, sample: str) -> None:
    """Write /Experiments/data onto the signal of /entry/data."""
    file.attrs.update({"file_format": "HyperSpy", "file_format_version": FORMAT_VERSION})
    group = file.create_group("Experiments/data")
    group.attrs.update({"package": "", "package_version": ""})
    signal = file["entry/data"][scan.signal]
    nexus_data.view(group, "data", signal)
    spectra = scan[scan.axes[-1]].attrs.get("units") == "nm"         # of which a series, or a chip, is a stack
    points = len(scan.axes) - 1 if spectra else len(scan.layout.dims)
    for position, name in enumerate(scan.axes):
        _axis(group.create_group(f"axis-{position}"), scan[name], navigate=position < points)
    metadata = group.create_group("metadata")
    metadata.create_group("General").attrs["title"] = title or "__unnamed__"
    metadata.create_group("Signal").attrs.update({"signal_type": _kind(scan), "quantity": _quantity(scan[scan.signal])})
    if sample:
        metadata.create_group("Sample").attrs["description"] = sample
    group.create_group("original_metadata")


def _axis(group: Node, axis: Variable, *, navigate: bool) -> None:
    """Write an axis with its exact values; a single value has no spacing and is written as a uniform axis of one."""
    attrs = {"name": axis.name, "units": axis.attrs.get("units", ""), "navigate": np.bool_(navigate), "is_binned": np.bool_(False)}
    if len(axis.values) == 1:
        group.attrs.update({**attrs, "_type": "UniformDataAxis", "offset": float(axis.values[0]), "scale": 1.0, "size": 1})
        return
    group.attrs.update({**attrs, "_type": "DataAxis"})
    group.create_dataset("axis", data=axis.values)


def _kind(scan: Arranged) -> str:
    """Give what LumiSpy calls the signal; where the spectrograph moved there is no one axis to call it luminescence on."""
    return "" if COLUMN in scan.axes else "Luminescence"


def _quantity(signal: Variable) -> str:
    unit = signal.attrs.get("units", "")
    return f"{signal.attrs.get('long_name', signal.name)} ({unit})" if unit else str(signal.attrs.get("long_name", signal.name))
