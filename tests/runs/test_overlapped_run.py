"""A run whose moves overlap with the read-out measures what any other does: here the read-out takes no bench time."""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api
from labctl.engine import runner
from labctl.engine.control import Control

SCAN = {"start": 520, "stop": 521, "dark_frames": 1}


@pytest.fixture
def scan(labctl_state, ple_run, tmp_path):
    """Run a small scan with seed 5, with or without overlap, aborted at a bench time or not."""
    def run(overlaps, abort_at=None):
        control = Control()
        with api.open_bench("ying2021") as bench:
            bench.detectors["spectrum"].overlaps = overlaps
            if abort_at is not None:
                bench.clock.call_at(abort_at, lambda: control.request("Ctrl-C"))
            return api.run("ple", bench, SCAN, order=api.Order("ple", tmp_path, seed=5, figure=False), control=control)
    return run


def measured(outcome):
    with api.load(outcome.run) as run:
        return run.counts(), run["pump.photon_flux_measured"], run["pump.power"]


def test_overlapped_data_are_the_same(scan):
    plain, overlapped = scan(False), scan(True)
    assert overlapped.status == "done"
    assert overlapped.seconds <= plain.seconds
    for one, other in zip(measured(plain), measured(overlapped), strict=True):
        assert np.array_equal(one, other)


def test_overlapped_run_goes_on_after_an_abort(scan):
    plain, aborted = scan(False), scan(True, abort_at=12.3)
    assert aborted.status == "aborted"
    assert 0 < aborted.points < plain.points
    with api.open_bench("ying2021") as bench:
        bench.detectors["spectrum"].overlaps = True
        resumed = runner.resume(api.make_procedure("ple", SCAN), bench, aborted.run.with_suffix(".journal"), figure=False)
    assert resumed.status == "done"
    for one, other in zip(measured(plain), measured(resumed), strict=True):
        assert np.array_equal(one, other)
