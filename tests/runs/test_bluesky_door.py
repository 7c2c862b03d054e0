"""Bluesky's plans on a simulated bench: what they read, what they may not, and how the bench is left."""

from __future__ import annotations

import threading

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import event_model
import numpy as np
import pytest
from bluesky import FailedStatus, RunEngine, RunEngineInterrupted, protocols

from labctl.core.errors import LabctlError, Refused, UnsafeState
from labctl.core.plan import Problem
from labctl.doors.bluesky import open_door
from labctl.store.ledger import open_ledger

BENCH, ANGLE = "ying2021-polarization", "analyser.angle"


class Plans:
    """A run engine, and the documents that it has sent."""

    def __init__(self):
        self.engine = RunEngine({})
        self.documents = []
        self.engine.subscribe(lambda name, document: self.documents.append((name, document)))

    def __call__(self, plan):
        self.documents.clear()
        return self.engine(plan)

    def named(self, wanted):
        return [document for name, document in self.documents if name == wanted]


@pytest.fixture(scope="module")
def plans():
    return Plans()


@pytest.fixture
def door():
    with open_door(BENCH, seed=5) as opened:
        yield opened


def bench_of(door):
    return door._attendant.bench


def dark(door):
    """Ask the twin: no light at the sample, and the shutter closed."""
    twin = bench_of(door).twin
    return twin.power_at_sample_now() == 0.0 and twin.element("shutter").closed


def test_the_objects_are_what_bluesky_asks_for(door):
    axis, detector = door.axis(ANGLE), door.detector("spectrum", exposure="10 ms")
    for protocol in (protocols.Readable, protocols.Movable, protocols.Locatable, protocols.Checkable, protocols.Stoppable,
                     protocols.Stageable, protocols.Pausable, protocols.HasHints):
        assert isinstance(axis, protocol)
    for protocol in (protocols.Readable, protocols.Triggerable, protocols.Configurable, protocols.Stageable, protocols.HasHints):
        assert isinstance(detector, protocol)
    assert isinstance(axis.set(5.0), protocols.Status)


def test_scans_read_in_the_light_and_leave_the_bench_parked_and_dark(door, plans):
    axis, detector = door.axis(ANGLE), door.detector("spectrum", "power", exposure="10 ms")
    plans(bp.list_scan([detector], axis, [0.0, 45.0, 90.0]))
    for name, document in plans.documents:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(document)
    (descriptor,), events = plans.named("descriptor"), plans.named("event")
    assert [event["data"]["analyser_angle"] for event in events] == pytest.approx([0.0, 45.0, 90.0], abs=0.01)
    assert descriptor["data_keys"]["spectrum_power_counts"]["shape"] == list(events[0]["data"]["spectrum_power_counts"].shape)
    assert np.diff(descriptor["configuration"]["spectrum_power"]["data"]["spectrum_power_emission_wavelength"]).min() > 0.0
    assert plans.named("stop")[0]["exit_status"] == "success"
    assert dark(door)
    plans(bp.scan([detector], axis, 10.0, 20.0, 2))
    assert [event["data"]["analyser_angle"] for event in plans.named("event")] == pytest.approx([10.0, 20.0], abs=0.01)


def test_all_light_of_a_plan_is_counted(door, plans):
    plans(bp.count([door.detector("spectrum", exposure="100 ms")], 3))
    lit_s = sum(event["data"]["spectrum_lit_s"] for event in plans.named("event"))
    with open_ledger() as ledger:
        places = ledger.places(world=bench_of(door).session)
    assert lit_s > 0.3
    assert sum(light.lit_s for light in places.values()) == pytest.approx(lit_s, abs=1e-3)


def test_what_the_bench_cannot_do_is_refused_before_anything_moves(door, plans):
    axis, detector = door.axis(ANGLE), door.detector("spectrum", exposure="10 ms")
    plans(bps.mv(axis, 30.0))
    for plan in (bp.list_scan([detector], axis, [1e6]), bps.mv(door.axis("pump.wavelength"), 9000.0)):
        with pytest.raises(Refused, match=r"9000|e\+06"):
            plans(plan)
    assert axis.position == pytest.approx(30.0, abs=0.01)
    with pytest.raises(Refused, match="no analyzer"):
        door.axis("analyzer.angle")
    with pytest.raises(Refused, match="exposure"):
        door.detector("spectrum", exposure="1e9 s")
    with pytest.raises(LabctlError, match="not been triggered"):
        detector.read()


def test_a_plan_that_fails_leaves_the_bench_dark_and_usable(door, plans):
    axis, detector = door.axis(ANGLE), door.detector("spectrum", exposure="10 ms")

    def failing():
        yield from bps.stage_all(detector, axis)
        yield from bps.mv(axis, 12.0)
        yield from bps.trigger(detector, wait=True)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        plans(failing())
    assert dark(door)
    plans(bp.count([detector]))
    assert len(plans.named("event")) == 1


def test_an_instrument_that_fails_ends_the_plan_with_its_reason(door, plans):
    detector = door.detector("spectrum", exposure="10 ms")
    bench = bench_of(door)

    def hung():
        raise LabctlError("the camera has gone")
        yield

    bench.detectors["spectrum"].expose = hung
    with pytest.raises(FailedStatus) as failed:
        plans(bp.count([detector]))
    assert "the camera has gone" in str(failed.value.__cause__ or failed.value.args[0].exception())
    assert dark(door)


def test_stopped_in_the_middle_of_an_exposure_the_shutter_closes_at_once_and_the_plan_can_go_on(plans):
    with open_door(BENCH, speed=20.0, seed=5) as door:
        axis, detector = door.axis(ANGLE), door.detector("spectrum", exposure="200 s")
        shutter = bench_of(door).shutter
        opened = threading.Event()
        watched = shutter.open

        def open_and_tell():
            yield from watched()
            opened.set()

        shutter.open = open_and_tell

        def interrupt():
            opened.wait(30.0)
            plans.engine.request_pause(defer=False)

        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(RunEngineInterrupted):
            plans(bp.list_scan([detector], axis, [10.0]))
        detector.stop()                     # harmless, and the abort under way has ended when this is answered
        door._attendant.ask(ANGLE)
        assert dark(door)
        plans.engine.abort()
        assert plans.named("event") == []
        assert plans.named("stop")[0]["exit_status"] == "abort"
        assert dark(door)


def test_what_was_asked_for_holds_for_the_plan_that_follows(door, plans):
    """A plan begins with a parked bench, so it is set again, once."""
    bench = bench_of(door)
    moved = []
    for name, axis in bench.axes.items():
        def noting(value, at, name=name, move=axis.move):
            moved.append((name, value))
            return move(value, at)
        axis.move = noting
    plans(bps.mv(door.axis("nd.slot"), 2))
    moved.clear()
    plans(bp.count([door.detector("spectrum", exposure="10 ms")], 2))
    assert moved.count(("nd.slot", 2.0)) == 1


def test_axes_that_a_plan_sets_together_move_together(door, plans):
    """On the bench's own clock: as long as the slowest, where they else take as long as all of them."""
    clock, angle, centre = bench_of(door).clock, door.axis(ANGLE), door.axis("emission.centre")

    def there_s(*plans_there):
        """Give how long it takes from one place to another, s."""
        plans(bps.mv(angle, 90.0, centre, 800.0))
        began = clock.now()
        for plan in plans_there:
            plans(plan)
        return clock.now() - began

    each_s = [there_s(bps.mv(angle, 85.0)), there_s(bps.mv(centre, 500.0))]
    one_after_the_other_s = there_s(bps.mv(angle, 85.0, centre, 500.0))
    plans.engine.preprocessors.append(door.together)
    try:
        together_s = there_s(bps.mv(angle, 85.0, centre, 500.0))
        assert [axis.position for axis in (angle, centre)] == pytest.approx([85.0, 500.0], abs=0.2)
        assert [axis.locate()["setpoint"] for axis in (angle, centre)] == [85.0, 500.0]
        with pytest.raises(Refused, match=r"1e\+06"):
            plans(bps.mv(angle, 10.0, centre, 1e6))
        plans(bp.list_scan([door.detector("spectrum", exposure="10 ms")], angle, [5.0, 6.0], centre, [531.0, 532.0]))
        assert [event["data"]["emission_centre"] for event in plans.named("event")] == pytest.approx([531.0, 532.0], abs=0.2)
    finally:
        plans.engine.preprocessors.clear()
    assert one_after_the_other_s == pytest.approx(sum(each_s), rel=0.1)
    assert together_s == pytest.approx(max(each_s), rel=0.1)
    assert together_s < 0.8 * one_after_the_other_s


def test_a_bench_that_is_not_parked_in_the_end_says_so_to_who_closes_the_door(plans):
    opening = open_door(BENCH, seed=5)
    door = opening.__enter__()
    plans(bps.mv(door.axis(ANGLE), 30.0))
    bench_of(door).run_level = lambda level: [Problem("shutter", "did not close")]
    with pytest.raises(UnsafeState, match="did not close"):
        opening.__exit__(None, None, None)


def test_closed_doors_say_so():
    with open_door(BENCH, seed=5) as door:
        axis = door.axis(ANGLE)
    with pytest.raises(LabctlError, match="closed"):
        axis.set(1.0)


def test_a_bench_that_cannot_be_opened_says_why():
    with pytest.raises(Refused, match="no bench"), open_door("ying2020"):
        pass
