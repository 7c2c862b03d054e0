"""Runs to draw: made up for what has to be exact, measured on the twin for what has to look right."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.gui.model.measured import StoredRun
from labctl.store.run import load


@pytest.fixture(scope="session")
def twin_ple(tmp_path_factory):
    """A short PLE scan of the twin, as its file gives it back; beside it lies the calibration, whatever other tests have taken."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(tmp_path_factory.mktemp("gui_state")))
        root = tmp_path_factory.mktemp("gui_data")
        with api.open_bench("ying2021") as bench:
            order = api.Order("power_calibration", root, seed=1, figure=False)
            assert api.run("power_calibration", bench, {"wavelengths": 6, "angles": 10}, order=order).status == "done"
        with api.open_bench("ying2021") as bench:
            order = api.Order("ple", root, seed=1, figure=False)
            outcome = api.run("ple", bench, {"start": 522, "stop": 528, "step": 0.5}, order=order)
    assert outcome.status == "done"
    return outcome.run


@pytest.fixture
def stored_ple(twin_ple):
    """The PLE scan, open."""
    with load(twin_ple) as run:
        yield StoredRun(run)
