"""From the sample to a photon counter behind the exit slit: which photons, when they come, and which of them are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import erf

from sim_instruments.twin import decay
from sim_instruments.twin.counting import DeadTime, Response, arrival_s, dead_time, incident, recorded
from sim_instruments.twin.decay import Decay
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.film import occupation
from sim_instruments.twin.more_elements import TcspcSetting, thinned
from sim_instruments.twin.record import Sample
from sim_instruments.twin.spectra import Emission
from sim_instruments.twin.units import FWHM_PER_SD

DEAD_S = 95e-9                     # of the counter, for its rate meter
LEAKAGE_COUNTS = 1e-6              # per pump photon at the sample that passes the exit slit, long-pass aside
PROMPT_S = 1e-13                   # scattered pump light: no lifetime
OUTSIDE = 200                      # coarse bins for the part of a period that is not recorded
MOST_SPELLS = 1000


@dataclass(frozen=True, eq=False)
class Counted:
    """Light on the detector: photons per second, how they fade (photons per pulse sum to 1), and their wavelength.

    The same light is the same object, so that its histogram is computed once.
    """

    rate_hz: float
    fading: Decay
    wavelength_nm: float
    pulses_per_s: float


@dataclass(frozen=True)
class Spell:
    """A time during which the light on the detector was the same; None: dark."""

    start: float
    stop: float
    light: Counted | None


def fading(pump: Pump, sample: Sample, temperature_k: float, active: float = 1.0) -> tuple[Decay, Decay]:
    """Give how the narrow lines fade and how the rest does, photons per nanocrystal and pulse.

    Modes empty with τ_XX. A film that can be charged shows the exciton and the trion; a record may
    state what was measured; any other shows the cascade of its states.
    """
    kinetics = sample.kinetics
    filled = occupation(pump, sample, temperature_k)
    lines = Decay(np.array([1.0]) / kinetics.biexciton_lifetime_s, np.array([kinetics.biexciton_lifetime_s]))
    if sample.resonance is not None:
        rest = Decay(np.array([1.0]) / kinetics.exciton_lifetime_s, np.array([kinetics.exciton_lifetime_s]))
    elif sample.fading is not None:
        rest = decay.as_measured(sample.fading)
    elif sample.charging is not None:
        rest = decay.charged(filled, kinetics)
    else:
        rest = decay.neutral(filled, kinetics)
    return lines, rest


def in_band(light: Emission, centre_nm: float, width_nm: float) -> tuple[float, float]:
    """Give the photons of lines, and of the continuum, that pass an exit slit."""
    edges = centre_nm + np.array([-0.5, 0.5]) * width_nm
    lines = sum(0.5 * line.photons * float(np.diff(erf((edges - line.centre_nm) / (np.sqrt(2.0) * line.fwhm_nm / FWHM_PER_SD)))[0])
                for line in light.lines)
    steps = np.linspace(edges[0], edges[1], 41)
    inside = np.interp(steps, light.wavelength_nm, light.continuum, left=0.0, right=0.0)
    return lines, float(inside.mean() * width_nm)


class CounterArm:
    """What falls on the detector of a photon counter, remembered until it is asked for."""

    def __init__(self, options: dict[str, Any], sample: Sample):
        self.bandwidth_nm, self._arrival_s = float(options["bandwidth_nm"]), float(options["arrival_ps"]) * 1e-12
        self._response = Response(float(options["irf_fwhm_ps"]) * 1e-12, float(options["irf_tail"]))
        self._dark_hz = float(options["dark_hz"])
        self._per_photon = self._scale(sample)
        self._spells: list[Spell] = []
        self._means: dict[Any, np.ndarray] = {}
        self._blind: tuple[Any, DeadTime] | None = None

    def _scale(self, sample: Sample) -> float:
        """Give the counts per photon in the band, so that the record's rate is seen under the record's pump."""
        counted = sample.counted
        if counted is None:
            return 0.0
        pump = Pump.monochromatic(counted.wavelength_nm, counted.fluence_j_cm2, counted.pulse_s)
        light = emission(pump, sample, sample.lines.temperature_k)
        brightest = max(light.lines, key=lambda line: line.photons).centre_nm if light.lines else \
            float(light.wavelength_nm[np.argmax(light.continuum)])
        return counted.rate_hz / counted.repetition_hz / sum(in_band(light, brightest, self.bandwidth_nm))

    def light(self, emitted: Emission, fades: tuple[Decay, Decay], centre_nm: float, pulses_per_s: float, brightness: float,
              scattered_hz: float) -> Counted:
        """Give what falls on the detector: light of the sample around `centre_nm`, and scattered pump photons."""
        per_pulse = [amount * self._per_photon * brightness for amount in in_band(emitted, centre_nm, self.bandwidth_nm)]
        parts = [(amount, shape) for amount, shape in zip(per_pulse, fades, strict=True) if amount > 0.0 and shape.photons > 0.0]
        prompt = scattered_hz * LEAKAGE_COUNTS / pulses_per_s
        parts.append((prompt, Decay(np.array([1.0 / PROMPT_S]), np.array([PROMPT_S]))))
        total = sum(amount for amount, _ in parts)
        if total <= 0.0:
            return Counted(0.0, Decay(np.zeros(1), np.ones(1)), centre_nm, pulses_per_s)
        rates = np.concatenate([shape.rates * (amount / total / shape.photons) for amount, shape in parts])
        return Counted(total * pulses_per_s, Decay(rates, np.concatenate([shape.lifetimes_s for _, shape in parts])), centre_nm,
                       pulses_per_s)

    # -------------------------------------------------------------- through time
    def feel(self, start: float, stop: float, light: Counted | None) -> None:
        """Remember what fell on the detector."""
        last = self._spells[-1] if self._spells else None
        if last is not None and last.light is light and abs(last.stop - start) < 1e-9:
            self._spells[-1] = Spell(last.start, stop, light)
            return
        if len(self._spells) >= MOST_SPELLS:
            del self._spells[:MOST_SPELLS // 2]
        self._spells.append(Spell(start, stop, light))

    def forget(self) -> None:
        """Forget what fell on the detector."""
        self._spells.clear()

    def measured_hz(self) -> float:
        """Give the rate a meter shows now: R/(1 + R t_d), dark counts included."""
        light = self._spells[-1].light if self._spells else None
        rate = self._dark_hz + (light.rate_hz if light is not None else 0.0)
        return rate / (1.0 + rate * DEAD_S)

    def histogram(self, setting: TcspcSetting, start: float, stop: float, pulses_per_s: float) -> np.ndarray:
        """Give the mean photons recorded per bin between two clock times."""
        total = np.zeros(setting.bins)
        for spell in self._spells:
            seconds = min(stop, spell.stop) - max(start, spell.start)
            if seconds > 0.0:
                total += self._recorded(setting, spell.light, pulses_per_s) * (pulses_per_s / setting.divider * seconds)
        self._spells = [spell for spell in self._spells if spell.stop > stop]
        return total

    def _recorded(self, setting: TcspcSetting, light: Counted | None, pulses_per_s: float) -> np.ndarray:
        key = (setting, light, pulses_per_s)
        if key not in self._means:
            if len(self._means) >= 32:
                self._means.clear()
            self._means[key] = self._mean(setting, light, pulses_per_s)
        return self._means[key]

    def _mean(self, setting: TcspcSetting, light: Counted | None, pulses_per_s: float) -> np.ndarray:
        """Give the mean photons per start and bin."""
        period = 1.0 / pulses_per_s
        span = period * setting.divider            # a divided sync restarts the clock only every `divider` pulses
        window = (setting.offset_ps + np.arange(setting.bins + 1) * setting.resolution_ps) * 1e-12
        inside = window[window <= span]
        before = np.linspace(0.0, window[0], OUTSIDE)[:-1] if window[0] > 0.0 else np.empty(0)
        after = np.linspace(inside[-1], span, OUTSIDE)[1:] if len(inside) and inside[-1] < span else np.empty(0)
        edges = np.concatenate([before, inside, after])
        photons = self._dark_hz * np.diff(edges)
        if light is not None and light.rate_hz > 0.0:
            photons = photons + self._incident(edges + setting.sync_offset_ps * 1e-12, light, period)
        seen = thinned(photons, 1.0, None) if np.isinf(setting.dead_time_ps) else \
            recorded(photons, self._dead_time(setting, pulses_per_s, edges))
        mean = np.zeros(setting.bins)
        bins = max(len(inside) - 1, 0)
        mean[:bins] = seen[len(before):len(before) + bins]
        return mean

    def _dead_time(self, setting: TcspcSetting, pulses_per_s: float, edges: np.ndarray) -> DeadTime:
        if self._blind is None or self._blind[0] != (setting, pulses_per_s):
            self._blind = ((setting, pulses_per_s), dead_time(edges, setting.dead_time_ps * 1e-12))
        return self._blind[1]

    def _incident(self, edges: np.ndarray, light: Counted, period: float) -> np.ndarray:
        """Give the photons per start between edges that may span several periods."""
        start = self._arrival_s + arrival_s(light.wavelength_nm, light.rate_hz)
        photons = np.zeros(len(edges) - 1)
        first, last = int(np.floor((edges[0] - start) / period)), int(np.floor((edges[-1] - start) / period))
        for pulse in range(first, last + 1):
            here = start + pulse * period
            within = np.clip(edges, here, here + period)
            photons += incident(within - here, light.fading, self._response, period, start_s=0.0, rate_hz=light.rate_hz)
        return photons * light.rate_hz * period
