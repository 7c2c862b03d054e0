"""Transient absorption of two papers: the charged film of Qin et al. 2021 and the dots of Sun et al. 2024.

No instrument of the benches measures it, so its noise is assumed: 0.1 % of the unpumped absorption per delay and wavelength, as
after averaging some thousand pulses, and the pump's error of every point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.score.detectors import JITTER
from benchmarks.score.experiment import Experiment, Results
from benchmarks.score.qin import BENCH as QIN
from benchmarks.score.qin import at_voltage
from benchmarks.score.sun import BENCH as SUN
from benchmarks.score.sun import PULSE_S, THREE_NM
from labctl.analysis.excitation import parabola_maximum
from labctl.analysis.fitting import nonlinear_fit
from labctl.core.errors import AnalysisError
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.populations import poisson
from sim_instruments.twin.record import Sample
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.transient import absorption_change, probed_gain, relative_bleach

ROOM_K, NOISE = 300.0, 1e-3
GAIN_NM, BLEACH_NM, SUN_BLEACH_NM = 537.0, 518.0, 525.0
EARLY_S, SUN_EARLY_S = 4e-12, 5e-12
FILLINGS = np.linspace(0.1, 2.0, 39)
SPECTRUM_NM = np.arange(515.0, 560.0, 0.5)
DELAYS_S, PROMPT_S = np.linspace(4e-12, 1e-9, 120), np.linspace(4e-12, 60e-12, 57)
WEAK_N, TRION_N, BIEXCITON_N = 0.06, 0.7, 1.2
UNPUMPED = poisson(0.0)
CROWDED = load_sample("qin2021").kinetics.trion_crowding_per_s > 0.0
"""Whether a constant was fitted to the life of the trion's gain."""
SUN_LEVELS_MJ = np.linspace(0.5, 4.5, 33)
NET_GAIN_MJ, SUN_DELAYS_S = 2.2, np.linspace(1e-12, 120e-12, 120)


@dataclass(frozen=True)
class Trace:
    """A quantity against an abscissa, with its standard error: arrays (points,) of one length, and a number."""

    x: np.ndarray
    y: np.ndarray
    sigma: float

    def decay(self) -> tuple[float, float, float]:
        """Fit a + b e^(-x/τ); gives a, b and τ."""
        scale = float(np.ptp(self.x)) / 3
        fit = nonlinear_fit(lambda c: c[0] + c[1] * np.exp(-self.x / (scale * c[2])), [float(self.y[-1]), float(self.y[0]), 0.3],
                            self.y, np.full(len(self.x), self.sigma), what="The decay of the bleach")
        return float(fit.values[0]), float(fit.values[1]), scale * float(fit.values[2])

    def single(self) -> float:
        """Fit one exponential; gives its lifetime."""
        scale = float(np.ptp(self.x)) / 3
        fit = nonlinear_fit(lambda c: c[0] * np.exp(-self.x / (scale * c[1])), [float(self.y[0]), 0.5], self.y,
                            np.full(len(self.x), self.sigma), what="The decay of the bleach")
        return scale * float(fit.values[1])

    def fast(self) -> float:
        """Fit two exponentials; gives the shorter lifetime."""
        scale = float(np.ptp(self.x)) / 3
        fit = nonlinear_fit(lambda c: c[0] * np.exp(-self.x / (scale * c[1])) + c[2] * np.exp(-self.x / (scale * c[3])),
                            [float(self.y[0]) / 2, 0.3, float(self.y[0]) / 2, 10.0], self.y, np.full(len(self.x), self.sigma),
                            what="The two decays of the bleach")
        return scale * float(min(fit.values[1], fit.values[3]))

    def crossing(self, level: float, half_points: int = 4) -> float:
        """Give where a rising or falling trace passes a level, from a straight line through the points around."""
        above = self.y > level
        turns = np.flatnonzero(above[1:] != above[:-1])
        if not len(turns):
            raise AnalysisError(f"The trace does not pass {level:g}. Extend it.")
        middle = int(np.median(turns))
        used = slice(max(middle - half_points + 1, 0), middle + half_points + 1)
        slope, offset = np.polyfit(self.x[used], self.y[used], 1)
        return float((level - offset) / slope)


class Probe:
    """A noisy probe of a sample."""

    def __init__(self, sample: Sample, seed: int):
        self.sample, self.draw = sample, np.random.default_rng(seed)

    def noise(self, probe_nm: float | np.ndarray) -> float:
        """Give the noise in cm⁻¹."""
        return NOISE * float(np.abs(probed_gain(UNPUMPED, probe_nm, 0.0, self.sample, ROOM_K)).max())

    def _filled(self, mean: float) -> np.ndarray:
        return poisson(mean * (1 + JITTER * self.draw.normal()))

    def against_filling(self, probe_nm: float) -> Trace:
        """Give the net gain in cm⁻¹ against mean excitations."""
        gain = [float(probed_gain(self._filled(mean), probe_nm, EARLY_S, self.sample, ROOM_K)) for mean in FILLINGS]
        return self._trace(FILLINGS, np.array(gain), probe_nm)

    def spectrum(self, mean: float) -> Trace:
        """Give the net gain against wavelength in nm."""
        return self._trace(SPECTRUM_NM, probed_gain(self._filled(mean), SPECTRUM_NM, EARLY_S, self.sample, ROOM_K), SPECTRUM_NM)

    def course(self, mean: float, probe_nm: float) -> Trace:
        """Give the bleach in cm⁻¹ against delay in s."""
        seen = [float(absorption_change(self._filled(mean), probe_nm, float(delay), self.sample, ROOM_K)) for delay in DELAYS_S]
        return self._trace(DELAYS_S, np.array(seen), probe_nm)

    def prompt_gain(self, mean: float, probe_nm: float) -> Trace:
        """Give the net gain in cm⁻¹ against the first delays in s."""
        seen = [float(probed_gain(self._filled(mean), probe_nm, float(delay), self.sample, ROOM_K)) for delay in PROMPT_S]
        return self._trace(PROMPT_S, np.array(seen), probe_nm)

    def _trace(self, x: np.ndarray, y: np.ndarray, probe_nm: float | np.ndarray) -> Trace:
        noise = self.noise(probe_nm)
        return Trace(x, y + noise * self.draw.normal(size=len(x)), noise)


# ------------------------------------------------------------------ the charged film
@dataclass(frozen=True)
class FilmTraces:
    """What the paper shows of its film, without and with 20 V."""

    filling: tuple[Trace, Trace]
    spectrum: tuple[Trace, Trace]
    weak: tuple[Trace, Trace]
    trion: Trace
    biexciton: Trace
    biexciton_gain: Trace


def film_traces(seed: int) -> FilmTraces:
    """Probe the film at 0 and 20 V."""
    off, on = (Probe(at_voltage(volts), seed + int(volts)) for volts in (0.0, 20.0))
    return FilmTraces(
        (off.against_filling(GAIN_NM), on.against_filling(GAIN_NM)), (off.spectrum(BIEXCITON_N), on.spectrum(TRION_N)),
        (off.course(WEAK_N, BLEACH_NM), on.course(WEAK_N, BLEACH_NM)), on.course(TRION_N, GAIN_NM),
        off.course(BIEXCITON_N, GAIN_NM), off.prompt_gain(BIEXCITON_N, GAIN_NM))


def estimate_film(data: FilmTraces) -> Results:
    """Give fillings at transparency, the gain band and its shift, lifetimes, and what charge does to the bleach.

    Gain spectra are those of the paper's kinetics: 1.2 excitations without, 0.7 with field, each just above its threshold. The
    trion's lifetime is that of one exponential and a constant, in the gain that of one alone; the biexciton's the shorter of two,
    that of its gain the time, counted from the pump, in which the net gain falls to 1/e.
    """
    spectrum = data.spectrum[0]
    gaining = spectrum.x[spectrum.y > 3.0 * spectrum.sigma]
    peaks = [parabola_maximum(each.x, each.y, np.full(len(each.x), each.sigma), above=0.75).wavelength_nm for each in data.spectrum]
    weak = [each.decay() for each in data.weak]
    offset, height, tau = data.biexciton_gain.decay()
    return {
        "gain_threshold_n_0v": data.filling[0].crossing(0.0), "gain_threshold_n_20v": data.filling[1].crossing(0.0),
        "gain_band_blue_edge": float(gaining.min()) if len(gaining) else np.nan,
        "gain_band_red_edge": float(gaining.max()) if len(gaining) else np.nan,
        "gain_peak_shift": peaks[1] - peaks[0],
        "trion_lifetime": 1e12 * weak[1][2], "trion_gain_lifetime": 1e12 * data.trion.single(),
        "biexciton_lifetime": 1e12 * data.biexciton.fast(),
        "biexciton_gain_lifetime": 1e12 * -tau * np.log(((offset + height) / np.e - offset) / height),
        "gsb_amplitude_ratio": (weak[1][0] + weak[1][1]) / (weak[0][0] + weak[0][1])}


# ------------------------------------------------------------------ dots under three photons
@dataclass(frozen=True)
class DotTraces:
    """Relative bleach (1 is transparency) of the dots against fluence in mJ/cm², at two wavelengths, and against delay in s."""

    at_537: Trace
    at_525: Trace
    course: Trace


def dot_traces(seed: int) -> DotTraces:
    """Probe the dots 5 ps after the pump against its fluence, and against delay at the paper's onset."""
    sample, draw = load_sample("sun2024"), np.random.default_rng(seed)

    def bleach(level_mj: float, probe_nm: float, delay_s: float) -> float:
        pump = Pump.monochromatic(THREE_NM, level_mj * 1e-3 * (1 + JITTER * draw.normal()), PULSE_S)
        return relative_bleach(pump, probe_nm, delay_s, sample, ROOM_K) + NOISE * draw.normal()
    series = [Trace(SUN_LEVELS_MJ, np.array([bleach(level, nm, SUN_EARLY_S) for level in SUN_LEVELS_MJ]), NOISE)
              for nm in (GAIN_NM, SUN_BLEACH_NM)]
    return DotTraces(series[0], series[1],
                     Trace(SUN_DELAYS_S, np.array([bleach(NET_GAIN_MJ, GAIN_NM, float(each)) for each in SUN_DELAYS_S]), NOISE))


def estimate_dots(data: DotTraces) -> Results:
    """Give onset and life of net gain at 537 nm, and the bleach at 525 nm."""
    blue, last = data.at_525, data.at_525.x >= np.quantile(data.at_525.x, 2 / 3)
    end = float(np.polyfit(np.log(blue.x[last]), np.log(blue.y[last]), 1)[0])
    results = {"gain_onset_fluence": data.at_537.crossing(1.0), "bleach_525": blue.y, "bleach_525_end_slope": end}
    offset, height, tau = data.course.decay()
    share = (1.0 - offset) / height
    return results | {"gain_lifetime": 1e12 * -tau * np.log(share) if 0.0 < share < 1.0 else 0.0}


def kinetics(seed: int) -> Trace:
    """Probe the dots against delay at 3 mJ/cm², net gain (above transparency) at 537 nm."""
    sample, draw = load_sample("sun2024"), np.random.default_rng(seed)
    delays = np.concatenate([np.linspace(0.2e-12, 10e-12, 40), np.geomspace(10.5e-12, 500e-12, 60)])
    seen = []
    for delay in delays:
        pump = Pump.monochromatic(THREE_NM, 3e-3 * (1 + JITTER * draw.normal()), PULSE_S)
        seen.append(relative_bleach(pump, GAIN_NM, float(delay), sample, ROOM_K) - 1.0 + NOISE * draw.normal())
    return Trace(delays, np.array(seen), NOISE)


def estimate_kinetics(data: Trace) -> Results:
    """Fit the paper's equation 2: ρ₂/(1−x) (e^{−γt} − e^{−γt/x}) + ρ₁ e^{−γ_n t} − 1, x = γ/Γ; times in ps."""
    time = 1e12 * data.x

    def law(c: np.ndarray) -> np.ndarray:
        two, one, damping, ratio, slow = c
        return two / (1 - ratio) * (np.exp(-time / damping) - np.exp(-time / (damping * ratio))) + one * np.exp(-time / slow) - 1.0
    fit = nonlinear_fit(law, [0.5, 1.2, 10.0, 0.2, 500.0], data.y, np.full(len(time), data.sigma),
                        bounds=([0.0, 0.0, 1.0, 1e-3, 1.0], [10.0, 10.0, 500.0, 0.95, 1e5]), what="Equation 2")
    damping, ratio, slow = fit.values[2:]
    return {"biexciton_damping_time": float(damping), "two_exciton_time": float(damping * ratio),
            "single_exciton_nonradiative_time": float(slow)}


EXPERIMENTS = (
    Experiment("pump and probe", QIN, film_traces, estimate_film,
               evidence={"trion_gain_lifetime": "fitted" if CROWDED else "predicted", "gain_peak_shift": "fitted",
                         "biexciton_gain_lifetime": "fitted"}),
    Experiment("pump and probe", SUN, dot_traces, estimate_dots, evidence={"gain_lifetime": "predicted"}),
    Experiment("kinetics by equation 2", SUN, kinetics, estimate_kinetics,
               evidence={"biexciton_damping_time": "predicted", "two_exciton_time": "predicted"}),
)
