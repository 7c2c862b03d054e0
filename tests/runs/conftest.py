"""One default PLE run on the simulated bench, taken once and looked at by many tests."""

from __future__ import annotations

import pytest

from labctl import api

COARSE = {"wavelengths": 6, "angles": 10}      # enough for a closed loop, at a quarter of the points of a default calibration


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
