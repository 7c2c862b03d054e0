"""K10CR1: the frames of the protocol manual, answers that are believed only twice, and a mount that nobody has homed."""

from __future__ import annotations

import struct

import pytest

from drivers.k10cr1 import K10CR1, MotionError, MotorMissing, MotorOverCurrent
from labctl.core.errors import BadReply, LimitError, NoReply, WrongDevice

POSITION = bytes.fromhex("110401005001")
STATUS = bytes.fromhex("290401005001")
INFORMATION = bytes.fromhex("050000005001")
SPEEDS = bytes.fromhex("140401005001")
STANDING = 0x9000_2500          # homed, standing: the manual's example
TURNING = 0xB000_0510
AT_45 = bytes.fromhex("120406008150 0100 00C05D00")


def status(bits: int) -> bytes:
    return bytes.fromhex("2A0406008150 0100") + struct.pack("<I", bits)


def information(model: bytes = b"K10CR1") -> bytes:
    data = struct.pack("<I8sH4s48s12xHHH", 55000123, model, 16, bytes([3, 0, 2, 0]), b"", 1, 0, 1)
    return bytes.fromhex("060054008150") + data


@pytest.fixture
def mount(talk):
    return talk(K10CR1, {
        POSITION: AT_45, STATUS: status(STANDING), INFORMATION: information(),
        SPEEDS: bytes.fromhex("15040E008150 0100 00000000 59750000 55555E04"),
    })


class TestFrames:
    def test_identity(self, mount):
        driver, box = mount
        assert str(driver.identify()) == "Thorlabs K10CR1, serial 55000123, firmware 2.0.3"
        assert box.said[0] == bytes.fromhex("120000005001")          # status updates are silenced first
        assert INFORMATION in box.said

    def test_another_controller_is_refused(self, mount):
        driver, box = mount
        box.answers[INFORMATION] = information(b"TDC001")
        with pytest.raises(WrongDevice, match="TDC001"):
            driver.identify()

    @pytest.mark.parametrize(("angle", "sent"), [
        (45.0, "53040600D0010100 00C05D00"), (-10.0, "53040600D0010100 AB2AEBFF"), (1.0, "53040600D0010100 55150200")])
    def test_absolute_moves(self, mount, angle, sent):
        driver, box = mount
        driver.start_move(angle)
        assert box.said[-1] == bytes.fromhex(sent)

    def test_position(self, mount):
        driver, box = mount
        assert driver.angle == pytest.approx(45.0)
        box.answers[POSITION] = bytes.fromhex("120406008150 0100 AB2AEBFF")
        assert driver.angle == pytest.approx(-10.0, abs=1e-5)

    def test_velocity_block(self, mount):
        driver, box = mount
        assert driver.speeds == pytest.approx((10.0, 20.0), rel=1e-4)
        driver.speeds = (10.0, 20.0)
        assert bytes.fromhex("13040E00D001 0100 00000000 59750000 55555E04") in box.said

    def test_profiled_stop(self, mount):
        driver, box = mount
        driver.stop()
        assert box.said[-1] == bytes.fromhex("650401025001")

    def test_home(self, mount):
        driver, box = mount
        driver.start_home()
        assert box.said[-1] == bytes.fromhex("430401005001")

    def test_a_frame_may_hold_a_line_feed(self, mount):
        driver, box = mount
        box.answers[POSITION] = bytes.fromhex("120406008150 0100 0A0A0A00")
        assert driver.angle == pytest.approx(0x0A0A0A / 136533.333)

    def test_unasked_completions_are_skipped(self, mount):
        driver, box = mount
        done = bytes.fromhex("64040E008150 0100 00C05D00 00000000 00250090")
        box.answers[STATUS] = done + bytes.fromhex("440401000150") + status(STANDING)
        assert driver.homed
        assert driver.port.incidents == []


class TestBadAnswers:
    def test_a_flipped_bit_is_outvoted(self, mount):
        driver, box = mount
        wrong = bytearray(AT_45)
        wrong[-1] ^= 0x80
        box.plan.extend([bytes(wrong)])
        assert driver.angle == pytest.approx(45.0)

    def test_a_unit_that_never_says_the_same_twice(self, mount):
        driver, box = mount
        box.plan.extend(status(STANDING ^ (bit << 4)) for bit in (1, 0, 1, 0, 1, 0, 1, 0, 1))
        with pytest.raises(BadReply, match="differently"):
            _ = driver.homed

    def test_garbage_before_a_frame(self, mount):
        driver, box = mount
        box.plan.extend([b"\x55\x0a" + AT_45])
        assert driver.angle == pytest.approx(45.0)
        assert driver.port.incidents

    def test_silence(self, mount):
        driver, box = mount
        box.answers.clear()
        with pytest.raises(NoReply):
            _ = driver.angle


class TestMoves:
    @pytest.mark.parametrize("angle", [-360.1, 360.1, float("nan"), float("inf")])
    def test_limits_are_kept_before_anything_is_sent(self, mount, angle):
        driver, box = mount
        with pytest.raises(LimitError, match="nothing was sent"):
            driver.start_move(angle)
        assert box.said == []

    @pytest.mark.parametrize("speeds", [(10.1, 20.0), (10.0, 20.1), (0.0, 1.0)])
    def test_speed_limits(self, mount, speeds):
        driver, box = mount
        with pytest.raises(LimitError):
            driver.speeds = speeds
        assert box.said == []

    def test_an_unhomed_mount_is_homed_first(self, mount, clock):
        driver, box = mount
        box.answers[STATUS] = status(STANDING & ~0x400)
        driver.start_move(45.0)
        assert box.said[-1] == bytes.fromhex("430401005001")
        box.answers[STATUS] = status(0x9000_2300)
        clock.wait(5.0)
        assert driver.moving
        box.answers[STATUS] = status(STANDING)
        assert driver.moving                        # homed: the move itself follows
        assert box.said[-1] == bytes.fromhex("53040600D0010100 00C05D00")
        assert not driver.moving

    def test_homing_that_finds_nothing(self, mount, clock):
        driver, box = mount
        box.answers[STATUS] = status(STANDING & ~0x400)
        driver.start_move(45.0)
        clock.wait(5.0)
        with pytest.raises(MotionError, match="without a zero"):
            _ = driver.moving

    def test_moving_bits(self, mount):
        driver, box = mount
        for bits in (TURNING, 0x9000_2520, 0x9000_2540, 0x9000_2700):
            box.answers[STATUS] = status(bits)
            assert driver.moving
        box.answers[STATUS] = status(STANDING)
        assert not driver.moving

    def test_a_move_that_has_not_begun_yet_is_under_way(self, mount, clock):
        driver, _ = mount
        driver.start_move(90.0)
        assert driver.moving
        clock.wait(0.2)
        assert not driver.moving          # it never began: the read-back tells the engine

    @pytest.mark.parametrize(("bits", "error"), [
        (STANDING | 1 << 14, MotionError), (STANDING | 1 << 24, MotorOverCurrent), (STANDING & ~(1 << 8), MotorMissing),
        (STANDING & ~(1 << 28), MotorMissing)])
    def test_faults(self, mount, bits, error):
        driver, box = mount
        box.answers[STATUS] = status(bits)
        with pytest.raises(error):
            _ = driver.moving

    def test_a_disabled_channel_is_enabled(self, mount):
        driver, box = mount
        box.answers[STATUS] = status(STANDING & ~(1 << 31))
        driver.start_move(45.0)
        assert bytes.fromhex("100201015001") in box.said

    def test_estimates_are_trapezoids(self, mount):
        driver, _ = mount
        assert [driver.eta(0, 5), driver.eta(0, 45), driver.eta(360, 0)] == pytest.approx([1.0, 5.0, 36.5])

    def test_park_waits_until_it_stands(self, mount):
        driver, box = mount
        box.plan.extend([None, status(TURNING), status(TURNING)])
        driver.park()
        assert box.said[0] == bytes.fromhex("650401025001")
