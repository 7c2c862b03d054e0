"""What the detection's filters let through, pixel by pixel: the run knows which slot was in the light, and what stands in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labctl.core.errors import AnalysisError

HELD_BACK = 0.01      # of the highest transmission in the frame: pixels with less were not seen through this filter


def transmission(filters: Mapping[str, Sequence[Mapping[str, Any]]], slots: Mapping[str, np.ndarray],
                 wavelength_nm: np.ndarray | None) -> np.ndarray:
    """Give the transmission of all wheels together, (points, pixels), or (points, 1) where no filter depends on the wavelength.

    `filters` has the slots of every wheel, `slots` where it stood at every point (from 1), `wavelength_nm` the pixels, in air.
    NaN where a pixel was not seen. Raises AnalysisError where it cannot be known.
    """
    product = np.ones((max((len(each) for each in slots.values()), default=1), 1))
    for name, stood in slots.items():
        curves: dict[int, np.ndarray] = {}
        for slot in np.unique(stood):
            if not 1 <= slot <= len(filters[name]):
                raise AnalysisError(f"{name} stood in slot {slot:g}, which the bench file does not describe.")
            curves[int(slot)] = _curve(name, filters[name][int(slot) - 1], wavelength_nm)
        width = max(len(curve) for curve in curves.values())
        product = product * np.stack([np.broadcast_to(curves[int(slot)], (width,)) for slot in stood])
    highest = product.max(axis=1, keepdims=True)
    return np.where((product > HELD_BACK * highest) & (highest > 0.0), product, np.nan)


def _curve(name: str, described: Mapping[str, Any], wavelength_nm: np.ndarray | None) -> np.ndarray:
    """Give the transmission of one filter at the pixels, straight between what was measured."""
    values = described["transmission"]
    if not isinstance(values, list):
        return np.array([float(values)])
    known = np.asarray(described["wavelength_nm"], dtype=float)
    what = described.get("name") or "a filter"
    if wavelength_nm is None:
        raise AnalysisError(f"{name}: {what} depends on the wavelength, and the pixels of this run have none. "
                            "Describe the spectrograph in the bench file.")
    if wavelength_nm.min() < known[0] or wavelength_nm.max() > known[-1]:
        raise AnalysisError(f"{name}: {what} was measured from {known[0]:g} to {known[-1]:g} nm, the pixels reach from "
                            f"{wavelength_nm.min():.1f} to {wavelength_nm.max():.1f} nm. Measure it there.")
    return np.interp(wavelength_nm, known, np.asarray(values, dtype=float))
