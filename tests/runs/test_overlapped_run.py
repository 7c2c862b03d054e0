"""A run whose moves overlap with the read-out measures what any other does: here the read-out takes no bench time."""

from __future__ import annotations

from importlib import resources

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


def test_a_camera_behind_its_own_shutter_is_read_in_the_dark_while_the_stage_moves(labctl_state, ple_run, tmp_path):
    """The pump shutter closes as soon as the exposure has ended, and the stage goes on; frames are those of a run without."""
    text = resources.files("sim_instruments.benches").joinpath("ying2021-positioning.toml").read_text(encoding="utf-8")
    camera = "options = {temperature_c = -60.0"
    assert text.count(camera) == 1
    behind = text.replace(camera, f'overlap = OVERLAP\n{camera}, shutter = "internal", opening_ms = 20, closing_ms = 20')
    order, found = api.Order("raster", tmp_path, seed=5, figure=False), []
    for overlap in ("false", "true"):
        path = tmp_path / f"overlap-{overlap}.toml"
        path.write_text(behind.replace("OVERLAP", overlap), encoding="utf-8")
        with api.open_bench(str(path)) as bench:
            outcome = api.run("raster", bench, {"x_places": 3, "y_places": 3}, order=order)
        assert outcome.status == "done", outcome.problems
        with api.load(outcome.run) as run:
            found.append((run.counts(), run["lit_s"], np.median(np.diff(run["elapsed_s"])), run["exposure_s"][0]))
    (plain, lit_s, each_s, exposure_s), (overlapped, _, faster_s, _) = found
    assert np.corrcoef(plain.sum(axis=1), overlapped.sum(axis=1))[0, 1] > 0.99
    assert lit_s == pytest.approx(exposure_s + 0.2, abs=0.05)
    assert faster_s < each_s
