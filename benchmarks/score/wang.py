"""Wang et al. 2015: film of 9 nm CsPbBr3 nanocrystals; threshold, gain, bands at 10 K, decays in solution and film."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.score.detectors import Camera, Counter, Histograms, Spectra
from benchmarks.score.experiment import Experiment, Results
from benchmarks.score.film import PULSE_S, PUMP_NM, ROOM_K, bands, cut, kink_of, stripe_emission, whole_widths
from labctl.analysis.bands import TwoBands, two_bands
from labctl.analysis.decay import fit_decay
from labctl.analysis.fitting import nonlinear_fit
from labctl.analysis.gain import stripe_gain, subtract_pedestal
from labctl.analysis.lines import gaussian_line, per_ev
from labctl.analysis.occupancy import cross_section
from labctl.analysis.saturation import onset
from labctl.analysis.slopes import slope, slope_above_noise
from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev
from sim_instruments.twin.counter_arm import fading
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import Sample, load_sample
from sim_instruments.twin.specimen import ageing_rate

BENCH = "wang2015"
GRID_NM = np.linspace(470.0, 580.0, 1024)
LEVELS_UJ = np.array([3, 6, 9, 12, 14, 16, 18, *range(20, 27), 28, 30, 33, 36, 40, 45, 50, 57], dtype=float)
KINK_UJ = 40.0                     # up to which the kink is fitted; beyond it the light saturates
BLUE_NM = (490.0, 505.0)           # spontaneous light alone
AMPLIFIED_NM, PEDESTAL_NM = (515.0, 535.0), (498.0, 507.0)
STRIPES_CM, WINDOW_CM = np.linspace(0.005, 0.15, 30), 0.052
COLD_NM, COLD_UJ, COLD_PULSE_S = np.linspace(500.0, 570.0, 1024), np.geomspace(1.2, 17.2, 10), 5e-9
DECAY_UJ = np.array([0.8, 1.5, 3.0, 4.5, 7.0, 11.5, 18.0, 25.0, 40.0, 57.0, 80.0])
STREAK = Counter(1e-6, 1e-11, 50e-12, bins=600)       # 6 ns in steps of 10 ps, response 50 ps
DECAY_COUNTS = 5e6                 # of the strongest decay
LATE_S, LATE_HALF_S = 0.4e-9, 0.04e-9
WEEKS_S = 21 * 86400.0


# ------------------------------------------------------------------ power series
def power_series(seed: int | None, sample: Sample, active: float = 1.0) -> Spectra:
    """Take the series of fluences on the whole stripe."""
    return Camera(GRID_NM, seed).series(stripe_emission(sample, active=active), LEVELS_UJ)


def estimate_power_series(spectra: Spectra) -> Results:
    """Give threshold, bands, the collapse of the width, and how the spontaneous light saturates."""
    place, widths, blue = kink_of(spectra.up_to(KINK_UJ)), whole_widths(spectra), spectra.band(*BLUE_NM)
    below, above = spectra.x < 0.6 * place, spectra.x > 1.3 * place
    return bands(spectra, 6.0, 30.0) | {
        "threshold_kink_fluence": place, "fwhm_low_pump": float(widths[spectra.x < 0.5 * place].mean()),
        "collapse_fluence": onset(spectra.x, widths, 8.0, rising=False).value,
        "spe_slope_below": slope(spectra.x[below], blue[below]).slopes[0].value,
        "spe_slope_above": slope(spectra.x[above], blue[above]).slopes[0].value}


def aged_in_air(seed: int) -> tuple[Spectra, Spectra]:
    """Take the series before and after three weeks in air."""
    sample = load_sample("wang2015")
    left = 1.0 if sample.ageing is None else float(np.exp(-ageing_rate(sample.ageing, ROOM_K) * WEEKS_S))
    return power_series(seed, sample), power_series(seed + 1000, sample, left)


def estimate_aged(both: tuple[Spectra, Spectra]) -> Results:
    """Give by how much the threshold rose, in %."""
    fresh, aged = (estimate_power_series(each)["threshold_kink_fluence"] for each in both)
    return {"threshold_change_air": 100.0 * (aged / fresh - 1.0)}


def estimate_small(spectra: Spectra) -> Results:
    """Give the bands of the 5.5 nm dots."""
    place = kink_of(spectra)
    found = bands(spectra, 0.3 * place, 1.35 * place)
    return {"spe_wavelength_5p5nm": found["spe_wavelength"], "ase_wavelength_5p5nm": found["ase_wavelength"]}


def small_dots(seed: int) -> Spectra:
    """Take a series of the 5.5 nm dots, whose gain needs other fluences."""
    seen = Camera(np.linspace(440.0, 560.0, 1024), seed)
    return seen.series(stripe_emission(load_sample("wang2015_5p5nm")), np.linspace(4.0, 60.0, 24))


# ------------------------------------------------------------------ stripe length
@dataclass(frozen=True)
class Stripes:
    """Spectra against stripe length in cm, and one of spontaneous light alone."""

    spectra: Spectra
    pedestal: np.ndarray


def stripes(seed: int | None, sample: Sample) -> Stripes:
    """Take one spectrum per stripe length at 57 µJ/cm², and the pedestal of a short stripe at 4 µJ/cm²."""
    camera = Camera(GRID_NM, seed, peak_e=2e4, frames=8)
    taken = [camera.take(stripe_emission(cut(sample, float(length))), 57.0) for length in STRIPES_CM]
    pedestal = camera.take(stripe_emission(cut(sample, 0.02)), 4.0)[0]
    return Stripes(Spectra(STRIPES_CM, GRID_NM, *map(np.array, zip(*taken, strict=True))), pedestal)


def estimate_stripes(data: Stripes) -> Results:
    """Give the gain from the short stripes, pedestal removed, and where it saturates."""
    spectra, wavelength = data.spectra, data.spectra.wavelength_nm
    free = subtract_pedestal(spectra.signal, data.pedestal, (wavelength >= PEDESTAL_NM[0]) & (wavelength <= PEDESTAL_NM[1]))
    signal = replace(spectra, signal=free).band(*AMPLIFIED_NM)
    found = stripe_gain(spectra.x, signal, signal * 0.005, window_cm=WINDOW_CM)
    results = {"gain_coefficient": found.gain.value}
    if found.saturation_length is not None and found.depletion_time is not None:
        results |= {"saturation_length": found.saturation_length.value, "gain_depletion_time": found.depletion_time.value}
    return results


# ------------------------------------------------------------------ bands at 10 K
def cold_series(seed: int) -> Spectra:
    """Take the series at 10 K under pulses of 5 ns."""
    camera = Camera(COLD_NM, seed, peak_e=5e5, frames=8, gain_e=16.0)
    return camera.series(stripe_emission(load_sample("wang2015_10k"), COLD_PULSE_S), COLD_UJ)


def estimate_cold(spectra: Spectra) -> Results:
    """Give the slopes of bands A and B, and their distance: its median over the spectra in which both bands can be placed."""
    energy = energy_ev(spectra.wavelength_nm)
    density = [(per_ev(spectra.wavelength_nm, light), per_ev(spectra.wavelength_nm, error))
               for light, error in zip(spectra.signal, spectra.sigma, strict=True)]
    free = _placed(energy, density)
    fits = [two_bands(energy, *each, shape=free[-1].shape) for each in density]
    area_a, area_b = (np.array([area.value for area in areas]) for areas in ([f.area_a for f in fits], [f.area_b for f in fits]))
    error_b = np.array([each.area_b.stderr for each in fits])
    return {"exciton_slope": slope(spectra.x, area_a).slopes[0].value,
            "biexciton_slope": slope_above_noise(spectra.x, area_b, error_b).slopes[0].value,
            "biexciton_binding": float(np.median([each.distance_mev.value for each in free]))}


def _placed(energy: np.ndarray, density: list[tuple[np.ndarray, np.ndarray]]) -> list[TwoBands]:
    """Fit bands of free shape; spectra in which one of them cannot be placed are left out, save the brightest."""
    placed = []
    for each in density[:-1]:
        with suppress(AnalysisError):
            placed.append(two_bands(energy, *each))
    return [*placed, two_bands(energy, *density[-1])]


# ------------------------------------------------------------------ decays
def decays(seed: int, sample: Sample, levels_uj: np.ndarray = DECAY_UJ) -> Histograms:
    """Take decays with a streak camera's resolution; the counts follow the light, the pump of each scatters by 1 %."""
    draw = np.random.default_rng([seed, 1])
    pumps = levels_uj * 1e-6 * (1 + 0.01 * draw.normal(size=len(levels_uj)))
    fades = [fading(Pump.monochromatic(PUMP_NM, pump, PULSE_S), sample, ROOM_K)[1] for pump in pumps]
    light = np.array([each.photons for each in fades])
    return STREAK.take(fades, list(DECAY_COUNTS * light / light.max()), seed, levels_uj)


def slow_decay(seed: int, name: str) -> Histograms:
    """Take one decay under weak pumping, over 100 ns."""
    weak = fading(Pump.monochromatic(PUMP_NM, 0.05e-6, PULSE_S), load_sample(name), ROOM_K)[1]
    return Counter(1e-6, 16e-12, 50e-12, bins=2000).take([weak], [1e6], seed, np.array([0.05]))


def estimate_slow(data: Histograms, name: str) -> Results:
    """Give the lifetime of the exciton in ns."""
    irf = replace(data.irf, shape=data.irf.shape / data.irf.shape.sum())
    found = fit_decay(data.counts[0], irf, data.timing, systematics=False)
    return {name: found.lifetime.value / 1e3}


def estimate_decays(data: Histograms) -> Results:
    """Give the cross-section from late light, the fast component, and the fluence from which it is seen.

    The fast component is what 18 µJ/cm² shows beyond 3 µJ/cm² (made equal beyond 0.9 ns), one exponential from 0.06 to 0.6 ns after
    the pulse. It is seen where early over late light is 15 % above its value at low fluence.
    """
    edge = data.irf.centroid_ps * 1e-12
    age = (np.arange(data.counts.shape[1]) + 0.5) * data.timing.bin_ps * 1e-12 - edge
    late = np.abs(age - LATE_S) <= LATE_HALF_S
    seen = data.counts[:, late].sum(axis=1)
    section = cross_section(data.x * 1e-6, seen, np.sqrt(np.maximum(seen, 1.0)), pump_nm=PUMP_NM)
    strong, weak = (data.counts[int(np.argmin(np.abs(data.x - level)))] for level in (18.0, 3.0))
    tail, fitted = age > 0.9e-9, (age >= 0.06e-9) & (age <= 0.6e-9)
    share = strong[tail].sum() / weak[tail].sum()
    extra, error = strong - share * weak, np.sqrt(strong + share**2 * weak + 1.0)
    fast = nonlinear_fit(lambda c: c[0] * np.exp(-age[fitted] / (c[1] * 1e-10)), [float(extra[fitted].max()), 1.0], extra[fitted],
                         error[fitted], what="The fast component")
    ratio = data.counts[:, (age > -0.1e-9) & (age < 0.1e-9)].sum(axis=1) / data.counts[:, age > 0.5e-9].sum(axis=1)
    return {"cross_section_1p": section.cross_section.value, "biexciton_lifetime": 100.0 * float(fast.values[1]),
            "fast_component_onset": onset(data.x, ratio / ratio[0], 1.15).value}


def response_width(seed: int) -> Histograms:
    """Take the response of the streak camera."""
    return STREAK.take([], [], seed, np.array([]))


def estimate_response(data: Histograms) -> Results:
    """Give the width of the response in ps."""
    return {"irf_fwhm": data.irf.fwhm_ps}


# ------------------------------------------------------------------ bleaching
def bleached(seed: int | None, sample: Sample) -> Spectra:
    """Take spectra before and after 1.6e7 shots of 57 µJ/cm², at the same exposure."""
    camera = Camera(GRID_NM, seed, peak_e=2e4, frames=16)
    left = float(np.exp(-1.6e7 * 57e-6 / sample.detected.bleaching_dose_j_cm2))
    scale = camera.peak_e / camera.columns(stripe_emission(sample)(57.0)).max()
    taken = [camera.take(stripe_emission(sample, active=active), 57.0, scale=scale) for active in (1.0, left)]
    return Spectra(np.array([0.0, 1.6e7]), GRID_NM, *map(np.array, zip(*taken, strict=True)))


def estimate_bleached(spectra: Spectra) -> Results:
    """Give the height of the amplified band after the shots, in % of that before."""
    before, after = (gaussian_line(spectra.wavelength_nm, *spectra.at(shots), half_range_nm=4.0) for shots in spectra.x)
    heights = [line.height.value + line.constants[3] for line in (before, after)]
    return {"emission_retained_shots": 100.0 * heights[1] / heights[0]}


FILM, SOLUTION = "wang2015", "wang2015_solution"
EXPERIMENTS = (
    Experiment("power series", BENCH, lambda seed: power_series(seed, load_sample(FILM)), estimate_power_series),
    Experiment("three weeks in air", BENCH, aged_in_air, estimate_aged, evidence={"threshold_change_air": "predicted"}),
    Experiment("stripe length", BENCH, lambda seed: stripes(seed, load_sample(FILM)), estimate_stripes),
    Experiment("bands at 10 K", BENCH, cold_series, estimate_cold),
    Experiment("decay of the film", BENCH, partial(slow_decay, name=FILM), partial(estimate_slow, name="exciton_lifetime_film")),
    Experiment("decay in solution", BENCH, partial(slow_decay, name=SOLUTION),
               partial(estimate_slow, name="exciton_lifetime_solution")),
    Experiment("decays in solution", BENCH, lambda seed: decays(seed, load_sample(SOLUTION)), estimate_decays),
    Experiment("dots of 5.5 nm", BENCH, small_dots, estimate_small),
    Experiment("photostability", BENCH, lambda seed: bleached(seed, load_sample(FILM)), estimate_bleached,
               evidence={"emission_retained_shots": "fitted"}),
    Experiment("instrument response", BENCH, response_width, estimate_response),
)
