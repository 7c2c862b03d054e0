"""ESP301: the bytes of the manual, errors that name their axis, three kinds of axes on one port."""

from __future__ import annotations

import pytest

from drivers.esp301 import ESP301, AxisDisabled, ControllerError, FollowingError, TravelLimit
from labctl.core.errors import InstrumentError, LimitError, NoReply, WrongDevice

NO_ERROR = b"0, 450322, NO ERROR DETECTED\r\n"


def table(number: int = 1) -> dict[bytes, bytes]:
    axis = b"%d" % number
    return {
        b"VE?\r": b"ESP301 Version 3.0.1 6/1/99\r\n", b"\rVE?\r": b"ESP301 Version 3.0.1 6/1/99\r\n", b"TB?\r": NO_ERROR,
        axis + b"ID?\r": b"ILS150PP, SN1234\r\n", axis + b"TP\r": b"-2.50000\r\n", axis + b"MO?\r": b"1\r\n",
        axis + b"MD?\r": b"1\r\n",
        axis + b"SL?\r": b"-75.00000\r\n", axis + b"SR?\r": b"75.00000\r\n", axis + b"VA?\r": b"5.00000\r\n"}


@pytest.fixture
def stage(talk):
    return talk(ESP301, table())


class TestBytes:
    def test_identity(self, stage):
        driver, _ = stage
        assert str(driver.identify()) == "Newport ESP301 with ILS150PP, serial 1234, firmware 3.0.1 6/1/99"
        assert driver.position_limits == (-75.0, 75.0)

    def test_another_device_is_refused(self, stage):
        driver, box = stage
        box.answers[b"VE?\r"] = b"XPS-C8\r\n"
        with pytest.raises(WrongDevice):
            driver.identify()

    def test_position(self, stage):
        driver, box = stage
        assert driver.position == -2.5
        assert set(box.said) == {b"1TP\r"}

    @pytest.mark.parametrize(("millimetres", "sent"), [(-2.5, b"1PA-2.50000\r"), (5.0, b"1PA5.00000\r")])
    def test_absolute_moves(self, stage, millimetres, sent):
        driver, box = stage
        driver.start_move(millimetres)
        assert box.said == [b"1MO?\r", b"1MO?\r", sent, b"TB?\r"]

    def test_the_motor_is_switched_on_first(self, stage):
        driver, box = stage
        box.answers[b"1MO?\r"] = b"0\r\n"
        driver.start_move(1.0)
        assert [said for said in box.said if b"?" not in said] == [b"1MO\r", b"1PA1.00000\r"]

    def test_home_stop_and_levels(self, stage):
        driver, box = stage
        driver.start_home()
        driver.stop()
        driver.park()
        driver.shutdown()
        assert [said for said in box.said if b"?" not in said] == [b"1OR1\r", b"1ST\r", b"1ST\r", b"1ST\r", b"1MF\r"]

    def test_done(self, stage):
        driver, box = stage
        assert not driver.moving
        box.answers[b"1MD?\r"] = b"0\r\n"
        assert driver.moving


class TestKinds:
    def test_a_delay_line(self, talk):
        driver, box = talk(ESP301, table(2), axis=2, kind="delay", zero_mm=-10.0)
        driver.identify()
        assert driver.time == pytest.approx(7.5 * 6.6731, rel=1e-4)       # 1 mm is 6.67 ps there and back, in air
        assert driver.time_limits == pytest.approx((-65 * 6.6731, 85 * 6.6731), rel=1e-4)
        driver.start_move(66.731)
        assert float(box.said[-2][3:]) == pytest.approx(0.0, abs=1e-3)

    def test_a_slit(self, talk):
        driver, box = talk(ESP301, table(3), axis=3, kind="slit", zero_mm=-3.0)
        assert driver.length == pytest.approx(0.5)
        driver.start_move(2.0)
        assert box.said[-2] == b"3PA-1.00000\r"

    def test_each_kind_has_its_axis(self, talk):
        assert [list(talk(ESP301, {}, kind=kind)[0].axes) for kind in ("stage", "slit", "delay")] == [
            ["position"], ["length"], ["time"]]

    @pytest.mark.parametrize("options", [{"axis": 4}, {"kind": "rotation"}, {"passes": 3}])
    def test_options(self, talk, options):
        with pytest.raises(InstrumentError):
            talk(ESP301, {}, **options)


class TestErrors:
    @pytest.mark.parametrize(("entry", "error"), [
        (b"6, 1, COMMAND DOES NOT EXIST", ControllerError), (b"104, 1, POSITIVE HARDWARE LIMIT DETECTED", TravelLimit),
        (b"103, 1, FOLLOWING ERROR THRESHOLD EXCEEDED", FollowingError), (b"113, 1, MOTOR NOT ENABLED", AxisDisabled)])
    def test_entries_of_the_error_memory(self, stage, entry, error):
        driver, box = stage
        box.answers[b"1PA5.00000\r"] = lambda _: box.plan.append(entry + b"\r\n")
        with pytest.raises(error, match=entry.split(b", ")[2].decode()):
            driver.start_move(5.0)

    def test_errors_of_other_axes_are_not_ours(self, stage):
        driver, box = stage
        box.plan.extend([b"1\r\n", b"1\r\n", b"213, 1, MOTOR NOT ENABLED\r\n"])
        assert not driver.moving

    def test_what_ended_a_move_is_raised(self, stage):
        driver, box = stage
        box.plan.extend([b"1\r\n", b"1\r\n", b"106, 1, POSITIVE SOFTWARE LIMIT DETECTED\r\n"])
        with pytest.raises(TravelLimit):
            _ = driver.moving

    @pytest.mark.parametrize("answer", [b"-2.5\x30000\xb0\r\n", b"-2.50\r\n", b"3\r\n", b"\r\n"])
    def test_damaged_answers(self, stage, answer):
        driver, box = stage
        box.plan.append(answer)
        assert driver.position == -2.5

    def test_silence(self, stage):
        driver, box = stage
        box.answers.clear()
        with pytest.raises(NoReply):
            _ = driver.position

    @pytest.mark.parametrize("millimetres", [-150.1, 150.1, float("nan")])
    def test_limits_are_kept_before_anything_is_sent(self, stage, millimetres):
        driver, box = stage
        with pytest.raises(LimitError, match="nothing was sent"):
            driver.start_move(millimetres)
        assert box.said == []

    def test_the_controllers_own_limits_are_kept_too(self, stage):
        driver, box = stage
        driver.identify()
        box.said.clear()
        with pytest.raises(LimitError):
            driver.start_move(80.0)
        assert box.said == []
