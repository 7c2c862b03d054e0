"""Shutter, filter wheel and spectrograph: line protocols, byte for byte, and the time things take."""

import pytest

from sim_instruments.faults import Fault
from sim_instruments.fw102c import EmulatedFW102C
from sim_instruments.sc10 import EmulatedSC10
from sim_instruments.spectrapro import EmulatedSpectraPro
from sim_instruments.twin.elements import Grating, Monochromator
from sim_instruments.wire import Unit


class TestSC10:
    """SC10: echo, answer, prompt; `ens` toggles."""

    @pytest.fixture
    def device(self, make):
        return make(EmulatedSC10)

    @pytest.mark.parametrize(("sent", "received"), [
        (b"ens?\r", b"ens?\r0\r> "), (b"ens\r", b"ens\r> "), (b"closed?\r", b"closed?\r1\r> "), (b"open=250\r", b"open=250\r> "),
        (b"mode=9\r", b"mode=9\rCMD_ARG_INVALID\r> "), (b"foo\r", b"foo\rCMD_NOT_DEFINED\r> "), (b"\r", b"\r> "),
        (b"interlock?\r", b"interlock?\r0\r> "), (b"open=1234567\r", b"open=1234567\rCMD_ARG_INVALID\r> "),
        (b"ens=1\r", b"ens=1\rCMD_NOT_DEFINED\r> "), (b"rep?\r", b"rep?\r1\r> "),
    ])
    def test_recorded_lines(self, device, ask, sent, received):
        for byte in sent:
            device.feed(bytes([byte]))
        assert ask(device, b"") == received

    def test_opens_after_its_latency_and_reports_the_blade_not_the_command(self, device, ask):
        device.feed(b"ens\r")
        assert ask(device, b"", 0.011) == b"ens\r> "
        assert device.shutter.closed
        assert ask(device, b"", 0.005) == b""
        assert 0.0 < device.shutter.opening.position < 1.0
        assert ask(device, b"closed?\r") == b"closed?\r0\r> "
        assert device.shutter.opening.position == 1.0
        assert ask(device, b"ens\r")
        assert ask(device, b"closed?\r") == b"closed?\r1\r> "

    def test_open_and_close_at_once_ends_closed(self, device, ask):
        assert ask(device, b"ens\rens\rens?\r", 0.2).endswith(b"0\r> ")
        assert device.shutter.closed

    def test_a_single_exposure_closes_by_itself(self, device, ask):
        ask(device, b"mode=3\ropen=500\rens\r", 0.3)
        assert not device.shutter.closed
        ask(device, b"", 0.5)
        assert device.shutter.closed
        assert ask(device, b"ens?\r") == b"ens?\r0\r> "

    def test_repeat_mode_counts(self, device, ask, clock):
        ask(device, b"mode=4\rrep=3\ropen=100\rshut=100\rens\r", 0.0)
        openings = 0
        for _ in range(200):
            before = device.shutter.opening.target
            clock.wait(0.01)
            openings += device.shutter.opening.target > before
        assert openings == 3
        assert device.shutter.closed

    def test_interlock_closes_it_and_keeps_it_closed(self, device, ask):
        ask(device, b"ens\r")
        device.interlock_open = True
        ask(device, b"ens\r")
        assert ask(device, b"interlock?\r") == b"interlock?\r1\r> "
        assert device.shutter.closed

    def test_a_stuck_blade_stays_open(self, device, ask):
        ask(device, b"ens\r")
        device.stuck = True
        ask(device, b"ens\r")
        assert ask(device, b"ens?\r") == b"ens?\r0\r> "
        assert ask(device, b"closed?\r") == b"closed?\r0\r> "


class TestFW102C:
    """Filter wheel: the echo comes at once, the prompt when the wheel has arrived."""

    @pytest.fixture
    def device(self, make):
        return make(EmulatedFW102C)

    @pytest.mark.parametrize(("sent", "received"), [
        (b"pos?\r", b"pos?\r1\r> "), (b"pos=3\r", b"pos=3\r> "), (b"foo\r", b"foo\rCommand error CMD_NOT_DEFINED\r> "),
        (b"pos=7\r", b"pos=7\rCommand error CMD_ARG_INVALID\r> "), (b"pos=x\r", b"pos=x\rCommand error CMD_ARG_INVALID\r> "),
        (b"pcount?\r", b"pcount?\r6\r> "), (b"speed=0\r", b"speed=0\r> "), (b"sensors?\r", b"sensors?\r0\r> "),
    ])
    def test_recorded_lines(self, device, ask, sent, received):
        assert ask(device, sent, 10.0) == received

    def test_goes_the_shorter_way_in_its_time(self, device, ask):
        assert ask(device, b"pos=5\rpos?\r", 0.75) == b"pos=5\r"              # two steps back, 0.4 s each
        assert ask(device, b"", 0.1) == b"> pos?\r5\r> "
        assert device.wheel.slot.position == 5.0

    def test_low_speed_is_slower(self, device, ask):
        ask(device, b"speed=0\r")
        assert ask(device, b"pos=2\r", 1.4) == b"pos=2\r"
        assert ask(device, b"", 0.2) == b"> "

    def test_a_jammed_wheel_never_answers(self, device, ask):
        device.jammed = True
        assert ask(device, b"pos=2\r", 1000.0) == b"pos=2\r"
        assert ask(device, b"pos?\r") == b""
        assert device.wheel.slot.position == 1.0


class TestSpectraPro:
    """SpectraPro: words, one ok per line, echo on until NO-ECHO."""

    @pytest.fixture
    def device(self, clock):
        element = Monochromator("unit", clock, gratings=(Grating(1200.0, "500NM"), Grating(150.0, "2UM")))
        return EmulatedSpectraPro([Unit("unit", "spectrapro", {}, element)], clock=clock, seed=3)

    @pytest.fixture
    def quiet(self, device, ask):
        assert ask(device, b"NO-ECHO\r") == b"NO-ECHO  ok\r\n"
        return device

    @pytest.mark.parametrize(("sent", "received"), [
        (b"NO-ECHO\r", b"  ok\r\n"), (b"?NM\r", b" 500.000 nm  ok\r\n"), (b"540.25 GOTO\r", b"  ok\r\n"),
        (b"600.0 NM/MIN\r", b"  ok\r\n"), (b"MONO-?DONE\r", b" 1  ok\r\n"), (b"MONO-STOP\r", b"  ok\r\n"),
        (b"2 GRATING\r", b"  ok\r\n"),
        (b"510.0 GOTO ?NM\r", b" 510.000 nm  ok\r\n"), (b"FOO\r", b" FOO? \r\n"), (b"?nm\r", b" 500.000 nm  ok\r\n"),
        (b"MODEL\r", b" SP-2-500i  ok\r\n"), (b"?GRATING\r", b" 1  ok\r\n"), (b"ENT-MIRROR ?MIRROR\r", b" no motor  ok\r\n"),
        (b"SIDE-ENT-SLIT ?MICRONS\r", b" 50 um  ok\r\n"), (b"FRONT-EXIT-SLIT ?MICRONS\r", b" no motor  ok\r\n"),
        (b"\r", b"  ok\r\n"),
    ])
    def test_recorded_lines(self, quiet, ask, sent, received):
        assert ask(quiet, sent, 30.0) == received

    def test_echo_comes_character_by_character(self, device, ask):
        assert ask(device, b"?N", 0.1) == b"?N"
        assert ask(device, b"M\r", 0.1) == b"M 500.000 nm  ok\r\n"

    def test_goto_blocks_for_the_way_it_has_to_go(self, quiet, ask):
        assert ask(quiet, b"1000 GOTO\r?NM\r", 1.15) == b""
        assert ask(quiet, b"", 0.1) == b"  ok\r\n 1000.000 nm  ok\r\n"

    def test_scan_without_waiting_is_polled_and_stopped(self, quiet, ask):
        assert ask(quiet, b"600 NM/MIN 560.0 >NM\r") == b"  ok\r\n"
        assert ask(quiet, b"MONO-?DONE\r", 3.0) == b" 0  ok\r\n"
        ask(quiet, b"MONO-STOP\r")
        assert ask(quiet, b"MONO-?DONE\r") == b" 1  ok\r\n"
        assert 500.0 < quiet.monochromator.centre_nm.position < 540.0

    def test_out_of_range_is_clamped_without_a_word(self, quiet, ask):
        assert ask(quiet, b"2000 GOTO ?NM\r", 30.0) == b" 1400.000 nm  ok\r\n"

    def test_the_grating_list_marks_the_active_line(self, quiet, ask):
        lines = ask(quiet, b"2 GRATING ?GRATINGS\r", 30.0).split(b"\r\n")
        assert lines[:4] == [b"", b" 1 1200 g/mm BLZ=  500NM ", b"\x1a2  150 g/mm BLZ=    2UM ", b" 3 Not Installed     "]
        assert lines[-2:] == [b" ok", b""]

    def test_a_slot_without_grating_changes_nothing(self, quiet, ask):
        assert ask(quiet, b"7 GRATING ?GRATING\r", 30.0) == b" 1  ok\r\n"

    def test_the_slit_moves_in_steps_of_five(self, quiet, ask):
        ask(quiet, b"SIDE-ENT-SLIT 102 MICRONS\r", 1.0)
        assert quiet.monochromator.slit_um.position == 100.0

    def test_a_part_without_a_motor_says_so_when_it_is_selected(self, quiet, ask):
        assert ask(quiet, b"FRONT-ENT-SLIT\r") == b" no motor  ok\r\n"
        assert ask(quiet, b"SIDE-ENT-SLIT\r") == b"  ok\r\n"

    def test_a_motorised_mirror_turns_and_says_where_it_points(self, clock, ask):
        device = EmulatedSpectraPro([Unit("unit", "spectrapro", {"mirrors": ["EXIT-MIRROR"]})], clock=clock)
        ask(device, b"NO-ECHO\r")
        assert ask(device, b"EXIT-MIRROR ?MIRROR\r") == b" front  ok\r\n"
        assert ask(device, b"SIDE\r", 0.5) == b""
        assert ask(device, b"", 1.0) == b"  ok\r\n"
        assert ask(device, b"?MIR\r") == b" side  ok\r\n"

    def test_a_stalled_drive_never_arrives(self, quiet, ask):
        quiet.stalled = True
        assert ask(quiet, b"510 GOTO\r", 60.0) == b""


class TestFaultsOfTheWire:
    """Each kind of fault does what its name says, to the message it is planned for, and only that."""

    REPLY = b"pos?\r1\r> "

    @pytest.fixture
    def device(self, make):
        return make(EmulatedFW102C)

    @pytest.mark.parametrize(("kind", "expected"), [
        ("drop", b""), ("duplicate", REPLY * 2), ("truncate", REPLY[:4]), ("address", b"qos?\r1\r> "),
        ("split", REPLY), ("bytewise", REPLY), ("late", REPLY), ("unasked", b"hello\r" + REPLY),
    ])
    def test_kind(self, device, ask, kind, expected):
        device.faults.append(Fault(kind, skip=1, data=b"hello\r"))
        assert ask(device, b"pos?\r", 3.0) == self.REPLY
        assert ask(device, b"pos?\r", 3.0) == expected
        assert ask(device, b"pos?\r", 3.0) == self.REPLY

    def test_garble_leaves_ascii_and_is_the_same_for_the_same_seed(self, make, ask):
        replies = []
        for seed in (1, 1, 2):
            device = make(EmulatedFW102C, seed=seed)
            device.faults.append(Fault("garble"))
            replies.append(ask(device, b"pos?\r"))
        assert max(replies[0]) >= 0x80
        assert replies[0] == replies[1]

    def test_late_means_later_and_the_next_reply_waits_its_turn(self, device, ask):
        device.faults.append(Fault("late", seconds=2.0))
        assert ask(device, b"pos?\r", 1.9) == b""
        assert ask(device, b"speed?\r", 0.3) == self.REPLY + b"speed?\r1\r> "

    def test_bytewise_spreads_the_bytes_over_the_time(self, device, ask):
        device.faults.append(Fault("bytewise", seconds=0.8))
        assert ask(device, b"pos?\r", 0.44) == self.REPLY[:4]

    def test_shortened_number_keeps_its_terminator(self, make, ask):
        device = make(EmulatedSpectraPro)
        ask(device, b"NO-ECHO\r")
        device.faults.append(Fault("shorten"))
        assert ask(device, b"?NM\r") == b" 500.00 nm  ok\r\n"

    def test_probability_is_drawn_from_the_seed(self, device, ask):
        device.faults.append(Fault("drop", times=float("inf"), probability=0.25))
        answered = sum(bool(ask(device, b"pos?\r")) for _ in range(400))
        assert 250 < answered < 350

    def test_hang_swallows_everything_until_power_returns(self, device, ask):
        device.faults.append(Fault("hang"))
        assert ask(device, b"pos?\r") == b""
        assert ask(device, b"pos?\r", 100.0) == b""
        device.plug_in()
        assert ask(device, b"pos?\r") == self.REPLY

    def test_an_unknown_kind_is_refused_with_the_known_ones(self):
        with pytest.raises(ValueError, match=r"garbel.*garble"):
            Fault("garbel")

    def test_half_a_line_is_forgotten_on_reconnection_but_the_state_stays(self, device, ask):
        ask(device, b"pos=4\r", 3.0)
        device.feed(b"pos")
        device.disconnected()
        device.connected()
        assert ask(device, b"pos?\r") == b"pos?\r4\r> "
