"""Lake Shore controllers: chains answered in one message, refusals seen in the event register, ramps that start at the sensor."""

from __future__ import annotations

import pytest

from drivers.lakeshore import (
    HeaterFault,
    LakeShore335,
    LakeShore336,
    LakeShoreError,
    NotRegulating,
    TemperatureSensorFault,
)
from labctl.core.errors import InstrumentError, LimitError, NoReply, WrongDevice

ALL_OFF = "RANGE 1,0;RANGE 2,0;RANGE 3,0;RANGE 4,0"


def table(**changes: str) -> dict[bytes, bytes]:
    """Give the answers of a controller at 4.159 K with its heater off; `changes` replace some by question."""
    answers = {
        "*IDN?": "LSCI,MODEL336,336A1AB/#######,2.9", "KRDG? A;RDGST? A": "+4.159;0", "SETP? 1": "+4.159", "RANGE? 1": "0",
        "RANGE? 2": "0", "RANGE? 3": "0", "RANGE? 4": "0", "HTR? 1": "+00.0", "HTRST? 1": "0", "RAMP? 1": "1,+5.0",
        "RAMPST? 1": "0", "OUTMODE? 1": "1,1,0", "PID? 1": "+50.0,+20.0,+0.0", **changes}
    found = {f"{question};*ESR?\n".encode(): f"{answer};0\r\n".encode() for question, answer in answers.items()}
    found[b"\n*IDN?;*ESR?\n"] = found[b"*IDN?;*ESR?\n"]       # how the line is brought back into step
    for command in ("RAMP 1,0,5.0", "RAMP 1,1,5.0", "SETP 1,77.000", "SETP 1,4.159", "RANGE 1,2", ALL_OFF):
        found[f"{command};*ESR?\n".encode()] = b"0\r\n"
    return found


@pytest.fixture
def controller(talk):
    return talk(LakeShore336, table())


def commands(box) -> list[bytes]:
    return [said.removesuffix(b";*ESR?\n") for said in box.said if b"?" not in said.removesuffix(b"*ESR?\n")]


class TestBytes:
    def test_identity(self, controller):
        driver, _ = controller
        assert str(driver.identify()) == "Lake Shore 336, serial 336A1AB, firmware 2.9"

    def test_the_335_is_another_device(self, talk):
        driver, _ = talk(LakeShore335, table())
        with pytest.raises(WrongDevice, match="no Lake Shore 335"):
            driver.identify()
        assert driver.inputs == "AB"

    def test_temperature_and_its_status_in_one_message(self, controller):
        driver, box = controller
        assert driver.temperature == 4.159
        assert box.said == [b"KRDG? A;RDGST? A;*ESR?\n"]

    @pytest.mark.parametrize(("bits", "reason"), [(1, "invalid"), (16, "below"), (32, "above"), (64, "no signal"), (128, "input")])
    def test_readings_that_are_worth_nothing(self, talk, bits, reason):
        driver, _ = talk(LakeShore336, table(**{"KRDG? A;RDGST? A": f"+0.000;{bits}"}))
        with pytest.raises(TemperatureSensorFault, match=reason):
            _ = driver.temperature

    def test_settings(self, controller):
        driver, _ = controller
        assert driver.settings() == {
            "temperature_k": 4.159, "setpoint_k": 4.159, "ramping": True, "ramp_k_min": 5.0, "heater_range": "off",
            "heater_percent": 0.0, "output": 1, "sensor": "A", "pid": [50.0, 20.0, 0.0]}

    def test_messages_keep_their_distance(self, controller, clock):
        driver, _ = controller
        for _ in range(5):
            _ = driver.setpoint
        assert clock.now() >= 0.2


class TestBadAnswers:
    @pytest.mark.parametrize("answer", [b"+295.00\r\n", b"+295.000;\r\n", b"+295.000\xb0;0\r\n", b"+295.000;0;0\r\n", b"0\r\n"])
    def test_damaged_answers_are_asked_again(self, controller, answer):
        driver, box = controller
        box.plan.append(answer)
        assert driver.setpoint == 4.159
        assert driver.port.incidents

    @pytest.mark.parametrize(("events", "reason"), [(32, "command error"), (16, "execution error"), (4, "query error")])
    def test_refusals(self, controller, events, reason):
        driver, box = controller
        box.answers[b"SETP 1,77.000;*ESR?\n"] = b"%d\r\n" % events
        with pytest.raises(LakeShoreError, match=reason):
            driver.start_move(77.0)

    def test_silence(self, controller):
        driver, box = controller
        box.answers.clear()
        with pytest.raises(NoReply):
            _ = driver.temperature


class TestMoves:
    @pytest.mark.parametrize("kelvin", [0.0, -4.0, 500.0, float("nan")])
    def test_limits_are_kept_before_anything_is_sent(self, controller, kelvin):
        driver, box = controller
        with pytest.raises(LimitError, match="nothing was sent"):
            driver.start_move(kelvin)
        assert box.said == []

    def test_a_ramp_starts_at_the_sensor_when_the_heater_was_off(self, controller):
        driver, box = controller
        driver.start_move(77.0)
        assert commands(box) == [b"RAMP 1,0,5.0", b"SETP 1,4.159", b"RAMP 1,1,5.0", b"SETP 1,77.000", b"RANGE 1,2"]

    def test_a_ramp_goes_on_from_its_set_point(self, talk):
        driver, box = talk(LakeShore336, table(**{"RANGE? 1": "2"}))
        driver.start_move(77.0)
        assert commands(box) == [b"RAMP 1,1,5.0", b"SETP 1,77.000"]

    def test_without_a_ramp(self, talk):
        driver, box = talk(LakeShore336, table(**{"RANGE? 1": "2"}), ramp_k_min=0.0)
        driver.start_move(77.0)
        assert commands(box) == [b"SETP 1,77.000"]

    @pytest.mark.parametrize("mode", ["0,1,0", "3,1,0", "1,2,0"])
    def test_a_loop_that_is_not_closed_on_the_sensor(self, talk, mode):
        driver, box = talk(LakeShore336, table(**{"OUTMODE? 1": mode}))
        with pytest.raises(NotRegulating, match="front panel"):
            driver.start_move(77.0)
        assert commands(box) == []

    def test_a_lost_acknowledgement_is_looked_into(self, controller):
        driver, box = controller
        box.plan.extend([box.answers[b"OUTMODE? 1;*ESR?\n"], box.answers[b"KRDG? A;RDGST? A;*ESR?\n"], b"0;0\r\n", None])
        driver.start_move(77.0)
        assert commands(box).count(b"RAMP 1,0,5.0") == 2        # asked: it had not been obeyed; so it was given again
        assert commands(box)[-1] == b"RANGE 1,2"

    def test_moving_is_the_ramp(self, talk):
        driver, _ = talk(LakeShore336, table(**{"RAMPST? 1": "1"}))
        assert driver.moving

    @pytest.mark.parametrize("code", [1, 2])
    def test_heater_faults(self, talk, code):
        driver, _ = talk(LakeShore336, table(**{"HTRST? 1": str(code)}))
        with pytest.raises(HeaterFault):
            _ = driver.moving

    def test_stop_holds_the_temperature_of_now(self, controller):
        driver, box = controller
        box.answers[b"RAMP? 1;*ESR?\n"] = b"0,+5.0;0\r\n"
        driver.stop()
        assert commands(box) == [b"RAMP 1,0,5.0", b"SETP 1,4.159"]

    def test_estimate(self, controller):
        driver, _ = controller
        assert driver.eta(4.0, 104.0) == pytest.approx(1200.0 + 300.0)

    @pytest.mark.parametrize("options", [{"output": 3}, {"sensor": "E"}, {"heater_range": "off"}, {"ramp_k_min": 0.01}])
    def test_options(self, talk, options):
        with pytest.raises(InstrumentError):
            talk(LakeShore336, table(), **options)


class TestLevels:
    def test_park_and_safe_leave_the_temperature_alone(self, controller):
        driver, box = controller
        driver.park()
        driver.make_safe()
        assert box.said == []

    def test_shutdown_switches_every_heater_off(self, controller):
        driver, box = controller
        driver.shutdown()
        assert commands(box) == [ALL_OFF.encode()]

    def test_a_heater_that_stays_on_is_said(self, controller):
        driver, box = controller
        box.answers[b"RANGE? 2;*ESR?\n"] = b"3;0\r\n"
        with pytest.raises(InstrumentError, match="still heats"):
            driver.shutdown()
