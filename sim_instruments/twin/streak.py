"""Spectra in a gate of time, as a streak camera cuts them out. For validation; no instrument here measures them."""

from __future__ import annotations

import numpy as np

from sim_instruments.twin import film, stripe
from sim_instruments.twin.counting import Response, incident
from sim_instruments.twin.decay import BIEXCITON, EXCITON, Decay, neutral
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.record import Sample
from sim_instruments.twin.spectra import Emission, Polarisation
from sim_instruments.twin.units import LIGHT_CM_S

ONE_PULSE_S = 1e-6                 # a period after which nothing is left of a pulse
PROMPT = Decay(np.array([1e13]), np.array([1e-13]))
LEAVING = (np.arange(8) + 0.5) / 8.0   # of the transit time, when parts of the amplified light leave: evenly


def gated(pump: Pump, sample: Sample, temperature_k: float, start_s: float, stop_s: float, *, response_s: float) -> Emission:
    """Give the light that a streak camera of a Gaussian response (FWHM) collects from `start_s` to `stop_s`.

    Times count from the middle of the response to the pump. Exciton and biexciton lines of neutral crystals fade with their own
    parts of the cascade; amplified light leaves evenly during one transit of the stripe. ValueError for a charged sample.
    """
    if sample.kinetics.charged_fraction > 0.0:
        raise ValueError(f"{sample.name} is charged: only the cascade of neutral crystals is known line by line")
    filled = film.occupation(pump, sample, temperature_k)
    lines = [_share(neutral(filled, sample.kinetics, states), start_s, stop_s, response_s) for states in (EXCITON, BIEXCITON)]
    if sample.stripe is None:
        wavelength, plain = film.parts(pump, sample, temperature_k)
        return _emission(sample, wavelength, np.array([*lines, 0.0]) @ plain)
    made = stripe.parts(pump, sample, temperature_k)
    transit = sample.stripe.group_index * sample.stripe.length_cm / LIGHT_CM_S
    burst = np.mean([_share(PROMPT, start_s - late * transit, stop_s - late * transit, response_s) for late in LEAVING])
    return _emission(sample, made.wavelength_nm, burst * made.amplified + np.array([*lines, 0.0]) @ made.plain)


def _share(decay: Decay, start_s: float, stop_s: float, response_s: float) -> float:
    """Give the part of a decay's photons that falls into the gate."""
    if decay.photons <= 0.0:
        return 0.0
    seen = incident(np.array([start_s, stop_s]), decay, Response(response_s), ONE_PULSE_S, start_s=0.0, rate_hz=0.0)
    return float(seen[0]) / decay.photons


def _emission(sample: Sample, wavelength_nm: np.ndarray, light: np.ndarray) -> Emission:
    return Emission(wavelength_nm, light, Polarisation(sample.detected.polarisation, sample.detected.angle_deg))
