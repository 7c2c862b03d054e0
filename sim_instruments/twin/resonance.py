"""Emission of a sample with feedback, pumped near its absorption line at low temperature.

Only crystals coupled to the feedback volume drive the modes; energy beyond the absorption line heats them. One node (disc) drives
one amplifier whose modes are the cavity's; the rest of the excitations shows as spontaneous emission.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sim_instruments.twin.amplifier import amplify
from sim_instruments.twin.excitation import Pump, absorption_ev, excitations, exciton_ev
from sim_instruments.twin.gain import modal_gain
from sim_instruments.twin.modes import Comb, comb
from sim_instruments.twin.populations import shares, yields
from sim_instruments.twin.sample import Lines, Resonance, Sample
from sim_instruments.twin.spectra import Emission, NarrowLine, Polarisation, line_shape, per_nm, spontaneous
from sim_instruments.twin.units import energy_ev

MOST_DEPLETION = 0.8               # of the population, by the modes
REACH_NM, GRID_NM = 40.0, 0.05     # of the continuum


@dataclass(frozen=True)
class Drive:
    """What the pump does: mean excitations, those that count for the gain, excess energy, closeness to resonance."""

    excitations: float
    gain_excitations: float
    excess_ev: float
    closeness: float


def drive(pump: Pump, sample: Sample, resonance: Resonance, temperature_k: float) -> Drive:
    """Average excitation, coupling and excess energy over the pump band."""
    per_node = excitations(pump.fluence_j_cm2, pump.wavelength_nm, sample, pulse_s=pump.pulse_s, temperature_k=temperature_k)
    mean = float(per_node.sum())
    if mean <= 0.0:
        return Drive(0.0, 0.0, 0.0, 0.0)
    beyond = energy_ev(pump.wavelength_nm) - absorption_ev(sample.lines, temperature_k)
    near = np.exp(-(beyond**2) / (2.0 * resonance.coupling_sd_ev**2))
    coupling = resonance.off_resonance + (1.0 - resonance.off_resonance) * near
    excess = float(per_node @ np.maximum(beyond, 0.0)) / mean
    coupled = float(per_node @ coupling) / (1.0 + (mean * excess / resonance.heating_ev) ** 2)
    return Drive(mean, coupled, excess, float(per_node @ near) / mean)


def mode_photons(driven: Drive, sample: Sample, modes: Comb, resonance: Resonance, pulse_s: float, temperature_k: float,
                 active: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Give the energies (eV) at which the modes appear, and the photons each takes per nanocrystal and pulse.

    The blue shift moves the lines that are seen, not the gain they feel: gain and seed are those of the cold modes.
    """
    population = driven.gain_excitations
    occupation = shares(population, pulse_s, sample.kinetics)
    gain = modal_gain(modes.energy_ev, occupation, sample, temperature_k=temperature_k, active=active, loss_cm=modes.loss_cm)
    amounts = yields(occupation, pulse_s, sample.kinetics)
    source = (sample.gain.coupled_fraction * modes.weight * modes.slot_ev
              * spontaneous(modes.energy_ev, amounts, sample, temperature_k, active))
    filled, zero = (each / (each + resonance.blue_shift_half) for each in (population, resonance.blue_shift_zero))
    shift = resonance.blue_shift_ev * (filled - zero) + resonance.blue_shift_per_excess * driven.excess_ev
    return modes.energy_ev + shift, amplify(gain, source, modes.length_cm, 2.0 / sample.gain.strength_cm) / modes.length_cm


def emission(pump: Pump, sample: Sample, temperature_k: float, active: float = 1.0) -> Emission:
    """Give the emission of a sample that has a cavity and resonance terms."""
    resonance, modes = sample.resonance, comb(sample)
    if resonance is None:
        raise ValueError(f"sample {sample.name} has no [resonance]")
    driven = drive(pump, sample, resonance, temperature_k)
    energies, photons = mode_photons(driven, sample, modes, resonance, pump.pulse_s, temperature_k, active)
    wavelength, shape = _exciton_line(sample.lines, temperature_k)
    spread = Polarisation(resonance.far_spontaneous_polarisation + driven.closeness
                          * (sample.detected.polarisation - resonance.far_spontaneous_polarisation), sample.detected.angle_deg)
    far = resonance.far_polarisation_factor
    lines = tuple(
        NarrowLine(float(energy_ev(energy)), float(fwhm), float(amount),
                   Polarisation(cold.degree * (far + (1.0 - far) * driven.closeness), cold.angle_deg))
        for energy, fwhm, amount, cold in zip(energies, modes.fwhm_nm, photons, modes.polarisation, strict=True))
    amount = _spontaneous(driven, float(photons.sum()), sample, resonance, pump.pulse_s)
    return Emission(wavelength, active * amount * shape, spread, lines)


def _spontaneous(driven: Drive, stimulated: float, sample: Sample, resonance: Resonance, pulse_s: float) -> float:
    """Give the photons in the exciton line, less what the modes took from the part of the crystals that has feedback."""
    amount = yields(shares(driven.excitations, pulse_s, sample.kinetics), pulse_s, sample.kinetics).exciton
    coupled = -np.expm1(-driven.gain_excitations)
    depletion = min(stimulated / coupled, MOST_DEPLETION) if coupled > 0.0 else 0.0
    return sample.gain.spontaneous_factor * amount * (1.0 - resonance.feedback_part * depletion)


@lru_cache(maxsize=16)
def _exciton_line(lines: Lines, temperature_k: float) -> tuple[np.ndarray, np.ndarray]:
    """Give a wavelength grid that holds the exciton line, and the line of unit area on it, per nm."""
    exciton = exciton_ev(lines, temperature_k)
    centre = float(energy_ev(exciton))
    wavelength = np.arange(centre - REACH_NM, centre + REACH_NM, GRID_NM)
    return wavelength, per_nm(line_shape(energy_ev(wavelength), exciton, lines, temperature_k), wavelength)
