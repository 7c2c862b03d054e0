"""Qin et al. 2021: a film charged by a voltage; thresholds and photoluminescence against it, and an insulated control."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.score.detectors import JITTER, Camera, Counter, Histograms, Spectra
from benchmarks.score.experiment import Experiment, Results, given
from benchmarks.score.film import PULSE_S, PUMP_NM, ROOM_K, bands, kink_of, stripe_emission
from labctl.analysis.decay import Decay as Fitted
from labctl.analysis.decay import fit_decay
from labctl.core.errors import AnalysisError
from sim_instruments.twin.counter_arm import fading
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import Sample, load_sample
from sim_instruments.twin.specimen import settled_charge, standing_record

BENCH = "qin2021"
GRID_NM = np.linspace(480.0, 580.0, 1024)
VOLTS = np.array([0.0, 5.0, 8.0, 10.0, 13.0, 16.0, 20.0])
HALF_VOLTS = 9.0                   # from which the fluences are laid lower
NEUTRAL_UJ, CHARGED_UJ = np.linspace(6.0, 105.0, 24), np.linspace(4.0, 62.0, 24)
FIXED_UJ, WEAK_UJ = 40.0, 2e-3
WEAK_VOLTS = np.array([0.0, 4.0, 8.0, 12.0, 16.0, 20.0])
CYCLES, ASE_NM, SPE_NM, HALF_BAND_NM = 3, 535.0, 520.0, 1.0
WEAK_COUNTS = 2e5
COUNTER = Counter(1e-6, 16e-12, 259e-12, bins=2600)
DECAY_COUNTS = 4e6                 # at 0 V: 200 s at 20 kHz
TRACE_STEP_S, TRACE_PERIOD_S, TRACE_PERIODS, TRACE_HZ = 0.010, 2.0, 10, 2e4


def at_voltage(volts: float, sample: str | Sample = "qin2021") -> Sample:
    """Give the record of the sample, settled at a voltage."""
    sample = load_sample(sample) if isinstance(sample, str) else sample
    return standing_record(sample, settled_charge(given(sample.charging), volts), volts, None)


# ------------------------------------------------------------------ thresholds
@dataclass(frozen=True)
class Voltages:
    """A power series per voltage, and spectra at 0 V (weak) and 20 V (40 µJ/cm²)."""

    volts: np.ndarray
    series: tuple[Spectra, ...]
    shown: Spectra


def power_series(seed: int | None, sample: str | Sample = "qin2021", voltages: np.ndarray = VOLTS) -> Voltages:
    """Take a series at every voltage."""
    seen = Camera(GRID_NM, seed, frames=2)
    series = tuple(seen.series(stripe_emission(at_voltage(float(volts), sample)), NEUTRAL_UJ if volts < HALF_VOLTS else CHARGED_UJ)
                   for volts in voltages)
    bright = Camera(GRID_NM, None if seed is None else seed + 1000, frames=8)
    shown = [bright.take(stripe_emission(at_voltage(volts, sample)), level) for volts, level in ((0.0, 6.0), (20.0, FIXED_UJ))]
    return Voltages(voltages, series, Spectra(np.array([6.0, FIXED_UJ]), GRID_NM, *map(np.array, zip(*shown, strict=True))))


def estimate_power_series(data: Voltages) -> Results:
    """Give the threshold at every voltage and the bands."""
    places = np.array([kink_of(each) for each in data.series])
    found = bands(data.shown, 6.0, FIXED_UJ)
    return {name: found[name] for name in ("spe_wavelength", "spe_fwhm", "ase_wavelength", "ase_fwhm")} | {
        "threshold_kink_fluence_0v": places[0], "threshold_kink_fluence_20v": places[-1],
        "threshold_reduction": 100.0 * (1.0 - places[-1] / places[0]), "threshold_kink_fluence_by_voltage": places}


# ------------------------------------------------------------------ switching
def switching(seed: int) -> Spectra:
    """Take spectra at one fluence and exposure, voltage off and on in turn; the abscissa is the voltage."""
    seen = Camera(GRID_NM, seed, frames=2)
    scale = seen.peak_e / seen.columns(stripe_emission(at_voltage(20.0))(FIXED_UJ)).max()
    volts = np.tile([0.0, 20.0], CYCLES)
    taken = [seen.take(stripe_emission(at_voltage(float(each))), FIXED_UJ, scale=scale) for each in volts]
    return Spectra(volts, GRID_NM, *map(np.array, zip(*taken, strict=True)))


def estimate_switching(spectra: Spectra) -> Results:
    """Give the ratios on over off, cycle by cycle: the smallest of the amplified light, the largest of the spontaneous."""
    on, off = spectra.x > 0.0, spectra.x == 0.0
    ratios = []
    for centre in (ASE_NM, SPE_NM):
        light = spectra.band(centre - HALF_BAND_NM, centre + HALF_BAND_NM)
        ratios.append(light[on] / light[off])
    return {"switching_cycles": float(on.sum()), "ase_on_off_ratio": float(ratios[0].min()),
            "spe_on_off_ratio": float(ratios[1].max())}


# ------------------------------------------------------------------ weak light against voltage
@dataclass(frozen=True)
class WeakLight:
    """Counts of weak photoluminescence at each voltage, up and back to 0 V; and decays at the voltages."""

    counts: np.ndarray
    decays: Histograms


def weak_light(seed: int, name: str) -> WeakLight:
    """Count the light, and its decay, of weakly pumped crystals at every voltage, then at 0 V again."""
    draw = np.random.default_rng([seed, 2])
    fades = [fading(Pump.monochromatic(PUMP_NM, WEAK_UJ * 1e-6, PULSE_S), at_voltage(float(volts), name), ROOM_K)[1]
             for volts in (*WEAK_VOLTS, 0.0)]
    light = np.array([each.photons for each in fades]) / fades[0].photons
    scatter = 1 + JITTER * draw.normal(size=(len(light), 10))       # ten exposures each
    counts = draw.poisson(WEAK_COUNTS * light * scatter.mean(axis=1)).astype(float)
    return WeakLight(counts, COUNTER.take(fades[:-1], list(DECAY_COUNTS * light[:-1]), seed, WEAK_VOLTS))


def average_ns(counts: np.ndarray, data: Histograms) -> float:
    """Give the intensity-averaged lifetime: two components where the data show them, else one."""
    found: Fitted
    try:
        found = fit_decay(counts, data.irf, data.timing, components=2, systematics=False)
    except AnalysisError:
        found = fit_decay(counts, data.irf, data.timing, systematics=False)
    return found.intensity_average.value / 1e3


def estimate_weak(data: WeakLight) -> Results:
    """Give light and lifetime against voltage."""
    return {"pl_by_voltage": data.counts[:-1] / data.counts[0], "pl_recovered": data.counts[-1] / data.counts[0],
            "lifetime_by_voltage": np.array([average_ns(each, data.decays) for each in data.decays.counts])}


def estimate_insulated(data: WeakLight) -> Results:
    """Give by how much light and lifetime leave their value at 0 V, in %."""
    lifetimes = np.array([fit_decay(each, data.decays.irf, data.decays.timing, systematics=False).lifetime.value
                          for each in data.decays.counts])
    return {"pl_change_insulated": 100.0 * float(np.abs(data.counts[:-1] / data.counts[0] - 1.0).max()),
            "lifetime_change_insulated": 100.0 * float(np.abs(lifetimes / lifetimes[0] - 1.0).max())}


# ------------------------------------------------------------------ response
def trace(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Count weak light in bins of 10 ms while the voltage is a square wave of 0.5 Hz; gives times in s and counts."""
    sample, draw = load_sample("qin2021"), np.random.default_rng(seed)
    law = given(sample.charging)
    times = np.arange(TRACE_STEP_S / 2, TRACE_PERIOD_S * TRACE_PERIODS, TRACE_STEP_S)
    high = settled_charge(law, 20.0)
    within = times % TRACE_PERIOD_S
    half = TRACE_PERIOD_S / 2
    charge = np.where(within < half, high * -np.expm1(-within / law.time_s), high * np.exp(-(within - half) / law.time_s))
    pump = Pump.monochromatic(PUMP_NM, WEAK_UJ * 1e-6, PULSE_S)
    ends = [fading(pump, standing_record(sample, each, 0.0, None), ROOM_K)[1].photons for each in (0.0, high)]
    light = np.interp(charge, [0.0, high], ends) / ends[0]
    return times, draw.poisson(TRACE_HZ * TRACE_STEP_S * light * (1 + JITTER * draw.normal(size=len(times)))).astype(float)


def estimate_trace(data: tuple[np.ndarray, np.ndarray]) -> Results:
    """Give the 10-90 % time of the folded trace in ms, the slower of fall and rise."""
    times, counts = data
    bins = round(TRACE_PERIOD_S / TRACE_STEP_S)
    folded = counts.reshape(-1, bins).mean(axis=0)
    half = bins // 2
    steps = [_step_time(np.append(folded[-1], folded[:half])), _step_time(folded[half - 1:])]
    return {"pl_response_time": 1e3 * max(steps) * float(times[1] - times[0])}


def _step_time(light: np.ndarray) -> float:
    """Give the 10-90 % time of one step in bins, straight between bins; the last third is the settled level."""
    settled = float(light[-len(light) // 3:].mean())
    done = (light - light[0]) / (settled - light[0])
    reached = [float(np.interp(level, *_rising(done))) for level in (0.1, 0.9)]
    return reached[1] - reached[0]


def _rising(done: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the part of a step up to where it first exceeds 95 %, as a rising abscissa with its bin numbers."""
    stop = int(np.argmax(done > 0.95)) + 1
    return np.maximum.accumulate(done[:stop]), np.arange(stop, dtype=float)


EXPERIMENTS = (
    Experiment("power series against voltage", BENCH, power_series, estimate_power_series),
    Experiment("switching", BENCH, switching, estimate_switching, evidence={"ase_on_off_ratio": "fitted"}),
    Experiment("weak light against voltage", BENCH, partial(weak_light, name="qin2021"), estimate_weak),
    Experiment("insulated control", BENCH, partial(weak_light, name="qin2021_pmma"), estimate_insulated),
    Experiment("response", BENCH, trace, estimate_trace),
)
