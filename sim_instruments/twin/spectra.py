"""Line shapes, and light as the twin hands it on: a continuum on a wavelength grid plus a list of narrow lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim_instruments.twin.excitation import emission_fwhm_ev, exciton_ev
from sim_instruments.twin.populations import Yields
from sim_instruments.twin.sample import Lines, Sample
from sim_instruments.twin.units import FWHM_PER_SD, HC_EV_NM, energy_ev


@dataclass(frozen=True)
class Polarisation:
    """Linear polarisation: degree 0..1 and angle in the lab frame."""

    degree: float = 0.0
    angle_deg: float = 0.0


@dataclass(frozen=True)
class NarrowLine:
    """A line narrower than a spectrograph resolves; `photons` per nanocrystal and pulse."""

    centre_nm: float
    fwhm_nm: float
    photons: float
    polarisation: Polarisation


@dataclass(frozen=True)
class Emission:
    """What the sample emits per nanocrystal and pulse; wavelengths in vacuum, the continuum in photons per nm."""

    wavelength_nm: np.ndarray
    continuum: np.ndarray
    polarisation: Polarisation
    lines: tuple[NarrowLine, ...] = ()


def gaussian_area(energy: Any, centre: float, fwhm: float) -> np.ndarray:
    """Give a Gaussian of unit area per eV."""
    sd = fwhm / FWHM_PER_SD
    return np.exp(-((np.asarray(energy, dtype=float) - centre) ** 2) / (2.0 * sd**2)) / (sd * np.sqrt(2.0 * np.pi))


def line_shape(energy: Any, centre: float, lines: Lines, temperature_k: float) -> np.ndarray:
    """Give the emission line of unit area per eV: Gaussian, or Thompson's pseudo-Voigt when there is a homogeneous width.

    P. Thompson, D. E. Cox and J. B. Hastings, J. Appl. Cryst. 20, 79 (1987).
    """
    gauss, lorentz = emission_fwhm_ev(lines, temperature_k), lines.homogeneous_fwhm_ev
    if lorentz <= 0.0:
        return gaussian_area(energy, centre, gauss)
    fwhm = (gauss**5 + 2.69269 * gauss**4 * lorentz + 2.42843 * gauss**3 * lorentz**2 + 4.47163 * gauss**2 * lorentz**3
            + 0.07842 * gauss * lorentz**4 + lorentz**5) ** 0.2
    ratio = lorentz / fwhm
    mixing = 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3
    half = fwhm / 2.0
    wings = half / np.pi / ((np.asarray(energy, dtype=float) - centre) ** 2 + half**2)
    return mixing * wings + (1.0 - mixing) * gaussian_area(energy, centre, fwhm)


def line_shapes(energy: Any, lines: Lines, temperature_k: float) -> np.ndarray:
    """Give the lines of exciton, biexciton and trion, each of unit area per eV, (3, ...)."""
    exciton = exciton_ev(lines, temperature_k)
    return np.array([line_shape(energy, exciton - shift, lines, temperature_k)
                     for shift in (0.0, lines.biexciton_shift_ev, lines.trion_shift_ev)])


def weights(amounts: Yields) -> np.ndarray:
    """Give the photons in the lines of exciton, biexciton (neutral and charged emit alike) and trion, (3,)."""
    return np.array([amounts.exciton, amounts.biexciton + amounts.charged_biexciton, amounts.trion])


def spontaneous(energy: Any, amounts: Yields, sample: Sample, temperature_k: float, active: float = 1.0) -> np.ndarray:
    """Give the spontaneous emission S(E) in photons per nanocrystal, pulse and eV."""
    return active * (weights(amounts) @ line_shapes(energy, sample.lines, temperature_k))


def per_nm(per_ev: np.ndarray, wavelength_nm: np.ndarray) -> np.ndarray:
    """Turn a density per eV into one per nm: S_λ = S_E hc/λ² (the area is conserved)."""
    return per_ev * HC_EV_NM / wavelength_nm**2


def line_width_nm(centre_nm: float, fwhm_ev: float) -> float:
    """Give the width in nm of a line of `fwhm_ev` at `centre_nm`."""
    return fwhm_ev * centre_nm / energy_ev(centre_nm)
