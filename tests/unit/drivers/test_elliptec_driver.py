"""ELL14 and ELL18: the bytes of recorded units, moves that end elsewhere, and every status as an error of its own."""

from __future__ import annotations

import pytest

from drivers import elliptec
from drivers.elliptec import ELL14
from drivers.elliptec_bus import FAULTS
from labctl.core.errors import BadReply, Busy, DeviceFault, InstrumentError, LimitError, NotSettled, WrongDevice

INFORMATION = b"0IN0E1140051720231701016800023000\r\n"


@pytest.fixture
def mount(talk):
    return talk(ELL14, {b"0in": INFORMATION, b"0gs": b"0GS00\r\n", b"0gp": b"0PO00000000\r\n"}, home_first=False)


class TestRecordedBytes:
    def test_identity_and_scale_come_from_the_unit(self, talk):
        driver, box = talk(ELL14, {b"2in": b"2IN0E1140051720231701016800023000\r\n"}, address="2")
        assert str(driver.identify()) == "Thorlabs ELL14, serial 11400517, firmware 17"
        assert driver.pulses_per_degree == pytest.approx(143360 / 360)
        assert box.said == [b"2in", b"2in"]

    def test_an_ell18_has_its_own_scale(self, talk):
        driver, _ = talk(ELL14, {b"0in": b"0IN121140051720231701016800040000\r\n", b"0gp": b"0PO00040000\r\n"})
        assert driver.identify().model == "ELL18"
        assert driver.angle == pytest.approx(360.0)

    @pytest.mark.parametrize(("angle", "sent"), [(45.0, b"0ma00004600"), (22.5, b"0ma00002300"), (-30.0, b"0maFFFFD156"),
                                                 (0.0, b"0ma00000000"), (360.0, b"0ma00023000")])
    def test_moves(self, mount, angle, sent):
        driver, box = mount
        driver.start_move(angle)
        # Both clients of the literature truncate, we round: the same pulse, or the next.
        assert abs(int(box.said[-1][3:], 16) - int(sent[3:], 16)) <= 1
        assert box.said[-1][:3] == sent[:3]

    @pytest.mark.parametrize(("reply", "angle"), [
        (b"0PO00004600\r\n", 45.0), (b"0POFFFFBA00\r\n", -45.0), (b"0POFFFFD156\r\n", -30.0)])
    def test_positions_are_signed(self, mount, reply, angle):
        driver, box = mount
        box.answers[b"0gp"] = reply
        assert driver.angle == pytest.approx(angle, abs=0.003)

    def test_velocity(self, mount):
        driver, box = mount
        box.answers |= {b"0gv": b"0GV64\r\n", b"0sv32": b"0GS00\r\n"}
        assert driver.velocity == 100
        driver.velocity = 50
        assert box.said[-1] == b"0sv32"
        for value in (0, 101, 50.5, "fast"):
            with pytest.raises(LimitError):
                driver.velocity = value

    def test_home(self, mount, clock):
        driver, box = mount
        box.answers[b"0ho0"] = [(0.5, b"0PO00000000\r\n")]
        driver.start_home()
        assert box.said == [b"0ho0"]


class TestMoving:
    def test_busy_then_arrived_with_the_unasked_end_of_the_move_between(self, mount):
        driver, box = mount
        box.answers |= {b"0gp": b"0PO00004600\r\n", b"0ma00004600": None}
        driver.start_move(45.0)
        box.plan.extend([b"0GS09\r\n", b"0PO00004600\r\n0GS00\r\n"])
        assert driver.moving
        assert not driver.moving
        assert driver.angle == pytest.approx(45.0)
        assert driver.port.incidents == []

    def test_the_end_of_one_units_move_is_not_the_answer_of_another(self, mount):
        driver, box = mount
        box.plan.append(b"1PO00001234\r\n0PO00004600\r\n")
        assert driver.angle == pytest.approx(45.0)

    def test_a_pause_after_one_move_before_the_next(self, mount, clock):
        driver, box = mount
        driver.start_move(0.0)
        assert not driver.moving
        ended = clock.now()
        driver.start_move(10.0)
        assert clock.now() - ended == pytest.approx(elliptec.PAUSE_BEFORE_MOVE_S)
        assert box.said[-1] == b"0ma%08X" % round(10 * 143360 / 360)

    def test_a_move_that_ended_at_0_is_repeated_once(self, mount):
        driver, box = mount
        driver.start_move(45.0)
        assert driver.moving                  # stands at 0: sent again
        assert box.said.count(b"0ma00004600") == 2
        assert "sent again" in driver.port.incidents[0].text
        box.answers[b"0gp"] = b"0PO00004600\r\n"
        assert not driver.moving

    def test_and_no_more_than_once(self, mount):
        driver, box = mount
        driver.start_move(45.0)
        assert driver.moving
        assert not driver.moving
        assert box.said.count(b"0ma00004600") == 2
        with pytest.raises(NotSettled, match="stands at 0"):
            driver.angle = 45.0

    def test_the_first_move_homes(self, talk, clock):
        driver, box = talk(ELL14, {b"0in": INFORMATION, b"0gs": b"0GS00\r\n", b"0gp": b"0PO00004600\r\n"})
        driver.start_move(45.0)
        assert box.said == [b"0ho0"]
        box.plan.append(b"0GS09\r\n")
        assert driver.moving
        assert driver.moving                  # homed: the move itself begins
        assert box.said[-1] == b"0ma00004600"
        assert not driver.moving
        driver.start_move(45.0)
        assert box.said.count(b"0ho0") == 1

    def test_parking_at_the_calibrated_minimum(self, talk):
        driver, box = talk(ELL14, {b"0in": INFORMATION, b"0gs": b"0GS00\r\n", b"0gp": b"0PO00004600\r\n"}, park_angle=45.0)
        driver.park()
        assert b"0ma00004600" in box.said

    def test_a_stage_that_never_stops_does_not_hold_park_for_ever(self, mount, clock):
        driver, box = mount
        box.answers[b"0gs"] = b"0GS09\r\n"
        with pytest.raises(NotSettled, match="parking"):
            driver.park()
        assert clock.now() < 7.0


class TestFaults:
    @pytest.mark.parametrize("code", [code for code in FAULTS if code not in (0x07, 0x09)])
    def test_every_status_is_an_error_of_its_own(self, mount, code):
        driver, box = mount
        box.answers[b"0gs"] = b"0GS%02X\r\n" % code
        with pytest.raises(FAULTS[code][0], match=f"status {code:02X}h"):
            driver.moving   # noqa: B018

    def test_an_unknown_status(self, mount):
        driver, box = mount
        box.answers[b"0gs"] = b"0GS3F\r\n"
        with pytest.raises(DeviceFault, match="3Fh"):
            driver.moving   # noqa: B018

    def test_a_question_during_a_move_waits_for_its_end(self, mount):
        driver, box = mount
        box.answers[b"0gv"] = b"0GS09\r\n"
        with pytest.raises(Busy):
            driver.velocity   # noqa: B018

    @pytest.mark.parametrize("reply", [
        b"0PO0000460\r\n", b"0PO\r\n", b"0PO0000\xb4600\r\n", b"0POxyz46000\r\n", b"0GSx\r\n", b"\r\n"])
    def test_a_damaged_reply_is_never_used(self, mount, reply):
        driver, box = mount
        box.answers[b"0gp"] = b"0PO00004600\r\n"
        box.plan.extend([INFORMATION, reply])
        assert driver.pulses_per_degree > 0
        assert driver.angle == pytest.approx(45.0)

    def test_nor_if_it_never_gets_better(self, mount):
        driver, box = mount
        box.answers[b"0gp"] = b"0POxyz46000\r\n"
        with pytest.raises(BadReply):
            driver.angle   # noqa: B018

    @pytest.mark.parametrize("angle", [360.1, -361.0, float("nan"), float("inf")])
    def test_limits_are_refused_before_anything_is_sent(self, mount, angle):
        driver, box = mount
        with pytest.raises(LimitError, match="nothing was sent"):
            driver.start_move(angle)
        assert box.said == []

    def test_another_kind_of_stage(self, talk):
        driver, _ = talk(ELL14, {b"0in": b"0IN141140051720231701003C00000400\r\n"})
        with pytest.raises(WrongDevice, match="14h"):
            driver.identify()

    @pytest.mark.parametrize("options", [
        {"address": "G"}, {"address": 10}, {"address": "12"}, {"address": ""}, {"park_angle": 400.0}])
    def test_bad_options(self, talk, options):
        with pytest.raises(InstrumentError):
            talk(ELL14, {}, **options)
