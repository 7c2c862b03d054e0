"""What a box forgets when its power fails, and what it keeps; and boxes that are too hot."""

from __future__ import annotations

import pytest

from labctl.bench.emulation import SERVED
from sim_instruments.elliptec import ElliptecPort
from sim_instruments.fw102c import EmulatedFW102C
from sim_instruments.interbus import encode
from sim_instruments.keithley2400 import EmulatedKeithley2400
from sim_instruments.nkt import InterbusPort
from sim_instruments.nkt_filters import RfDriver, Varia
from sim_instruments.nkt_laser import SuperKLaser
from sim_instruments.pm100d import EmulatedPM100D
from sim_instruments.sc10 import EmulatedSC10
from sim_instruments.spectrapro import EmulatedSpectraPro

HOST, LASER, VARIA = 0xA2, 15, 16
READ, WRITE = 4, 5

# driver, a question every unit answers, and how
WELL_KNOWN = {
    "nkt": (encode(LASER, HOST, READ, b"\x61"), b"\x60"), "elliptec": (b"0gs", b"0GS00"), "fw102c": (b"pos?\r", b"1"),
    "k10cr1": (bytes.fromhex("110401005001"), b"\x12\x04"), "spectrapro": (b"NO-ECHO MODEL\r", b"SP-"), "sc10": (b"ens?\r", b"0"),
    "keithley2400": (b"*IDN?\n", b"KEITHLEY"), "keithley2450": (b"*IDN?\n", b"KEITHLEY"), "pm100d": (b"*IDN?\n", b"Thorlabs"),
    "lakeshore336": (b"*IDN?\n", b"LSCI"), "esp301": (b"VE?\r", b"ESP"),
}


@pytest.mark.parametrize("name", SERVED)
def test_every_box_answers_after_a_power_cycle_in_the_middle_of_everything(name, clock, ask):
    """Half a command, an answer on its way and a hung device: all of it is gone, the next question is answered."""
    from labctl import api
    from labctl.bench.emulation import make_devices

    config, _, _ = api.load_bench_file("ying2021")
    device = make_devices(config, [name], clock)[name]
    question, answer = WELL_KNOWN[name]
    device.feed(question)                            # never read
    device.feed(question[:-1])
    device.hung = True
    device.power_cycle()
    assert device.take(10_000) == b""
    clock.wait(30.0)
    assert device.take(10_000) == b""
    assert answer in ask(device, question, 1.0)


class TestSuperK:
    @pytest.fixture
    def bus(self, make):
        return make(InterbusPort, "superk_laser")

    @pytest.fixture
    def talk(self, bus, ask):
        def tell(address: int, register: int, data: bytes = b"") -> bytes:
            answer = ask(bus, encode(address, HOST, WRITE if data else READ, bytes([register]) + data))
            return answer[5:-3]

        return tell

    def test_comes_back_dark_and_wants_a_reset(self, bus, talk):
        laser = bus.module(SuperKLaser)
        talk(LASER, 0x37, (455).to_bytes(2, "little"))
        talk(LASER, 0x36, b"\x05")
        bus.power_cycle()
        assert not laser.source.emission
        assert talk(LASER, 0x32) == bytes([1, 6])           # waiting for a reset, after a power failure
        talk(LASER, 0x30, b"\x03")
        assert not laser.source.emission
        talk(LASER, 0x32, b"\x01")
        talk(LASER, 0x30, b"\x03")
        bus.clock.wait(30.0)                                # the watchdog is off: nothing cuts it
        assert laser.source.emission
        assert talk(LASER, 0x37) == (455).to_bytes(2, "little")

    def test_does_not_emit_while_it_is_too_hot(self, bus, talk):
        laser = bus.module(SuperKLaser)
        laser.over_temperature = True
        assert int.from_bytes(talk(LASER, 0x66), "little") == 1 << 6
        talk(LASER, 0x30, b"\x03")
        assert not laser.source.emission
        laser.over_temperature = False
        assert not laser.source.emission                    # it does not come back by itself
        talk(LASER, 0x30, b"\x03")
        assert laser.source.emission

    def test_the_rf_driver_comes_back_without_lines(self, make, ask):
        bus = make(InterbusPort, "superk_select")
        for telegram in ("0D06A20590501608004DFD0A", "0D06A205B0F4016E980A"):
            ask(bus, bytes.fromhex(telegram))
        element = bus.module(RfDriver).element
        assert element.lines[0].amplitude == 0.5
        bus.power_cycle()
        assert not element.rf_on
        assert element.lines[0].amplitude == 0.0

    def test_a_hot_varia_says_so(self, make, ask):
        bus = make(InterbusPort, "superk_varia")
        bus.module(Varia).over_temperature = True
        answer = ask(bus, encode(VARIA, HOST, READ, b"\x66"))
        assert int.from_bytes(answer[5:7], "little") & 1 << 6


class TestElliptec:
    @pytest.fixture
    def bus(self, make):
        return make(ElliptecPort, "elliptec")

    def test_calls_0_where_it_woke_up_until_it_is_homed(self, bus, ask):
        ask(bus, b"0ma00004600", 1.0)
        bus.power_cycle()
        plate = bus.unit("0").plate
        assert ask(bus, b"0gp") == b"0PO00000000\r\n"
        assert plate.angle.position == pytest.approx(45.0)
        assert ask(bus, b"0ma00002300", 1.0) == b"0PO00002300\r\n"
        assert plate.angle.position == pytest.approx(67.5)
        assert ask(bus, b"0ho0", 1.0) == b"0PO00000000\r\n"
        assert plate.angle.position == 0.0

    def test_a_move_ends_where_the_power_failed(self, bus, ask):
        ask(bus, b"0ma00011800", 0.2)
        bus.power_cycle()
        stands = bus.unit("0").plate.angle.position
        assert 0.0 < stands < 180.0
        assert ask(bus, b"", 5.0) == b""
        assert bus.unit("0").plate.angle.position == stands

    def test_a_hot_motor_turns_nothing(self, bus, ask):
        bus.unit("0").over_temperature = True
        assert ask(bus, b"0ma00004600", 1.0) == b"0GS08\r\n"
        assert ask(bus, b"0gs") == b"0GS08\r\n"
        assert ask(bus, b"0gs") == b"0GS00\r\n"
        assert bus.unit("0").plate.angle.position == 0.0


class TestLineDevices:
    def test_the_wheel_keeps_what_was_saved(self, make, ask):
        wheel = make(EmulatedFW102C)
        ask(wheel, b"speed=0\rsave\rsensors=1\rpos=3\r", 10.0)
        wheel.power_cycle()
        assert ask(wheel, b"speed?\rsensors?\rpos?\r", 1.0) == b"speed?\r0\r> sensors?\r0\r> pos?\r3\r> "

    def test_a_wheel_without_power_stops_at_a_filter(self, make, ask):
        wheel = make(EmulatedFW102C)
        assert ask(wheel, b"pos=3\r", 0.5) == b"pos=3\r"
        wheel.power_cycle()
        assert ask(wheel, b"pos?\r", 5.0) == b"pos?\r2\r> "

    def test_the_shutter_closes_and_keeps_what_was_saved(self, make, ask):
        shutter = make(EmulatedSC10)
        ask(shutter, b"open=250\rsavp\rshut=300\rens\r", 1.0)
        assert not shutter.shutter.closed
        shutter.power_cycle()
        assert ask(shutter, b"open?\rshut?\rens?\r", 1.0) == b"open?\r250\r> shut?\r1000\r> ens?\r0\r> "
        assert shutter.shutter.closed

    def test_the_spectrograph_echoes_again_and_stands_still(self, make, ask):
        spectrograph = make(EmulatedSpectraPro)
        ask(spectrograph, b"NO-ECHO\r")
        ask(spectrograph, b"600 GOTO\r", 0.2)
        spectrograph.power_cycle()
        stands = spectrograph.monochromator.centre_nm.position
        assert 500.0 < stands < 600.0
        assert ask(spectrograph, b"?NM\r", 5.0) == b"?NM %.3f nm  ok\r\n" % stands

    def test_the_power_meter_forgets_its_settings(self, make, ask):
        meter = make(EmulatedPM100D)
        ask(meter, b"SENS:CORR:WAV 515;:SENS:AVER:COUN 10;:NONSENSE\n")
        meter.power_cycle()
        assert ask(meter, b"SENS:CORR:WAV?;:SENS:AVER:COUN?;:SYST:ERR?\n") == b'6.350000E+02;1;+0,"No error"\n'

    def test_a_hot_source_meter_switches_its_output_off(self, make, ask):
        meter = make(EmulatedKeithley2400)
        ask(meter, b":SOUR:VOLT 1;:OUTP 1\n")
        meter.over_temperature = True
        assert ask(meter, b":OUTP?;:OUTP 1;:OUTP?\n") == b"0;0\n"


