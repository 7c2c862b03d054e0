"""Qin et al. 2021: a film between electrodes; its threshold, light and lifetime under a voltage."""

from __future__ import annotations

import numpy as np

from labctl.core.plan import Result
from labctl.core.plots import Curve
from labctl.reproduce.plan import Experiment, Panel, Paper, Runs, Step, same
from labctl.store.run import Run

NAME, BENCH, DECAYS, RESPONSE = "qin2021", "qin2021", "qin2021-trpl", "qin2021-response"
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
        "response", NAME, (Step("voltage_response", RESPONSE),), same("pl_response_time"),
        (Panel("A step of the voltage", "Folded onto one step", ("001-22",)),)),
)

PROBED = "no procedure probes the absorption: shot by shot it needs a chopper and a reference detector, which no bench has"
PAPER = Paper(NAME, "Qin et al. 2021: amplified emission of a film under a voltage", EXPERIMENTS, {
    f"001-{number}": PROBED for number in range(11, 20)})
