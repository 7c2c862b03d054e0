"""The temperature controllers: chains in one message, ramps and settling that take their time, heaters that have an end."""

import pytest

from sim_instruments.lakeshore import EmulatedLakeShore335, EmulatedLakeShore336
from sim_instruments.twin.more_elements import Cryostat
from sim_instruments.wire import Unit

MINUTE = 60.0


@pytest.fixture
def controller(make):
    return make(EmulatedLakeShore336)


@pytest.fixture
def kelvin(controller, ask, clock):
    """Let time pass, then read."""

    def read(seconds: float = 0.0) -> float:
        clock.wait(seconds)
        return float(ask(controller, b"KRDG? A\n"))

    return read


class TestExamples:
    @pytest.mark.parametrize(("sent", "received"), [
        (b"KRDG? A\n", b"+295.000\r\n"), (b"KRDG? A;*ESR?\r\n", b"+295.000;0\r\n"),
        (b"krdg? 0\n", b"+295.000,+0.000,+0.000,+0.000\r\n"),
        (b"CRDG? A\n", b"+21.850\r\n"), (b"RDGST? A;RDGST? B\n", b"0;129\r\n"), (b"SETP 1,77.0;SETP? 1\n", b"+77.000\r\n"),
        (b"RANGE 1,3;RANGE? 1\n", b"3\r\n"), (b"PID 1,60,20,0;:PID? 1\n", b"+60.0,+20.0,+0.0\r\n"),
        (b"RAMP 1,1,5.0;RAMP? 1\n", b"1,+5.0\r\n"),
        (b"OUTMODE 1,3,1,0;OUTMODE? 1\n", b"3,1,0\r\n"), (b'INNAME A,"Finger";INNAME? A\n', b"Finger         \r\n"),
        (b"HTRST? 1;*OPC?\n", b"0;1\r\n"), (b"SETP 1,77.0\n", b""),
        (b"RANGE 1,0;RANGE 2,0;RANGE 3,0;RANGE 4,0;*ESR?\n", b"0\r\n"),
    ])
    def test_answers(self, controller, ask, sent, received):
        assert ask(controller, sent) == received

    def test_identity(self, controller, ask):
        maker, model, serial, firmware = ask(controller, b"*IDN?\n").decode().strip().split(",")
        assert (maker, model, firmware) == ("LSCI", "MODEL336", "2.9")
        assert serial.startswith("336A") and serial.endswith("/#######")  # noqa: PT018

    @pytest.mark.parametrize(("command", "event"), [
        (b"FOO?", 32), (b"SETP 9,1", 16), (b"KRDG? Z", 16), (b"PID 1,2", 16), (b"RANGE 3,2", 16)])
    def test_errors_are_seen_in_the_event_register(self, controller, ask, command, event):
        assert ask(controller, command + b";*ESR?;*ESR?\n") == b"%d;0\r\n" % event


class TestTemperature:
    def test_nothing_moves_before_a_heater_is_used(self, controller, ask, kelvin):
        ask(controller, b"SETP 1,77\n", 60 * MINUTE)
        assert kelvin() == 295.0

    def test_cooling_down_takes_an_hour_and_more(self, controller, ask, kelvin):
        ask(controller, b"SETP 1,4;RANGE 1,1\n", 30 * MINUTE)
        assert kelvin() == pytest.approx(175.0, abs=1.0)
        assert kelvin(42 * MINUTE) > 4.5
        assert kelvin(15 * MINUTE) == pytest.approx(4.0)

    def test_a_ramp_takes_its_time(self, controller, ask, kelvin):
        ask(controller, b"SETP 1,295;RANGE 1,3;RAMP 1,1,2.0;SETP 1,275\n", 5 * MINUTE)
        assert float(ask(controller, b"SETP? 1\n")) == pytest.approx(285.0, abs=0.1)
        assert kelvin() == pytest.approx(285.0, abs=1.0)
        assert ask(controller, b"RAMPST? 1\n") == b"1\r\n"
        ask(controller, b"", 5 * MINUTE)
        assert ask(controller, b"RAMPST? 1\n") == b"0\r\n"
        assert 275.0 < kelvin() < 276.1
        assert kelvin(4 * MINUTE) == 275.0

    def test_the_last_kelvin_settles_slowly(self, controller, ask, kelvin):
        ask(controller, b"RANGE 1,3;SETP 1,305\n", 25.0)
        assert kelvin() == pytest.approx(304.0, abs=0.5)
        assert kelvin(60.0) < 304.6
        assert kelvin(180.0) == 305.0

    def test_a_low_range_cannot_hold_a_high_temperature(self, clock, ask):
        cryostat = Cryostat("cryostat", clock, temperature_k=4.0)
        controller = EmulatedLakeShore336([Unit("cryostat", "lakeshore336", {}, cryostat)], clock=clock, seed=1)
        ask(controller, b"SETP 1,100;RANGE 1,1\n", 60 * MINUTE)
        assert cryostat.sensor_k.position == 24.0
        assert ask(controller, b"HTR? 1\n") == ask(controller, b"HTR? 1,20\n") == b"+100.0\r\n"
        ask(controller, b"RANGE 1,3\n", 60 * MINUTE)
        assert cryostat.sensor_k.position == 100.0
        assert 20.0 < float(ask(controller, b"HTR? 1\n")) < 40.0

    def test_heater_off_cools_to_the_base(self, controller, ask, kelvin):
        ask(controller, b"RANGE 1,2\n")
        ask(controller, b"RANGE 1,0\n", 120 * MINUTE)
        assert kelvin() == 4.0

    def test_the_sample_lags_behind_the_sensor(self, clock):
        cryostat = Cryostat("cryostat", clock, temperature_k=100.0, lag_s=60.0)
        cryostat.sensor_k.move(110.0, 600.0)
        clock.wait(600.0)
        assert cryostat.sample_k == pytest.approx(109.0, abs=0.01)       # a lag of 60 s behind 1 K/min
        clock.wait(60.0)
        assert cryostat.sample_k == pytest.approx(110.0 - 1 / 2.718281828, abs=0.01)


class TestFaults:
    def test_an_open_sensor_reads_nothing_and_stops_the_heater(self, controller, ask, kelvin):
        ask(controller, b"RANGE 1,3;SETP 1,290\n", 30 * MINUTE)
        controller.open_sensors = "A"
        assert ask(controller, b"KRDG? A;RDGST? A\n", 30 * MINUTE) == b"+0.000;129\r\n"
        assert controller.cryostat.sensor_k.position < 200.0

    def test_an_open_heater_lets_it_cool(self, controller, ask, kelvin):
        ask(controller, b"RANGE 1,3;SETP 1,290\n", 30 * MINUTE)
        controller.heater_open = True
        assert ask(controller, b"HTRST? 1;HTR? 1\n") == b"1;+000.0\r\n"
        assert kelvin(30 * MINUTE) < 200.0

    def test_a_power_cycle_switches_the_heater_off(self, controller, ask):
        ask(controller, b"RANGE 1,3;SETP 1,290\n")
        controller.power_cycle()
        assert ask(controller, b"RANGE? 1;SETP? 1\n") == b"0;+290.000\r\n"


def test_the_335_has_two_inputs(make, ask):
    controller = make(EmulatedLakeShore335, sensors="AB")
    assert ask(controller, b"*IDN?\n").startswith(b"LSCI,MODEL335,335A")
    assert ask(controller, b"KRDG? B;RANGE 3,1;*ESR?\n") == b"+295.000;16\r\n"
