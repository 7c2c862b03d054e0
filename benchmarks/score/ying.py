"""Ying et al. 2021: nanocrystals with feedback at 4 K, pumped near resonance by a filtered supercontinuum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.score.detectors import Camera, Counter, Emit, Histograms, Spectra
from benchmarks.score.experiment import Experiment, Results
from labctl.analysis.decay import fit_decay
from labctl.analysis.excitation import parabola_maximum
from labctl.analysis.lines import gaussian_line
from labctl.analysis.lineshape import PairFit, Shape, fit_pair, window
from labctl.analysis.pair_series import Emission, Series, learn_shape, pair_rates
from labctl.analysis.polarization import Malus, angle_between, malus
from labctl.analysis.saturation import saturation, straightness
from labctl.analysis.threshold import kink, series
from labctl.core.photons import energy_ev, fluence_j_cm2, spot_area_cm2
from sim_instruments.twin.counter_arm import fading, in_band
from sim_instruments.twin.decay import Decay
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.light import gaussian_nodes
from sim_instruments.twin.resonance import emission
from sim_instruments.twin.sample import Sample, load_sample
from sim_instruments.twin.spectrograph import Analyser

BENCH = "ying2021"
GRID_NM, INSTRUMENT_NM = np.linspace(524.0, 541.0, 1024), 0.159
COLD_K, RATE_HZ, PULSE_S, BAND_NM = 4.0, 78e6, 10e-12, 1.75
AREA_CM2 = spot_area_cm2(1.2, "disc")
OFF_NM, ON_NM = 495.0, 526.0
POWERS_UW = np.array([*range(2, 21, 2), *range(25, 61, 5), 70, 80], dtype=float)
KINK_UW, LINEAR_FROM_UW, LEVEL_UW = 45.0, 10.0, 50.0
SPLITTING_EV, EDGE_NM = 2.0e-3, 530.2       # of the pair, as the procedure's defaults
LOW_NM, HIGH_NM = 527.6, 541.0
MARGIN_NM = 1.5 * BAND_NM + 3.0 * INSTRUMENT_NM
SCAN_NM = np.append(np.arange(500.0, 530.5, 0.5), (536.0, 537.0))   # the last two lie redder than the emission
FLUX_ERROR = 0.01
SHIFT_NM = (502.0, 528.0)                   # pump wavelengths between which the lines shift
ANGLES_DEG = np.arange(0.0, 360.0, 15.0)
EXTINCTION = 1e-3
COUNTER, SLIT_NM = Counter(1 / RATE_HZ, 16e-12, 180e-12), 2.0
COUNTS = 1e6


def emit(pump_nm: float, sample: Sample | None = None) -> Emit:
    """Give the emission as a function of the power at the sample in µW, the pump being a Gaussian line of 1.75 nm."""
    nodes, weights = gaussian_nodes(pump_nm, BAND_NM)
    sample = load_sample("ying2021") if sample is None else sample

    def light(power_uw: float):
        fluence = float(fluence_j_cm2(power_uw * 1e-6, RATE_HZ, AREA_CM2))
        return emission(Pump(nodes, fluence * weights, PULSE_S), sample, COLD_K)
    return light


def equal_flux_uw(pump_nm: float) -> float:
    """Give the power in µW that has the photon flux of 50 µW at 526 nm."""
    return LEVEL_UW * ON_NM / pump_nm


def camera(seed: int | None, frames: int = 4) -> Camera:
    """Give the camera behind the bench's spectrograph."""
    return Camera(GRID_NM, seed, peak_e=2e4, frames=frames, instrument_nm=INSTRUMENT_NM)


def where(margin_nm: float = 0.0) -> Emission:
    """Give where the pair is looked for."""
    return Emission(SPLITTING_EV, LOW_NM, EDGE_NM, HIGH_NM, margin_nm, INSTRUMENT_NM)


# ------------------------------------------------------------------ power series
@dataclass(frozen=True)
class Pumps:
    """Power series off and on resonance, and the two spectra at equal photon flux (off, on)."""

    off: Spectra
    on: Spectra
    equal: Spectra


def power_series(seed: int | None, sample: Sample | None = None) -> Pumps:
    """Take both series."""
    seen, off, on = camera(seed), emit(OFF_NM, sample), emit(ON_NM, sample)
    equal = [seen.take(off, equal_flux_uw(OFF_NM)), seen.take(on, equal_flux_uw(ON_NM))]
    return Pumps(seen.series(off, POWERS_UW), seen.series(on, POWERS_UW),
                 Spectra(np.array([OFF_NM, ON_NM]), GRID_NM, *map(np.array, zip(*equal, strict=True))))


def fits(spectra: Spectra) -> list[PairFit]:
    """Fit the pair in every spectrum, its shape learnt from their sum, which holds both lines."""
    width = spectra.wavelength_nm
    signal = np.vstack([spectra.signal, spectra.signal.mean(axis=0) * len(spectra.x)])
    sigma = np.vstack([spectra.sigma, np.sqrt((spectra.sigma**2).sum(axis=0))])
    together = np.arange(len(signal)) == len(spectra.x)
    shape, _ = learn_shape(Series(np.full(len(signal), OFF_NM), width, signal, sigma), where(), together)
    return [fit_pair(window(width, light, error, np.ones(len(width), dtype=bool)), SPLITTING_EV, shape)
            for light, error in zip(spectra.signal, spectra.sigma, strict=True)]


def estimate_power_series(data: Pumps) -> Results:
    """Give threshold, saturation and shift off resonance; straightness on it; and both against each other."""
    power = data.off.x
    off, on, equal = fits(data.off), fits(data.on), fits(data.equal)
    pair, error = (np.array([getattr(each, name) for each in off]) for name in ("pair", "pair_stderr"))
    spontaneous = np.array([each.broad for each in off])
    used = power <= KINK_UW
    place = kink(series(power[used], pair[used], error[used], relative_pump=0.01, unit="uW")).threshold.value
    weak = gaussian_line(GRID_NM, *data.off.at(4.0))
    just_above = int(np.argmin(np.abs(power - 1.2 * place)))
    at = {level: int(np.argmin(np.abs(power - level))) for level in (10.0, 20.0)}
    stimulated_on = np.array([each.pair for each in on])
    return {
        "threshold_kink_power": place, "spe_fwhm": weak.fwhm_nm.value, "spe_wavelength": weak.centre_nm.value,
        "se_share_10uw": pair[at[10.0]] / (pair[at[10.0]] + spontaneous[at[10.0]]),
        "se_saturation_power": saturation(power, pair, error, threshold=place, unit="uW").value,
        "se_blue_shift": 1e3 * (off[-1].shape.pair_ev - off[just_above].shape.pair_ev),
        "pump_power_max_on": float(data.on.x.max()),
        "linear_residual_on": straightness(data.on.x, stimulated_on, above=LINEAR_FROM_UW).value,
        "se_enhancement": equal[1].pair / equal[0].pair, "spe_change_on": 100.0 * (equal[1].broad / equal[0].broad - 1.0),
        "se_spe_ratio_on_20uw": on[at[20.0]].pair / on[at[20.0]].broad,
        "se_spe_ratio_off_20uw": pair[at[20.0]] / spontaneous[at[20.0]]}


# ------------------------------------------------------------------ excitation spectrum
def excitation_scan(seed: int) -> Spectra:
    """Take the excitation spectrum at constant photon flux, known to 1 % per point; the abscissa is the pump wavelength in nm."""
    seen = camera(seed)
    scale = seen.peak_e / seen.columns(emit(ON_NM)(LEVEL_UW)).max()
    seen.jitter = float(np.hypot(seen.jitter, FLUX_ERROR))
    taken = [seen.take(emit(float(nm)), equal_flux_uw(float(nm)), scale=scale) for nm in SCAN_NM]
    return Spectra(SCAN_NM, GRID_NM, *map(np.array, zip(*taken, strict=True)))


def estimate_excitation(spectra: Spectra) -> Results:
    """Give the maximum, the distance to the spontaneous line, and the shift of the pair towards resonance."""
    data = Series(spectra.x, spectra.wavelength_nm, spectra.signal, spectra.sigma)
    reddest = EDGE_NM + 1.0                    # upper edge of the pair
    usable = (spectra.x < EDGE_NM - MARGIN_NM) | (spectra.x > reddest + MARGIN_NM)
    emitted = where(MARGIN_NM)
    shape, _ = learn_shape(data, emitted, usable & (spectra.x < EDGE_NM))
    rate, sigma = pair_rates(data, emitted, shape)
    top = parabola_maximum(spectra.x, rate, np.hypot(sigma, FLUX_ERROR * rate), usable & (spectra.x < EDGE_NM))
    shifted = [_pair_ev(spectra, nm, shape) for nm in SHIFT_NM]
    return {"resonance_nm": top.wavelength_nm, "ple_se": rate[usable], "se_red_shift": 1e3 * (shifted[0] - shifted[1]),
            "stokes_shift": 1e3 * (energy_ev(top.wavelength_nm) - shape.broad_ev)}


def _pair_ev(spectra: Spectra, pump_nm: float, shape: Shape) -> float:
    """Give the energy of the pair for one pump wavelength, from the pixels redder than the pair's edge."""
    fitted = spectra.wavelength_nm > EDGE_NM - 2 * INSTRUMENT_NM
    return fit_pair(window(spectra.wavelength_nm, *spectra.at(pump_nm), fitted), SPLITTING_EV, shape).shape.pair_ev


# ------------------------------------------------------------------ polarisation
@dataclass(frozen=True)
class Turns:
    """Spectra against analyser angle in deg, pumped on and off resonance."""

    on: Spectra
    off: Spectra


def analyser_turns(seed: int) -> Turns:
    """Turn the analyser before a half-wave plate that keeps what meets the grating."""
    turns = []
    for pump_nm in (ON_NM, OFF_NM):
        seen, light = camera(seed), emit(pump_nm)
        taken = [seen.take(light, LEVEL_UW, Analyser(float(angle), 0.0, EXTINCTION)) for angle in ANGLES_DEG]
        turns.append(Spectra(ANGLES_DEG, GRID_NM, *map(np.array, zip(*taken, strict=True))))
    return Turns(*turns)


def _laws(spectra: Spectra) -> tuple[Malus, Malus, Malus, list[PairFit]]:
    """Fit Malus' law to lower line, upper line and pedestal."""
    fitted = fits(spectra)
    laws = [malus(spectra.x, *(np.array([getattr(each, name + suffix) for each in fitted]) for suffix in ("", "_stderr")))
            for name in ("lower", "upper", "broad")]
    return laws[0], laws[1], laws[2], fitted


def estimate_turns(data: Turns) -> Results:
    """Give the degrees and axes of polarisation, and each line's energy where the other is extinguished."""
    lower, upper, broad, fitted = _laws(data.on)
    off = _laws(data.off)[0]
    alone = [_single_ev(data.on, fitted, axis) for axis in (upper.axis.value + 90.0, lower.axis.value + 90.0)]
    return {
        "dolp_lower": lower.dolp_fit_coefficients.value, "dolp_upper": upper.dolp_fit_coefficients.value,
        "dolp_background": broad.dolp_fit_coefficients.value, "dolp_lower_off": off.dolp_fit_coefficients.value,
        "dipole_angle": angle_between(lower, upper).value, "line_energy_lower": alone[0], "line_energy_upper": alone[1],
        "line_splitting": 1e3 * (alone[1] - alone[0])}


def _single_ev(spectra: Spectra, fitted: list[PairFit], angle_deg: float) -> float:
    """Give the energy of the line that is left at the angle nearest to one, from a Gaussian within 0.3 nm of its top."""
    place = int(np.argmin(np.abs((spectra.x - angle_deg + 90.0) % 180.0 - 90.0)))
    light, error = spectra.signal[place], spectra.sigma[place]
    top = float(spectra.wavelength_nm[np.argmax(light)])
    return gaussian_line(spectra.wavelength_nm, light, error, near_nm=top, half_range_nm=0.3).centre_ev.value


# ------------------------------------------------------------------ decays
def decays(seed: int) -> Histograms:
    """Take a decay above threshold at the pair, and one below it, through an exit slit of 2 nm; the abscissa is the power in µW."""
    sample, powers = load_sample("ying2021"), np.array([8.0, LEVEL_UW])
    fades = []
    for power in powers:
        light = emit(OFF_NM)(float(power))
        parts = in_band(light, max(light.lines, key=lambda line: line.photons).centre_nm, SLIT_NM)
        pump = Pump.monochromatic(OFF_NM, float(fluence_j_cm2(power * 1e-6, RATE_HZ, AREA_CM2)), PULSE_S)
        shapes = fading(pump, sample, COLD_K)
        fades.append(Decay(np.concatenate([shape.rates * part / shape.photons for shape, part in zip(shapes, parts, strict=True)]),
                           np.concatenate([shape.lifetimes_s for shape in shapes])))
    return COUNTER.take(fades, [COUNTS] * len(powers), seed, powers, wavelength_nm=531.0)


def estimate_decays(data: Histograms) -> Results:
    """Give the lifetime of the stimulated light (the fast of two components) and, below threshold, of the spontaneous."""
    below, above = data.counts
    return {"spe_lifetime": fit_decay(below, data.irf, data.timing, systematics=False).lifetime.value,
            "se_lifetime": fit_decay(above, data.irf, data.timing, components=2, systematics=False).lifetimes[0].value}


EXPERIMENTS = (
    Experiment("power series", BENCH, power_series, estimate_power_series),
    Experiment("excitation spectrum", BENCH, excitation_scan, estimate_excitation),
    Experiment("analyser", BENCH, analyser_turns, estimate_turns),
    Experiment("decays", BENCH, decays, estimate_decays),
)
