"""The Elliptec emulator says, byte for byte, what the manual and recorded units say."""

import pytest

from sim_instruments.elliptec import ElliptecPort
from sim_instruments.wire import Unit


@pytest.fixture
def bus(clock):
    units = [Unit("attenuator", "elliptec", {"address": "0"}), Unit("analyser", "elliptec", {"address": "2", "serial": "11400517"})]
    return ElliptecPort(units, clock=clock, seed=1)


@pytest.fixture
def mount(bus):
    return bus.unit("0")


@pytest.mark.parametrize(("sent", "received"), [
    (b"2in", b"2IN0E1140051720231701016800023000\r\n"),
    (b"0ho0", b"0PO00000000\r\n"),
    (b"0ma00004600", b"0PO00004600\r\n"),
    (b"0ma00002300", b"0PO00002300\r\n"),
    (b"0maFFFFD156", b"0POFFFFD156\r\n"),
    (b"0gs", b"0GS00\r\n"),
    (b"0zz", b"0GS03\r\n"),
    (b"0ma7FFFFFFF", b"0GS04\r\n"),
])
class TestRecordedCommands:
    def test_in_one_write(self, bus, ask, sent, received):
        assert ask(bus, sent, 1.0) == received

    def test_one_byte_at_a_time_after_garbage_with_a_line_end(self, bus, ask, sent, received):
        for byte in b"\xff \x00" + sent + b"\r\n":
            bus.feed(bytes([byte]))
        assert ask(bus, b"", 1.0) == received


class TestMoves:
    def test_the_answer_comes_when_the_move_has_ended_and_status_is_busy_before(self, bus, ask, mount):
        assert ask(bus, b"0ma00004600", 0.05) == b""
        assert ask(bus, b"0gs", 0.05) == b"0GS09\r\n"
        assert 0.0 < mount.plate.angle.position < 45.0
        assert ask(bus, b"", 0.1) == b"0PO00004600\r\n"
        assert mount.plate.angle.position == 45.0

    def test_relative_from_45_back_by_90_degrees(self, bus, ask):
        ask(bus, b"0ma00004600", 1.0)
        assert ask(bus, b"0mrFFFF7400", 1.0) == b"0POFFFFBA00\r\n"

    def test_a_move_during_a_move_is_refused(self, bus, ask):
        ask(bus, b"0ma00004600", 0.02)
        assert ask(bus, b"0ma00000000", 0.02) == b"0GS09\r\n"
        assert ask(bus, b"", 1.0) == b"0PO00004600\r\n"

    def test_half_speed_takes_longer(self, bus, ask):
        ask(bus, b"0sv32")
        assert ask(bus, b"0ma00004600", 0.2) == b""
        assert ask(bus, b"", 0.2) == b"0PO00004600\r\n"

    def test_stop_leaves_it_on_the_way(self, bus, ask, mount):
        ask(bus, b"0ma00004600", 0.08)
        assert ask(bus, b"0st", 1.0) == b"0GS00\r\n"
        assert 0.0 < mount.plate.angle.position < 45.0

    def test_units_move_at_the_same_time(self, bus, ask):
        assert ask(bus, b"0ma000046002ma00002300", 0.2) == b"2PO00002300\r\n0PO00004600\r\n"

    def test_jog_by_the_stored_step(self, bus, ask):
        ask(bus, b"0sj00001000")
        assert ask(bus, b"0gj") == b"0GJ00001000\r\n"
        assert ask(bus, b"0fw", 1.0) == b"0PO00001000\r\n"
        assert ask(bus, b"0bw", 1.0) == b"0PO00000000\r\n"

    def test_an_ell18_has_its_own_scale(self, clock, ask):
        bus = ElliptecPort([Unit("plate", "elliptec", {"address": "A", "model": "ELL18"})], clock=clock)
        assert ask(bus, b"Ain")[-10:] == b"00040000\r\n"
        ask(bus, b"Ama00010000", 1.0)
        assert bus.unit("A").plate.angle.position == 90.0


class TestOtherCommands:
    @pytest.mark.parametrize(("sent", "received"), [
        (b"0gv", b"0GV64\r\n"), (b"0sv65", b"0GS04\r\n"), (b"0so00000010", b"0GS00\r\n"), (b"0go", b"0HO00000000\r\n"),
        (b"0us", b"0GS00\r\n"), (b"0f100A7", b"0GS00\r\n"), (b"0f10000", b"0GS04\r\n"), (b"0i3", b"0GS03\r\n"),
        (b"0i1", b"0I11103A5FFFFFFFF00B30091\r\n"), (b"0ca5", b"5GS00\r\n"), (b"0ca2", b"0GS04\r\n"), (b"7gs", b""),
    ])
    def test_answer(self, bus, ask, sent, received):
        assert ask(bus, sent) == received

    def test_the_group_address_moves_two_units_once(self, bus, ask):
        assert ask(bus, b"2ga0") == b"2GS00\r\n"
        assert ask(bus, b"0ma00002300", 1.0) == b"0PO00002300\r\n2PO00002300\r\n"
        assert ask(bus, b"0ma00000000", 1.0) == b"0PO00000000\r\n"

    def test_an_isolated_unit_says_so_for_as_long_as_told(self, bus, ask):
        assert ask(bus, b"0is01") == b"0GS00\r\n"
        assert ask(bus, b"0gp", 60.0) == b"0GS05\r\n"
        assert ask(bus, b"0gp") == b"0PO00000000\r\n"

    def test_the_resonance_search_takes_its_time(self, bus, ask):
        assert ask(bus, b"0s1", 1.0) == b""
        assert ask(bus, b"", 1.1) == b"0GS00\r\n"

    def test_the_button_speaks_unasked(self, bus, ask, mount):
        mount.press_button()
        assert ask(bus, b"", 1.0) == b"0BS10\r\n0BO00004600\r\n"


class TestFaults:
    def test_a_jammed_motor_gives_up_and_keeps_the_fault_until_it_is_read(self, bus, ask, mount):
        mount.jammed = True
        assert ask(bus, b"0ma00004600", 3.0) == b"0GS02\r\n"
        assert ask(bus, b"0gs") == b"0GS02\r\n"
        assert ask(bus, b"0gs") == b"0GS00\r\n"
        assert mount.plate.angle.position == 0.0

    def test_a_hasty_move_goes_to_zero_and_a_patient_one_does_not(self, bus, ask, mount):
        mount.goes_to_zero = "haste"
        ask(bus, b"0ma00004600", 1.0)
        assert ask(bus, b"0ma00002300", 0.12) == b"0PO00002300\r\n"
        assert ask(bus, b"0ma00004600", 1.0) == b"0PO00000000\r\n"

    def test_any_move_can_be_made_to_go_to_zero(self, bus, ask, mount):
        ask(bus, b"0ma00004600", 1.0)
        mount.goes_to_zero = "always"
        assert ask(bus, b"0ma00002300", 1.0) == b"0PO00000000\r\n"

    def test_a_command_broken_off_is_refused_and_the_next_one_understood(self, bus, ask):
        assert ask(bus, b"0ma000\r\n0gs") == b"0GS03\r\n0GS00\r\n"

    def test_half_a_command_is_forgotten_after_a_silence(self, bus, ask):
        ask(bus, b"0ma0000", 3.0)
        assert ask(bus, b"0gp") == b"0PO00000000\r\n"
