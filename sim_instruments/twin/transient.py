"""Transient absorption: what a weak probe sees some picoseconds after the pump. For validation; no instrument here measures it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.linalg import expm

from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.film import occupation
from sim_instruments.twin.gain import modal_gain
from sim_instruments.twin.populations import HIGHEST, charged_rates, fall, total_rates, trion_lifetime_s
from sim_instruments.twin.record import Kinetics, Sample
from sim_instruments.twin.units import energy_ev


def later(filled: np.ndarray, delay_s: float, kinetics: Kinetics) -> np.ndarray:
    """Give the occupations P_0..P_14 of neutral crystals a time after the pulse: every state falls to the one below it."""
    return expm(fall(total_rates(kinetics)) * delay_s) @ filled


def later_charged(filled: np.ndarray, delay_s: float, kinetics: Kinetics) -> np.ndarray:
    """Give the same of charged crystals, whose lowest excited state is the trion."""
    return expm(fall(charged_rates(kinetics, trion_lifetime_s(filled, kinetics))) * delay_s) @ filled


def probed_gain(filled: np.ndarray, probe_nm: Any, delay_s: float, sample: Sample, temperature_k: float) -> np.ndarray:
    """Give the gain in cm⁻¹, losses aside, that a probe of some wavelengths (vacuum nm) sees a time after crystals were filled.

    Negative is absorption. Neutral and charged crystals fall each at their own rates and count by the charged fraction.
    """
    energy, share = energy_ev(np.asarray(probe_nm, dtype=float)), sample.kinetics.charged_fraction
    total = np.zeros_like(energy)
    for part, charged, course in ((1.0 - share, 0.0, later), (share, 1.0, later_charged)):
        if part > 0.0:
            crystals = replace(sample, kinetics=replace(sample.kinetics, charged_fraction=charged))
            state = course(filled, delay_s, sample.kinetics)
            total = total + part * modal_gain(energy, state, crystals, temperature_k=temperature_k, loss_cm=0.0)
    return total


def absorption_change(filled: np.ndarray, probe_nm: Any, delay_s: float, sample: Sample, temperature_k: float) -> np.ndarray:
    """Give −Δα in cm⁻¹: by how much the pump, which filled the crystals, has bleached the sample as it stands (charged or not)."""
    unpumped = probed_gain(np.eye(1, HIGHEST + 1)[0], probe_nm, 0.0, sample, temperature_k)
    return probed_gain(filled, probe_nm, delay_s, sample, temperature_k) - unpumped


def relative_bleach(pump: Pump, probe_nm: float, delay_s: float, sample: Sample, temperature_k: float) -> float:
    """Give −Δα/α₀ at a probe wavelength (vacuum nm): 1 is transparency, more is net gain.

    −Δα/α₀ = 1 + g/|g(P0 = 1)| with the gain of state filling and no losses. The probe sees the crystals where the pump's fluence is
    the stated one. There is no induced absorption from excited states in it.
    """
    filled, unpumped = occupation(pump, sample, temperature_k), np.eye(1, HIGHEST + 1)[0]
    absorption = -float(probed_gain(unpumped, probe_nm, 0.0, sample, temperature_k))
    return float(absorption_change(filled, probe_nm, delay_s, sample, temperature_k)) / absorption
