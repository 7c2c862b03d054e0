"""Xiong et al. 2022: random lasing of dots on silica spheres under two photons, and films of the same dots."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.score.detectors import JITTER, Camera, Counter, Histograms, Spectra
from benchmarks.score.experiment import Experiment, Results, given
from labctl.analysis.decay import fit_decay
from labctl.analysis.excitation import parabola_maximum
from labctl.analysis.lines import Line, gaussian_line
from labctl.analysis.modes import find_lines, median, quality, repeated_share, strongest
from labctl.analysis.slopes import slope
from labctl.analysis.threshold import kink, series
from labctl.core.errors import AnalysisError
from sim_instruments.twin import film
from sim_instruments.twin.cavity import emission
from sim_instruments.twin.counter_arm import fading
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.modes import comb
from sim_instruments.twin.sample import Sample, load_sample
from sim_instruments.twin.specimen import ageing_rate
from sim_instruments.twin.spectra import Emission

BENCH = "xiong2022"
GRID_NM, INSTRUMENT_NM = np.linspace(490.0, 565.0, 2048), 0.096
ROOM_K, PUMP_NM, PULSE_S = 300.0, 800.0, 35e-15
LIGANDS = ("oam", "ola")
SERIES = np.linspace(0.23, 1.46, 26)         # of the fluence at which the sample's brightness is stated
THRESHOLD_SPOTS, QUALITY_SPOTS, SHOWN_SPOTS = 6, 80, 12
ABOVE, BELOW = 1.15, np.geomspace(0.08, 0.4, 6)
HALF_RANGE_NM, SHARE, HIGHEST_SHARE = 0.6, 0.12, 0.7
FILM_J_CM2, FILM_PUMP_NM, FILM_PULSE_S = 1e-7, 400.0, 50e-12
SCAN_NM, SCAN_COUNTS = np.arange(496.0, 522.0, 0.5), 1e5
HOURS_S, DAYS_S, FRESH_PERCENT = 10 * 3600.0, 100 * 86400.0, 91.8
AGEING_COUNTS = 1e5


def emit(sample: Sample, spot: int, shot: int | None = None):
    """Give the emission of one spot as a function of the peak fluence in µJ/cm²; with `shot`, its weights are dealt anew."""
    modes = comb(sample, spot, shot)

    def light(level_uj: float) -> Emission:
        pump = Pump.monochromatic(PUMP_NM, level_uj * 1e-6, PULSE_S, gaussian=True)
        return emission(pump, sample, ROOM_K, modes=modes)
    return light


def level_uj(sample: Sample) -> float:
    """Give the fluence around which a series is laid, in µJ/cm²; a user would hunt for it."""
    return 1e6 * sample.detected.reference_fluence_j_cm2


def film_pump(level: float, wavelength_nm: float = FILM_PUMP_NM) -> Pump:
    """Give a weak pump of a film, relative to the usual fluence."""
    return Pump.monochromatic(wavelength_nm, FILM_J_CM2 * level, FILM_PULSE_S)


def camera(seed: int | None, frames: int = 1) -> Camera:
    """Give the camera behind the bench's spectrograph."""
    return Camera(GRID_NM, seed, peak_e=3e4, frames=frames, instrument_nm=INSTRUMENT_NM)


# ------------------------------------------------------------------ thresholds
def power_series(seed: int | None, sample: Sample) -> Spectra:
    """Take the series on six spots and average it."""
    seen = camera(seed)
    levels = level_uj(sample) * SERIES
    taken = [seen.series(emit(sample, spot), levels) for spot in range(THRESHOLD_SPOTS)]
    signal = np.mean([each.signal for each in taken], axis=0)
    sigma = np.sqrt(np.sum([each.sigma**2 for each in taken], axis=0)) / THRESHOLD_SPOTS
    return Spectra(levels, GRID_NM, signal, sigma)


def estimate_power_series(spectra: Spectra, ligand: str) -> Results:
    """Give the threshold of the mean of the spots, and for oleylamine the spontaneous band below it."""
    total = spectra.total
    place = kink(series(spectra.x, total, 0.01 * np.sqrt(total * total.max()))).threshold.value
    results = {f"threshold_kink_fluence_{ligand}": place}
    if ligand == "oam":
        band = gaussian_line(spectra.wavelength_nm, *spectra.at(spectra.x[0]))
        results |= {"spe_wavelength_oam": band.centre_nm.value, "spe_fwhm_oam": band.fwhm_nm.value}
    return results


def both_series(seed: int) -> tuple[Spectra, Spectra]:
    """Take the series of either ligand."""
    return power_series(seed, load_sample("xiong2022_oam")), power_series(seed, load_sample("xiong2022_ola"))


def estimate_both(data: tuple[Spectra, Spectra]) -> Results:
    """Give both thresholds and their ratio, octylamine over oleylamine."""
    found = dict(estimate_power_series(data[0], "oam")) | dict(estimate_power_series(data[1], "ola"))
    return found | {"threshold_ratio": found["threshold_kink_fluence_ola"] / found["threshold_kink_fluence_oam"]}


def weak_series(seed: int) -> Spectra:
    """Take spectra far below threshold."""
    sample = load_sample("xiong2022_ola")
    return camera(seed, 4).series(emit(sample, 0), level_uj(sample) * BELOW)


def estimate_weak(spectra: Spectra) -> Results:
    """Give the slope of spontaneous light."""
    return {"spe_slope_below": slope(spectra.x, spectra.total).slopes[0].value}


# ------------------------------------------------------------------ spikes
@dataclass(frozen=True)
class Spots:
    """One spectrum per spot above threshold, by ligand; and of octylamine successive shots on one spot."""

    spots: dict[str, Spectra]
    shots: Spectra


def spots(seed: int) -> Spots:
    """Take a spectrum on each of eighty spots per ligand, and of twelve shots on the first."""
    seen, places = camera(seed), np.arange(QUALITY_SPOTS)
    taken = {}
    for ligand in LIGANDS:
        sample = load_sample(f"xiong2022_{ligand}")
        spectra = [seen.take(emit(sample, int(spot)), ABOVE * level_uj(sample)) for spot in places]
        taken[ligand] = Spectra(places, GRID_NM, *map(np.array, zip(*spectra, strict=True)))
    octylamine = load_sample("xiong2022_ola")
    shots = [seen.take(emit(octylamine, 0, shot), ABOVE * level_uj(octylamine)) for shot in range(SHOWN_SPOTS)]
    return Spots(taken, Spectra(np.arange(SHOWN_SPOTS), GRID_NM, *map(np.array, zip(*shots, strict=True))))


def estimate_spots(data: Spots) -> Results:
    """Give the quality of the strongest spike (median over spots), where spikes stand, and how irregular they are."""
    results: dict[str, object] = {}
    everywhere: list[float] = []
    for ligand, spectra in data.spots.items():
        highest = [found for place in range(len(spectra.x)) if (found := spikes(spectra, place, HIGHEST_SHARE))]
        results[f"spike_q_{ligand}"] = median([quality(strongest(lines)).value for lines in highest]).value
        everywhere += [line.centre_nm.value for place in range(SHOWN_SPOTS) for line in spikes(spectra, place, SHARE)]
    shots = [np.array([line.centre_nm.value for line in spikes(data.shots, place, SHARE)]) for place in range(SHOWN_SPOTS)]
    gaps = np.concatenate([np.diff(np.sort(shot)) for shot in shots if len(shot) > 1])
    return results | {"spike_wavelengths": np.sort(everywhere), "spike_spacing_relative_sd": float(gaps.std() / gaps.mean()),
                      "spike_repeat_fraction": repeated_share(shots).value}


def spikes(spectra: Spectra, place: int, share: float) -> tuple[Line, ...]:
    """Find the spikes of one spectrum; none when nothing stands out."""
    try:
        return find_lines(spectra.wavelength_nm, spectra.signal[place], spectra.sigma[place], share=share,
                          half_range_nm=HALF_RANGE_NM, instrument_fwhm_nm=INSTRUMENT_NM)
    except AnalysisError:
        return ()


# ------------------------------------------------------------------ plain films
def films(seed: int) -> Spectra:
    """Take the spectrum of either film under weak pulses."""
    seen = Camera(GRID_NM, seed)
    taken = [seen.take(lambda level, name=name: film.emission(film_pump(level), load_sample(name), ROOM_K), 1.0)
             for name in ("xiong2022_oam_film", "xiong2022_ola_film")]
    return Spectra(np.arange(2.0), GRID_NM, *map(np.array, zip(*taken, strict=True)))


def estimate_films(spectra: Spectra) -> Results:
    """Give where either film emits."""
    centres = [gaussian_line(spectra.wavelength_nm, *spectra.at(place)).centre_nm.value for place in (0.0, 1.0)]
    return {"spe_wavelength_oam_film": centres[0], "spe_wavelength_ola_film": centres[1]}


def excitation_scan(seed: int, ligand: str) -> tuple[np.ndarray, np.ndarray]:
    """Count the light of a film at constant photon flux against pump wavelength; gives wavelengths and counts."""
    sample, draw = load_sample(f"xiong2022_{ligand}_film"), np.random.default_rng(seed)
    pumps = [film_pump(FILM_PUMP_NM / nm * (1 + JITTER * draw.normal()), float(nm)) for nm in SCAN_NM]
    light = np.array([film.emission(pump, sample, ROOM_K).continuum.sum() for pump in pumps])
    return SCAN_NM, draw.poisson(SCAN_COUNTS * light / light.max()).astype(float)


def estimate_excitation(scan: tuple[np.ndarray, np.ndarray], ligand: str) -> Results:
    """Give the reddest maximum of the excitation spectrum; errors join counting noise and 1 % of the pump."""
    wavelength, counts = scan
    sigma = np.hypot(np.sqrt(counts), JITTER * counts)
    red = reddest_maximum(wavelength, counts)
    return {f"absorption_wavelength_{ligand}": parabola_maximum(wavelength, counts, sigma, red, above=0.85).wavelength_nm}


def reddest_maximum(wavelength: np.ndarray, counts: np.ndarray, half_nm: float = 4.0) -> np.ndarray:
    """Mark the points around the reddest maximum of a smoothed excitation spectrum."""
    smooth = np.convolve(counts, np.ones(5) / 5, "same")
    inner = np.arange(3, len(counts) - 3)
    tops = [i for i in inner if smooth[i] == smooth[max(i - 4, 0):i + 5].max() and smooth[i] > 0.1 * smooth.max()]
    if not tops:
        raise AnalysisError("The excitation spectrum has no maximum in the range scanned. Extend the scan.")
    return np.abs(wavelength - wavelength[max(tops)]) <= half_nm


def decay(seed: int, ligand: str) -> Histograms:
    """Take the decay of a film: two million photons at 5 MHz, response 180 ps."""
    rest = fading(film_pump(1.0), load_sample(f"xiong2022_{ligand}_film"), ROOM_K)[1]
    return Counter(200e-9, 64e-12, 180e-12).take([rest], [2e6], seed, np.array([0.0]))


def estimate_decay(data: Histograms, ligand: str) -> Results:
    """Give both time constants in ns, the ratio of their amplitudes at t = 0, and the intensity-weighted average."""
    found = fit_decay(data.counts[0], data.irf, data.timing, components=2, systematics=False)
    fast, slow = found.amplitudes
    return {f"decay_tau_1_{ligand}": found.lifetimes[0].value / 1e3, f"decay_tau_2_{ligand}": found.lifetimes[1].value / 1e3,
            f"decay_amplitude_ratio_{ligand}": fast.value / slow.value,
            f"lifetime_intensity_average_{ligand}": found.intensity_average.value / 1e3}


# ------------------------------------------------------------------ ageing
def ageing(seed: int) -> dict[str, tuple[float, float]]:
    """Count the light of either sample before and after heat (60 °C, 10 h) and air (room, 100 d); gives pairs of counts.

    The quantum yield in air is told from the light relative to that of the fresh octylamine sample.
    """
    draw = np.random.default_rng(seed)
    names = {ligand: f"xiong2022_{ligand}" for ligand in LIGANDS}
    weak = float(BELOW[0]) * load_sample(names["ola"]).detected.reference_fluence_j_cm2
    pump = Pump.monochromatic(PUMP_NM, weak, PULSE_S, gaussian=True)

    def count(ligand: str, active: float) -> float:
        light = emission(pump, load_sample(names[ligand]), ROOM_K, active)
        fresh = emission(pump, load_sample(names[ligand]), ROOM_K)
        part = light.continuum.sum() / fresh.continuum.sum() * (1 + JITTER * draw.normal())
        return float(draw.poisson(AGEING_COUNTS * part))
    found = {}
    for ligand, name in names.items():
        law = given(load_sample(name).ageing)
        hot = float(np.exp(-ageing_rate(law, law.heat_reference_k) * HOURS_S))
        found[f"pl_retained_heat_{ligand}"] = count(ligand, 1.0), count(ligand, hot)
        found[f"plqy_air_{ligand}"] = count("ola", 1.0), count(ligand, float(np.exp(-law.air_per_s * DAYS_S)))
    return found


def estimate_ageing(pairs: dict[str, tuple[float, float]]) -> Results:
    """Give what is left, in % of the light before, or of the fresh sample's quantum yield."""
    return {name: (FRESH_PERCENT if name.startswith("plqy") else 100.0) * after / before for name, (before, after) in pairs.items()}


EXPERIMENTS = (
    Experiment("power series of either ligand", BENCH, both_series, estimate_both),
    Experiment("far below threshold", BENCH, weak_series, estimate_weak),
    Experiment("spikes", BENCH, spots, estimate_spots),
    Experiment("emission of the films", BENCH, films, estimate_films),
    Experiment("ageing", BENCH, ageing, estimate_ageing),
    *(Experiment(f"excitation spectrum, {ligand}", BENCH, partial(excitation_scan, ligand=ligand),
                 partial(estimate_excitation, ligand=ligand)) for ligand in LIGANDS),
    *(Experiment(f"decay, {ligand}", BENCH, partial(decay, ligand=ligand), partial(estimate_decay, ligand=ligand))
      for ligand in LIGANDS),
)
