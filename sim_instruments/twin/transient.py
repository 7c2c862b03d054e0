"""Transient absorption: what a weak probe sees some picoseconds after the pump. For validation; no instrument here measures it."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.film import occupation
from sim_instruments.twin.gain import modal_gain
from sim_instruments.twin.populations import HIGHEST, total_rates
from sim_instruments.twin.record import Kinetics, Sample
from sim_instruments.twin.units import energy_ev


def later(filled: np.ndarray, delay_s: float, kinetics: Kinetics) -> np.ndarray:
    """Give the occupations P_0..P_14 a time after the pulse: every state falls to the one below it at its rate."""
    leaving = total_rates(kinetics)
    fall = np.diag(-leaving) + np.diag(leaving[1:], 1)
    fall[0, 0] = 0.0
    return expm(fall * delay_s) @ filled


def relative_bleach(pump: Pump, probe_nm: float, delay_s: float, sample: Sample, temperature_k: float) -> float:
    """Give −Δα/α₀ at a probe wavelength (vacuum nm): 1 is transparency, more is net gain.

    −Δα/α₀ = 1 + g/|g(P0 = 1)| with the gain of state filling and no losses. The probe sees the crystals where the pump's fluence is
    the stated one. There is no induced absorption from excited states in it.
    """
    energy, unpumped = energy_ev(probe_nm), np.eye(1, HIGHEST + 1)[0]
    filled = later(occupation(pump, sample, temperature_k), delay_s, sample.kinetics)
    gain, absorption = (float(modal_gain(energy, state, sample, temperature_k=temperature_k, loss_cm=0.0))
                        for state in (filled, unpumped))
    return 1.0 + gain / abs(absorption)
