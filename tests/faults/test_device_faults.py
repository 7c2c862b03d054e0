"""Devices that refuse, stall, clamp, forget or lie: typed errors, never a wrong value, and always parked."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from labctl import api
from labctl.bench import connect
from labctl.core.errors import Refused
from labctl.core.plan import Point
from sim_instruments.nkt_filters import RfDriver
from sim_instruments.sdk import Failure

SERIAL_ROLES = ("laser", "attenuator", "nd", "power_meter", "shutter", "spectrograph")
DARK = 300.0 * 1024         # the camera's offset in all columns


def problems(outcome) -> str:
    return " ".join(str(problem) for problem in outcome.problems)


def texts(outcome) -> str:
    with api.load(outcome.run) as found:
        return " ".join(event.text for event in found.events)


class TestAnswers:
    def test_row13_a_refused_set_is_not_given_again(self, run, measured):
        outcome = run(lambda bench: setattr(bench.emulator("filter").module(RfDriver), "nak", 1))
        assert outcome.status == "failed", "a second try would have been taken"
        assert "filter" in problems(outcome)
        assert len(measured(outcome)[0]) == outcome.points < 2

    def test_row13_an_error_entry_after_a_set(self, run, changed_bench, biased):
        def plant(bench):
            box = bench.emulator("bias")
            obey = box.obey
            box.obey = lambda line: (obey(line), box.errors.append((-222, "Data out of range")))[0]

        outcome = run(plant, bench="qin2021", procedure=biased(3.0))
        assert outcome.status == "failed"
        assert "-222" in problems(outcome)

    def test_row14_busy_is_asked_again(self, run, undisturbed, measured):
        outcome = run(lambda bench: setattr(bench.emulator("filter").module(RfDriver), "busy", 4))
        assert outcome.status == "done"
        assert measured(outcome)[1].shape == undisturbed.shape

    def test_row23_entries_left_in_the_error_queue_are_told_and_cleared(self, run):
        def plant(bench):
            bench.emulator("power_meter").errors.append((-350, "Queue overflow"))

        outcome = run(plant, look=lambda bench: empty(bench.emulator("power_meter").errors))
        assert outcome.status in ("done", "failed")
        assert "-350" in problems(outcome) + texts(outcome)


def empty(queue):
    assert not queue


class TestMoves:
    @pytest.mark.parametrize("silent", [False, True])
    def test_row15_motion_that_never_ends_is_stopped(self, run, visiting, monkeypatch, silent):
        """The mount says so itself, or it goes on saying that it moves: then the axis stops it when its time is up."""
        heard = []

        def plant(bench):
            mount, driver = bench.emulator("analyser"), bench.devices["analyser"].driver
            mount.stalled = True
            receive = mount.receive
            mount.receive = lambda data: (heard.append(bytes(data)), receive(data))[1]
            if silent:
                monkeypatch.setattr(type(driver), "moving", True)
                driver.park = lambda: None

        outcome = run(plant, bench="sun2024", at=0.5, longest=1000.0, procedure=visiting(
            Point(set={"analyser.angle": 10.0}, read=()), Point(set={"analyser.angle": 200.0}, read=())))
        assert outcome.status in ("failed", "unsafe")
        assert "analyser" in problems(outcome)
        assert any(data[:2] == b"\x65\x04" for data in heard), "no stop was sent"

    def test_row16_a_mount_that_ends_elsewhere_is_sent_again_then_failed(self, run):
        def plant(bench):
            bench.emulator("attenuator").mounts[0].goes_to_zero = "always"

        outcome = run(plant)
        assert outcome.status in ("failed", "unsafe")
        assert "stands at" in problems(outcome)
        assert "sent again" in texts(outcome)
        assert outcome.points < 2

    def test_row17_a_clamped_set_is_never_recorded_as_the_set_point(self, run, measured):
        def plant(bench):
            rf = bench.emulator("filter").module(RfDriver)
            assign = rf.assign
            rf.assign = lambda register, value: assign(
                register, min(value, 519_000) if register.attribute == "wavelength" else value)

        outcome = run(plant)
        assert outcome.status == "failed"
        assert "519" in problems(outcome)
        assert list(measured(outcome)[0]) == [518.0]


class TestIdentity:
    @pytest.mark.parametrize("role", SERIAL_ROLES)
    def test_row21_another_device_on_the_port_is_refused(self, labctl_state, monkeypatch, role):
        config, _, _ = api.load_bench_file("ying2021")
        honest = connect.emulator_factory
        other = "ASRL/dev/ttyUSB3::INSTR" if role != "shutter" else "ASRL/dev/ttyUSB2::INSTR"
        there = next(each for each, instrument in config.instruments.items() if instrument.resource == other)

        def swapped(resource, units):
            if resource != config.instruments[role].resource:
                return honest(resource, units)
            stranger = connect.registry.find("emulator", config.instruments[there].driver)
            return lambda units, **where: stranger([connect.simulation("wire").Unit("stranger", "", {})], **where)

        monkeypatch.setattr(connect, "emulator_factory", swapped)
        with pytest.raises(Refused) as refused:
            api.open_bench("ying2021")
        assert role in str(refused.value)

    def test_row21_another_unit_of_the_same_make_is_refused(self, labctl_state, changed_bench):
        path = changed_bench("ying2021", ('[instruments.power_meter]\ndriver = "pm100d"',
                                          '[instruments.power_meter]\ndriver = "pm100d"\nserial = "P9999999"'))
        with pytest.raises(Refused, match="the bench file wants P9999999"):
            api.open_bench(str(path))

    @pytest.mark.parametrize("at", [6.5, 7.9])
    @pytest.mark.parametrize("role", SERIAL_ROLES)
    def test_row22_a_power_cycle_is_noticed_or_harmless(self, run, measured, undisturbed, role, at):
        outcome = run(lambda bench: bench.emulator(role).power_cycle(), at=at)
        if outcome.status == "done":
            bright = [spectra.astype(float).sum(axis=1) - DARK for spectra in (measured(outcome)[1], undisturbed)]
            assert bright[0] == pytest.approx(bright[1], rel=0.1), "the run went on in another state"
        else:
            assert outcome.status in ("failed", "unsafe", "aborted")       # a laser waits for its interlock to be reset
            assert role in problems(outcome)

    def test_row24_unknown_firmware_is_recorded(self, run, monkeypatch):
        from sim_instruments.pm100d import EmulatedPM100D

        monkeypatch.setattr(EmulatedPM100D, "identity", lambda self: f"Thorlabs,PM100D,{self.serial},99.7.1")
        outcome = run()
        assert outcome.status == "done"
        with api.load(outcome.run) as found:
            assert "99.7.1" in found.header["instruments_start"]["power_meter"]["identity"]

    def test_row25_a_port_that_another_process_has(self, labctl_state, changed_bench, state_folder):
        path = changed_bench("ying2021", ('backend = "simulated"', 'backend = "real"'))
        (labctl_state / "locks").mkdir(parents=True, exist_ok=True)
        holder = subprocess.Popen([sys.executable, "-c", HOLD, str(labctl_state / "locks")], stdin=subprocess.PIPE,  # noqa: S603
                                  stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            with pytest.raises(Refused, match=f"process {holder.pid}"):
                api.open_bench(str(path))
        finally:
            holder.communicate("\n", timeout=60)


HOLD = """
import sys
from pathlib import Path
from labctl.bench.connect import ResourceLock
lock = ResourceLock(Path(sys.argv[1]), "ASRL/dev/ttyUSB3::INSTR")
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
"""

HUNG = """
import sys, time
from pathlib import Path
from labctl import api
from labctl.core import Point, Procedure
from labctl.core.reduction import Reduction
class One(Procedure):
    def plan(self, bench):
        yield Point(read=("spectrum",), light=False, exposure_s=0.01)
    def reduce(self, run):
        return Reduction()
with api.open_bench("ying2021", speed=100.0) as bench:
    bench.emulator("ccd").hang.add("StartAcquisition")
    outcome = api.run(One(), bench, order=api.Order("one", Path(sys.argv[1]), seed=1, figure=False))
    assert bench.twin.element("shutter").closed
print(outcome.status, time.time(), flush=True)
"""
EXIT_S = 2.0


class TestLibraries:
    def test_row26_a_call_that_never_returns(self, run):
        outcome = run(lambda bench: bench.emulator("ccd").hang.add("StartAcquisition"),
                      look=lambda bench: dead(bench.lanes["sdk:0"]))
        assert outcome.status in ("failed", "unsafe")       # unsafe: nobody can say what the camera is doing
        assert "ccd" in problems(outcome)

    def test_row26_the_process_ends(self, labctl_state, tmp_path):
        import time

        done = subprocess.run([sys.executable, "-c", HUNG, str(tmp_path)], capture_output=True, text=True,  # noqa: S603
                              timeout=120, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        ended = time.time()
        assert done.returncode == 0, done.stderr
        status, told = done.stdout.split()
        assert status in ("failed", "unsafe")
        assert ended - float(told) < 5 * EXIT_S        # on a busy machine; 0.1 s on an idle one

    def test_row26_a_library_that_does_not_let_go_is_left_behind(self, labctl_state, caplog):
        with api.open_bench("qin2021-trpl") as bench:
            bench.emulator("counter").hang.add("PH_CloseDevice")
            before = bench.clock.now()
        assert bench.clock.now() - before <= EXIT_S
        assert "counter was not closed" in caplog.text

    @pytest.mark.parametrize("code", [20013, 20024, 20026, 20034, 20075, 20992])
    def test_row27_an_error_code_is_named(self, run, measured, code):
        outcome = run(lambda bench: bench.emulator("ccd").failures.append(Failure("StartAcquisition", code)))
        assert outcome.status == "failed"
        assert "ccd" in problems(outcome)
        assert f"({code})" in problems(outcome)
        assert len(measured(outcome)[0]) == outcome.points

    def test_row27_the_run_waits_for_the_temperature(self, run):
        lit = []

        def warm(bench):
            camera = bench.emulator("ccd")
            camera.not_cooled = True
            bench.clock.call_at(60.0, lambda: setattr(camera, "not_cooled", False))
            bench.clock.call_at(60.0, lambda: lit.append(bench.twin.sample_port.lit_seconds))

        outcome = run(warm, at=0.0)
        assert outcome.status == "done"
        assert lit == [0.0]
        assert "the chip is at" in texts(outcome)


def dead(lane):
    assert lane.dead


def test_row22_a_source_meter_that_lost_its_state_between_points(run, biased):
    volts = []

    def plant(bench):
        ccd = bench.devices["ccd"].driver
        expose = ccd.expose
        ccd.expose = lambda: (volts.append(bench.emulator("bias").sample.volts()), expose())[1]
        bench.emulator("bias").power_cycle()

    outcome = run(plant, at=2.5, bench="qin2021", procedure=biased(3.0, 3.0, 3.0, 3.0))
    assert outcome.status in ("done", "failed")
    assert volts == pytest.approx([3.0] * len(volts), abs=0.01), "a point without its voltage"


def test_row22_a_source_meter_that_lost_its_state_under_the_exposure(run, biased):
    def plant(bench):
        ccd = bench.devices["ccd"].driver
        expose = ccd.expose
        ccd.expose = lambda: (bench.clock.call_at(bench.clock.now() + 0.02, bench.emulator("bias").power_cycle), expose())[1]

    outcome = run(plant, at=0.5, bench="qin2021", procedure=biased(3.0, 3.0))
    assert (outcome.status, outcome.points) == ("failed", 0)
    assert "V before the exposure and at 0 V after it" in problems(outcome)


def test_row30_a_frame_of_wrong_length_is_taken_again(run, measured, undisturbed):
    def plant(bench):
        ccd = bench.devices["ccd"].driver
        fetch, left = ccd.fetch, [1]

        def short():
            found = dict(fetch())
            if left[0]:
                left[0] -= 1
                found["counts"] = found["counts"][:-1]
            return found

        ccd.fetch = short

    outcome = run(plant)
    assert outcome.status == "done"
    assert measured(outcome)[1].shape == undisturbed.shape


def test_row30_a_reading_that_is_no_number_never_becomes_a_point(run, measured):
    def plant(bench):
        meter = bench.devices["power_meter"].driver
        meter.fetch = lambda: {"power": float("nan")}

    outcome = run(plant)
    assert outcome.status == "failed"
    assert "not a number" in problems(outcome)
    assert np.size(measured(outcome)[0]) == outcome.points == 0
