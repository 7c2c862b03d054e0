"""Qin et al. 2021: a film between electrodes; its threshold, light and lifetime under a voltage."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from labctl import api
from labctl.analysis.pump_probe import Excited
from labctl.core.plan import Result
from labctl.core.plots import Curve
from labctl.reproduce.bench_text import changed_bench
from labctl.reproduce.plan import Experiment, Panel, Paper, Runs, Step, on_sample, same
from labctl.reproduce.reading import named, ratio
from labctl.store.run import Run

NAME, BENCH, DECAYS, RESPONSE, PROBE = "qin2021", "qin2021", "qin2021-trpl", "qin2021-response", "qin2021-probe"
TRANSPARENT = {"measurement": "fluence", "delays": "4", "fluences": 19, "width": 4.0, "blocks": 2}
DELAYS_PS, LATER_PS = "4:60:4, 72:1000:16", "4, 20:200:20, 250:1000:50"
HIGHEST_V, EXCESS_V = 20.0, 0.5
BY_VOLTAGE = {"vary": "voltage", "first": 0.0, "last": HIGHEST_V, "values_count": 6}


def rising(run: Run, name: str) -> np.ndarray:
    """Give a curve against voltage, in the order of rising voltage; the return to 0 V at the end is left out."""
    curve = run.curves[name]
    up = np.append(True, np.diff(curve.x) > 0) & (np.arange(len(curve.x)) <= int(np.argmax(curve.x)))
    return curve.y[up]


def weak_fluence(runs: Runs) -> Result:
    """Give the fluence of the decays in nJ/cm², as it was measured."""
    read = 1e9 * runs["trpl"]["pump.fluence_measured"]
    return Result(float(np.median(read)), float(read.std() / np.sqrt(len(read))), "nJ/cm^2", "median reading")


def probed(name: str, volts: float, *, blank: bool = True, **values: Any) -> Step:
    """Give a run of pump and probe at a voltage, against the absorption that a bare substrate tells."""
    return Step("pump_probe", PROBE, {"voltage": volts, **values}, name=name, runs={"blank": "blank"} if blank else {})


def excited(mean: float) -> str:
    """Give the fluence that makes so many excitations in the mean, by what the bench file takes the film for."""
    return f"{mean / film().per_uj_cm2():.4g} uJ/cm^2"


@functools.cache
def film() -> Excited:
    """Give what turns a fluence into excitations: defaults of the procedure on the bench, as its file states them."""
    told = api.make_procedure("pump_probe", {}, changed_bench(PROBE, {})[0]).values()
    return Excited(told["section"], told["wavelength"], told["coupling"], told["density"])


def peak_shift(runs: Runs) -> Result:
    """Give by how many nm the maximum of the gain lies elsewhere with the field than without."""
    on, off = (named(runs, f"{key}.gain_peak_wavelength") for key in ("field", "no field"))
    return Result(on.value - off.value, float(np.hypot(on.stderr or 0.0, off.stderr or 0.0)), "nm", "with field less without")


BLANK = Step("pump_probe", PROBE, {"measurement": "fluence", "delays": "4", "fluences": 5, "blocks": 4}, on_sample("qin2021_blank"),
             "blank")
EXPERIMENTS = (
    Experiment(
        "thresholds", NAME,
        (Step("voltage_ase", BENCH, name="ladders"),
         Step("voltage_ase", BENCH, {"highest": HIGHEST_V + EXCESS_V}, name="over", refused="highest")),
        {**{name: f"ladders.{name}" for name in (
            "threshold_kink_fluence_0v", "threshold_kink_fluence_20v", "threshold_reduction", "spe_wavelength", "spe_fwhm",
            "ase_wavelength", "ase_fwhm", "bias_voltage_max")},
         "threshold_kink_fluence_by_voltage": lambda runs: rising(runs["ladders"], "threshold_kink_fluence_by_voltage"),
         "bias_over_limit_refused": lambda runs: "over" not in runs},
        (Panel("Fig. 2: light against fluence, 0 to 20 V", Curve("", x="pump.fluence", y="emission"),
               ("001-01", "001-02", "001-03")),
         Panel("Fig. 2: threshold against voltage", "Threshold against voltage", ("001-04", "001-24")))),
    Experiment(
        "switching", NAME, (Step("voltage_ase", BENCH, {"measurement": "switching", "off_centre": 520.0}),),
        same("switching_cycles", "ase_on_off_ratio", "spe_on_off_ratio"),
        (Panel("Fig. 4: on and off in time", "Emission in time", ("001-09", "001-10")),)),
    Experiment(
        "decays against voltage", NAME, (Step("trpl", DECAYS, BY_VOLTAGE),),
        {"pl_by_voltage": lambda runs: rising(runs["trpl"], "pl_by_voltage"), "pl_recovered": "pl_recovered",
         "lifetime_by_voltage": lambda runs: rising(runs["trpl"], "lifetime_by_voltage"), "pump_fluence": weak_fluence},
        (Panel("Decays under a voltage", "Decays", ("001-26",)), Panel("Lifetime against voltage", "Lifetime", ("001-21",)),
         Panel("Light against voltage", "Photoluminescence", ("001-20",)))),
    Experiment(
        "insulated control", NAME, (Step("trpl", "qin2021-insulated", BY_VOLTAGE | {"wanted": 3e5}),),
        {"pl_change_insulated": "pl_change", "lifetime_change_insulated": "lifetime_change"},
        (Panel("Behind an insulator nothing changes", "Lifetime", ("001-23",)),)),
    Experiment(
        "transparency", NAME,
        (BLANK, probed("no field", 0.0, **TRANSPARENT, first=excited(0.3), last=excited(1.7)),
         probed("field", HIGHEST_V, **TRANSPARENT, first=excited(0.1), last=excited(1.1))),
        {"gain_threshold_n_0v": "no field.gain_threshold_n", "gain_threshold_n_20v": "field.gain_threshold_n"},
        (Panel("Fig. 3: transparency, 0 V", "Bleach over absorption", ("001-11",), "no field"),
         Panel("Fig. 3: transparency, 20 V", "Bleach over absorption", ("001-12",), "field"))),
    Experiment(
        "gain in time", NAME,
        (BLANK, probed("no field", 0.0, delays=DELAYS_PS, fluence=excited(1.2), blocks=2),
         probed("field", HIGHEST_V, delays=DELAYS_PS, fluence=excited(0.7), blocks=1)),
        {"gain_band_blue_edge": "no field.gain_band_blue_edge", "gain_band_red_edge": "no field.gain_band_red_edge",
         "gain_peak_shift": peak_shift, "biexciton_lifetime": "no field.bleach_lifetime_fast",
         "biexciton_gain_lifetime": "no field.net_gain_lifetime", "trion_gain_lifetime": "field.bleach_lifetime_single"},
        (Panel("Fig. 3: gain against wavelength, 0 V", "Absorption with pump", ("001-13", "001-14"), "no field"),
         Panel("Fig. 3: bleach at 537 nm, 0 V", "Bleach", ("001-17", "001-18"), "no field"),
         Panel("Fig. 3: bleach at 537 nm, 20 V", "Bleach", ("001-16",), "field")),
        evidence={"trion_gain_lifetime": "fitted", "gain_peak_shift": "fitted", "biexciton_gain_lifetime": "fitted"}),
    Experiment(
        "weak bleach", NAME,
        tuple(probed(name, volts, blank=False, delays=LATER_PS, fluence=excited(0.06), centre=nm, width=3.0, blocks=6)
              for name, volts, nm in (("no field", 0.0, 514.0), ("field", HIGHEST_V, 518.0))),      # as in the paper's Fig. 3d
        {"trion_lifetime": "field.bleach_lifetime",
         "gsb_amplitude_ratio": lambda runs: ratio(runs, "field.bleach_amplitude", "no field.bleach_amplitude")},
        (Panel("Weak pump: bleach at 518 nm, 20 V", "Bleach", ("001-15", "001-19"), "field"),)),
    Experiment(
        "response", NAME, (Step("voltage_response", RESPONSE),), same("pl_response_time"),
        (Panel("A step of the voltage", "Folded onto one step", ("001-22",)),)),
)

PAPER = Paper(NAME, "Qin et al. 2021: amplified emission of a film under a voltage", EXPERIMENTS, {
    "001-13": "without losses the gain has no red edge in the model: induced absorption of excited crystals would be needed",
})
