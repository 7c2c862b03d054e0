"""A run through engine, journal and file: a filter in the detection dims the counts and leaves the signal where it was."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

import labctl.api as api
from labctl.core.errors import Refused
from labctl.core.plan import Point
from labctl.core.procedure import Procedure
from labctl.core.reduction import Reduction

WINDOW = slice(300, 700)        # columns around the emission
LIT = {"pump.wavelength": 400.0, "attenuator.angle": 22.5, "detection.nd": 1.0}


class Dimmed(Procedure):
    """The same light twice, once through a neutral-density filter."""

    title = "Two filters"

    def plan(self, bench):
        """Take a dark frame and both."""
        yield Point(kind="dark", light=False, exposure_s=4.0)
        for slot in (1.0, 2.0):
            yield Point(set=LIT | {"detection.nd": slot}, exposure_s=4.0)

    def reduce(self, run):
        """Nothing."""
        return Reduction()


class Unblocked(Dimmed):
    """The long-pass taken out."""

    def plan(self, bench):
        """One point with the pump's line on the camera."""
        yield Point(set=LIT | {"detection.filter": 1.0}, exposure_s=1.0)


def bench():
    return api.open_bench(str(resources.files("sim_instruments.benches") / "qin2021.toml"))


def test_the_signal_is_divided_by_what_the_filters_let_through(tmp_path):
    with bench() as opened:
        outcome = api.run(Dimmed(), opened, order=api.Order("dimmed", tmp_path, seed=1, figure=False))
    assert outcome.status == "done"
    assert outcome.run is not None
    with api.load(outcome.run) as run:
        dark = run.select("dark").counts()[0].astype(float)
        counts = (run.counts() - dark)[:, WINDOW].sum(axis=1)
        signal = np.nansum(run.signal()[:, WINDOW], axis=1)
        assert counts[1] / counts[0] < 0.35
        assert abs(signal[1] / signal[0] - 1.0) < 0.02          # the source drifts by 0.5 %, the filter is known to 0.2 %
        assert run["detection.filter_measured"].tolist() == [2.0, 2.0]


def test_a_plan_whose_pump_the_filter_passes_is_refused_before_anything_moves(tmp_path):
    with bench() as opened:
        with pytest.raises(Refused, match=r"Choose slot 2 \(long pass 450 nm\)"):
            api.run(Unblocked(), opened, order=api.Order("unblocked", tmp_path, seed=1, figure=False))
        assert opened.twin.sample_port.lit_seconds == 0.0
