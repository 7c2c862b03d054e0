"""Emission of a cavity pumped by one, two or three photons: every ring of the beam lases by itself.

The modes of `sim_instruments.twin.modes` grow in the one amplifier, and what they take is missing in the spontaneous light. All
that is linear in the occupations (gain, seed and spontaneous spectrum) is tabulated once per sample and temperature.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sim_instruments.twin.amplifier import amplify
from sim_instruments.twin.excitation import Pump, excitations, exciton_ev, photon_order
from sim_instruments.twin.gain import modal_gain
from sim_instruments.twin.modes import Comb, comb
from sim_instruments.twin.populations import HIGHEST, LONG_PULSE_S, shares, yields
from sim_instruments.twin.sample import Sample
from sim_instruments.twin.spectra import Emission, NarrowLine, Polarisation, per_nm, spontaneous
from sim_instruments.twin.units import energy_ev

RINGS = 8                          # of a Gaussian beam
REACH = 1.3                        # of the rings, in 1/e² radii; beyond it nothing that matters is left
MOST_DEPLETION = 0.8               # of the crystals with two or more excitations, by the modes
CONTINUUM_NM, STEP_NM = 70.0, 0.1  # of the spontaneous spectrum, to either side of the exciton


@dataclass(frozen=True, eq=False)
class Tables:
    """What each occupation contributes: gain and seed of the modes (15, modes), spontaneous light in photons per nm (15, grid)."""

    gain_cm: np.ndarray
    seed: np.ndarray
    wavelength_nm: np.ndarray
    spontaneous: np.ndarray


@lru_cache(maxsize=256)
def tables(sample: Sample, modes: Comb, temperature_k: float, pulse_s: float) -> Tables:
    """Tabulate gain, seed and spontaneous light, state by state."""
    states = np.eye(HIGHEST + 1)
    amounts = [yields(state, pulse_s, sample.kinetics) for state in states]
    gain = np.array([modal_gain(modes.energy_ev, state, sample, temperature_k=temperature_k, loss_cm=0.0) for state in states])
    light = np.array([spontaneous(modes.energy_ev, amount, sample, temperature_k) for amount in amounts])
    seed = sample.gain.coupled_fraction * modes.slot_ev * modes.weight * light
    return Tables(gain, seed, *_continuum(sample, temperature_k, pulse_s))


@lru_cache(maxsize=16)
def _continuum(sample: Sample, temperature_k: float, pulse_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Give the wavelengths of the spontaneous spectrum and each state's part in it; the modes of a spot do not matter."""
    centre = float(energy_ev(exciton_ev(sample.lines, temperature_k)))
    wavelength = np.arange(centre - CONTINUUM_NM, centre + CONTINUUM_NM, STEP_NM)
    amounts = [yields(state, pulse_s, sample.kinetics) for state in np.eye(HIGHEST + 1)]
    shapes = [per_nm(spontaneous(energy_ev(wavelength), amount, sample, temperature_k), wavelength) for amount in amounts]
    return wavelength, sample.gain.spontaneous_factor * np.array(shapes)


@lru_cache(maxsize=8)
def rings(gaussian: bool, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the excitation in each ring of the beam, relative to the peak, and the rings' weights (sum 1).

    A Gaussian beam excites as e^{−2kz²} at z 1/e² radii; eight Gauss-Legendre nodes of equal weight along the axis of the cavity.
    """
    if not gaussian:
        return np.ones(1), np.ones(1)
    nodes, weights = np.polynomial.legendre.leggauss(RINGS)
    z = (nodes + 1.0) / 2.0 * REACH
    return np.exp(-2.0 * order * z**2), weights / 2.0


@dataclass(frozen=True)
class Lasing:
    """Photons per nanocrystal and pulse in every mode, (modes,), and the occupations that are left for spontaneous light, (15,)."""

    photons: np.ndarray
    left: np.ndarray


def lase(mean: float, order: int, pump: Pump, sample: Sample, modes: Comb, table: Tables, active: float = 1.0) -> Lasing:
    """Let every ring of the beam lase; `mean` excitations per nanocrystal at the peak.

    A pulse of nanoseconds, during which the occupations stand, lases once per gain time: each time with its part of the seed, and
    with no more photons than it brings excitations (x s/(x + s) for a supply s).
    """
    relative, weights = rings(pump.gaussian, order)
    occupation = shares(mean * relative, pump.pulse_s, sample.kinetics)
    times = pump.pulse_s / modes.gain_time_s if pump.pulse_s > LONG_PULSE_S else 1.0
    gain = active * (occupation @ table.gain_cm) - modes.loss_cm
    source = active * (occupation @ table.seed) / times
    photons = amplify(gain, source, modes.length_cm, 2.0 / sample.gain.strength_cm) / modes.length_cm
    if times > 1.0:
        supply = (mean * relative / times)[:, None]
        photons = photons * supply / np.maximum(supply + photons.sum(axis=1, keepdims=True), 1e-300)
    several = active * occupation[:, 2:].sum(axis=1)
    taken = np.minimum(photons.sum(axis=1) / np.maximum(several, 1e-300), MOST_DEPLETION)
    left = occupation.copy()
    left[:, 2:] *= 1.0 - taken[:, None]
    left[:, 1] += taken * occupation[:, 2:].sum(axis=1)
    return Lasing(times * (weights @ photons), weights @ left)


def emission(pump: Pump, sample: Sample, temperature_k: float, active: float = 1.0, *, modes: Comb | None = None) -> Emission:
    """Give the emission of a sample with a cavity; `modes` replaces those of the record and the pump's spot."""
    modes = comb(sample, pump.spot, pump.shot) if modes is None else modes
    table = tables(sample, modes, temperature_k, pump.pulse_s)
    mean = float(excitations(pump.fluence_j_cm2, pump.wavelength_nm, sample, pulse_s=pump.pulse_s,
                             temperature_k=temperature_k).sum())
    order = photon_order(float(np.mean(energy_ev(pump.wavelength_nm))), sample, temperature_k)
    lasing = lase(mean, order, pump, sample, modes, table, active)
    lines = tuple(map(NarrowLine, modes.wavelength_nm.tolist(), modes.fwhm_nm.tolist(), lasing.photons.tolist(),
                      modes.polarisation))
    detected = sample.detected
    return Emission(table.wavelength_nm, active * (lasing.left @ table.spontaneous),
                    Polarisation(detected.polarisation, detected.angle_deg), lines)
