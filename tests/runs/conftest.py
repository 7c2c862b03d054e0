"""One default PLE run on the simulated bench, taken once and looked at by many tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from labctl import api

COARSE = {"wavelengths": 6, "angles": 10}      # enough for a closed loop, at a quarter of the points of a default calibration

SMALL = {"start": 520, "stop": 521, "dark_frames": 1}
KILLED = """
import os, signal, sys
from pathlib import Path
from labctl import api
from labctl.engine.events import Listeners, PointDone
left = int(sys.argv[2])
def kill(event):
    global left
    if isinstance(event, PointDone):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
with api.open_bench("ying2021") as bench:
    api.run("ple", bench, {scan}, order=api.Order("ple", Path(sys.argv[1]), seed=5), listeners=Listeners(kill))
"""


def calibrate(bench: str, folder) -> None:
    """Calibrate the power of a bench coarsely, unless it is calibrated."""
    with api.open_bench(bench) as opened:
        if opened.calibrations.get("power_calibration") is None:
            order = api.Order("power_calibration", folder, seed=1, figure=False)
            assert api.run("power_calibration", opened, COARSE, order=order).status == "done"


@pytest.fixture(scope="session")
def ple_run(tmp_path_factory, session_state):
    """The default PLE scan, seed 1."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(session_state))
        root = tmp_path_factory.mktemp("data")
        calibrate("ying2021", tmp_path_factory.mktemp("calibrations"))
        with api.open_bench("ying2021") as bench:
            return api.run("ple", bench, order=api.Order("ple", root, seed=1))


@pytest.fixture
def run_ple(labctl_state, tmp_path):
    """Run a PLE scan with other parameters, bench or seed."""
    def run(bench="ying2021", *, seed=1, figure=False, inspect=None, control=None, **values):
        calibrate(str(bench), tmp_path / "calibrations")
        with api.open_bench(str(bench)) as opened:
            outcome = api.run("ple", opened, values, order=api.Order("ple", tmp_path, seed=seed, figure=figure), control=control)
            if inspect is not None:
                inspect(opened)
            return outcome
    return run


@pytest.fixture
def calibrated(labctl_state, tmp_path):
    """Give a function that calibrates the power of a bench coarsely, once a session."""
    return lambda bench: calibrate(bench, tmp_path / "calibrations")


@pytest.fixture
def take(labctl_state, tmp_path):
    """Run a procedure on a bench, with the seed that these tests share; gives the outcome."""
    def run(name, bench, values=None):
        with api.open_bench(bench) as opened:
            return api.run(name, opened, values or {}, order=api.Order(name, tmp_path, seed=3, figure=False))
    return run


@pytest.fixture
def small_scan(labctl_state, ple_run, tmp_path):
    """Run the small scan with seed 5 on an opened bench: a dark point and five lit ones."""
    return lambda bench, control=None, **order: api.run(
        "ple", bench, SMALL, order=api.Order("ple", tmp_path, seed=5, figure=False, **order), control=control)


@pytest.fixture
def killed_scan(labctl_state, ple_run, tmp_path):
    """Run the small scan in a process that kills itself after some points; gives the journal that is left."""
    def kill(points):
        root = tmp_path / "killed"
        words = [sys.executable, "-c", KILLED.format(scan=SMALL), str(root), str(points)]
        done = subprocess.run(words, timeout=120, check=False, env={**os.environ, "LABCTL_STATE": str(labctl_state)})  # noqa: S603
        assert done.returncode == -signal.SIGKILL
        (journal,) = root.rglob("*.journal")
        return journal
    return kill
