"""Spectra of a run as a LumiSpy signal, axes and all."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.core.errors import StoreError

if TYPE_CHECKING:
    import xarray

WHAT_IT_NEEDS = "HyperSpy and LumiSpy are not installed; `pip install labctl[lumispy]` brings them."


def make_signal(data: xarray.Dataset, header: Mapping[str, Any]) -> Any:
    """Give a LumiSpectrum of the default signal; raises StoreError for a run without spectra or when LumiSpy is missing."""
    if find_spec("lumispy") is None:
        raise StoreError(WHAT_IT_NEEDS)
    import lumispy  # pyright: ignore[reportMissingImports]

    found = data[str(data.attrs["signal"])]
    last = found.dims[-1]
    if data[last].attrs.get("units") != "nm":
        raise StoreError(f"The last axis of {found.name} is {last}, not a wavelength; LumiSpy takes spectra.")
    axes = [_axis(data[dim], navigate=dim != last) for dim in found.dims]
    metadata = {"General": {"title": header.get("title", "")}, "Sample": {"description": header.get("sample", "")},
                "Signal": {"quantity": f"{found.attrs.get('long_name', found.name)} ({found.attrs.get('units', '')})"}}
    return lumispy.signals.LumiSpectrum(found.values, axes=axes, metadata=metadata)


def _axis(values: xarray.DataArray, *, navigate: bool) -> dict[str, Any]:
    """Describe an axis by its values; a single value has no spacing and becomes a uniform axis of one."""
    told = {"name": str(values.name), "units": values.attrs.get("units", ""), "navigate": navigate}
    numbers = np.asarray(values.values, dtype=float)
    if len(numbers) == 1:
        return {**told, "offset": float(numbers[0]), "scale": 1.0, "size": 1}
    return {**told, "axis": numbers}
