"""From emission to photons per column: dispersion, instrument width, polarisation and efficiency of the grating."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sim_instruments.twin.spectra import Emission, NarrowLine, Polarisation
from sim_instruments.twin.units import FWHM_PER_SD, air_to_vacuum

ABERRATION_PIXELS = 1.6            # FWHM of pixel and aberrations together
GROOVE_CONTRAST = 0.35             # of the grating's efficiency with polarisation
FIVE_WIDTHS = 5.0                  # beyond which a line is not drawn, in FWHM


@dataclass(frozen=True)
class Geometry:
    """The fixed facts of a spectrograph with its camera."""

    focal_length_mm: float
    half_angle_deg: float
    columns: int
    pixel_um: float


@dataclass(frozen=True)
class Analyser:
    """The polariser in front of the slit: what it passes, and what polarisation then meets the grating.

    With a rotating polariser the passed light meets the grating at the angle it was passed at; a half-wave plate before a fixed
    polariser keeps that angle fixed.
    """

    passes_deg: float
    leaves_deg: float
    extinction: float


@dataclass(frozen=True)
class Window:
    """What the columns see: vacuum wavelengths and width of the columns, instrument FWHM, all nm."""

    wavelength_nm: np.ndarray
    step_nm: np.ndarray
    fwhm_nm: np.ndarray


@lru_cache(maxsize=32)
def window(geometry: Geometry, lines_per_mm: float, centre_air_nm: float, slit_um: float) -> Window:
    """Give what each column sees when the true centre is `centre_air_nm`.

    λ(x) = d [sin(φ−a) + sin(φ+a+arctan(x/f))] in air, φ = arcsin(λ_c/(2 d cos a)), a the half inclusion angle. The instrument's
    width is hypot(slit, 1.6 pixel) × dispersion: the slit is imaged 1:1.
    """
    spacing_nm = 1e6 / lines_per_mm
    half = np.radians(geometry.half_angle_deg)
    turn = np.arcsin(np.clip(centre_air_nm / (2.0 * spacing_nm * np.cos(half)), -1.0, 1.0))
    column_mm = (np.arange(geometry.columns) - (geometry.columns - 1) / 2.0) * geometry.pixel_um * 1e-3
    air = spacing_nm * (np.sin(turn - half) + np.sin(turn + half + np.arctan(column_mm / geometry.focal_length_mm)))
    wavelength = air_to_vacuum(np.maximum(air, 100.0))
    step = np.gradient(wavelength)
    return Window(wavelength, step, np.hypot(slit_um, ABERRATION_PIXELS * geometry.pixel_um) / geometry.pixel_um * step)


def passed(light: Polarisation, analyser: Analyser | None, groove_deg: float) -> float:
    """Give the fraction of light that passes analyser and grating, relative to a grating at its best polarisation."""
    if analyser is None:
        return grating_answer(light.angle_deg - groove_deg, light.degree)
    through = (1.0 + light.degree * _double(analyser.passes_deg - light.angle_deg)) / 2.0
    through = analyser.extinction / 2.0 + (1.0 - analyser.extinction) * through
    return through * grating_answer(analyser.leaves_deg - groove_deg)


def grating_answer(off_groove_deg: float, degree: float = 1.0) -> float:
    """Give the grating's efficiency for light polarised to `degree` at an angle from the grooves, relative to its best."""
    return (1.0 + GROOVE_CONTRAST * degree * _double(off_groove_deg)) / (1.0 + GROOVE_CONTRAST)


def _double(angle_deg: float) -> float:
    return float(np.cos(2.0 * np.radians(angle_deg)))


def efficiency(wavelength_nm: np.ndarray, blaze_nm: float) -> np.ndarray:
    """Give the efficiency of a grating for unpolarised light, relative to its blaze."""
    return np.exp(-((wavelength_nm - blaze_nm) ** 2) / (2.0 * 220.0**2))


def photons_per_column(emission: Emission, seen: Window, analyser: Analyser | None, groove_deg: float) -> np.ndarray:
    """Give the photons per nanocrystal and pulse that arrive in each column, before efficiencies that depend on wavelength.

    Lines are broadened by the instrument; the continuum is far wider than that and is taken as it is.
    """
    continuum = np.interp(seen.wavelength_nm, emission.wavelength_nm, emission.continuum, left=0.0, right=0.0)
    total = continuum * seen.step_nm * passed(emission.polarisation, analyser, groove_deg)
    if emission.lines:
        through = {light: passed(light, analyser, groove_deg) for light in {line.polarisation for line in emission.lines}}
        photons = [line.photons * through[line.polarisation] for line in emission.lines]
        total += _drawn(emission.lines, np.array(photons), seen)
    return total


def _drawn(lines: tuple[NarrowLine, ...], photons: np.ndarray, seen: Window) -> np.ndarray:
    """Give the photons of all lines in each column: each line on the columns around it, all of them at once."""
    centre = np.array([line.centre_nm for line in lines])
    fwhm = np.array([line.fwhm_nm for line in lines])
    reach = FIVE_WIDTHS * np.hypot(fwhm, seen.fwhm_nm.max())
    first = np.searchsorted(seen.wavelength_nm, centre - reach)
    count = np.searchsorted(seen.wavelength_nm, centre + reach) - first
    line = np.repeat(np.arange(len(lines)), count)
    column = np.arange(len(line)) + np.repeat(first - np.cumsum(count) + count, count)
    sd = np.hypot(fwhm[line], seen.fwhm_nm[column]) / FWHM_PER_SD
    shape = np.exp(-((seen.wavelength_nm[column] - centre[line]) ** 2) / (2.0 * sd**2)) / (sd * np.sqrt(2.0 * np.pi))
    return np.bincount(column, photons[line] * shape * seen.step_nm[column], minlength=len(seen.wavelength_nm))
