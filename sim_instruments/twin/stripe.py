"""Emission from the end of a pumped stripe: spontaneous light amplified on its way, and what leaves unamplified."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sim_instruments.twin.amplifier import saturated_length, unsaturated
from sim_instruments.twin.excitation import Pump, exciton_ev
from sim_instruments.twin.film import ABOVE_EV, BELOW_EV, grid_nm, occupation
from sim_instruments.twin.gain import filled_gain, gain_shapes
from sim_instruments.twin.populations import HIGHEST, charged_rates, mean_course, total_rates, yields
from sim_instruments.twin.record import Kinetics, Lines, Sample, Stripe
from sim_instruments.twin.spectra import Emission, Polarisation, line_shapes, weights
from sim_instruments.twin.units import HC_EV_NM, LIGHT_CM_S, energy_ev

POINTS = 193                       # of the energy grid on which saturation is solved
SHORTEST_CM = 1e-6                 # a slit that is closed
UNITY = np.ones(1)
UNPUMPED = np.eye(1, HIGHEST + 1)[0]
LEAST_LEFT = 0.2                   # of the emission of multiply excited crystals, however strong the stimulated light


@dataclass(frozen=True)
class Shapes:
    """All that a stripe's spectrum is made of at one temperature: a coarse grid in eV, and the grid in nm that is handed on."""

    step_ev: float
    coarse_gain: np.ndarray
    coarse_lines: np.ndarray
    wavelength_nm: np.ndarray
    gain: np.ndarray
    lines: np.ndarray


@dataclass(frozen=True)
class Parts:
    """The light leaving a stripe, per nm: what amplification adds, and what exciton, biexciton and trion give by themselves."""

    wavelength_nm: np.ndarray
    amplified: np.ndarray
    plain: np.ndarray


def emission(pump: Pump, sample: Sample, temperature_k: float, active: float = 1.0) -> Emission:
    """Give the light leaving the end of the stripe, in photons per nanocrystal and pulse times cm, per nm."""
    made = parts(pump, sample, temperature_k, active)
    return Emission(made.wavelength_nm, made.amplified + made.plain.sum(axis=0),
                    Polarisation(sample.detected.polarisation, sample.detected.angle_deg))


def parts(pump: Pump, sample: Sample, temperature_k: float, active: float = 1.0) -> Parts:
    """Give amplified and unamplified light of the stripe.

    Guided: I(E) = s (e^{g u*} − 1)/g with s = β S(E), of which no more than s u* is counted as spontaneous. Beside it κ β L (S_X +
    r S_rest), where r is what stimulated emission leaves of the multiply excited crystals. L is the length over which light finds
    gain: shortened by typed gain times, or the whole stripe where the gain follows the populations during the transit. Behind a
    stripe that starts x_0 inside the film, the light passes so much film that absorbs.
    """
    stripe = sample.stripe
    if stripe is None:
        raise ValueError(f"sample {sample.name} has no [stripe]")
    shapes = _shapes(sample.lines, temperature_k)
    filled = occupation(pump, sample, temperature_k)
    amounts = active * weights(yields(filled, pump.pulse_s, sample.kinetics))
    seen, charged = in_transit(filled, sample) if stripe.follows else (filled, filled)
    gain = filled_gain(shapes.coarse_gain, seen, sample, active, charged=charged)
    source = sample.gain.coupled_fraction * amounts @ shapes.coarse_lines
    length = max(stripe.length_cm if stripe.follows else effective_length_cm(stripe, sample.kinetics.charged_fraction), SHORTEST_CM)
    equivalent = 0.0
    if np.any(source > 0.0):
        equivalent = saturated_length(gain, source, length, 2.0 / sample.gain.strength_cm, shapes.step_ev)
    taken = float(unsaturated(gain, source, equivalent).sum()) * shapes.step_ev / length
    several = float(1.0 - filled[0] - filled[1])
    left = max(1.0 - min(taken, 1.0) / several, LEAST_LEFT) if several > 0.0 else 1.0
    own = sample.gain.coupled_fraction * amounts[:, None] * shapes.lines
    grown = unsaturated(filled_gain(shapes.gain, seen, sample, active, charged=charged), UNITY, equivalent)
    by_itself = np.minimum(grown, equivalent)
    amplified = own.sum(axis=0) * (grown - by_itself)
    plain = own * (by_itself + sample.gain.spontaneous_factor * length * np.array([[1.0], [left], [left]]))
    passed = HC_EV_NM / shapes.wavelength_nm**2
    if stripe.start_cm > 0.0:
        passed = passed * np.exp(filled_gain(shapes.gain, UNPUMPED, sample, active) * stripe.start_cm)
    return Parts(shapes.wavelength_nm, amplified * passed, plain * passed)


def effective_length_cm(stripe: Stripe, charged_fraction: float) -> float:
    """Give the length over which light finds gain: (v/r)(1 − e^{−L r/v}), v = c/n_g, r the mean rate at which the gain decays."""
    rate = (1.0 - charged_fraction) / stripe.gain_time_s + charged_fraction / stripe.charged_gain_time_s
    if rate <= 0.0:
        return stripe.length_cm
    reach = LIGHT_CM_S / stripe.group_index / rate
    return float(-reach * np.expm1(-stripe.length_cm / reach))


def in_transit(filled: np.ndarray, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Give the occupations of neutral and of charged crystals that light meets on its way through the stripe, averaged over it.

    Gain is linear in them, so their mean over the transit n_g L/c gives the mean gain. The trion falls with its lifetime at low
    density: the transit is a tenth of it at most.
    """
    stripe = sample.stripe
    if stripe is None or stripe.length_cm <= 0.0:
        return filled, filled
    uncharged = replace(sample.kinetics, charged_fraction=0.0)       # both courses are the same at any charge, and take long
    neutral, charged = _transit(uncharged, stripe.group_index * stripe.length_cm / LIGHT_CM_S)
    return neutral @ filled, charged @ filled


@lru_cache(maxsize=64)
def _transit(kinetics: Kinetics, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    rates = (total_rates(kinetics), charged_rates(kinetics, kinetics.trion_lifetime_s or kinetics.exciton_lifetime_s))
    neutral, charged = (mean_course(each, seconds) for each in rates)
    return neutral, charged


@lru_cache(maxsize=16)
def _shapes(lines: Lines, temperature_k: float) -> Shapes:
    exciton = exciton_ev(lines, temperature_k)
    energy = np.linspace(exciton - BELOW_EV, exciton + ABOVE_EV, POINTS)
    gain, emitted = gain_shapes(energy, lines, temperature_k), line_shapes(energy, lines, temperature_k)
    wavelength = grid_nm(lines, temperature_k)

    def refined(rows: np.ndarray) -> np.ndarray:
        return np.array([np.interp(energy_ev(wavelength), energy, row, left=0.0, right=0.0) for row in rows])

    return Shapes(float(energy[1] - energy[0]), gain, emitted, wavelength, refined(gain), refined(emitted))
