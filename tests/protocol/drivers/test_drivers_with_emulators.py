"""Driver and emulator, each written from the manual alone, understand each other."""

from __future__ import annotations

import time

import numpy as np
import pytest

from drivers.elliptec_bus import MechanicalTimeout
from drivers.k10cr1 import MotionError
from drivers.keithley_bias import ComplianceReached, OutputDropped
from drivers.lakeshore import HeaterFault, TemperatureSensorFault
from drivers.nkt import InterlockOpen
from drivers.sc10 import InterlockTripped
from labctl.core.errors import InstrumentError, NotSettled, ResourceBusy
from labctl.core.instrument import Driver

KINDS = ["laser", "select", "varia", "attenuator", "wheel", "shutter", "spectrograph", "meter",
         "analyser", "bias", "bias2450", "cryostat", "cryostat335", "stage", "delay"]
MOVES = [
    ("select", "start_centre", "centre", [530.0, 501.234, 589.9], 0.0006),
    ("varia", "start_centre", "centre", [600.0, 450.0, 525.3], 0.0501),
    ("varia", "start_bandwidth", "bandwidth", [40.0, 10.0], 0.0501),
    ("attenuator", "start_move", "angle", [45.0, 22.5, -30.0, 359.0], 360 / 143360),
    ("wheel", "start_move", "slot", [3, 6, 1], 0.0),
    ("spectrograph", "start_centre", "centre", [540.25, 700.0, 0.0], 0.0006),
    ("laser", "start_level", "level", [50.0, 33.3, 0.0], 0.051),
    ("analyser", "start_move", "angle", [45.0, -10.0, 360.0, 0.0], 1 / 136533),
    ("bias", "start_move", "voltage", [2.0, 0.0, 2.0, -1.0], 1e-4),
    ("bias2450", "start_move", "voltage", [2.0, 0.0, 2.0, -1.0], 1e-4),
    ("stage", "start_move", "position", [2.5, -2.5, 0.0], 1e-5),
    ("delay", "start_move", "time", [2.5, -2.5, 0.0], 1e-4),
]


@pytest.mark.parametrize("kind", KINDS)
class TestEveryDriver:
    def test_identity_settings_and_levels(self, pair, kind):
        made = pair(kind)
        assert isinstance(made.driver, Driver)
        first = made.driver.identify()
        assert first.vendor
        assert first.model
        assert made.driver.identify() == first
        settings = made.driver.settings()
        assert settings
        assert all(isinstance(value, str | int | float | bool | list | dict | None) for value in settings.values())
        for level in ("park", "make_safe", "shutdown"):
            getattr(made.driver, level)()
        assert made.driver.port.incidents == []

    def test_declarations_name_what_the_driver_has(self, pair, kind):
        driver = pair(kind).driver
        for spec in driver.axes.values():
            for name in (spec.read, spec.start, spec.poll, spec.eta):
                assert hasattr(type(driver), name) or name == "eta", name
        for spec in driver.detectors.values():
            for name in (spec.configure, spec.expose, spec.poll, spec.fetch, spec.abort, spec.cost):
                assert hasattr(type(driver), name), name
        for spec in driver.actions.values():
            assert hasattr(type(driver), spec.start)
            assert spec.poll is None or hasattr(type(driver), spec.poll)
        for item in driver.panel:
            assert getattr(driver, item.attribute) is not None


@pytest.mark.parametrize(("kind", "start", "read", "values", "tolerance"), MOVES)
class TestMoves:
    def test_positions_agree(self, pair, kind, start, read, values, tolerance):
        made = pair(kind)
        for value in values:
            getattr(made.driver, start)(value)
            made.wait()
            assert getattr(made.driver, read) == pytest.approx(value, abs=tolerance + 1e-9)
        assert made.driver.port.incidents == []

    def test_no_call_holds_the_port_longer_than_a_reply_deadline(self, pair, kind, start, read, values, tolerance):
        made, longest = pair(kind), 0.0
        made.driver.identify()
        for value in values:
            before = made.clock.now()
            getattr(made.driver, start)(value)
            longest = max(longest, made.clock.now() - before)
            while True:
                before = made.clock.now()
                moving = made.driver.moving
                longest = max(longest, made.clock.now() - before)
                if not moving:
                    break
                made.clock.wait(0.02)
        assert longest < 1.0


class TestAttenuator:
    def test_the_twin_turns_by_what_the_driver_says(self, pair):
        made = pair("attenuator")
        made.driver.angle = 33.0
        assert made.device.unit("0").plate.angle.position == pytest.approx(33.0, abs=0.003)

    def test_a_jam_is_reported_as_such(self, pair):
        made = pair("attenuator")
        made.driver.angle = 10.0
        made.device.unit("0").jammed = True
        made.driver.start_move(50.0)
        with pytest.raises(MechanicalTimeout):
            made.wait(limit_s=30.0)

    def test_two_units_on_one_bus(self, clock):
        from drivers.elliptec import ELL14
        from drivers.elliptec_bus import ElliptecPort
        from sim_instruments.elliptec import ElliptecPort as Bus
        from sim_instruments.visa import SimulatedVisa
        from sim_instruments.wire import Unit

        bus = Bus([Unit("one", "elliptec", {"address": "0"}), Unit("two", "elliptec", {"address": "A"})], clock=clock, seed=1)
        library = SimulatedVisa({"ASRL/dev/ttyUSB1::INSTR": bus}, clock)
        port = ElliptecPort("ASRL/dev/ttyUSB1::INSTR", clock=clock, visa_library=library)
        one, two = (ELL14(port, clock=clock, name=name, address=address) for name, address in (("one", "0"), ("two", "A")))
        one.start_move(300.0)
        two.start_move(20.0)
        while one.moving | two.moving:
            clock.wait(0.02)
        assert (one.angle, two.angle) == pytest.approx((300.0, 20.0), abs=0.003)


class TestLaser:
    def test_emission_on_and_off_confirmed(self, pair):
        made = pair("laser")
        made.driver.make_safe()
        assert not made.driver.emission
        made.driver.start_emission()
        made.wait("emission_starting")
        assert made.driver.emission

    def test_an_open_interlock(self, pair):
        made = pair("laser")
        made.device.modules[15].interlock_open = True
        made.clock.wait(0.5)
        assert not made.driver.emission
        with pytest.raises(InterlockOpen):
            made.driver.start_emission()

    def test_a_laser_that_does_not_go_out(self, pair):
        made = pair("laser")
        made.device.modules[15].stuck_on = True
        with pytest.raises(InstrumentError, match="EMITTING"):
            made.driver.make_safe()

    def test_the_watchdog_bites_without_traffic_and_not_with_it(self, pair):
        made = pair("laser")
        made.driver.arm_watchdog()
        for _ in range(10):
            made.clock.wait(3.0)
            made.driver.keep_alive()
        assert made.driver.emission
        made.clock.wait(11.0)
        assert not made.driver.emission


class TestShutter:
    def test_opens_and_closes(self, pair):
        made = pair("shutter")
        made.driver.open()
        made.clock.wait(0.1)
        assert made.driver.is_open()
        made.driver.park()
        assert made.driver.is_closed()

    def test_a_stuck_blade_is_never_said_to_be_closed(self, pair):
        made = pair("shutter")
        made.driver.open()
        made.clock.wait(0.1)
        made.device.stuck = True
        with pytest.raises(InstrumentError, match="Block the beam"):
            made.driver.park()

    def test_an_open_interlock(self, pair):
        made = pair("shutter")
        made.device.interlock_open = True
        with pytest.raises(InterlockTripped):
            made.driver.open()


def test_the_wheel_that_never_arrives_frees_its_port(pair):
    made = pair("wheel")
    made.device.jammed = True
    made.driver.start_move(4)
    with pytest.raises(NotSettled):
        made.driver.park()
    made.clock.wait(20.0)
    assert not made.driver.moving


def test_the_meter_zeroes_and_follows_the_wavelength(pair):
    made = pair("meter")
    made.driver.wavelength = 515.5
    assert made.driver.wavelength == 515.5
    made.driver.start_zero()
    made.wait("zeroing")
    assert np.isfinite(made.driver.power)


def test_a_turret_is_changed_without_holding_the_port(pair):
    made = pair("spectrograph")
    number = max(made.driver.gratings)
    made.driver.start_grating(number)
    made.wait()
    assert made.driver.grating == number


class TestCamera:
    def test_cool_expose_fetch(self, camera, clock):
        ccd, _ = camera
        while ccd.not_ready():
            clock.wait(2.0)
        granted = ccd.configure(0.5)
        before = clock.now()
        ccd.expose()
        while ccd.exposing:
            clock.wait(0.01)
        assert clock.now() - before == pytest.approx(ccd.cost(granted["exposure_s"]), abs=0.02)
        reading = ccd.fetch()
        assert reading["counts"].shape == ccd.frame_shape() == (1024,)
        assert reading["counts"].mean() == pytest.approx(300.0, abs=5.0)
        ccd.park()
        assert ccd.identify().model.startswith("DU")
        assert ccd.settings()["temperature_c"] == pytest.approx(-60.0)

    def test_an_exposure_ends_early(self, camera, clock):
        ccd, _ = camera
        ccd.configure(100.0)
        ccd.expose()
        clock.wait(0.1)
        ccd.abort()
        assert not ccd.exposing
        ccd.abort()

    @pytest.mark.parametrize("mode", ["fvb", "single_track", "image"])
    def test_read_modes(self, camera, clock, mode):
        from drivers.andor import AndorCCD

        _, library = camera
        ccd = AndorCCD(library, clock=clock, name="ccd", read_mode=mode)
        ccd.configure(0.01)
        ccd.expose()
        while ccd.exposing:
            clock.wait(0.05)
        assert ccd.fetch()["counts"].shape == ccd.frame_shape()


def test_no_driver_ever_sleeps(pair, camera, monkeypatch, clock):
    """With `time.sleep` gone for everybody, pymeasure included, everything still works: all waiting goes through the clock."""
    def refuse(seconds: float) -> None:
        raise AssertionError("somebody sleeps")

    monkeypatch.setattr(time, "sleep", refuse)
    for kind in KINDS:
        made = pair(kind)
        made.driver.identify()
        made.driver.settings()
        made.driver.wait_for(0.1)
        for _, start, read, values, _ in [move for move in MOVES if move[0] == kind]:
            getattr(made.driver, start)(values[0])
            made.wait()
            getattr(made.driver, read)
        for level in ("park", "make_safe", "shutdown"):
            getattr(made.driver, level)()
    ccd, _ = camera
    ccd.configure(0.1)
    ccd.expose()
    ccd.abort()
    ccd.shutdown()


class TestCryostat:
    def test_a_ramp_takes_its_time_and_arrives(self, pair):
        made = pair("cryostat")
        before = made.clock.now()
        made.driver.start_move(255.0)
        made.wait(limit_s=1200.0)
        assert made.clock.now() - before == pytest.approx(120.0, abs=2.0)       # 40 K at 20 K/min
        made.clock.wait(2400.0)
        assert made.driver.temperature == pytest.approx(255.0, abs=0.05)
        assert made.device.cryostat.sensor_k.position == pytest.approx(255.0, abs=0.05)

    def test_a_broken_sensor_is_reported(self, pair):
        made = pair("cryostat")
        made.device.open_sensors = "A"
        with pytest.raises(TemperatureSensorFault):
            made.driver.start_move(100.0)

    def test_a_heater_without_load_is_reported(self, pair):
        made = pair("cryostat")
        made.driver.start_move(255.0)
        made.device.heater_open = True
        with pytest.raises(HeaterFault):
            made.wait()


@pytest.mark.parametrize("kind", ["bias", "bias2450"])
class TestBias:
    def test_park_ramps_down_and_switches_off(self, pair, kind):
        made = pair(kind)
        made.driver.start_move(2.0)
        made.wait()
        made.driver.park()
        assert not made.device.output_on
        assert made.device.level["VOLT"] == 0.0

    def test_a_conducting_sample_is_reported_and_its_voltage_sags(self, pair, kind):
        made = pair(kind)
        made.driver.compliance_a = made.driver.current_range_a = 1e-4
        made.driver.start_move(2.0)                    # 10 kOhm
        with pytest.raises(ComplianceReached):
            made.wait()
        assert made.driver.voltage == pytest.approx(1.0, rel=1e-3)
        assert made.driver.fetch()["flags"] == ("compliance",)

    def test_an_open_interlock_switches_the_output_off(self, pair, kind):
        made = pair(kind)
        made.driver.start_move(1.0)
        made.wait()
        made.device.interlock_open = True
        assert made.driver.fetch()["flags"] == ("output_off",)

    def test_an_output_that_drops_on_the_way_is_reported(self, pair, kind):
        made = pair(kind)
        made.driver.start_move(2.0)
        made.clock.wait(0.3)
        assert made.driver.moving
        made.device.interlock_open = True
        with pytest.raises(OutputDropped, match="interlock"):
            made.wait()
        made.device.interlock_open = False
        made.driver.start_move(1.0)
        made.wait()
        assert made.driver.voltage == pytest.approx(1.0, abs=1e-3)


class TestAnalyser:
    def test_the_twin_turns_by_what_the_driver_says(self, pair):
        made = pair("analyser")
        made.driver.angle = 33.0
        assert made.device.plate.angle.position == pytest.approx(33.0, abs=1 / 136533)
        assert made.driver.homed

    def test_a_stalled_motor_is_reported(self, pair):
        made = pair("analyser")
        made.driver.angle = 10.0
        made.device.stalled = True
        made.driver.start_move(50.0)
        with pytest.raises(MotionError):
            made.wait(limit_s=20.0)
        made.driver.park()
        assert made.driver.angle == pytest.approx(10.0, abs=0.01)

    def test_a_move_that_goes_to_zero_shows_in_the_read_back(self, pair):
        made = pair("analyser")
        made.driver.angle = 10.0
        made.device.goes_to_zero = True
        made.driver.start_move(50.0)
        made.wait()
        assert made.driver.angle == pytest.approx(0.0, abs=0.01)


class TestCounter:
    @pytest.fixture
    def counter(self, clock):
        from drivers.picoharp import PicoHarp300
        from labctl.core.registry import find
        from sim_instruments.wire import Unit

        library = find("emulator", "picoharp")([Unit("tcspc", "picoharp", {})], twin=None, clock=clock, seed=11)
        return PicoHarp300(library, clock=clock, name="tcspc", sync_divider=1), library

    def test_a_histogram(self, counter, clock):
        tcspc, _ = counter
        assert isinstance(tcspc, Driver)
        tcspc.configure(0.5)
        tcspc.expose()
        before = clock.now()
        while tcspc.exposing:
            clock.wait(0.01)
        assert clock.now() - before == pytest.approx(0.5, abs=0.02)
        reading = tcspc.fetch()
        assert reading["histogram"].sum() == pytest.approx(0.5 * reading["count_rate"], rel=0.1)
        assert reading["counting_time"] == pytest.approx(0.5, abs=1e-3)
        assert tcspc.identify().model == "PicoHarp 300"

    def test_a_counter_that_is_gone(self, counter):
        tcspc, library = counter
        library.unplugged = True
        with pytest.raises(InstrumentError, match="USB"):
            tcspc.expose()

    def test_a_second_program_finds_it_taken(self, counter, clock):
        from drivers.picoharp import PicoHarp300

        tcspc, library = counter
        library.held = True
        with pytest.raises(ResourceBusy):
            PicoHarp300(library, clock=clock, name="other")
        tcspc.shutdown()
        with pytest.raises(InstrumentError, match="not open"):
            tcspc.settings()
