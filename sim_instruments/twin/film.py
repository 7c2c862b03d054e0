"""A film (or a solution) of nanocrystals: how the pump fills it through its depth, and its spontaneous emission."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sim_instruments.twin.excitation import Pump, excitations, exciton_ev, one_photon_cm2, photon_order
from sim_instruments.twin.populations import shares, yields
from sim_instruments.twin.record import Lines, Sample
from sim_instruments.twin.spectra import Emission, Polarisation, line_shapes, weights
from sim_instruments.twin.units import HC_EV_NM, energy_ev

DEPTH_NODES = 4
BELOW_EV, ABOVE_EV = 0.30, 0.28    # of the exciton, between which light is followed
GRID_NM = 0.1
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(DEPTH_NODES)


def occupation(pump: Pump, sample: Sample, temperature_k: float) -> np.ndarray:
    """Give P_0..P_14 right after the pulse, averaged over the depth of the film.

    One-photon light is absorbed on its way in, N(x) = N exp(−ln 10 OD400 σ₁(λ)/σ₁(400 nm) x) with x from 0 to 1; populations (not
    excitations) are averaged over 4 Gauss-Legendre nodes. Light of higher order passes undiminished.
    """
    per_band = excitations(pump.fluence_j_cm2, pump.wavelength_nm, sample, pulse_s=pump.pulse_s, temperature_k=temperature_k)
    mean = float(per_band.sum())
    density = _optical_density(pump, per_band, sample, temperature_k)
    if mean <= 0.0 or density <= 0.0:
        return shares(mean, pump.pulse_s, sample.kinetics)
    left = mean * 10.0 ** (-density * (_NODES + 1.0) / 2.0)
    return _WEIGHTS / 2.0 @ shares(left, pump.pulse_s, sample.kinetics)


def _optical_density(pump: Pump, per_band: np.ndarray, sample: Sample, temperature_k: float) -> float:
    """Give the film's optical density at the pump, weighted by what each part of the band excites."""
    total = float(per_band.sum())
    if sample.absorption.optical_density_400 <= 0.0 or total <= 0.0:
        return 0.0
    energy = energy_ev(pump.wavelength_nm)
    if photon_order(float(per_band @ energy) / total, sample, temperature_k) != 1:
        return 0.0
    relative = one_photon_cm2(energy, sample, temperature_k) / sample.absorption.cross_section_400_cm2
    return sample.absorption.optical_density_400 * float(per_band @ relative) / total


def emission(pump: Pump, sample: Sample, temperature_k: float, active: float = 1.0) -> Emission:
    """Give the spontaneous emission alone: a film too thin, or a solution too dilute, to amplify it."""
    wavelength, lines = parts(pump, sample, temperature_k, active)
    return Emission(wavelength, lines.sum(axis=0), Polarisation(sample.detected.polarisation, sample.detected.angle_deg))


def parts(pump: Pump, sample: Sample, temperature_k: float, active: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Give the wavelengths and the light of each line (exciton, biexciton, trion) on them, per nm, (3, grid)."""
    wavelength, shapes = _spectrum(sample.lines, temperature_k)
    amounts = yields(occupation(pump, sample, temperature_k), pump.pulse_s, sample.kinetics)
    return wavelength, (active * sample.gain.spontaneous_factor * weights(amounts))[:, None] * shapes


def grid_nm(lines: Lines, temperature_k: float) -> np.ndarray:
    """Give the wavelengths in vacuum on which a film's light is handed on."""
    exciton = exciton_ev(lines, temperature_k)
    return np.arange(energy_ev(exciton + ABOVE_EV), energy_ev(exciton - BELOW_EV), GRID_NM)


@lru_cache(maxsize=16)
def _spectrum(lines: Lines, temperature_k: float) -> tuple[np.ndarray, np.ndarray]:
    """Give the wavelength grid, and the three lines on it per nm."""
    wavelength = grid_nm(lines, temperature_k)
    return wavelength, line_shapes(energy_ev(wavelength), lines, temperature_k) * HC_EV_NM / wavelength**2
