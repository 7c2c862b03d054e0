"""Through the whole bench: drivers, wire, engine, journal and file, after the calibrations a user would run; nothing is ideal.

Each run has its own state folder and noise seed; what the bench hides (plate offsets, gain of the power head, ...) is dealt by the
seed in its file. Procedures are the registered ones where there are any; rows about the bench alone are read with plain points.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
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
CALIBRATION = {"ying2021": {}, "qin2021-trpl": {"first_wavelength": 399.0, "last_wavelength": 401.0, "wavelengths": 5, "angles": 9}}
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


# ------------------------------------------------------------------ ying2021
@lru_cache(maxsize=16)
def excitation(seed: int) -> tuple[Any, Any]:
    """Calibrate the power, then scan the excitation with the procedure's defaults."""
    with state_folder() as folder:
        calibrated = take("power_calibration", "ying2021", folder, seed, CALIBRATION["ying2021"])
        scan = take("ple", "ying2021", folder, seed)
        return calibrated.results, (scan.results, np.array(scan.data["excitation_power"]))


def estimate_excitation(data: tuple[Any, Any]) -> Results:
    """Give resonance and distance to the spontaneous line."""
    results, _ = data[1]
    return {"stokes_shift": results["red_shift_meV"].value, "resonance_nm": results["resonance_nm"].value}


def estimate_power(data: tuple[Any, Any]) -> Results:
    """Give the power held during the scan in µW."""
    return {"pump_power": 1e6 * float(np.median(data[1][1]))}


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
    """Calibrate the power, then hold the weak fluence; gives what was measured in J/cm²."""
    with state_folder() as folder:
        take("power_calibration", "qin2021-trpl", folder, seed, CALIBRATION["qin2021-trpl"])
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

AFTER_CALIBRATION = (Experiment("excitation spectrum, whole bench", "ying2021", excitation, estimate_excitation),)
"""Rows that the ideal detectors have answered already, once more through everything."""
