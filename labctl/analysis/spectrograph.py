"""Which wavelength falls on which column: the grating equation, and what a calibration puts into it.

    λ(x) = d [sin(φ − a) + sin(φ + a + arctan(x/f))],   φ = arcsin(λ_c / 2 d cos a)

d the groove spacing, a the half inclusion angle, f the focal length, x the place on the chip from its middle, λ_c the wavelength in
the middle: what the drive displays, plus the offset that a calibration finds. All wavelengths in air, as spectrographs are scaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labctl.core.reduction import RunView

PIXEL_BLUR = 1.6      # FWHM of pixel and aberrations in pixels; an assumption until measured with a lamp line
NEAR_MM = 0.026       # from the middle of the chip: a column, over which the dispersion is even
KIND, MODEL = "wavelength_calibration", "grating_equation"


@dataclass(frozen=True)
class Geometry:
    """A spectrograph with one grating: focal length, half inclusion angle, groove density, offset of its display."""

    focal_length_mm: float
    half_angle_deg: float
    lines_per_mm: float
    offset_nm: float = 0.0

    def at(self, displayed_nm: float, place_mm: np.ndarray | float) -> np.ndarray:
        """Give the wavelength in air, nm, at places from the middle of the chip, when the drive displays `displayed_nm`."""
        spacing_nm, half = 1e6 / self.lines_per_mm, np.radians(self.half_angle_deg)
        turn = np.arcsin((displayed_nm + self.offset_nm) / (2.0 * spacing_nm * np.cos(half)))
        return spacing_nm * (np.sin(turn - half) + np.sin(turn + half + np.arctan(np.asarray(place_mm) / self.focal_length_mm)))

    def columns(self, displayed_nm: float, number: int, pixel_um: float) -> np.ndarray:
        """Give the wavelength in air of every column, nm, ascending."""
        return self.at(displayed_nm, places_mm(number, pixel_um))

    def dispersion_nm_mm(self, displayed_nm: float) -> float:
        """Give the dispersion in the middle of the chip."""
        below, above = self.at(displayed_nm, np.array([-NEAR_MM, NEAR_MM]))
        return float((above - below) / (2 * NEAR_MM))


def places_mm(columns: int, pixel_um: float) -> np.ndarray:
    """Give the place of every column from the middle of the chip."""
    return (np.arange(columns) - (columns - 1) / 2.0) * pixel_um * 1e-3


def calibrated(curve: Mapping[str, Any], grating: int, nominal: Geometry) -> Geometry:
    """Give the geometry that a wavelength calibration found for a grating, the nominal one where it has not looked at it."""
    gratings = [int(number) for number in curve["grating"]]
    if grating not in gratings:
        return nominal
    place = gratings.index(grating)
    focal_mm, half_deg, offset_nm = (float(curve[name][place]) for name in ("focal_length_mm", "half_angle_deg", "offset_nm"))
    return Geometry(focal_mm, half_deg, nominal.lines_per_mm, offset_nm)


def stated(constants: Mapping[str, Any], grating: int) -> Geometry:
    """Give the geometry that the bench file states, from the constants of a run."""
    names = ("focal_length_mm", "half_angle_deg", f"lines_per_mm_{grating}")
    return Geometry(*(float(constants[f"spectrograph.{name}"]) for name in names))


def of_run(run: RunView, grating: int) -> Geometry:
    """Give the geometry of a grating during a run: as calibrated then, else as stated."""
    found, nominal = run.calibration(KIND), stated(run.constants, grating)
    return nominal if found is None else calibrated(found.curve, grating, nominal)


def assumed_fwhm_um(slit_um: float, pixel_um: float) -> float:
    """Give the instrument's FWHM on the chip: slit image and assumed pixel blur in quadrature."""
    return float(np.hypot(slit_um, PIXEL_BLUR * pixel_um))


def measured_fwhm_um(curve: Mapping[str, Any], grating: int) -> float | None:
    """Give the width of the lamp lines on the chip as a calibration found it; None where it has not looked at this grating."""
    gratings = [int(number) for number in curve["grating"]]
    return float(curve["fwhm_um"][gratings.index(grating)]) if grating in gratings else None
