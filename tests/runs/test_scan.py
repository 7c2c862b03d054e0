"""A sweep in three lines: an ordinary run in every respect."""

from __future__ import annotations

import numpy as np
import pytest

import labctl
from labctl.core.errors import Refused
from labctl.core.plots import from_json
from labctl.engine.control import Control
from labctl.engine.events import Listeners, PointDone


@pytest.fixture
def bench(calibrated):
    calibrated("ying2021")
    with labctl.open_bench("ying2021") as opened:
        yield opened


def test_three_lines(calibrated, tmp_path):
    calibrated("ying2021")
    with labctl.open_bench("ying2021") as bench:
        bench["pump.wavelength"] = 505
        outcome = labctl.scan(bench, {"pump.power": ["2 uW", "6 uW", "12 uW"]}, exposure="1 s", out=tmp_path, seed=1)
    assert (outcome.status, outcome.points) == ("done", 6)
    assert outcome.figure is not None
    with outcome.load() as run:
        assert run["pump.power"] == pytest.approx([2e-6, 6e-6, 12e-6])
        assert [point.kind for point in run.plan] == ["dark"] * 3 + ["scan"] * 3
        assert run.plan[0].set == {"pump.wavelength": 505.0}, "what was chosen by hand is held"
        assert run.data["counts"].dims == ("excitation_power", "emission_wavelength")
        assert np.all(np.diff(run.curves["emission"].y) > 0)


def test_nested_axes_make_a_grid(bench, tmp_path):
    outcome = labctl.scan(bench, {"pump.power": ["1 uW", "2 uW"], "emission.centre": "535:545:5"}, exposure="20 ms", figure=False,
                          at={"pump.wavelength": 505}, out=tmp_path, seed=1)
    with outcome.load() as run:
        assert run.data["counts"].dims[:2] == ("excitation_power", "emission_centre")
        assert {type(plot).__name__ for plot in run.plots} == {"HeatMap", "Curve"}
        assert set(run.curves) == {"emission", "line_1", "line_2"}
        assert all(from_json(plot.as_json()) == plot for plot in run.plots)


def test_axes_together_a_level_and_numbers_alone(bench, tmp_path):
    bench.set({"pump.wavelength": 505, "pump.power": "1 uW"})
    outcome = labctl.scan(bench, {"emission.centre": [535, 540], "pump.wavelength": [505, 510]}, read="power", level="8 uJ/cm^2",
                          together=True, out=tmp_path, seed=1, figure=False)
    with outcome.load() as run:
        assert outcome.points == 2, "a number needs no dark frames"
        assert list(run["pump.wavelength"]) == [505.0, 510.0]
        assert run.plan[0].set["pump.fluence"] == pytest.approx(8e-6), "the level replaces what was chosen by hand"
        assert "pump.power" not in run.plan[0].set


def test_everything_wrong_is_refused_before_anything_moves(bench, tmp_path):
    with pytest.raises(Refused) as refused:
        labctl.scan(bench, {"analyser.angel": [1], "emission.centre": [1e6]}, read="spektrum", out=tmp_path)
    assert {problem.field for problem in refused.value.problems} >= {"analyser.angel", "emission.centre", "read"}
    with pytest.raises(Refused, match="unit of a pump level"):
        labctl.scan(bench, {"emission.centre": [540]}, level="20")
    with pytest.raises(Refused, match="equally many"):
        labctl.scan(bench, {"emission.centre": [540], "pump.power": [1e-6, 2e-6]}, together=True)
    assert not list(tmp_path.rglob("*.nxs"))


def test_aborted_and_resumed_it_is_the_same_run(bench, tmp_path):
    control = Control()

    def stop(event):
        if isinstance(event, PointDone) and event.reading.index == 4:
            control.request("enough")

    axes = {"pump.power": ["1 uW", "2 uW"], "emission.centre": "535:545:5"}
    options = {"exposure": "20 ms", "at": {"pump.wavelength": 505}}
    whole = labctl.scan(bench, axes, order=labctl.Order("sweep", tmp_path / "whole", seed=1, figure=False), **options)
    with labctl.open_bench("ying2021") as other:
        cut = labctl.scan(other, axes, order=labctl.Order("sweep", tmp_path / "cut", seed=1, figure=False),
                          listeners=Listeners(stop), control=control, **options)
    assert (cut.status, cut.points) == ("aborted", 5)
    resumed = labctl.resume(cut.run, figure=False)
    with whole.load() as one, resumed.load() as other:
        assert resumed.status == "done"
        assert np.array_equal(one.counts(), other.counts())
