"""Sun et al. 2024: whispering-gallery lasing under three and two photons."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.score.detectors import JITTER, Camera, Emit, Spectra
from benchmarks.score.experiment import Experiment, Results, given
from labctl.analysis.box import Box, P, S
from labctl.analysis.excitation import parabola_maximum
from labctl.analysis.lines import gaussian_line, half_maximum_width
from labctl.analysis.modes import (
    find_lines,
    index_from_diameters,
    quality,
    quality_against_diameter,
    spacing,
    strongest,
)
from labctl.analysis.polarization import malus
from labctl.analysis.slopes import segments
from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev
from sim_instruments.twin.cavity import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import Sample, load_sample
from sim_instruments.twin.spectrograph import Analyser

BENCH = "sun2024"
GRID_NM, INSTRUMENT_NM = np.linspace(505.0, 560.0, 4096), 0.0278
ROOM_K, PULSE_S = 300.0, 75e-15
THREE_NM, TWO_NM = 1500.0, 970.0
THREE_MJ, TWO_MJ, SINGLE_MJ = np.geomspace(1.0, 4.4, 26), np.geomspace(0.15, 1.2, 24), np.geomspace(1.2, 6.0, 26)
LASING_MJ, SINGLE_LASING_MJ = 3.9, 5.2
WEAK_SINGLE_MJ = np.array([1.0, 1.4, 1.8])
DIAMETERS_UM = np.array([33.0, 60.0, 88.0, 125.0])
ANGLES_DEG = np.arange(0.0, 360.0, 15.0)
LINE_HALF_NM = 0.3


def emit(sample: Sample, pump_nm: float = THREE_NM, active: float = 1.0) -> Emit:
    """Give the emission as a function of the peak fluence in mJ/cm²."""
    return lambda level_mj: emission(Pump.monochromatic(pump_nm, level_mj * 1e-3, PULSE_S, gaussian=True), sample, ROOM_K, active)


def camera(seed: int | None, frames: int = 4) -> Camera:
    """Give the camera behind the bench's spectrograph."""
    return Camera(GRID_NM, seed, peak_e=3e4, frames=frames, instrument_nm=INSTRUMENT_NM)


# ------------------------------------------------------------------ light against fluence
def power_series(seed: int | None, sample: str | Sample, pump_nm: float, levels_mj: np.ndarray) -> Spectra:
    """Take a series of fluences."""
    return camera(seed).series(emit(load_sample(sample) if isinstance(sample, str) else sample, pump_nm), levels_mj)


def estimate_three_photons(spectra: Spectra) -> Results:
    """Give slopes and breaks of the S-curve, the strongest line against the spontaneous maximum, and how it moves."""
    law = segments(spectra.x, spectra.total, count=3, unit="mJ/cm2", refine=False)
    results = {f"slope_{number}_3p": slope.value for number, slope in enumerate(law.slopes, 1)}
    results |= {f"breakpoint_{number}_fluence_3p": place.value for number, place in enumerate(law.breaks, 1)}
    band = gaussian_line(spectra.wavelength_nm, *spectra.at(spectra.x[0]))
    above = np.flatnonzero(spectra.x > 1.05 * law.breaks[-1].value)
    first, last = (strongest(lines_of(spectra, int(place))) for place in (above[0], above[-1]))
    return results | {
        "spe_wavelength": band.centre_nm.value,
        "spe_laser_separation": 1e3 * (band.centre_ev.value - last.centre_ev.value),
        "laser_blue_shift": 1e3 * (last.centre_ev.value - first.centre_ev.value)}


def lines_of(spectra: Spectra, place: int):
    """Find the lasing lines of one spectrum."""
    return find_lines(spectra.wavelength_nm, spectra.signal[place], spectra.sigma[place], half_range_nm=LINE_HALF_NM,
                      instrument_fwhm_nm=INSTRUMENT_NM)


def estimate_two_photons(spectra: Spectra) -> Results:
    """Give the second break under two photons."""
    return {"breakpoint_2_fluence_2p": segments(spectra.x, spectra.total, count=3, refine=False).breaks[1].value}


def estimate_single_curve(spectra: Spectra) -> Results:
    """Give the second break of the single-mode cavity."""
    return {"breakpoint_2_fluence_d15": segments(spectra.x, spectra.total, count=3, refine=False).breaks[1].value}


# ------------------------------------------------------------------ lines
def cavities(seed: int) -> Spectra:
    """Take a lasing spectrum of every cavity; the abscissa is the diameter in µm, the single-mode one first."""
    seen, sample = camera(seed), load_sample("sun2024")
    small = seen.take(emit(load_sample("sun2024_d15")), SINGLE_LASING_MJ)
    rings = [replace(given(sample.ring), diameter_um=float(diameter)) for diameter in DIAMETERS_UM]
    others = [seen.take(emit(replace(sample, ring=ring)), LASING_MJ) for ring in rings]
    return Spectra(np.append(15.0, DIAMETERS_UM), GRID_NM, *map(np.array, zip(small, *others, strict=True)))


def estimate_cavities(spectra: Spectra) -> Results:
    """Give spacing and width of the lines at 88 µm, index and quality against diameter, and the single mode."""
    lines = [lines_of(spectra, place) for place in range(len(spectra.x))]
    spaced = [spacing(each) for each in lines[1:]]
    single = strongest(lines[0])
    law = quality_against_diameter(spectra.x, np.array([quality(single).value] + [
        float(np.median([quality(line).value for line in each])) for each in lines[1:]]))
    middle = float(np.mean([each.middle_nm for each in spaced]))
    index = index_from_diameters(spectra.x[1:], np.array([each.fsr_nm.value for each in spaced]), None, middle)
    at_88 = int(np.argmin(np.abs(spectra.x - 88.0)))
    return {
        "fsr_d88": spaced[at_88 - 1].fsr_nm.value, "mode_fwhm_d88": float(np.median([line.fwhm_nm.value for line in lines[at_88]])),
        "effective_index": index.value, "q_slope": law.slope.value, "q_max": law.greatest, "q_fit_r2": law.r2,
        "mode_wavelength_d15": single.centre_nm.value, "mode_fwhm_d15": single.fwhm_nm.value}


def weak_single(seed: int) -> Spectra:
    """Take spectra of the single-mode cavity below threshold."""
    return camera(seed).series(emit(load_sample("sun2024_d15")), WEAK_SINGLE_MJ)


def estimate_weak_single(spectra: Spectra) -> Results:
    """Give the width of the whole spectrum."""
    widths = [half_maximum_width(spectra.wavelength_nm, light, error).value
              for light, error in zip(spectra.signal, spectra.sigma, strict=True)]
    return {"fwhm_low_pump_d15": float(np.mean(widths))}


def analyser_turn(seed: int) -> Spectra:
    """Turn an analyser before a half-wave plate that keeps what meets the grating; the abscissa is its angle in deg."""
    seen, light = camera(seed), emit(load_sample("sun2024"))
    taken = [seen.take(light, LASING_MJ, Analyser(float(angle), 0.0, 0.0)) for angle in ANGLES_DEG]
    return Spectra(ANGLES_DEG, GRID_NM, *map(np.array, zip(*taken, strict=True)))


def estimate_turn(spectra: Spectra) -> Results:
    """Give 1 − I_perp/I_par of the strongest line, from the areas at all angles."""
    brightest = int(np.argmax(spectra.total))
    place = strongest(lines_of(spectra, brightest)).centre_nm.value
    areas = [gaussian_line(spectra.wavelength_nm, light, error, near_nm=place, half_range_nm=LINE_HALF_NM).area.value
             for light, error in zip(spectra.signal, spectra.sigma, strict=True)]
    return {"extinction_ratio": malus(spectra.x, np.array(areas)).extinction.value}


# ------------------------------------------------------------------ against pump wavelength
@dataclass(frozen=True)
class Scan:
    """Weak light (counts, at one photon fluence) and series of fluences, against pump wavelength in nm."""

    pump_nm: np.ndarray
    weak: np.ndarray
    series: tuple[Spectra, ...]


SCANS = {2: (np.arange(948.0, 993.0, 4.0), TWO_NM, 0.15, TWO_MJ), 3: (np.arange(1476.0, 1525.0, 4.0), THREE_NM, 1.0, THREE_MJ)}
"""By order: pump wavelengths, where the levels hold, weak level and levels of the series in mJ/cm² there."""
WEAK_COUNTS, FRAMES = 1e6, 4


def pump_scan(seed: int, order: int) -> Scan:
    """Take weak light at one photon fluence, and the S-curve, at every pump wavelength.

    The levels of an S-curve follow the weak light: where that is k-th order brighter, less pump is needed.
    """
    sample, draw = load_sample("sun2024"), np.random.default_rng([seed, order])
    wavelengths, centre, weak_mj, levels = SCANS[order]
    jitter = 1 + JITTER / np.sqrt(FRAMES) * draw.normal(size=len(wavelengths))
    light = np.array([emit(sample, float(nm))(weak_mj * centre / nm * scatter).continuum.sum()
                      for nm, scatter in zip(wavelengths, jitter, strict=True)])
    weak = draw.poisson(WEAK_COUNTS * light / light.max()).astype(float)
    reach = centre / wavelengths * (weak.max() / weak) ** (1 / order)
    series = tuple(Camera(GRID_NM[::4], seed + int(nm), 3e4, FRAMES, INSTRUMENT_NM).series(emit(sample, float(nm)), levels * share)
                   for nm, share in zip(wavelengths, reach, strict=True))
    return Scan(wavelengths, weak, series)


def estimate_scan(scan: Scan, order: int) -> Results:
    """Give where the cross-section is largest (weak light grows with its value alone) and where the threshold is lowest.

    Light of order k grows with the cross-section at one photon fluence; 1 % of the pump is k % of it. Of the thresholds, the second
    break, it is the inverse that has a maximum; a wavelength whose curve shows no break is left out.
    """
    error = np.hypot(np.sqrt(scan.weak), JITTER / np.sqrt(FRAMES) * order * scan.weak)
    places = np.full(len(scan.pump_nm), np.nan)
    for number, each in enumerate(scan.series):
        with suppress(AnalysisError):
            places[number] = segments(each.x, each.total, count=3, refine=False).breaks[1].value
    top = parabola_maximum(scan.pump_nm, scan.weak, error, above=0.85).wavelength_nm
    lowest = parabola_maximum(scan.pump_nm, 1 / places, 0.02 / places, above=0.8).wavelength_nm
    return {f"resonance_{order}p": top, f"threshold_minimum_{order}p": lowest}


# ------------------------------------------------------------------ bleaching
SHOTS, STABILITY_FRAMES = 1e7, 64
STABILITY_MJ = {3: (THREE_NM, 3.3), 2: (TWO_NM, 0.95)}     # a tenth above the second break of either order


def bleached(seed: int) -> dict[int, Spectra]:
    """Take lasing spectra before and after 1e7 pulses at the same exposure, by photon order; the abscissa is the shots."""
    sample, seen = load_sample("sun2024"), camera(seed, STABILITY_FRAMES)
    found = {}
    for order, (pump_nm, level_mj) in STABILITY_MJ.items():
        left = float(np.exp(-SHOTS * level_mj * 1e-3 / sample.detected.bleaching_dose_j_cm2))
        scale = seen.peak_e / seen.columns(emit(sample, pump_nm)(level_mj)).max()
        taken = [seen.take(emit(sample, pump_nm, active), level_mj, scale=scale) for active in (1.0, left)]
        found[order] = Spectra(np.array([0.0, SHOTS]), GRID_NM, *map(np.array, zip(*taken, strict=True)))
    return found


def estimate_bleached(data: dict[int, Spectra]) -> Results:
    """Give the light in the lines after the shots, in % of that before; the lines are those found before."""
    results = {}
    for order, spectra in data.items():
        places = [line.centre_nm.value for line in lines_of(spectra, 0)]
        light = [sum(gaussian_line(spectra.wavelength_nm, *spectra.at(shots), near_nm=place, half_range_nm=LINE_HALF_NM).area.value
                     for place in places) for shots in spectra.x]
        results[f"emission_retained_shots_{order}p"] = 100.0 * light[1] / light[0]
    return results


# ------------------------------------------------------------------ arithmetic
BOX = Box(gap_ev=2.25, electron_mass=0.15, hole_mass=0.14, size_nm=9.2)     # Sun 2024, of a cubic box
ONE_PHOTON_NM, LASER_NM = 507.0, 537.0   # Sun 2024: the lowest absorption maximum, the lasing line


def arithmetic(_seed: int) -> Results:
    """Evaluate the paper's own formulas with its own inputs; nothing is measured."""
    level = BOX.transition_ev
    sample = load_sample("sun2024_d15")
    ring, cavity = given(sample.ring), given(sample.cavity)
    laser = energy_ev(LASER_NM)
    return {
        "box_energy_ss": level(S, S), "box_energy_sp": level(P, S),
        "box_spacing_electron": 1e3 * (level(P, S) - level(S, S)),
        "box_spacing_hole": 1e3 * (level(S, P) - level(S, S)),
        "splitting_1p_2p": 1e3 * (2 * energy_ev(TWO_NM) - energy_ev(ONE_PHOTON_NM)),
        "fsr_d15": ring.centre_nm**2 / (np.pi * ring.diameter_um * 1e3 * cavity.index),
        "quantum_defect_3p": 100 * (1 - laser / (3 * energy_ev(THREE_NM))),
        "quantum_defect_2p": 100 * (1 - laser / (2 * energy_ev(TWO_NM)))}


def unchanged(results: Results) -> Results:
    """Give what was computed."""
    return results


EXPERIMENTS = (
    Experiment("three photons, 88 µm", BENCH, partial(power_series, sample="sun2024", pump_nm=THREE_NM, levels_mj=THREE_MJ),
               estimate_three_photons, evidence={"laser_blue_shift": "predicted"}),
    Experiment("two photons, 88 µm", BENCH, partial(power_series, sample="sun2024", pump_nm=TWO_NM, levels_mj=TWO_MJ),
               estimate_two_photons),
    Experiment("three photons, 15 µm", BENCH, partial(power_series, sample="sun2024_d15", pump_nm=THREE_NM, levels_mj=SINGLE_MJ),
               estimate_single_curve),
    Experiment("cavities", BENCH, cavities, estimate_cavities),
    Experiment("15 µm below threshold", BENCH, weak_single, estimate_weak_single),
    Experiment("analyser", BENCH, analyser_turn, estimate_turn),
    *(Experiment(f"pump wavelength, {order} photons", BENCH, partial(pump_scan, order=order), partial(estimate_scan, order=order))
      for order in SCANS),
    Experiment("photostability", BENCH, bleached, estimate_bleached,
               evidence={"emission_retained_shots_2p": "fitted", "emission_retained_shots_3p": "fitted"}),
    Experiment("arithmetic", BENCH, arithmetic, unchanged, basis="formula"),
)
