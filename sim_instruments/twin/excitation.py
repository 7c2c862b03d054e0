"""From pump fluence to excitations per nanocrystal: cross-sections of one, two and three photons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import erfc

from sim_instruments.twin.sample import Absorption, Lines, Sample
from sim_instruments.twin.units import BOLTZMANN_EV_K, ELECTRON_J, FWHM_PER_SD, HC_EV_NM, energy_ev

ENERGY_400_EV = 3.09960            # 400 nm, where cross-sections are quoted
MULTIPHOTON = {2: (2 * HC_EV_NM / 970.0, 0.110, 0.45), 3: (3 * HC_EV_NM / 1500.0, 0.090, 0.35)}
"""Peak in eV of the summed photon energy, FWHM in eV, and weight of the continuum, by order."""
MULTIPHOTON_FLOOR = 1e-2           # of the peak: far off resonance some absorption remains
WITHIN_BAND_GAP = {1: 0.15, 2: 0.05}   # eV below the exciton that an order still reaches


@dataclass(frozen=True)
class Pump:
    """Pump light at the sample: nodes of the band (vacuum nm) with the fluence in each, J/cm² per pulse.

    The fluence is that of an even disc, or the peak of a Gaussian spot. `spot` numbers the place on the sample, `shot` a single
    pulse on it whose random modes are its own.
    """

    wavelength_nm: np.ndarray
    fluence_j_cm2: np.ndarray
    pulse_s: float
    gaussian: bool = False
    spot: int = 0
    shot: int | None = None

    @classmethod
    def monochromatic(cls, wavelength_nm: float, fluence_j_cm2: float, pulse_s: float = 10e-12, *, gaussian: bool = False,
                      spot: int = 0, shot: int | None = None) -> Pump:
        """Make a pump of one wavelength."""
        return cls(np.array([wavelength_nm]), np.array([fluence_j_cm2]), pulse_s, gaussian, spot, shot)


def exciton_ev(lines: Lines, temperature_k: float) -> float:
    """Give the exciton's emission energy: linear in temperature."""
    return lines.emission_ev + lines.thermal_shift_ev_k * (temperature_k - lines.temperature_k)


def emission_fwhm_ev(lines: Lines, temperature_k: float) -> float:
    """Give the FWHM of emission: inhomogeneous width and optical-phonon broadening in quadrature."""
    occupation = 1.0 / np.expm1(lines.phonon_energy_ev / (BOLTZMANN_EV_K * temperature_k)) if temperature_k > 0 else 0.0
    return float(np.hypot(lines.inhomogeneous_fwhm_ev, lines.phonon_coupling_ev * occupation))


def absorption_ev(lines: Lines, temperature_k: float) -> float:
    """Give the energy of the exciton's absorption."""
    return exciton_ev(lines, temperature_k) + lines.stokes_shift_ev


def one_photon_cm2(energy: Any, sample: Sample, temperature_k: float) -> np.ndarray:
    """Give the absorption cross-section in cm² at photon energies in eV: exciton lines plus continuum, scaled at 400 nm."""
    energies = np.asarray(energy, dtype=float)
    if energies.size == 1:
        return np.full(energies.shape, _one_energy_cm2(energies.item(), sample.absorption, sample.lines, temperature_k))
    shape = _one_photon_shape(energies, sample.absorption, sample.lines, temperature_k)
    return shape * _scale_cm2(sample.absorption, sample.lines, temperature_k)


@lru_cache(maxsize=1024)
def _one_energy_cm2(energy: float, absorption: Absorption, lines: Lines, temperature_k: float) -> float:
    """Remember what a pump of one wavelength meets: it asks again for every fluence."""
    shape = float(_one_photon_shape(np.asarray(energy), absorption, lines, temperature_k))
    return shape * _scale_cm2(absorption, lines, temperature_k)


@lru_cache(maxsize=16)
def _scale_cm2(absorption: Absorption, lines: Lines, temperature_k: float) -> float:
    return absorption.cross_section_400_cm2 / float(_one_photon_shape(np.asarray(ENERGY_400_EV), absorption, lines, temperature_k))


def _one_photon_shape(energy: np.ndarray, absorption: Absorption, lines: Lines, temperature_k: float) -> np.ndarray:
    centre = absorption_ev(lines, temperature_k)
    sd = lines.relative_absorption_width * emission_fwhm_ev(lines, temperature_k) / FWHM_PER_SD
    offset = absorption.continuum_offset_ev
    onset = centre + (max(2.2 * sd, 0.030) if offset is None else offset)
    line = absorption.exciton_weight * np.exp(-((energy - centre) ** 2) / (2.0 * sd**2))
    if absorption.second_weight > 0.0:
        line = line + absorption.second_weight * np.exp(-((energy - centre - absorption.second_offset_ev) ** 2) / (2.0 * sd**2))
    slope = 1.0 - absorption.continuum_slope * (ENERGY_400_EV - energy) / (ENERGY_400_EV - onset)
    return line + slope * erfc((onset - energy) / (np.sqrt(2.0) * max(sd, 0.008))) / 2.0


def photon_order(energy: float, sample: Sample, temperature_k: float) -> int:
    """Tell how many photons it takes to reach the exciton."""
    exciton = exciton_ev(sample.lines, temperature_k)
    for order, margin in WITHIN_BAND_GAP.items():
        if order * energy > exciton - margin:
            return order
    return 3


def multiphoton(energy: Any, order: int, sample: Sample) -> np.ndarray:
    """Give the absorbed-photon cross-section of order 2 (cm⁴ s) or 3 (cm⁶ s²), z-scan convention, at photon energies in eV."""
    peak, fwhm, continuum = MULTIPHOTON[order]
    strength = sample.absorption.two_photon_cm4_s if order == 2 else sample.absorption.three_photon_cm6_s2
    total, sd = order * np.asarray(energy, dtype=float), fwhm / FWHM_PER_SD
    line = (1.0 - continuum) * np.exp(-((total - peak) ** 2) / (2.0 * sd**2))
    edge = continuum / 2.0 * erfc((peak - total) / (np.sqrt(2.0) * sd))
    return strength * np.maximum((line + edge) / (1.0 - continuum / 2.0), MULTIPHOTON_FLOOR)


def photon_fluence_cm2(fluence_j_cm2: Any, wavelength_nm: Any, sample: Sample) -> Any:
    """Give the photons per cm² and pulse that enter the sample."""
    return fluence_j_cm2 * sample.absorption.transmission / (energy_ev(wavelength_nm) * ELECTRON_J)


def excitations(fluence_j_cm2: Any, wavelength_nm: Any, sample: Sample, *, pulse_s: float, temperature_k: float) -> np.ndarray:
    """Give the excitations per nanocrystal by one pulse at the entrance face, for each node of the pump band.

    `fluence_j_cm2` is the fluence in each node (they add up to the pulse's), `wavelength_nm` the vacuum wavelengths of the nodes.
    One photon: N = σ₁ Φ, node by node. Two and three: N = (σ_k/k) Φ^k C_k with the Gaussian pulse's C_k, all nodes taken together.
    """
    wavelength = np.atleast_1d(np.asarray(wavelength_nm, dtype=float))
    flux = np.broadcast_to(photon_fluence_cm2(np.asarray(fluence_j_cm2, dtype=float), wavelength, sample), wavelength.shape)
    total = float(flux.sum())
    if total <= 0.0:
        return np.zeros_like(wavelength)
    mean_ev = float(np.dot(flux, energy_ev(wavelength))) / total
    order = photon_order(mean_ev, sample, temperature_k)
    if order == 1:
        return one_photon_cm2(energy_ev(wavelength), sample, temperature_k) * flux
    compression = (2.0 * np.sqrt(np.log(2.0) / np.pi) / pulse_s) ** (order - 1) / np.sqrt(order)
    return float(multiphoton(mean_ev, order, sample)) / order * total ** (order - 1) * compression * flux
