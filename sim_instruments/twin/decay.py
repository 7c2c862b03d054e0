"""How the light of a sample fades after a pulse: a sum of exponentials, from the rates of the populations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sim_instruments.twin.populations import radiative_rates, total_rates, trion_lifetime_s
from sim_instruments.twin.record import Fading, Kinetics

HIGHEST = 10                       # state followed; it takes the tail of the distribution
EXCITON, BIEXCITON = slice(1, 2), slice(2, HIGHEST + 1)


@dataclass(frozen=True)
class Decay:
    """Light against time after a pulse, Σ rate_i e^{−t/τ_i}: photons per second at t = 0 (some negative), and lifetimes in s.

    The rates are per nanocrystal and pulse. A term may rise as another falls, so only the sum is light.
    """

    rates: np.ndarray
    lifetimes_s: np.ndarray

    @property
    def photons(self) -> float:
        """Photons in all, per nanocrystal and pulse."""
        return float(self.rates @ self.lifetimes_s)

    def at(self, time_s: np.ndarray) -> np.ndarray:
        """Give the light at times after the pulse, photons per second; nothing before."""
        after = np.asarray(time_s, dtype=float)[..., None]
        return np.where(after >= 0.0, np.exp(-np.maximum(after, 0.0) / self.lifetimes_s), 0.0) @ self.rates


def neutral(occupation: np.ndarray, kinetics: Kinetics, states: slice = slice(1, HIGHEST + 1)) -> Decay:
    """Give the decay of neutral crystals: states 1..10 fall one by one at their rates k_n, each emits at k_r,n.

    The rate matrix has −k_n on its diagonal and k_{n+1} above it; its eigenvalues are the −k_n. `states` are those whose light
    counts: all, or the exciton's (the first) or the biexciton's (those above) alone.
    """
    lifetimes, basis, inverse = _cascade(kinetics)
    start = np.array(occupation[1:HIGHEST + 1])
    start[-1] += float(occupation[HIGHEST + 1:].sum())
    emitting = np.zeros(HIGHEST + 1)
    emitting[states] = radiative_rates(kinetics)[:HIGHEST + 1][states]
    return Decay((emitting[1:] @ basis) * (inverse @ start), lifetimes)


@lru_cache(maxsize=16)
def _cascade(kinetics: Kinetics) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the lifetimes, and the eigenvectors of the rate matrix with their inverse."""
    leaving = total_rates(kinetics)[1:HIGHEST + 1]
    values, vectors = np.linalg.eig(np.diag(-leaving) + np.diag(leaving[1:], 1))
    basis = np.real(vectors)
    return -1.0 / np.real(values), basis, np.linalg.inv(basis)


def charged(occupation: np.ndarray, kinetics: Kinetics) -> Decay:
    """Give the decay of a film of which a part is charged, after its multiply excited states have gone.

    Neutral crystals emit (1 − f) k_r,1 τ_X photons with τ_X, charged ones f 2 k_r,1 τ_T with τ_T, per excited crystal.
    """
    share, single = kinetics.charged_fraction, float(radiative_rates(kinetics)[1])
    excited = float(1.0 - occupation[0])
    lifetimes = np.array([kinetics.exciton_lifetime_s, trion_lifetime_s(occupation, kinetics)])
    photons = np.array([(1.0 - share) * single * lifetimes[0], share * min(2.0 * single * lifetimes[1], 1.0)])
    return Decay(excited * photons / lifetimes, lifetimes)


def as_measured(fading: Fading) -> Decay:
    """Give a decay of two exponentials as a record states it; one photon in all."""
    lifetimes, amplitudes = np.array([fading.fast_s, fading.slow_s]), np.array([fading.amplitude_ratio, 1.0])
    return Decay(amplitudes / float(amplitudes @ lifetimes), lifetimes)
