"""Through the whole bench: drivers, wire, engine, journal and file, after the calibrations a user would run; nothing is ideal.

Each run has its own state folder and noise seed; what the bench hides (plate offsets, gain of the power head, ...) is dealt by the
seed in its file. Procedures are the registered ones where there are any; rows about the bench alone are read with plain points.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import labctl.api as api
from benchmarks.score.experiment import Experiment, Results
from labctl.core.errors import Refused
from labctl.core.plan import Point
from labctl.core.procedure import Procedure, quantity
from labctl.core.reduction import Reduction

STATE_VARIABLE = "LABCTL_STATE"
NARROW = {"wavelengths": 5, "angles": 9}


def around(wavelength_nm: float) -> Mapping[str, Any]:
    """Give the settings of a power calibration near one pump wavelength."""
    return NARROW | {"first_wavelength": wavelength_nm - 1.0, "last_wavelength": wavelength_nm + 1.0}


VISIBLE: Mapping[str, Any] = {"first_wavelength": 490.0, "last_wavelength": 530.0}
CALIBRATIONS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    **{bench: {"power_calibration": around(nm), "pickoff_calibration": {}} for bench, nm in (
        ("qin2021", 400.0), ("qin2021-trpl", 400.0), ("wang2015", 400.0), ("wang2015-10k", 400.0), ("xiong2022", 800.0),
        ("sun2024", 1500.0), ("sun2024-overview", 1500.0))},
    "ying2021": {"power_calibration": {}, "pickoff_calibration": {}},
    "ying2021-polarization": {"power_calibration": VISIBLE, "pickoff_calibration": VISIBLE | {"wavelengths": 5},
                              "polarization_calibration": {}},
    "ying2021-trpl": {"power_calibration": VISIBLE, "pickoff_calibration": VISIBLE | {"wavelengths": 5}},
}
"""By bench: the calibrations that a user takes first, in this order; values are those of the procedure that differ from its own."""

RENAMED: Mapping[str, Mapping[str, str]] = {"ying2021": {"red_shift_meV": "stokes_shift"}}
"""By bench: results of a procedure that the vocabulary calls otherwise."""

IN_MILLIJOULES = ("sun2024-overview",)
"""Benches whose fluences the vocabulary gives in mJ/cm²; procedures give µJ/cm²."""

WEAK_J_CM2 = 2e-9
LIMIT_EXCESS_V = 0.5


class Bias(Procedure):
    """Raise the bias step by step, in the dark."""

    title = "Bias"
    top = quantity("Highest bias", "V", default=20.0, minimum=0.0, maximum=100.0)

    def plan(self, bench):
        """Visit five voltages."""
        for volts in np.linspace(0.0, self.top, 5):
            yield Point(set={"bias.voltage": float(volts)}, read=("spectrum",), light=False, exposure_s=0.1)

    def reduce(self, run):
        """Say nothing: the points are the result."""
        return Reduction()


class WeakPump(Procedure):
    """Hold a weak fluence and measure it."""

    title = "Weak pump"
    reads: ClassVar[tuple[str, ...]] = ("power",)

    def plan(self, bench):
        """Visit the same fluence five times."""
        for _ in range(5):
            yield Point(set={"pump.wavelength": 400.0, "pump.fluence": WEAK_J_CM2}, read=self.reads, exposure_s=1.0)

    def reduce(self, run):
        """Say nothing: the points are the result."""
        return Reduction()


@contextmanager
def state_folder() -> Iterator[Path]:
    """Give a folder for runs whose calibrations and locks are nobody else's."""
    before = os.environ.get(STATE_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="labctl-score-") as name:
        os.environ[STATE_VARIABLE] = str(Path(name) / "state")
        try:
            yield Path(name)
        finally:
            os.environ.pop(STATE_VARIABLE)
            if before is not None:
                os.environ[STATE_VARIABLE] = before


def take(procedure: str | Procedure, bench_name: str, folder: Path, seed: int, values: Mapping[str, Any] | None = None) -> Any:
    """Run a procedure on a bench; gives the loaded run. RuntimeError when it does not end well."""
    with api.open_bench(bench_name) as bench:
        name = procedure if isinstance(procedure, str) else procedure.title
        outcome = api.run(procedure, bench, values, order=api.Order(name, folder, seed=seed, figure=False))
    if outcome.status != "done" or outcome.run is None:
        raise RuntimeError(f"{name} on {bench_name} ended {outcome.status}")
    return api.load(outcome.run)


def calibrate(bench_name: str, folder: Path, seed: int) -> None:
    """Take the calibrations of a bench."""
    for name, values in CALIBRATIONS[bench_name].items():
        take(name, bench_name, folder, seed, values)


# ------------------------------------------------------------------ ying2021
def through(procedure: str, bench: str, seed: int) -> Mapping[str, Any]:
    """Calibrate the bench, run a procedure with its defaults; gives its results."""
    with state_folder() as folder:
        calibrate(bench, folder, seed)
        return take(procedure, bench, folder, seed).results


def named(results: Mapping[str, Any], bench: str) -> Results:
    """Give the values of a procedure's results by the names of the vocabulary."""
    milli = bench in IN_MILLIJOULES
    return {RENAMED.get(bench, {}).get(name, name): result.value * (1e-3 if milli and result.unit == "µJ/cm²" else 1.0)
            for name, result in results.items()}


def procedure_on(paper: str, bench: str, procedure: str) -> Experiment:
    """Make an experiment of a procedure on a bench, whose results count for a paper."""
    return Experiment(f"{procedure} on {bench}", paper, partial(through, procedure, bench), partial(named, bench=bench))


def excitation(seed: int) -> np.ndarray:
    """Calibrate the bench, then scan the excitation with the procedure's defaults; gives the power at the sample in W."""
    with state_folder() as folder:
        calibrate("ying2021", folder, seed)
        return np.array(take("ple", "ying2021", folder, seed).data["excitation_power"])


def estimate_power(power_w: np.ndarray) -> Results:
    """Give the power held during the scan in µW."""
    return {"pump_power": 1e6 * float(np.median(power_w))}


# ------------------------------------------------------------------ qin2021
def bias(seed: int) -> tuple[np.ndarray, bool]:
    """Raise the bias to its limit, and ask for half a volt more; gives the measured volts and whether that was refused."""
    with state_folder() as folder:
        run = take(Bias(), "qin2021", folder, seed)
        highest = float(np.max(np.array(run.data["bias_voltage"])))
        try:
            take(Bias(top=highest + LIMIT_EXCESS_V), "qin2021", folder, seed)
        except Refused as refused:
            return np.array(run.data["bias_voltage_measured"]), "bias.voltage" in str(refused)
        return np.array(run.data["bias_voltage_measured"]), False


def estimate_bias(data: tuple[np.ndarray, bool]) -> Results:
    """Give the largest bias, and whether more is refused."""
    return {"bias_voltage_max": float(np.abs(data[0]).max()), "bias_over_limit_refused": data[1]}


def weak_pump(seed: int) -> np.ndarray:
    """Calibrate the bench, then hold the weak fluence; gives what was measured in J/cm²."""
    with state_folder() as folder:
        calibrate("qin2021-trpl", folder, seed)
        return np.array(take(WeakPump(), "qin2021-trpl", folder, seed).data["pump_fluence"])


def estimate_weak_pump(fluence_j_cm2: np.ndarray) -> Results:
    """Give the fluence in nJ/cm²."""
    return {"pump_fluence": 1e9 * float(np.median(fluence_j_cm2))}


BENCH_ROWS = (
    Experiment("power of the excitation scan, whole bench", "ying2021", excitation, estimate_power),
    Experiment("bias limit, whole bench", "qin2021", bias, estimate_bias),
    Experiment("weak pump, whole bench", "qin2021", weak_pump, estimate_weak_pump),
)
"""Rows about the bench itself, which only the whole bench can answer."""

AFTER_CALIBRATION = tuple(procedure_on(*each) for each in (
    ("ying2021", "ying2021", "ple"), ("ying2021", "ying2021-polarization", "polarization"), ("qin2021", "qin2021", "voltage_ase"),
    ("wang2015", "wang2015", "power_series"), ("wang2015", "wang2015", "vsl"), ("wang2015", "wang2015-10k", "biexciton"),
    ("ying2021", "ying2021", "power_series"), ("ying2021", "ying2021-trpl", "trpl"), ("qin2021", "qin2021-trpl", "trpl"),
    ("xiong2022", "xiong2022", "power_series"), ("sun2024", "sun2024-overview", "power_series"),
    ("sun2024", "sun2024", "polarization")))
"""Procedures with their defaults, after the calibrations of the bench: rows that the ideal detectors have answered."""
