"""Faults of the wire, planted at the bytes of one device during a run: recovered or failed, never wrong, and always parked.

The numbers are the rows of the fault matrix (docs/explanations/decisions/0002-own-engine.md names its promises).
"""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api
from labctl.core import Point, Procedure
from labctl.engine import runner
from labctl.engine.control import Control
from sim_instruments.faults import Fault

ROLES = ("laser", "attenuator", "nd", "power_meter", "shutter", "spectrograph")
ONCE = {                    # row -> fault that strikes one reply and has to be recovered from
    1: {"kind": "drop"}, 3: {"kind": "late", "seconds": 2.0}, 4: {"kind": "bytewise", "seconds": 0.05},
    5: {"kind": "split", "seconds": 0.05}, 6: {"kind": "truncate"}, 8: {"kind": "garble"}, 11: {"kind": "duplicate"},
}
TALKATIVE_WHEN_PARKED = ("attenuator", "shutter", "spectrograph")
LONGEST_S = 120.0           # bench time within which any of these runs has to end; undisturbed it takes about 15 s


class TwoPoints(Procedure):
    """Two lit points with everything moving."""

    title = "two points"
    scan_axes = ("pump.wavelength",)

    def plan(self, bench):
        for wavelength in (518.0, 522.0):
            where = {"pump.wavelength": wavelength, "attenuator.angle": wavelength - 480.0, "nd.slot": 1.0}
            yield Point(set={**where, "emission.centre": 557.0}, read=("power", "spectrum"), exposure_s=0.05)


@pytest.fixture
def run(labctl_state, tmp_path):
    """Run the two points with something done to the bench at the start of the first; gives outcome and bench."""
    def go(prepare=lambda bench: None, control=None):
        with api.open_bench("ying2021") as bench:
            order = runner.Order("two_points", tmp_path, seed=3, figure=False)
            bench.clock.call_at(2.0, lambda: prepare(bench))
            outcome = runner.run(TwoPoints(), bench, order, control=control)
            assert bench.twin.element("shutter").closed, "the shutter has to be closed on every way out"
            assert bench.twin.power_at_sample_now() == 0.0
            assert bench.clock.now() < LONGEST_S
            return outcome
    return go


@pytest.fixture
def counts(run):
    """What the two points give when nothing happens."""
    outcome = run()
    assert outcome.status == "done"
    return measured(outcome)


def measured(outcome):
    with api.load(outcome.run) as found:
        assert found.status == outcome.status
        return found["pump.wavelength"], found.counts() if len(found) else np.zeros((0, 1024))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", ONCE, ids=lambda row: f"row{row:02d}")
def test_one_bad_reply_is_recovered(run, row, role):
    skip = row % 4

    def plant(bench):
        bench.emulator(role).faults.append(Fault(skip=skip, **ONCE[row]))

    outcome = run(plant)
    assert outcome.status == "done", outcome.problems
    wavelength, counts = measured(outcome)
    assert list(wavelength) == [518.0, 522.0]
    assert counts.shape == (2, 1024)
    assert counts.min() > 200


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("what", ["hang", "disconnect"], ids=["row02", "row19"])
def test_a_device_that_is_gone_fails_the_run_within_its_deadline(run, what, role):
    def plant(bench):
        device = bench.emulator(role)
        device.faults.append(Fault(what, times=float("inf")))

    outcome = run(plant)
    assert outcome.status in ("failed", "unsafe")
    assert (outcome.status == "unsafe") or role not in TALKATIVE_WHEN_PARKED
    assert any(role in problem.field or role in problem.text for problem in outcome.problems), outcome.problems
    wavelength, _ = measured(outcome)
    assert len(wavelength) <= 1


@pytest.mark.parametrize("moment", [2.0, 2.7, 3.1, 3.9, 4.2, 5.0, 6.0, 7.1])
@pytest.mark.parametrize("times", [1, 2], ids=["row38-once", "row38-twice"])
def test_abort_at_any_moment(run, moment, times):
    control = Control()

    def plant(bench):
        for _ in range(times):
            bench.clock.call_at(moment, lambda: control.request("Ctrl-C"))

    outcome = run(plant, control)
    assert outcome.status == ("aborted" if outcome.points < 2 else "done")
    assert len(measured(outcome)[0]) == outcome.points
    if times == 2:
        assert outcome.points < 2, "the second request has to stop the point under way"


def test_row52_exception_in_a_safe_action(run):
    def plant(bench):
        bench.devices["attenuator"].driver.park = lambda: 1 / 0

    outcome = run(plant)
    assert outcome.status == "unsafe"
    assert any("park failed" in problem.text for problem in outcome.problems)


def test_row59_shutter_says_open_after_close(run, labctl_state, tmp_path):
    with api.open_bench("ying2021") as bench:
        emulator = bench.emulator("shutter")

        def stick():
            emulator.shutter.opening.move(1.0)
            emulator.stuck = True

        bench.clock.call_at(3.0, stick)
        outcome = runner.run(TwoPoints(), bench, runner.Order("two_points", tmp_path, seed=3, figure=False))
        assert outcome.status == "unsafe"
        assert not bench.twin.source.emission, "an unconfirmed shutter has to end with the emission off"


def test_row60_normal_end_leaves_emission_and_cooling(run, labctl_state, tmp_path):
    with api.open_bench("ying2021") as bench:
        outcome = runner.run(TwoPoints(), bench, runner.Order("two_points", tmp_path, seed=3, figure=False))
        assert outcome.status == "done"
        assert bench.twin.source.emission
        assert bench.devices["ccd"].driver.settings()["target_c"] == -60.0
        assert bench.devices["laser"].driver.settings()["watchdog_s"] == 0
