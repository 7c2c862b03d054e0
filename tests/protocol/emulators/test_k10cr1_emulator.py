"""The K10CR1 emulator says, byte for byte, what the APT protocol says, and takes the time a trapezoid takes."""

import struct

import pytest

from sim_instruments.k10cr1 import STEPS_PER_DEG, EmulatedK10CR1
from sim_instruments.trapezoid import travel_seconds

STATUS = bytes.fromhex("290401005001")
POSITION = bytes.fromhex("110401005001")
HOMING = bytes.fromhex("430401005001")
TO_45 = bytes.fromhex("53040600D00101000 0C05D00".replace(" ", ""))
DONE_AT_45 = bytes.fromhex("64040E008150 0100 00C05D00 00000000 00250090")
HOMED = bytes.fromhex("440401000150")


@pytest.fixture
def mount(make):
    return make(EmulatedK10CR1)


@pytest.fixture
def homed(mount, ask):
    assert ask(mount, HOMING, 3.0) == HOMED          # from the zero to the switch 4 degrees below, and back
    return mount


def status(mount, ask) -> int:
    return struct.unpack("<I", ask(mount, STATUS)[8:])[0]


class TestExamples:
    """The examples of the manual's frames."""

    def test_information_is_84_bytes(self, mount, ask):
        answer = ask(mount, bytes.fromhex("050000005001"))
        assert answer[:6] == bytes.fromhex("060054008150")
        assert len(answer) == 6 + 84
        serial, model = struct.unpack_from("<I8s", answer, 6)
        assert (str(serial)[:2], model) == ("55", b"K10CR1\0\0")

    def test_absolute_move_reports_its_end_unasked(self, homed, ask):
        assert ask(homed, TO_45, 4.99) == b""
        assert ask(homed, b"", 0.02) == DONE_AT_45
        assert homed.plate.angle.position == pytest.approx(45.0)
        assert ask(homed, POSITION) == bytes.fromhex("1204060081500100 00C05D00")

    @pytest.mark.parametrize(("sent", "steps"), [("53040600D0010100AB2AEBFF", -1365333), ("48040600D001010055150200", 136533)])
    def test_other_moves(self, homed, ask, sent, steps):
        answer = ask(homed, bytes.fromhex(sent), 5.0)
        assert struct.unpack("<HiiI", answer[6:]) == (1, steps, 0, 0x90002500)
        assert homed.plate.angle.position == pytest.approx(steps / STEPS_PER_DEG, abs=1e-5)

    def test_status_while_moving_forward_and_homed(self, homed, ask):
        ask(homed, TO_45, 1.0)
        assert ask(homed, STATUS) == bytes.fromhex("2A0406008150 0100 100500B0")

    def test_velocity_block(self, mount, ask):
        assert ask(mount, bytes.fromhex("140401005001"))[-4:] == bytes.fromhex("55555E04")         # 10 deg/s from the factory
        assert ask(mount, bytes.fromhex("13040E00D001 0100 00000000 59750000 55555E04")) == b""
        assert ask(mount, bytes.fromhex("140401005001")) == bytes.fromhex("15040E008150 0100 00000000 59750000 55555E04")

    def test_messages_come_in_any_chunking_after_garbage(self, homed, ask):
        for byte in b"\x00\xff\x50\x01\x07" + POSITION + TO_45 + STATUS:
            homed.feed(bytes([byte]))
        assert ask(homed, b"", 0.01) == bytes.fromhex("120406008150010000000000 2A0406008150 0100 100500B0")
        assert ask(homed, b"", 6.0) == DONE_AT_45

    def test_unknown_numbers_and_wrong_lengths_are_ignored(self, mount, ask):
        assert ask(mount, bytes.fromhex("FF7F01005001") + bytes.fromhex("53040400D00101000000") + POSITION).startswith(b"\x12\x04")

    def test_half_a_message_is_forgotten_after_a_silence(self, mount, ask):
        ask(mount, TO_45[:8], 2.0)
        assert ask(mount, POSITION).startswith(b"\x12\x04")


@pytest.mark.parametrize(("degrees", "seconds"), [(5.0, 1.0), (45.0, 5.0), (360.0, 36.5), (1.25, 0.5)])
def test_a_move_takes_the_time_of_its_trapezoid(homed, ask, degrees, seconds):
    assert travel_seconds(degrees, 10.0, 20.0) == pytest.approx(seconds)
    homed.feed(struct.pack("<HHBBHi", 0x0453, 6, 0xD0, 1, 1, round(degrees * STEPS_PER_DEG)))
    assert ask(homed, b"", seconds - 0.01) == b""
    assert ask(homed, b"", 0.02)[:2] == b"\x64\x04"


def test_half_the_acceleration_takes_longer(homed, ask):
    # 10 deg/s, 10 deg/s²: 45 deg in 4.5 s + 1 s.
    ask(homed, struct.pack("<HHBBHiii", 0x0413, 14, 0xD0, 1, 1, 0, 15020, 73291093))
    assert ask(homed, TO_45, 5.49) == b""
    assert ask(homed, b"", 0.02) == DONE_AT_45


class TestHoming:
    def test_flags_and_the_way(self, mount, ask):
        assert status(mount, ask) & (1 << 9 | 1 << 10) == 0
        mount.plate.angle.move(200.0)
        ask(mount, HOMING, 10.0)
        assert status(mount, ask) & (1 << 9 | 1 << 10 | 1 << 29) == 1 << 9 | 1 << 29
        assert ask(mount, b"", 40.0) == HOMED
        assert status(mount, ask) == 0x90002500
        assert mount.plate.angle.position == pytest.approx(0.0, abs=1e-9)
        assert mount.counter == 0

    def test_a_shorter_offset_moves_the_zero(self, mount, ask):
        home = struct.pack("<HHBBHHHii", 0x0440, 14, 0xD0, 1, 1, 2, 1, 36_645_547, round(1.0 * STEPS_PER_DEG))
        ask(mount, home)
        assert ask(mount, bytes.fromhex("410401005001"))[6:] == home[6:]
        ask(mount, HOMING, 10.0)
        assert mount.plate.angle.position == pytest.approx(-3.0, abs=1e-5)
        assert mount.counter == 0

    def test_a_power_cycle_loses_the_homed_flag_and_keeps_the_counter(self, homed, ask):
        ask(homed, TO_45, 6.0)
        homed.power_cycle()
        assert status(homed, ask) & 1 << 10 == 0
        assert ask(homed, POSITION)[8:] == bytes.fromhex("00C05D00")


class TestOtherMotions:
    def test_stop_along_the_ramp_reports_where(self, homed, ask):
        ask(homed, TO_45, 2.0)
        answer = ask(homed, bytes.fromhex("650401025001"), 2.0)
        assert answer[:2] == b"\x66\x04"
        assert struct.unpack("<HiiI", answer[6:])[1] == homed.counter
        assert 15.0 < homed.plate.angle.position < 25.0

    def test_immediate_stop(self, homed, ask):
        ask(homed, TO_45, 2.0)
        where = homed.plate.angle.position
        assert ask(homed, bytes.fromhex("650401015001"))[:2] == b"\x66\x04"
        assert homed.plate.angle.position == where

    def test_turning_on_until_stopped(self, homed, ask):
        ask(homed, bytes.fromhex("570401025001"), 60.0)
        assert homed.plate.angle.position == pytest.approx(-600.0, abs=5.0)
        assert status(homed, ask) & 1 << 5

    def test_jog_by_the_stored_step(self, homed, ask):
        assert ask(homed, bytes.fromhex("6A0401015001"), 0.5) == b""
        assert status(homed, ask) & 1 << 6
        assert ask(homed, b"", 1.0)[:2] == b"\x64\x04"
        assert homed.plate.angle.position == pytest.approx(5.0)

    def test_backlash_is_taken_out_by_overshooting_backwards(self, homed, ask):
        ask(homed, struct.pack("<HHBBHi", 0x043A, 6, 0xD0, 1, 1, round(1.0 * STEPS_PER_DEG)))
        ask(homed, bytes.fromhex("53040600D0010100AB2AEBFF"), 1.5 + 0.05)
        assert homed.plate.angle.position < -9.9
        assert ask(homed, b"", 1.0)[:2] == b"\x64\x04"

    def test_too_far_is_not_executed(self, homed, ask):
        assert ask(homed, struct.pack("<HHBBHi", 0x0453, 6, 0xD0, 1, 1, 2**31 - 1), 10.0) == b""
        assert homed.counter == 0

    def test_a_disabled_channel_stands_still(self, homed, ask):
        ask(homed, bytes.fromhex("100201025001"))
        assert ask(homed, bytes.fromhex("110201005001")) == bytes.fromhex("120201020150")
        assert ask(homed, TO_45, 10.0) == b""

    def test_updates_come_until_they_are_stopped_or_the_host_seems_dead(self, homed, ask):
        assert len(ask(homed, bytes.fromhex("110000005001"), 1.05)) == 10 * 20
        assert ask(homed, bytes.fromhex("120000005001"), 5.0) == b""
        assert len(ask(homed, bytes.fromhex("110000005001"), 60.0)) == 50 * 20


class TestFaults:
    def test_a_stalled_motor_never_arrives(self, homed, ask):
        homed.stalled = True
        assert ask(homed, TO_45, 3600.0) == b""
        assert status(homed, ask) & 1 << 14
        assert homed.plate.angle.position == pytest.approx(0.0, abs=1e-9)

    def test_slip_is_seen_by_the_optic_only(self, homed, ask):
        homed.slip = 0.1
        assert ask(homed, TO_45, 6.0) == DONE_AT_45
        assert homed.plate.angle.position == pytest.approx(40.5)

    def test_a_move_goes_to_zero(self, homed, ask):
        ask(homed, TO_45, 6.0)
        homed.goes_to_zero = True
        assert struct.unpack("<HiiI", ask(homed, TO_45, 6.0)[6:])[1] == 0
