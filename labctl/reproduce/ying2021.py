"""Ying et al. 2021: nanocrystals with feedback at 4 K; excitation spectrum, polarised pair, power series, decays."""

from __future__ import annotations

import numpy as np

from labctl.analysis.excitation_scan import saturated
from labctl.analysis.pair_series import PAIR_WIDE_NM, Emission, Series, fitted_pixels, learn_shape, pair_fits
from labctl.analysis.pump import PumpScale, margin
from labctl.analysis.saturation import straightness
from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev
from labctl.core.plan import Result
from labctl.core.plots import Curve
from labctl.core.reduction import RunView
from labctl.reproduce.plan import Experiment, Panel, Paper, Runs, Step, on_sample, same
from labctl.reproduce.reading import at_the_sample, line_of, named

BENCH, NAME = "ying2021", "ying2021"
OFF_NM, ON_NM = 495.0, 526.0
SHIFT_NM = (502.0, 528.0)           # pump wavelengths between which the pair shifts
CLEAR_NM = 550.0                    # where the pump's own line stands beside the emission, in view of the camera
LINEAR_FROM_UW = 10.0
PAIR_NM = 530.98                    # vacuum, 2.335 eV
BEYOND = {"start": 518.0, "stop": 537.0, "step": 0.5, "exposure": 0.02}     # s; side lobes of the filter must not saturate
AT_THE_SAMPLE = {"first_wavelength": OFF_NM, "wavelengths": 1, "repeats": 6}
LIMIT_KEY = "safety.limits.pump.power"
LIMIT = {LIMIT_KEY: [0.0, 90e-6]}      # W; the paper went up to 80 µW on resonance


# ------------------------------------------------------------------ excitation spectrum
def scan_emission(run: RunView) -> Emission:
    """Give where the scan looks for the pair: its parameters, and the margin to the pump's band."""
    told, width = run.parameters, float(run.constants["detection.instrument_fwhm"])
    return Emission(float(told["splitting"]) * 1e-3, float(told["window_start"]), float(told["emission_edge"]),
                    float(told["window_stop"]), margin(float(run.constants["pump.bandwidth"]), width), width)


def stimulated(runs: Runs) -> np.ndarray:
    """Give the pair's rate by rising pump wavelength: clear points, and those so red that the pump's band lies beyond the pair."""
    run = runs["scan"]
    emission, curve = scan_emission(run), run.curves["pair_rate"]
    used = np.ones(len(curve.x), dtype=bool) if curve.used is None else curve.used
    red = curve.x > emission.edge_nm + PAIR_WIDE_NM + emission.margin_nm
    full = saturated(run, fitted_pixels(curve.x, run.wavelength("vacuum"), emission))
    if full[red].any():
        raise AnalysisError("side lobes of the pump's filter saturate the pair's pixels when the pump is redder than the pair.")
    kept = np.flatnonzero(used | red)
    return curve.y[kept[np.argsort(curve.x[kept])]]


def pump_power(runs: Runs) -> Result:
    """Give the median power at the sample in µW."""
    power = 1e6 * runs["ple"]["pump.power"]
    return Result(float(np.median(power)), float(power.std() / np.sqrt(len(power))), "uW", "median over the scan")


def red_shift(runs: Runs) -> Result:
    """Give the pair's energy pumped at 502 nm minus that at 528 nm in meV, or at the reddest pump clear of the emission."""
    run = runs["ple"]
    pump, emission = run["pump.wavelength"], scan_emission(run)
    used = run.curves["pair_rate"].used
    clear = np.flatnonzero(np.ones(len(pump), dtype=bool) if used is None else used)
    chosen = [int(clear[np.argmin(np.abs(pump[clear] - nm))]) for nm in SHIFT_NM]
    series = Series(pump, run.wavelength("vacuum"), run.signal(), run.sigma())
    shape, _ = learn_shape(series, emission, np.isin(np.arange(len(pump)), clear))
    blue, red = (pair_fits(series, emission, shape)[place] for place in chosen)
    error = float(np.hypot(blue.shape_stderr.pair_ev, red.shape_stderr.pair_ev))
    return Result(1e3 * (blue.shape.pair_ev - red.shape.pair_ev), 1e3 * error, "meV",
                  f"centre of the pair, {pump[chosen[0]]:g} minus {pump[chosen[1]]:g} nm pump")


def on_over_off(runs: Runs, name: str) -> Result:
    """Give a rate of the scan at 526 nm over that at 495 nm: equal photon flux."""
    curve = runs["ple"].curves[name]
    on, off = (int(np.argmin(np.abs(curve.x - nm))) for nm in (ON_NM, OFF_NM))
    sigma = np.zeros(len(curve.y)) if curve.sigma is None else curve.sigma
    ratio = float(curve.y[on] / curve.y[off])
    error = ratio * float(np.hypot(sigma[on] / curve.y[on], sigma[off] / curve.y[off]))
    return Result(ratio, error, "1", "rates at 526 and 495 nm, constant photon flux")


def spontaneous_change(runs: Runs) -> Result:
    """Give by how many % the spontaneous line is stronger at 526 nm than at 495 nm."""
    ratio = on_over_off(runs, "spontaneous_rate")
    return Result(100.0 * (ratio.value - 1.0), 100.0 * (ratio.stderr or 0.0), "%", ratio.estimator)


# ------------------------------------------------------------------ power series
def linear_residual(runs: Runs) -> Result:
    """Give the largest residual of a straight line above 10 µW on resonance, in % of full scale."""
    run = runs["on"]
    curve = run.curves["emission"]
    power = curve.x * 1e6 * PumpScale.of(run.constants).microwatt_per_fluence
    return straightness(power, curve.y, curve.sigma, above=LINEAR_FROM_UW)


def ratio_on(runs: Runs) -> Result:
    """Give stimulated over spontaneous light at 526 nm and about 20 µW, from a scan at that flux."""
    run = runs["weak"]
    pair, broad = run.curves["pair_rate"], run.curves["spontaneous_rate"]
    at = int(np.argmin(np.abs(pair.x - ON_NM)))
    sigma = [float(curve.sigma[at] / curve.y[at]) if curve.sigma is not None else 0.0 for curve in (pair, broad)]
    ratio = float(pair.y[at] / broad.y[at])
    return Result(ratio, ratio * float(np.hypot(sigma[0], sigma[1])), "1", f"areas at {1e6 * run['pump.power'][at]:.1f} µW")


# ------------------------------------------------------------------ the bench itself
def pump_bandwidth(runs: Runs) -> Result:
    """Give the width of the pump's own line on the camera in nm, instrument removed."""
    return line_of(runs["snapshot"], near_nm=CLEAR_NM, half_range_nm=2.0).fwhm_nm


def instrument_width(runs: Runs) -> Result:
    """Give the width of a lamp line in µeV at 2.335 eV: that in nm at the middle of the calibration, at the pair's wavelength."""
    found = named(runs, "instrument_fwhm_1")
    energy = float(energy_ev(PAIR_NM))
    return Result(1e6 * energy * found.value / PAIR_NM, found.stderr, "ueV", found.estimator, note=found.note)


def sync_rate(runs: Runs) -> Result:
    """Give the rate of the source's pulses in MHz, as the counter read it."""
    rate = 1e-6 * runs["above"]["sync_rate"]
    if not len(rate):
        raise AnalysisError("The counter read no sync rate.")
    return Result(float(np.median(rate)), float(rate.std() / np.sqrt(len(rate))), "MHz", "counter")


EXPERIMENTS = (
    Experiment(
        "excitation spectrum", NAME,
        (Step("ple", BENCH, {"start": 495.0, "stop": 537.0, "step": 0.5}),),
        {"resonance_nm": "resonance_nm", "stokes_shift": "stokes_shift", "pump_power": pump_power,
         "se_red_shift": red_shift, "se_enhancement": lambda runs: on_over_off(runs, "pair_rate"),
         "spe_change_on": spontaneous_change},
        (Panel("Fig. 2A: emission against pump wavelength", "Emission against excitation", ("000-09",), xlim=(527.5, 540.0)),
         Panel("Fig. 2C: excitation spectrum of the stimulated pair", "Excitation spectrum",
               ("000-10", "000-21", "000-08", "000-31"), used=True),
         Panel("Excitation spectrum of the spontaneous line", "Excitation spectrum of the spontaneous line", ("000-32",),
               used=True))),
    Experiment(
        "beyond the emission", NAME,
        (Step("ple", BENCH, BEYOND, on_sample("ying2021_blank"), "blank"),
         Step("ple", BENCH, BEYOND, name="scan", runs={"blank": "blank"})),
        {"ple_se": stimulated},
        (Panel("Fig. 2C: to both sides of the emission, blank subtracted", "Excitation spectrum", ("000-10",), "scan"),)),
    Experiment(
        "polarisation", NAME, (Step("polarization", "ying2021-polarization"),),
        same("dolp_lower", "dolp_upper", "dolp_background", "dolp_lower_off", "dipole_angle", "line_energy_lower",
             "line_energy_upper", "line_splitting"),
        (Panel("Fig. 3: the two lines are crossed", "Polarisation", ("000-14", "000-15", "000-16", "000-17"),
               curves=("line_lower", "line_upper", "line_broad", "line_background")),
         Panel("Fig. 3: off resonance the lines are less polarised", "Polarisation", ("000-18",),
               curves=("line_lower_off", "line_upper_off", "line_broad_off", "line_background_off")),
         Panel("Fig. 3A: on resonance, then off, against the analyser", "Emission against polarisation",
               ("000-11", "000-12", "000-13"), xlim=(527.5, 540.0)))),
    Experiment(
        "power series", NAME,
        (Step("power_series", BENCH, name="off"),
         Step("power_series", BENCH, {"wavelength": ON_NM, "last": "92 uJ/cm^2", "fluences": 46}, LIMIT, name="on"),
         Step("ple", BENCH, {"start": 524.0, "stop": 527.0, "step": 0.5, "level": 20.0 / 65.0}, name="weak"),
         Step("snapshot", BENCH, {"wavelength": OFF_NM, "power": 4e-6, "exposure": 30.0}, name="low")),
        {"threshold_kink_power": "off.threshold_kink_power", "spe_fwhm": lambda runs: line_of(runs["low"]).fwhm_nm,
         "spe_wavelength": "off.spe_wavelength",
         "se_share_10uw": "off.se_share_10uw", "se_saturation_power": "off.se_saturation_power",
         "se_blue_shift": "off.se_blue_shift", "pump_energy_off": "off.pump_energy", "pump_power_max_on": "on.pump_power_max",
         "linear_residual_on": linear_residual, "se_spe_ratio_on_20uw": ratio_on,
         "se_spe_ratio_off_20uw": "off.se_spe_ratio_20uw"},
        (Panel("Fig. 4: off resonance, threshold and saturation", "Threshold", ("000-23", "000-29", "000-27", "000-28"), "off"),
         Panel("Fig. 4: on resonance, no saturation", Curve("", x="pump.fluence", y="emission"), ("000-30", "000-35"), "on",
               fit=False),
         Panel("Narrowing", "Narrowing", ("000-25", "000-26"), "off"))),
    Experiment(
        "decays", NAME,
        (Step("trpl", "ying2021-trpl", {"wanted": 5e5, "pieces": 200, "response_counts": 5e6}, name="above"),
         Step("trpl", "ying2021-trpl", {"fluence": "9 uJ/cm^2"}, name="below")),
        {"se_lifetime": "above.decay_tau_1", "spe_lifetime": "below.decay_tau_1", "repetition_rate": sync_rate},
        (Panel("Decay above threshold", "Decays", ("000-19", "000-02"), "above"),
         Panel("Decay below threshold", "Decays", ("000-20",), "below"))),
    Experiment(
        "temperature", NAME, (Step("temperature_series", "ying2021-cryostat", {"highest": "300 K", "temperatures": 5}),),
        same("temperature_min", "temperature_max"),
        (Panel("Energy of the line against temperature", "Energy of the line", ("000-34",)),)),
    Experiment(
        "pump line", NAME, (Step("snapshot", BENCH, {"wavelength": CLEAR_NM, "power": 1e-7, "exposure": 0.01}),),
        {"pump_bandwidth": pump_bandwidth}),
    Experiment(
        "range of power", NAME,
        (Step("pickoff_calibration", BENCH, {**AT_THE_SAMPLE, "power": 0.09e-6}, name="least"),
         Step("pickoff_calibration", BENCH, {**AT_THE_SAMPLE, "power": 210e-6}, {LIMIT_KEY: [0.0, 300e-6]}, "most")),
        {"pump_power_min": lambda runs: at_the_sample(runs["least"]), "pump_power_max": lambda runs: at_the_sample(runs["most"])}),
    Experiment(
        "lamp lines", NAME,
        (Step("wavelength_calibration", "ying2021-calibration", {"grating": 1, "first_centre": 460.0, "last_centre": 601.7}),),
        {"instrument_fwhm_energy": instrument_width}),
)

PAPER = Paper(NAME, "Ying et al. 2021: stimulated emission of nanocrystals at 4 K, near and off resonance", EXPERIMENTS)
