"""How many nanocrystals hold n excitations, and how many photons each line gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import expm
from scipy.special import gammaln

from sim_instruments.twin.sample import Kinetics

HIGHEST = 14                       # states above are counted as this one
MOST = 600.0                       # mean excitations above which nothing changes any more
LONG_PULSE_S = 1e-9                # pulses longer than this are treated as steady pumping
CHARGED_BIEXCITON = 0.6            # lifetime of a charged biexciton over that of a neutral one: more ways for Auger recombination
_STATES = np.arange(HIGHEST + 1)
_LOG_FACTORIAL = gammaln(_STATES + 1.0)
_EMPTY = np.eye(1, HIGHEST + 1)[0]


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


def poisson(mean: float | np.ndarray) -> np.ndarray:
    """Give P_0..P_14 for a mean number of excitations, (15,), or for several, (..., 15); the rest is added to the last."""
    means = np.minimum(mean, MOST)[..., None]
    filled = means > 0.0
    shares = np.exp(_STATES * np.log(np.where(filled, means, 1.0)) - means - _LOG_FACTORIAL)
    shares[..., HIGHEST] += np.maximum(1.0 - shares.sum(axis=-1), 0.0)
    return np.where(filled, shares, _EMPTY)


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


@lru_cache(maxsize=16)
def charged_rates(kinetics: Kinetics, trion_s: float) -> np.ndarray:
    """Give the rate at which each state of a charged crystal is left, 1/s: the trion's, above it those of neutral ones over 0.6."""
    rates = total_rates(kinetics) / CHARGED_BIEXCITON
    rates[:2] = 0.0, 1.0 / trion_s
    rates.flags.writeable = False
    return rates


def trion_lifetime_s(occupation: np.ndarray, kinetics: Kinetics) -> float:
    """Give the trion's lifetime where crystals hold N excitations on average right after the pulse: 1/τ = 1/τ_T + k_T N."""
    if kinetics.trion_lifetime_s <= 0.0:
        return 0.0
    crowding = kinetics.trion_crowding_per_s * float(_STATES[:len(occupation)] @ occupation)
    return kinetics.trion_lifetime_s / (1.0 + crowding * kinetics.trion_lifetime_s)


def fall(rates: np.ndarray) -> np.ndarray:
    """Give the matrix of d P/dt when every state falls to the one below it at its rate; nothing leaves the lowest."""
    matrix = np.diag(-rates) + np.diag(rates[1:], 1)
    matrix[0, 0] = 0.0
    return matrix


def mean_course(rates: np.ndarray, seconds: float) -> np.ndarray:
    """Give the matrix that turns occupations into their mean over a time: ∫ e^{Mt} dt / T, by that of [[M, 1], [0, 0]]."""
    size = len(rates)
    block = np.zeros((2 * size, 2 * size))
    block[:size, :size], block[:size, size:] = fall(rates), np.eye(size)
    return expm(block * seconds)[:size, size:] / seconds


def steady(mean: float | np.ndarray, pulse_s: float, kinetics: Kinetics) -> np.ndarray:
    """Give P_0..P_14 during a long pulse that makes `mean` excitations: P_n = P_{n−1} (N/τ_p)/k_n; shapes as for `poisson`."""
    steps = np.minimum(mean, MOST)[..., None] / pulse_s / total_rates(kinetics)[1:]
    chain = np.concatenate([np.ones((*steps.shape[:-1], 1)), np.cumprod(steps, axis=-1)], axis=-1)
    return chain / chain.sum(axis=-1, keepdims=True)


def shares(mean: float | np.ndarray, pulse_s: float, kinetics: Kinetics) -> np.ndarray:
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
        trion=float(charged * at_least[1] * min(2.0 * single * trion_lifetime_s(occupation, kinetics), 1.0)) if charged else 0.0,
        charged_biexciton=float(charged * at_least[2] * min(
            kinetics.radiative_factor * single * CHARGED_BIEXCITON * kinetics.biexciton_lifetime_s, 1.0)))
