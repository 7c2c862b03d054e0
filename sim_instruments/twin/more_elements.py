"""Elements beside the light path: the biased sample, the cryostat, the stages and the photon counter.

Each has a plain law of its own, so that its emulator can be served alone; the twin replaces the law by the sample's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sim_instruments.clock import Clock
from sim_instruments.twin.elements import Element
from sim_instruments.twin.motion import Mover


@dataclass(frozen=True)
class JunctionLaw:
    """Current through the sample at rest: ohmic leakage and space-charge limited transport, I = V/R + k·V·|V|.

    The second term is Mott and Gurney's law for a trap-free layer. Odd and rising, so it can be inverted. The default is a plain
    10 kΩ load.
    """

    leakage_ohm: float = 10e3
    space_charge_a_v2: float = 0.0

    def current(self, volts: float) -> float:
        """Give A at V."""
        return volts / self.leakage_ohm + self.space_charge_a_v2 * volts * abs(volts)

    def voltage(self, amps: float) -> float:
        """Give V at A, the inverse of `current`."""
        if self.space_charge_a_v2 == 0.0:
            return amps * self.leakage_ohm
        half = 0.5 / (self.leakage_ohm * self.space_charge_a_v2)
        return math.copysign(math.sqrt(half**2 + abs(amps) / self.space_charge_a_v2) - half, amps)


@dataclass(frozen=True)
class _Course:
    """How the voltage goes from `start` to `end`: at most `slew` V/s, the rest exponentially with `tau` seconds."""

    begun: float
    start: float
    end: float
    slew: float
    tau: float
    clamped: bool      # the end is where the limit holds it, not where the source wants it

    def _linear_s(self) -> float:
        """Duration of the part that the limit slows down."""
        return max(abs(self.end - self.start) / self.slew - self.tau, 0.0) if self.slew < math.inf else 0.0

    def at(self, when: float) -> tuple[float, float]:
        """Give V and V/s at a clock time."""
        elapsed, linear, sign = max(when - self.begun, 0.0), self._linear_s(), math.copysign(1.0, self.end - self.start)
        if elapsed < linear:
            return self.start + sign * self.slew * elapsed, sign * self.slew
        left = (self.end - self.start) if linear == 0.0 else sign * self.slew * self.tau
        left *= math.exp(-min((elapsed - linear) / self.tau, 700.0))
        return self.end - left, left / self.tau

    def limited_at(self, when: float) -> bool:
        """Tell whether the limit holds the source back at a clock time."""
        return self.clamped or when - self.begun < self._linear_s()


class BiasedSample(Element):
    """The sample's two contacts: a capacitor with a leak, driven by a source-meter.

    `law` and `capacitance_f` describe it. After each change of the drive the voltage follows at most at limit / capacitance, then
    exponentially with the wiring's resistance times the capacitance; the leak is neglected on the way.
    """

    LIT_STATE = ("law", "capacitance_f")

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *, law: JunctionLaw | None = None,
                 capacitance_f: float = 1e-9, wiring_ohm: float = 50.0):
        super().__init__(role, clock, changed)
        self.law = law or JunctionLaw()
        self.capacitance_f = capacitance_f
        self.wiring_ohm = wiring_ohm
        self._course = _Course(clock.now(), 0.0, 0.0, math.inf, self._tau, False)

    @property
    def _tau(self) -> float:
        return max(self.capacitance_f * self.wiring_ohm, 1e-12)

    def drive_voltage(self, volts: float, limit_a: float) -> None:
        """Apply a voltage; no more than `limit_a` flows."""
        wanted = self.law.current(volts)
        end = volts if abs(wanted) <= limit_a else self.law.voltage(math.copysign(limit_a, wanted))
        self._follow(end, max(limit_a, 1e-12) / self.capacitance_f, self._tau, clamped=end != volts)

    def drive_current(self, amps: float, limit_v: float) -> None:
        """Drive a current; the voltage stays within `limit_v`."""
        wanted = self.law.voltage(amps)
        end = wanted if abs(wanted) <= limit_v else math.copysign(limit_v, wanted)
        slew = max(abs(amps), 1e-12) / self.capacitance_f
        self._follow(end, slew, self._tau, clamped=end != wanted)

    def disconnect(self) -> None:
        """Open the circuit: the charge leaves through the leak."""
        self._follow(0.0, math.inf, max(self.capacitance_f * self.law.leakage_ohm, 1e-12), clamped=False)

    def _follow(self, end: float, slew: float, tau: float, *, clamped: bool) -> None:
        self.changed()
        now = self.clock.now()
        self._course = _Course(now, self._course.at(now)[0], end, slew, tau, clamped)

    def course(self) -> tuple[float, float, float, float, float, bool]:
        """Give the present course of the voltage: seconds since it began, start, end, slew, time constant, whether clamped."""
        course = self._course
        return self.clock.now() - course.begun, course.start, course.end, course.slew, course.tau, course.clamped

    def resume(self, course: tuple[float, float, float, float, float, bool]) -> None:
        """Put back what `course` gave."""
        self._course = _Course(self.clock.now() - course[0], *course[1:])

    def volts(self, when: float | None = None) -> float:
        """Give the voltage across the sample, now or at a clock time on the present course."""
        return self._course.at(self.clock.now() if when is None else when)[0]

    def amps(self, when: float | None = None) -> float:
        """Give the current into the sample: the leak and what charges the capacitance, together no more than the limit."""
        volts, volts_per_s = self._course.at(self.clock.now() if when is None else when)
        total = self.law.current(volts) + self.capacitance_f * volts_per_s
        most = max(self._course.slew * self.capacitance_f, abs(self.law.current(self._course.end)))
        return max(-most, min(most, total))

    def limited(self, when: float | None = None) -> bool:
        """Tell whether the limit holds the source back."""
        return self._course.limited_at(self.clock.now() if when is None else when)


class Cryostat(Element):
    """Cold finger with a heater; the sample follows the sensor with a lag.

    The sensor (`sensor_k`) is moved by the controller's emulator; `sample_k` relaxes towards it with `lag_s`.
    """

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *, temperature_k: float = 295.0,
                 base_k: float = 4.0, lag_s: float = 60.0):
        super().__init__(role, clock, changed)
        self.base_k = base_k
        self.lag_s = lag_s
        self.sensor_k = Mover(clock, temperature_k, self._settle)
        self._anchor = (clock.now(), temperature_k)

    def _settle(self) -> None:
        """Bring the sample's temperature up to date, before the sensor changes course."""
        self.changed()
        self._anchor = (self.clock.now(), self.sample_k)

    @property
    def sample_k(self) -> float:
        """Temperature of the sample now."""
        return self.sample_at(self.clock.now())

    def sample_at(self, when: float) -> float:
        """Give the sample's temperature at a clock time: first-order lag behind the sensor's piecewise linear course."""
        begun, sample = self._anchor
        knee = min(max(self.sensor_k.arrival, begun), when)
        for start, end in ((begun, knee), (knee, when)):
            sample = _lag(sample, self.sensor_k.at(start), self.sensor_k.at(end), end - start, self.lag_s)
        return sample

    def anchor(self) -> tuple[float, float]:
        """Give the seconds since the sensor last changed course, and the sample's temperature then."""
        return self.clock.now() - self._anchor[0], self._anchor[1]

    def resume(self, anchor: tuple[float, float]) -> None:
        """Put back what `anchor` gave."""
        self._anchor = (self.clock.now() - anchor[0], anchor[1])


def _lag(sample: float, first: float, last: float, seconds: float, lag_s: float) -> float:
    """Follow a straight line from `first` to `last`: T(t) = s(t) - r·τ + (T0 - s0 + r·τ)·exp(-t/τ)."""
    if seconds <= 0.0:
        return sample
    behind = (last - first) / seconds * lag_s
    return last - behind + (sample - first + behind) * math.exp(-seconds / lag_s)


class Stage(Element):
    """Coordinates moved by motors (mm): sample x, y, z, the stripe slit, the delay."""

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *, axes: Sequence[str] = ("x",)):
        super().__init__(role, clock, changed)
        self.axes: dict[str, Mover] = {name: self.mover() for name in axes}


@dataclass(frozen=True)
class TcspcSetting:
    """What the counter's settings mean physically.

    Bin i holds the photons that come between `offset_ps` + i·`resolution_ps` and one resolution later, after the (divided) sync
    pulse; a positive `sync_offset_ps` is a longer sync cable, so that everything appears earlier. A photon within `dead_time_ps`
    of an earlier one is not seen (infinite: only the first of each start is).
    """

    resolution_ps: float
    offset_ps: float
    sync_offset_ps: float
    divider: int
    bins: int
    dead_time_ps: float


class TcspcPort(Element):
    """Sync and detector inputs of a photon counter. `rates` and `histogram` are replaced by the twin.

    The own law is an exponential decay of `lifetime_ps` behind a Gaussian instrument response of `irf_fwhm_ps`, repeated with every
    sync period, `count_rate_hz` photons a second.
    """

    def __init__(self, role: str, clock: Clock, changed: Callable[[], None] | None = None, *, sync_rate_hz: float = 5e6,
                 count_rate_hz: float = 50e3, lifetime_ps: float = 2000.0, irf_fwhm_ps: float = 100.0, arrival_ps: float = 10e3):
        super().__init__(role, clock, changed)
        self.sync_rate_hz, self.count_rate_hz = sync_rate_hz, count_rate_hz
        self.lifetime_ps, self.irf_fwhm_ps, self.arrival_ps = lifetime_ps, irf_fwhm_ps, arrival_ps
        self.rates: Callable[[], tuple[float, float]] = lambda: (self.sync_rate_hz, self.count_rate_hz)
        """Pulses per second at the sync input (before any divider), and at the detector input."""
        self.histogram: Callable[[TcspcSetting, float, float], np.ndarray] = self._expected
        """Mean photons per bin recorded from one clock time to another, dead time included (the counter draws the noise)."""

    def _expected(self, setting: TcspcSetting, start: float, end: float) -> np.ndarray:
        sync, photons = self.rates()
        if sync <= 0.0:
            return np.zeros(setting.bins)
        period = 1e12 / sync
        edges = setting.offset_ps + np.arange(setting.bins + 1) * setting.resolution_ps - self.arrival_ps + setting.sync_offset_ps
        span = period * setting.divider           # a divided sync restarts the clock only every `divider` pulses
        inside = np.clip(np.arange(setting.bins + 1) * setting.resolution_ps + setting.offset_ps, 0.0, span)
        cumulative = decay_cumulative(edges, period, self.lifetime_ps, self.irf_fwhm_ps / math.sqrt(8 * math.log(2)))
        share = np.where(np.diff(inside) > 0.0, np.diff(cumulative), 0.0) / setting.divider
        window = None if math.isinf(setting.dead_time_ps) else round(setting.dead_time_ps / setting.resolution_ps)
        return thinned(photons * (end - start) * np.clip(share, 0.0, None), sync / setting.divider * (end - start), window)


def thinned(mean: np.ndarray, starts: float, window: int | None) -> np.ndarray:
    """Take out the photons that come within the dead time of an earlier one of the same start.

    `mean` photons per bin in `starts` starts; a photon in bin i survives with exp(-photons per start in the `window` bins before
    it); None: only the first photon of a start counts (Coates' forward formula, J. Sci. Instrum. 1, 878 (1968)).
    """
    if starts <= 0:
        return mean
    before = np.concatenate([[0.0], np.cumsum(mean / starts)[:-1]])
    if window is not None and window < mean.size:
        before[window:] = before[window:] - before[:-window]
    return mean * np.exp(-before)


def decay_cumulative(times_ps: np.ndarray, period_ps: float, lifetime_ps: float, sigma_ps: float) -> np.ndarray:
    """Integrate a periodic exponential decay convolved with a Gaussian, up to each time; one per period."""
    within = _one_period(period_ps, lifetime_ps, sigma_ps)
    periods, phase = np.divmod(times_ps, period_ps)
    return periods + np.interp(phase, np.linspace(0.0, period_ps, within.size), within)


@lru_cache(maxsize=8)
def _one_period(period_ps: float, lifetime_ps: float, sigma_ps: float, points: int = 1 << 13) -> np.ndarray:
    """Give the integral over one period, from 0 to 1: decay and response on a fine grid, convolved on the circle (wrap-around)."""
    grid = np.arange(points) * period_ps / points
    decay = np.exp(-grid / lifetime_ps)
    distance = np.minimum(grid, period_ps - grid)
    response = np.exp(-0.5 * (distance / max(sigma_ps, period_ps / points / 2)) ** 2)
    shape = np.clip(np.fft.irfft(np.fft.rfft(decay / decay.sum()) * np.fft.rfft(response / response.sum()), points), 0.0, None)
    return np.concatenate([[0.0], np.cumsum(shape / shape.sum())])
