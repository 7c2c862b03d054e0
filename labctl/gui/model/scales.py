"""Wavelength, photon energy and wavenumber: three scales of one axis, and what a density per pixel becomes on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labctl.analysis.lines import per_ev
from labctl.core.photons import HC_EV_NM

NM_PER_WAVENUMBER = 1e7         # λ (nm) times wavenumber (1/cm), vacuum
LEAST = 1e-6                    # an empty axis asks for zero, whose reciprocal it cannot draw

Convert = Callable[[np.ndarray], np.ndarray]


def _over(constant: float) -> Convert:
    return lambda value: constant / np.maximum(np.asarray(value, dtype=float), LEAST)


@dataclass(frozen=True)
class Scale:
    """One way to write the place in a spectrum; `from_nm` and `to_nm` are vacuum wavelengths."""

    unit: str
    words: str
    from_nm: Convert
    to_nm: Convert

    @property
    def label(self) -> str:
        """Words and unit for the axis."""
        return f"{self.words} ({self.unit})"


NM = Scale("nm", "Emission wavelength, vacuum", np.asarray, np.asarray)
EV = Scale("eV", "Photon energy", _over(HC_EV_NM), _over(HC_EV_NM))
WAVENUMBER = Scale("cm⁻¹", "Wavenumber", _over(NM_PER_WAVENUMBER), _over(NM_PER_WAVENUMBER))
SCALES = (NM, EV, WAVENUMBER)


def density(wavelength_nm: np.ndarray, per_pixel: np.ndarray, scale: Scale) -> np.ndarray:
    """Turn numbers per pixel into a density on a scale (per nm, per meV or per cm⁻¹), Jacobian included; order of pixels kept.

    A pixel is as wide as half the distance of its neighbours.
    """
    per_nm = per_pixel / np.abs(np.gradient(wavelength_nm))
    if scale is NM:
        return per_nm
    energy = per_ev(wavelength_nm, per_nm)
    return energy * 1e-3 if scale is EV else energy * HC_EV_NM / NM_PER_WAVENUMBER


def density_unit(scale: Scale) -> str:
    """Give the unit that `density` is per."""
    return "meV" if scale is EV else scale.unit
