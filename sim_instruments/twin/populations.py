"""How many nanocrystals hold n excitations, and how many photons each line gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammaln

from sim_instruments.twin.sample import Kinetics

HIGHEST = 14                       # states above are counted as this one
MOST = 600.0                       # mean excitations above which nothing changes any more
LONG_PULSE_S = 1e-9                # pulses longer than this are treated as steady pumping
_STATES = np.arange(HIGHEST + 1)
_LOG_FACTORIAL = gammaln(_STATES + 1.0)


@dataclass(frozen=True)
class Yields:
    """Spontaneous photons per nanocrystal and pulse in each line."""

    exciton: float
    biexciton: float
    trion: float
    charged_biexciton: float

    @property
    def total(self) -> float:
        """All lines together."""
        return self.exciton + self.biexciton + self.trion + self.charged_biexciton


def poisson(mean: float) -> np.ndarray:
    """Give P_0..P_14 for a mean number of excitations; the rest is added to the last."""
    mean = min(mean, MOST)
    if mean <= 0.0:
        return np.eye(1, HIGHEST + 1)[0]
    shares = np.exp(_STATES * np.log(mean) - mean - _LOG_FACTORIAL)
    shares[HIGHEST] += max(1.0 - shares.sum(), 0.0)
    return shares


@lru_cache(maxsize=16)
def radiative_rates(kinetics: Kinetics) -> np.ndarray:
    """Give the radiative rate of each state, 1/s."""
    single = kinetics.quantum_yield / kinetics.exciton_lifetime_s
    rates = kinetics.radiative_factor * single * np.minimum(_STATES / 2.0, 3.0)
    rates[:2] = 0.0, single
    rates.flags.writeable = False
    return rates


@lru_cache(maxsize=16)
def total_rates(kinetics: Kinetics) -> np.ndarray:
    """Give the rate at which each state is left, 1/s: radiative, non-radiative and Auger (∝ n²(n−1))."""
    radiative = radiative_rates(kinetics)
    loss = (1.0 - kinetics.quantum_yield) / kinetics.exciton_lifetime_s
    auger = max(1.0 / kinetics.biexciton_lifetime_s - kinetics.radiative_factor * radiative[1], 0.0)
    rates = radiative + _STATES * loss + auger * _STATES**2 * (_STATES - 1) / 4.0
    rates[1] = radiative[1] + loss
    rates.flags.writeable = False
    return rates


def steady(mean: float, pulse_s: float, kinetics: Kinetics) -> np.ndarray:
    """Give P_0..P_14 during a long pulse that makes `mean` excitations: P_n = P_{n−1} (N/τ_p)/k_n."""
    steps = np.minimum(mean, MOST) / pulse_s / total_rates(kinetics)[1:]
    chain = np.concatenate(([1.0], np.cumprod(steps)))
    return chain / chain.sum()


def shares(mean: float, pulse_s: float, kinetics: Kinetics) -> np.ndarray:
    """Give P_0..P_14 by whichever regime the pulse belongs to."""
    return steady(mean, pulse_s, kinetics) if pulse_s > LONG_PULSE_S else poisson(mean)


def yields(occupation: np.ndarray, pulse_s: float, kinetics: Kinetics) -> Yields:
    """Give the time-integrated spontaneous photons per nanocrystal and pulse.

    After a short pulse each crystal passes every level below its first; during a long one each state emits at its rate.
    """
    radiative, total = radiative_rates(kinetics), total_rates(kinetics)
    if pulse_s > LONG_PULSE_S:
        return Yields(float(radiative[1] * occupation[1] * pulse_s), float(radiative[2:] @ occupation[2:] * pulse_s), 0.0, 0.0)
    at_least = np.cumsum(occupation[::-1])[::-1]
    efficiency = radiative[1:] / total[1:]
    charged, single = kinetics.charged_fraction, radiative[1]
    return Yields(
        exciton=float((1.0 - charged) * at_least[1] * efficiency[0]),
        biexciton=float((1.0 - charged) * at_least[2:] @ efficiency[1:]),
        trion=float(charged * at_least[1] * min(2.0 * single * kinetics.trion_lifetime_s, 1.0)),
        charged_biexciton=float(
            charged * at_least[2] * min(kinetics.radiative_factor * single * 0.6 * kinetics.biexciton_lifetime_s, 1.0)))
