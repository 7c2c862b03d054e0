"""A run that was paused, aborted or killed and went on equals one that was never disturbed, bit for bit."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from labctl import api
from labctl.core.errors import LabctlError, Refused
from labctl.engine.control import Control

POINTS = 1 + 2 + 3


@pytest.fixture
def scan(small_scan):
    """Run the small scan with seed 5, under wishes that come at bench times in seconds."""
    def run(*wishes):
        control = Control()
        with api.open_bench("ying2021") as bench:
            for when, wish in wishes:
                bench.clock.call_at(when, lambda wish=wish: wish(control))
            return small_scan(bench, control)
    return run


@pytest.fixture
def undisturbed(scan):
    return measured(scan())


def measured(outcome):
    with api.load(outcome.run) as run:
        return run.counts(), run["pump.photon_flux_measured"], run["pump.power"]


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("drop", [False, True])
def test_paused_run_is_undisturbed(scan, undisturbed, drop):
    outcome = scan((12.3, lambda control: control.pause(drop=drop)), (4000.0, Control.resume))
    assert outcome.seconds > 3900
    assert_same(measured(outcome), undisturbed)


@pytest.mark.parametrize("times", [1, 2])
def test_aborted_and_resumed_run_is_undisturbed(scan, undisturbed, times):
    aborted = scan(*[(12.3, lambda control: control.request("Ctrl-C"))] * times)
    assert aborted.status == "aborted"
    assert 0 < aborted.points < POINTS
    resumed = api.resume(aborted.run, figure=False)
    assert (resumed.status, resumed.points, resumed.run_id) == ("done", POINTS, aborted.run_id)
    assert resumed.run.name.endswith("_r1.nxs")
    assert_same(measured(resumed), undisturbed)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_killed_run_loses_nothing_and_can_be_resumed(undisturbed, killed_scan):
    journal = killed_scan(4)
    with api.load(journal) as left:
        assert len(left.plan) == POINTS
    resumed = api.resume(journal, figure=False)
    assert (resumed.status, resumed.points) == ("done", POINTS)
    assert_same(measured(resumed), undisturbed)


def test_complete_run_has_nothing_to_resume(ple_run):
    with pytest.raises(LabctlError, match="nothing to resume"):
        api.resume(ple_run.run)


def test_changed_plan_is_refused(scan, tmp_path):
    aborted = scan((12.3, lambda control: control.request("Ctrl-C")))
    config, text, _ = api.load_bench_file("ying2021")
    limits = config.safety.model_copy(update={"limits": {"pump.power": (0.0, 50e-6)}})
    config = config.model_copy(update={"safety": limits})
    with api.open_config(config, text) as changed, pytest.raises(Refused, match="not today"):
        api.resume(aborted.run, changed)
