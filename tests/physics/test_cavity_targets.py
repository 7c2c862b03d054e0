"""Published claims of the cavity papers, recovered from simulated frames by the analysis a user would run.

Each result comes from frames of an ideal camera (shot and read noise, dark subtracted), the pulses of every frame with 1 % of
jitter, over several noise seeds; bounds are those of the claims. What the model does not reach stays here as an expected failure
with its reason. "Fitted" claims were tuned, jointly, by free constants of the sample (break points, slopes, thresholds, but not the
second break under two photons, which is predicted); "recovered" ones return an input. The disorder of the random laser is the
sample's own, hence the same in every noise seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest

from labctl.analysis import modes as found_modes
from labctl.analysis.lines import gaussian_line, half_maximum_width
from labctl.analysis.polarization import malus
from labctl.analysis.slopes import segments
from labctl.analysis.threshold import kink, series
from labctl.core.errors import AnalysisError
from sim_instruments.twin.cavity import emission
from sim_instruments.twin.detection import BIAS_COUNTS, Chip
from sim_instruments.twin.elements import CcdReadout
from sim_instruments.twin.excitation import Pump, multiphoton
from sim_instruments.twin.modes import comb
from sim_instruments.twin.sample import Sample, load_sample
from sim_instruments.twin.spectra import Emission
from sim_instruments.twin.spectrograph import Analyser, Window, photons_per_column
from sim_instruments.twin.units import energy_ev

T = 300.0
NOISE_SEEDS = range(8)
DARK_FRAMES, SPOTS = 16, 80
JITTER = 0.01 / np.sqrt(1000.0)      # of the mean of the pulses of 1 s at 1 kHz, 1 % each
READOUT = CcdReadout(rows=(0, 15), exposure_s=1.0, gain_e_per_count=1.0, read_noise_e=4.0, temperature_c=-60.0)


@dataclass
class Bench:
    """A spectrograph and an ideal camera of one row of wavelengths; `peak_e` electrons in the brightest column of a frame."""

    wavelength_nm: np.ndarray
    instrument_nm: float
    peak_e: float
    frames: int
    seed: int

    def __post_init__(self):
        step = np.gradient(self.wavelength_nm)
        self.window = Window(self.wavelength_nm, step, np.full_like(step, self.instrument_nm))
        self.chip = Chip(len(step), 16, 0, "ccd", ideal=True)
        self.draw = np.random.default_rng(self.seed)
        self.dark = np.mean([self._frame(np.zeros_like(step)) for _ in range(DARK_FRAMES)], axis=0)

    def columns(self, emitted: Emission, analyser: Analyser | None = None) -> np.ndarray:
        """Photons per nanocrystal, pulse and column; grooves at 45 deg to the modes favour neither them nor the rest."""
        return photons_per_column(emitted, self.window, analyser, 45.0)

    def measure(self, emit, level: float, analyser: Analyser | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the frames less their dark, per photon, and its standard error; `emit(level)` is what the sample emits."""
        scale = self.peak_e / self.columns(emit(level)).max()
        total = np.zeros(len(self.wavelength_nm))
        for _ in range(self.frames):
            light = self.columns(emit(level * (1 + JITTER * self.draw.normal())), analyser) * scale
            total += self._frame(light) - self.dark
        mean = total / self.frames
        return mean / scale, np.sqrt((np.maximum(mean, 0.0) + 17.0) / self.frames + 17.0 / DARK_FRAMES) / scale

    def _frame(self, light: np.ndarray) -> np.ndarray:
        return self.chip.expose(light, READOUT, self.draw)[0].astype(float) - BIAS_COUNTS


def sun_emission(sample: Sample, wavelength_nm: float = 1500.0):
    return lambda level_mj: emission(Pump.monochromatic(wavelength_nm, level_mj * 1e-3, 75e-15, gaussian=True), sample, T)


def xiong_emission(sample: Sample, spot: int, shot: int | None = None):
    modes = comb(sample, spot, shot)
    return lambda level_uj: emission(Pump.monochromatic(800.0, level_uj * 1e-6, 35e-15, gaussian=True), sample, T, modes=modes)


def sun_bench(seed):
    return Bench(np.linspace(505.0, 560.0, 4096), 0.0278, 3e4, 4, seed)


def xiong_bench(seed):
    return Bench(np.linspace(490.0, 565.0, 2048), 0.096, 3e4, 1, seed)


def s_curve(bench, sample, levels, wavelength_nm=1500.0):
    light = [bench.measure(sun_emission(sample, wavelength_nm), level)[0].sum() for level in levels]
    return segments(levels, np.array(light), count=3, unit="mJ/cm2")


def lines_at(bench, sample, level_mj):
    signal, sigma = bench.measure(sun_emission(sample), level_mj)
    return found_modes.find_lines(bench.wavelength_nm, signal, sigma, instrument_fwhm_nm=bench.instrument_nm)


def sun_results(seed: int) -> dict[str, float]:
    """Break points and slopes under three and two photons, lines of every cavity, polarisation."""
    bench, sample = sun_bench(seed), load_sample("sun2024")
    three, two = s_curve(bench, sample, np.geomspace(1.0, 4.4, 26)), s_curve(bench, sample, np.geomspace(0.15, 1.2, 24), 970.0)
    results = {f"slope_{number}_3p": slope.value for number, slope in enumerate(three.slopes, 1)}
    results |= {f"breakpoint_{number}_fluence_3p": place.value for number, place in enumerate(three.breaks, 1)}
    results["breakpoint_2_fluence_2p"] = two.breaks[1].value
    lines = lines_at(bench, sample, 3.9)
    results["fsr_d88"] = found_modes.spacing(lines).fsr_nm.value
    results["mode_fwhm_d88"] = float(np.median([line.fwhm_nm.value for line in lines]))
    results |= _diameters(bench, sample) | _single_mode(bench) | _polarisation(bench, sample)
    return results


def _diameters(bench, sample):
    diameters, spacings, qualities = np.array([33.0, 60.0, 88.0, 125.0]), [], []
    for diameter in diameters:
        lines = lines_at(bench, replace(sample, ring=replace(sample.ring, diameter_um=float(diameter))), 3.9)
        spacings.append(found_modes.spacing(lines))
        qualities.append(found_modes.median([found_modes.quality(line).value for line in lines] * 6).value)
    middle = float(np.mean([each.middle_nm for each in spacings]))
    single = found_modes.quality(found_modes.strongest(lines_at(bench, load_sample("sun2024_d15"), 5.2))).value
    law = found_modes.quality_against_diameter(np.append(diameters, 15.0), np.append(qualities, single))
    index = found_modes.index_from_diameters(diameters, np.array([each.fsr_nm.value for each in spacings]), None, middle)
    return {"effective_index": index.value, "q_slope": law.slope.value, "q_max": law.greatest, "q_fit_r2": law.r2}


def _single_mode(bench):
    small = load_sample("sun2024_d15")
    line = found_modes.strongest(lines_at(bench, small, 5.2))
    widths = []
    for level in (1.0, 1.4, 1.8):
        signal, sigma = bench.measure(sun_emission(small), level)
        widths.append(half_maximum_width(bench.wavelength_nm, signal, sigma).value)
    curve = s_curve(bench, small, np.geomspace(1.2, 6.0, 26))
    return {"mode_wavelength_d15": line.centre_nm.value, "mode_fwhm_d15": line.fwhm_nm.value,
            "fwhm_low_pump_d15": float(np.mean(widths)), "breakpoint_2_fluence_d15": curve.breaks[1].value}


def _polarisation(bench, sample):
    """Areas of the strongest line behind an analyser; a half-wave plate keeps what meets the grating."""
    angles, emitted = np.arange(0.0, 360.0, 15.0), sun_emission(sample)
    place = max(emitted(3.9).lines, key=lambda line: line.photons).centre_nm
    areas = []
    for angle in angles:
        signal, sigma = bench.measure(emitted, 3.9, Analyser(angle, 0.0, 0.0))
        areas.append(gaussian_line(bench.wavelength_nm, signal, sigma, near_nm=place, half_range_nm=0.3).area.value)
    return {"extinction_ratio": malus(angles, np.array(areas)).extinction.value}


def xiong_results(seed: int) -> dict[str, float]:
    """Thresholds from the mean of six spots, quality of the strongest spike over eighty, lines below threshold, regularity."""
    results: dict[str, float] = {}
    spikes: list[float] = []
    for ligand, published in (("oam", 257.34), ("ola", 79.81)):
        bench, sample = xiong_bench(seed), load_sample(f"xiong2022_{ligand}")
        levels = published * np.linspace(0.3, 1.9, 26)
        curves = [[bench.measure(xiong_emission(sample, spot), level)[0].sum() for level in levels] for spot in range(6)]
        mean = np.mean(curves, axis=0)
        results[f"threshold_kink_fluence_{ligand}"] = kink(series(levels, mean, 0.01 * np.sqrt(mean * mean.max()))).threshold.value
        spots = [_spikes(bench, sample, published, spot) for spot in range(SPOTS)]
        spots = [lines for lines in spots if lines]
        strongest = [found_modes.quality(found_modes.strongest(lines)).value for lines in spots]
        results[f"spike_q_{ligand}"] = found_modes.median(strongest).value
        spikes += [line.centre_nm.value for lines in spots[:12] for line in lines]
        if ligand == "oam":
            signal, sigma = bench.measure(xiong_emission(sample, 0), 0.3 * published)
            band = gaussian_line(bench.wavelength_nm, signal, sigma)
            results["spe_wavelength_oam"], results["spe_fwhm_oam"] = band.centre_nm.value, band.fwhm_nm.value
        else:
            shots = [np.array([line.centre_nm.value for line in lines]) for lines in spots[:12]]
            gaps = np.concatenate([np.diff(np.sort(shot)) for shot in shots if len(shot) > 1])
            results["spike_spacing_relative_sd"] = float(gaps.std() / gaps.mean())
            results["spike_repeat_fraction"] = found_modes.repeated_share(shots).value
            low = published * np.geomspace(0.1, 0.5, 6)
            light = np.array([bench.measure(xiong_emission(sample, 0), level)[0].sum() for level in low])
            results["spe_slope_below"] = segments(low, light, count=1).slopes[0].value
    results["threshold_ratio"] = results["threshold_kink_fluence_ola"] / results["threshold_kink_fluence_oam"]
    return results | {"spikes": float(len(spikes)), "lowest_spike": min(spikes), "highest_spike": max(spikes)}


def _spikes(bench, sample, published, spot):
    """All spikes of the first spots; of the others, whose strongest alone is asked for, the highest."""
    signal, sigma = bench.measure(xiong_emission(sample, spot), 1.5 * published)
    try:
        return found_modes.find_lines(bench.wavelength_nm, signal, sigma, share=0.12 if spot < 12 else 0.7, half_range_nm=0.6,
                                      instrument_fwhm_nm=bench.instrument_nm)
    except AnalysisError:
        return ()


@lru_cache(maxsize=16)
def results(paper: str, seed: int) -> dict[str, float]:
    return {"sun": sun_results, "xiong": xiong_results}[paper](seed)


SLOPE = pytest.mark.xfail(reason="2.76: with the quoted cross-sections excitons saturate below the first break", strict=True)
SECOND_BREAK = pytest.mark.xfail(reason="predicted 0.86, 0.01 outside; the first break, 0.61, would be inside", strict=True)
CLAIMS = [
    pytest.param("sun", "slope_1_3p", 2.85, 3.35, marks=SLOPE), ("sun", "slope_2_3p", 5.0, 6.2), ("sun", "slope_3_3p", 2.4, 3.4),
    ("sun", "breakpoint_1_fluence_3p", 1.9, 2.3), ("sun", "breakpoint_2_fluence_3p", 2.75, 3.25),
    pytest.param("sun", "breakpoint_2_fluence_2p", 0.35, 0.85, marks=SECOND_BREAK),
    ("sun", "fsr_d88", 0.69, 0.75), ("sun", "effective_index", 1.44, 1.50), ("sun", "q_slope", 0.0, np.inf),
    ("sun", "q_max", 3000.0, np.inf), ("sun", "q_fit_r2", 0.9, 1.0), ("sun", "mode_fwhm_d88", 0.15, 0.19),
    ("sun", "breakpoint_2_fluence_d15", 3.4, 4.0), ("sun", "fwhm_low_pump_d15", 18.0, 20.0), ("sun", "mode_fwhm_d15", 0.17, 0.21),
    ("sun", "mode_wavelength_d15", 537.1, 538.1), ("sun", "extinction_ratio", 91.0, 95.0),
    ("xiong", "threshold_kink_fluence_oam", 247.34, 267.34), ("xiong", "threshold_kink_fluence_ola", 75.81, 83.81),
    ("xiong", "threshold_ratio", 0.28, 0.3333), ("xiong", "spike_q_oam", 930.0, 1050.0), ("xiong", "spike_q_ola", 1232.0, 1392.0),
    ("xiong", "spe_wavelength_oam", 523.5, 526.5), ("xiong", "spe_fwhm_oam", 23.0, 27.0), ("xiong", "spikes", 2.0, np.inf),
    ("xiong", "lowest_spike", 528.0, 542.0), ("xiong", "highest_spike", 528.0, 542.0),
    ("xiong", "spike_spacing_relative_sd", 0.3, np.inf), ("xiong", "spike_repeat_fraction", 0.0, 0.5),
    ("xiong", "spe_slope_below", 1.9, 2.1)]


@pytest.mark.parametrize(("paper", "name", "low", "high"), CLAIMS)
def test_claim(paper, name, low, high):
    assert low <= results(paper, NOISE_SEEDS[0])[name] <= high


@pytest.mark.soak
@pytest.mark.parametrize(("paper", "name", "low", "high"), CLAIMS)
def test_claim_in_every_noise_seed(paper, name, low, high):
    if name == "spike_q_ola":
        pytest.xfail("1243 ± 5 over the noise seeds, near the bound of 1232: 7 of 8; neighbouring spikes overlap")
    assert all(low <= results(paper, seed)[name] <= high for seed in NOISE_SEEDS)


@pytest.mark.parametrize(("order", "scan_nm", "low_nm", "high_nm"), [(2, (750, 1072), 960, 980), (3, (1300, 1651), 1485, 1515)])
def test_threshold_is_lowest_where_absorption_is_strongest(order, scan_nm, low_nm, high_nm):
    """Recovered, noise-free: pump wavelength of the largest cross-section and of the least fluence for the same excitation."""
    sample, wavelength = load_sample("sun2024"), np.arange(*scan_nm, 2.0)
    strength = multiphoton(energy_ev(wavelength), order, sample)
    needed = energy_ev(wavelength) / strength ** (1 / order)
    assert low_nm <= wavelength[np.argmax(strength)] <= high_nm
    assert low_nm <= wavelength[np.argmin(needed)] <= high_nm
