"""Faults of the wire, planted at the bytes of one device during a run: recovered or failed, never wrong, and always parked.

The ids are the rows of the fault matrix (matrix.toml).
"""

from __future__ import annotations

import numpy as np
import pytest
from pyvisa.constants import StatusCode
from pyvisa.errors import VisaIOError

from labctl import api
from sim_instruments.faults import Fault

ROLES = ("laser", "attenuator", "nd", "power_meter", "shutter", "spectrograph")
ONCE = {                    # row -> fault that strikes one reply and has to be recovered from
    1: {"kind": "drop"}, 3: {"kind": "late", "seconds": 2.0}, 4: {"kind": "bytewise", "seconds": 0.05},
    5: {"kind": "split", "seconds": 0.05}, 6: {"kind": "truncate"}, 7: {"kind": "shorten"}, 8: {"kind": "garble"},
    11: {"kind": "duplicate"},
}
RECORDED = {1: True, 4: False, 6: True}     # whether the run's log has to tell of it
ADDRESSED = [(9, "laser", {"kind": "checksum"}), (10, "laser", {"kind": "address"}), (10, "attenuator", {"kind": "address"}),
             (12, "attenuator", {"kind": "unasked", "data": b"0PO00001234\r\n"}),
             (12, "laser", {"kind": "unasked", "data": bytes.fromhex("0DA20108660000" "0E290A")})]
TALKATIVE_WHEN_PARKED = ("attenuator", "shutter", "spectrograph")
SAME = 0.05                 # relative: jitter and drift of the pump between two histories


def assert_true(measured, outcome, undisturbed):
    """The points stand where they were planned and hold what an undisturbed run holds, but for jitter, drift and noise."""
    wavelength, counts = measured(outcome)
    assert list(wavelength) == [518.0, 522.0][: len(wavelength)]
    bright = undisturbed[: len(counts)].astype(float).sum(axis=1)
    assert np.all(np.abs(counts.astype(float).sum(axis=1) / bright - 1.0) < SAME)



@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", ONCE, ids=lambda row: f"row{row:02d}")
def test_one_bad_reply_is_recovered(run, measured, undisturbed, row, role):
    def plant(bench):
        bench.emulator(role).faults.append(Fault(skip=row % 4, **ONCE[row]))

    outcome = run(plant)
    assert outcome.status == "done", outcome.problems
    assert_true(measured, outcome, undisturbed)
    if row in RECORDED:
        with api.load(outcome.run) as found:
            told = [event.text for event in found.events if role in event.text]
        assert bool(told) == RECORDED[row], told


@pytest.mark.parametrize(("row", "role", "what"), ADDRESSED, ids=[f"row{row:02d}-{role}" for row, role, _ in ADDRESSED])
def test_a_message_that_is_not_the_answer_is_not_taken_for_it(run, measured, undisturbed, row, role, what):
    outcome = run(lambda bench: bench.emulator(role).faults.append(Fault(skip=row % 3, times=2, **what)))
    assert outcome.status == "done", outcome.problems
    assert_true(measured, outcome, undisturbed)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("what", ["hang", "disconnect"], ids=["row02", "row19"])
def test_a_device_that_is_gone_fails_the_run_within_its_deadline(run, measured, what, role):
    outcome = run(lambda bench: bench.emulator(role).faults.append(Fault(what, times=float("inf"))))
    assert outcome.status in ("failed", "unsafe")
    assert (outcome.status == "unsafe") or role not in TALKATIVE_WHEN_PARKED
    assert any(role in problem.field or role in problem.text for problem in outcome.problems), outcome.problems
    wavelength, _ = measured(outcome)
    assert len(wavelength) <= 1


@pytest.mark.parametrize("role", ROLES)
def test_row18_half_a_command_sent(run, measured, undisturbed, role):
    def plant(bench):
        device = bench.emulator(role)
        feed = device.feed

        def half(data):
            device.feed = feed
            feed(data[: len(data) // 2])
            raise VisaIOError(StatusCode.error_timeout)        # the line took no more in time

        device.feed = half

    outcome = run(plant)
    assert outcome.status == "done", outcome.problems
    assert_true(measured, outcome, undisturbed)


@pytest.mark.parametrize("role", ["attenuator", "shutter", "power_meter"])
def test_row20_a_device_that_comes_back_is_asked_who_it_is(run, resume, measured, undisturbed, role):
    def plant(bench):
        device = bench.emulator(role)
        device.faults.append(Fault("disconnect", skip=3))
        unplug = device.unplug
        device.unplug = lambda: (unplug(), bench.clock.call_at(bench.clock.now() + 0.5, device.plug_in))

    outcome = run(plant)
    assert outcome.status in ("failed", "unsafe"), "it may be another device, or have forgotten its state"
    resumed = resume(outcome)
    assert resumed.status == "done"
    assert np.array_equal(measured(resumed)[1], undisturbed)
