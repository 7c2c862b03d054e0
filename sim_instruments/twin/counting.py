"""Time-correlated photon counting: from a decay to the mean histogram, with everything that bends it.

Times in s within one period of the pulses; densities per second and pulse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erfc, erfcx

from sim_instruments.twin.decay import Decay
from sim_instruments.twin.units import FWHM_PER_SD

TAIL_DELAY_S, TAIL_WIDTH = 350e-12, 2.0    # of the instrument response's second part: later by this, wider by this
COLOUR_S_NM, COLOUR_ZERO_NM = 0.556e-12, 495.0
RATE_SHIFT_S, RATE_WIDTH = 10e-12 / 1e6, 0.01 / 1e6    # per count per second
OVER_LIFETIMES = 40.0              # after which nothing is left to be seen
RESPONSE_SDS = 8.0                 # beyond which a Gaussian response is over
NEGLIGIBLE = 1e-10                 # of the largest term's photons
PULSES = (-1, 0, 1)                # whose responses may fall among the times of one period
ITERATIONS, SETTLED = 200, 1e-7


@dataclass(frozen=True)
class Response:
    """The instrument response: Gaussian FWHM at low rate, and the part of it that comes as a late tail."""

    fwhm_s: float
    tail: float = 0.0

    def sd_s(self, rate_hz: float) -> float:
        """Give the standard deviation at a count rate."""
        return self.fwhm_s * (1.0 + RATE_WIDTH * rate_hz) / FWHM_PER_SD


def arrival_s(wavelength_nm: float, rate_hz: float) -> float:
    """Give by how much photons of a wavelength come late, and by how much more at a count rate."""
    return COLOUR_S_NM * (wavelength_nm - COLOUR_ZERO_NM) + RATE_SHIFT_S * rate_hz


def incident(edges_s: np.ndarray, decay: Decay, response: Response, period_s: float, *, start_s: float,
             rate_hz: float) -> np.ndarray:
    """Give the photons per pulse between neighbouring edges, wrapped at the period, before any dead time.

    Exponentials of `decay` convolved with the response, starting at `start_s`; light of all earlier pulses, and of the next,
    counts. The sum over one period is `decay.photons`.
    """
    sd = response.sd_s(rate_hz)
    total = _cumulative(edges_s - start_s, decay, sd, period_s) * (1.0 - response.tail)
    if response.tail > 0.0:
        total = total + _cumulative(edges_s - start_s - TAIL_DELAY_S, decay, TAIL_WIDTH * sd, period_s) * response.tail
    return np.maximum(np.diff(total), 0.0)           # rounding where nothing is left


def _cumulative(times_s: np.ndarray, decay: Decay, sd_s: float, period_s: float) -> np.ndarray:
    """Integrate the light of all pulses that matter up to each time (rising); the constant is arbitrary.

    An exponential of unit area behind a Gaussian has come to Φ(t/σ) − e^{σ²/2τ² − t/τ} Φ(t/σ − σ/τ): its rise, common to all terms,
    less what is still to come.
    """
    amounts = decay.rates * decay.lifetimes_s
    counts = np.abs(amounts) > NEGLIGIBLE * float(np.abs(amounts).max(initial=0.0))
    amounts, lifetimes = amounts[counts], decay.lifetimes_s[counts]
    lasting = lifetimes * RESPONSE_SDS >= sd_s
    # A term is a plain exponential once the response's own fall has ended; one that fades within the response is over with it.
    reach = RESPONSE_SDS * sd_s + (sd_s**2 / float(lifetimes[lasting].min()) if lasting.any() else 0.0)
    total = _risen(times_s, float(amounts.sum()), sd_s, reach, period_s)
    if sd_s > 0.0:
        _take_near(total, times_s, amounts, lifetimes, sd_s, reach, period_s)
    for amount, lifetime in zip(amounts[lasting], lifetimes[lasting], strict=True):
        _take_plain(total, times_s, float(amount), float(lifetime), sd_s, reach, period_s)
    return total


def _risen(times_s: np.ndarray, amount: float, sd: float, reach: float, period_s: float) -> np.ndarray:
    """Give a step of the response's shape for every pulse."""
    total = np.zeros_like(times_s)
    for pulse in PULSES:
        time, near, beyond = _behind(times_s, pulse * period_s, sd, reach)
        if sd > 0.0:
            total[near] += 0.5 * amount * erfc(time / (-np.sqrt(2.0) * sd))
        total[beyond:] += amount
    return total


def _take_near(total: np.ndarray, times_s: np.ndarray, amounts: np.ndarray, lifetimes: np.ndarray, sd: float, reach: float,
               period_s: float) -> None:
    """Subtract what is still to come, around the response of every pulse; all terms at once."""
    for pulse in PULSES:
        time, near, _ = _behind(times_s, pulse * period_s, sd, reach)
        if len(time):
            scaled = time / sd
            to_come = amounts @ erfcx((sd / lifetimes[:, None] - scaled) / np.sqrt(2.0))
            total[near] -= 0.5 * to_come * np.exp(-0.5 * scaled**2)


def _behind(times_s: np.ndarray, here: float, sd: float, reach: float) -> tuple[np.ndarray, slice, int]:
    """Give the times since a pulse while its response comes, where they stand among all times, and what comes after them."""
    first, beyond = np.searchsorted(times_s, (here - RESPONSE_SDS * sd, here + reach)).tolist()
    return times_s[first:beyond] - here, slice(first, beyond), beyond


def _take_plain(total: np.ndarray, times_s: np.ndarray, amount: float, lifetime: float, sd: float, reach: float,
                period_s: float) -> None:
    """Subtract what is still to come of one term far behind the responses; all earlier pulses together are a geometric series."""
    constant = 0.5 * (sd / lifetime) ** 2
    back = 0 if times_s[0] > reach else 1 if times_s[0] + period_s > reach else 2
    for pulse in range(1, -back, -1):
        here = pulse * period_s
        first, over = np.searchsorted(times_s, (here + reach, here + reach + OVER_LIFETIMES * lifetime)).tolist()
        if over > first:
            total[first:over] -= amount * np.exp((here - times_s[first:over]) / lifetime + constant)
    earlier = constant - back * period_s / lifetime - np.log1p(-np.exp(-period_s / lifetime))
    if earlier - times_s[0] / lifetime > -OVER_LIFETIMES:
        total -= amount * np.exp(earlier - times_s / lifetime)


@dataclass(frozen=True)
class DeadTime:
    """Where, for each bin of a period, the time begins during which an earlier photon would have blinded the counter.

    In whole periods, then `cell` and `part` of it; `around` is 1 where it lies in the period before.
    """

    whole: float
    cell: np.ndarray
    part: np.ndarray
    around: np.ndarray


def dead_time(edges_s: np.ndarray, dead_s: float) -> DeadTime:
    """Look up a dead time among edges that span exactly one period."""
    period = float(edges_s[-1] - edges_s[0])
    whole, rest = divmod(dead_s, period)
    back = (edges_s[:-1] + edges_s[1:]) / 2.0 - rest
    around = (back < edges_s[0]).astype(float)
    place = back + period * around
    cell = np.clip(np.searchsorted(edges_s, place, side="right") - 1, 0, len(edges_s) - 2)
    return DeadTime(whole, cell, (place - edges_s[cell]) / (edges_s[cell + 1] - edges_s[cell]), around)


def recorded(incident_per_pulse: np.ndarray, dead: DeadTime) -> np.ndarray:
    """Give the photons per pulse that are recorded in each bin of a period, for a non-extended dead time.

    Exact: m(t) = μ(t) [1 − ∫ m over the preceding t_d], periodic. k whole periods within t_d hold k times the photons of a period,
    so they only scale the solution n for what is left of t_d: m = n (1 − k Σm), Σm = Σn/(1 + k Σn). That one is iterated. The bin
    of a photon counts half, so bins must hold far less than one. Contains first-photon pile-up (t_d about a period) and pure dead
    time (t_d ≫ period) alike.
    """
    caution = 1.0 + float(incident_per_pulse.sum())
    found = incident_per_pulse / caution
    for _ in range(ITERATIONS):
        until = found.cumsum()
        start = until - found
        change = found.take(dead.cell)       # becomes what was recorded up to where the dead time of each bin begins
        change *= dead.part
        change += start.take(dead.cell)
        change -= float(until[-1]) * dead.around
        start += 0.5 * found
        change -= start
        change += 1.0                        # the part of the time for which the counter is ready
        change *= incident_per_pulse
        change -= found
        found += change / caution
        if float(np.abs(change, out=change).sum()) <= SETTLED * float(until[-1]):
            break
    return found / (1.0 + dead.whole * float(found.sum()))
