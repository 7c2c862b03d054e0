"""The points of a resumed run make the same calls at the same times as those of an undisturbed one: that is why they are the same.

Four things had to be put back for it, and each of them is in this plan: the exposure that a detector was set up for, what was last
asked of the spectrograph, the voltages that the source-meter has held, and polls that fall together with the end of a move.
"""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api
from labctl.bench.devices import Device
from labctl.core import Point, Procedure
from labctl.core.reduction import Reduction
from labctl.engine import runner
from labctl.engine.control import Control
from labctl.engine.events import Listeners, PointDone

PLACES = ((3.0, 520.0, 0.05), (-2.0, 525.0, 0.1), (1.0, 525.0, 0.1), (3.0, 520.0, 0.05))      # V, nm, s


class ThereAndBack(Procedure):
    """A bias that comes back to where it has been, a spectrograph that moves, two exposures."""

    def plan(self, bench):
        for volts, centre, exposure_s in PLACES:
            yield Point({"bias.voltage": volts, "emission.centre": centre}, read=("spectrum",), exposure_s=exposure_s)
            yield Point({"bias.voltage": volts}, read=("power",))

    def reduce(self, run):
        return Reduction()


@pytest.fixture
def go(labctl_state, tmp_path, monkeypatch):
    """Run, until so many points are done; or resume. Gives the outcome and, by point, every call with its time since the visit."""
    evaluate, announce = Device._evaluate, api.Bench.point

    def begin(points=None, journal=None):
        control, calls, visit = Control(), {}, [0.0, -1]

        def count(event):
            if isinstance(event, PointDone) and event.reading.index + 1 == points:
                control.request("Ctrl-C")

        def noted(device, method, args, kwargs):
            told = (round(device.clock.now() - visit[0], 12), device.role, method if isinstance(method, str) else "")
            calls.setdefault(visit[1], []).append(told)
            return evaluate(device, method, args, kwargs)

        def announced(bench, seed, index):
            visit[:] = bench.clock.now(), index
            announce(bench, seed, index)

        monkeypatch.setattr(Device, "_evaluate", noted)
        monkeypatch.setattr(api.Bench, "point", announced)
        with api.open_bench("qin2021") as bench:
            if journal is not None:
                bench.clock.wait(1234.567)
                return runner.resume(ThereAndBack(), bench, journal, figure=False, control=control), calls
            order = runner.Order("there_and_back", tmp_path, seed=5, figure=False)
            return runner.run(ThereAndBack(), bench, order, control=control, listeners=Listeners(count)), calls
    return begin


def measured(outcome):
    with api.load(outcome.run) as run:
        names = ("bias.voltage_measured", "spectrum_power", "power", "pump.power", "pump.power_measured")
        return {name: run[name] for name in run.names if name in names} | {"counts": run.counts()}


def test_every_call_comes_when_it_would_have_come(go):
    undisturbed, calls = go()
    expected = measured(undisturbed)
    for points in (4, 6):
        aborted, _ = go(points)
        assert (aborted.status, aborted.points) == ("aborted", points)
        resumed, again = go(journal=aborted.run.with_suffix(".journal"))
        assert (resumed.status, resumed.points) == ("done", 2 * len(PLACES))
        for index in range(points, 2 * len(PLACES) - 1):         # the last one's calls are followed by those of park
            assert again[index] == calls[index], f"point {index} after {points}"
        for name, values in measured(resumed).items():
            assert np.array_equal(values, expected[name], equal_nan=True), name
