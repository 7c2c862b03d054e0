"""The SuperK emulator says, byte for byte, what the manuals say."""

import pytest

from sim_instruments.faults import Fault
from sim_instruments.interbus import encode, unescape
from sim_instruments.nkt import InterbusPort
from sim_instruments.nkt_filters import RfDriver, Varia
from sim_instruments.nkt_laser import SuperKLaser
from sim_instruments.wire import Unit

LASER, VARIA, RF = 15, 16, 6
READ, WRITE, SET_BITS, CLEAR_BITS, TOGGLE_BITS = 4, 5, 6, 7, 9


@pytest.fixture
def bus(clock):
    units = [Unit("laser", "superk_laser"), Unit("filter", "superk_select", {"address": 6}), Unit("varia", "superk_varia")]
    return InterbusPort(units, clock=clock, seed=1)


@pytest.fixture
def laser(bus):
    return bus.module(SuperKLaser)


@pytest.fixture
def varia(bus):
    return bus.module(Varia)


@pytest.fixture
def exchange(bus, ask):
    """Send one telegram and give kind and data of the answer."""

    def send(address: int, kind: int, data: bytes, seconds: float = 0.1) -> tuple[int, bytes]:
        body = unescape(ask(bus, encode(address, 0xA2, kind, data), seconds)[1:-1])
        assert body[:2] == bytes((0xA2, address))
        return body[2], body[3:-2]

    return send


EXAMPLES = [
    ("laser type", "0D 0F A2 04 61 B7 51 0A", "0D A2 0F 08 61 60 47 15 0A"),
    ("emission on", "0D 0F A2 05 30 03 BC E1 0A", "0D A2 0F 03 30 48 2F 0A"),
    ("emission off", "0D 0F A2 05 30 00 8C 82 0A", "0D A2 0F 03 30 48 2F 0A"),
    ("interlock state", encode(15, 0xA2, READ, b"\x32").hex(" "), "0D A2 0F 08 32 02 00 47 F5 0A"),
    ("inlet temperature", encode(15, 0xA2, READ, b"\x11").hex(" "), "0D A2 0F 08 11 F5 00 12 35 0A"),
    ("upper edge 530 nm", "0D 10 A2 05 33 B4 14 D4 AF 0A", "0D A2 10 03 33 17 1E 0A"),
    ("unknown register", encode(16, 0xA2, READ, b"\xf0").hex(" "), "0D A2 10 00 F0 AB 62 0A"),
    ("damaged checksum", "0D 10 A2 04 66 08 FE 0A", "0D A2 10 01 66 7B 2C 0A"),
]


@pytest.mark.parametrize(("sent", "received"), [example[1:] for example in EXAMPLES], ids=[example[0] for example in EXAMPLES])
class TestRecordedTelegrams:
    def test_in_one_write(self, bus, ask, sent, received):
        assert ask(bus, bytes.fromhex(sent)) == bytes.fromhex(received)

    def test_one_byte_at_a_time_after_garbage(self, bus, ask, sent, received):
        for byte in b"\x00noise\x0a\x0d\x0f\xa2" + bytes.fromhex(sent):
            bus.feed(bytes([byte]))
        assert ask(bus, b"") == bytes.fromhex(received)


@pytest.mark.parametrize(("sent", "address", "register"), [
    ("0D 0F A2 05 37 F4 01 98 B0 0A", LASER, 0x37),
    ("0D 0F A2 05 32 01 FA C1 0A", LASER, 0x32),
    ("0D 0F A2 05 36 5E 4A 87 6E 0A", LASER, 0x36),
    ("0D 10 A2 05 34 50 14 8D 49 0A", VARIA, 0x34),
    ("0D 10 A2 05 32 E8 03 CA 9B 0A", VARIA, 0x32),
    ("0D 10 A2 05 33 5E 9E 15 3B F7 0A", VARIA, 0x33),
    ("0D 06 A2 05 90 50 16 08 00 4D FD 0A", RF, 0x90),
    ("0D 06 A2 05 B0 F4 01 6E 98 0A", RF, 0xB0),
])
def test_recorded_writes_are_acknowledged(bus, ask, sent, address, register):
    assert ask(bus, bytes.fromhex(sent)) == encode(0xA2, address, 3, bytes([register]))


def test_recorded_escaped_edge_is_read_back(bus, ask):
    ask(bus, bytes.fromhex("0D 10 A2 05 33 5E 4A 15 F9 8C 0A"))
    assert ask(bus, encode(16, 0xA2, READ, b"\x33")) == bytes.fromhex("0D A2 10 08 33 5E 4A 15 DA 5B 0A")


def test_recorded_status_while_both_edges_move(bus, ask, exchange):
    exchange(VARIA, WRITE, b"\x33" + (5500).to_bytes(2, "little"), 0.02)
    exchange(VARIA, WRITE, b"\x34" + (5400).to_bytes(2, "little"), 0.02)
    assert ask(bus, bytes.fromhex("0D 10 A2 04 66 08 FF 0A"), 0.02) == bytes.fromhex("0D A2 10 08 66 00 61 BE BD 0A")


def test_two_telegrams_in_one_write_are_both_answered(bus, ask):
    answers = ask(bus, encode(15, 0xA2, READ, b"\x61") + encode(16, 0xA1, READ, b"\x61"))
    assert answers == encode(0xA2, 15, 8, b"\x61\x60") + encode(0xA1, 16, 8, b"\x61\x68")


def test_any_host_is_answered_and_an_empty_address_is_not(bus, ask):
    assert ask(bus, bytes.fromhex("0D 0F 42 04 30 5D B4 0A"))[1] == 0x42
    assert ask(bus, encode(33, 0xA2, READ, b"\x61")) == b""


class TestRegisters:
    def test_read_only_wrong_length_and_out_of_range_are_refused(self, exchange):
        assert exchange(LASER, WRITE, b"\x11\x00\x00") == (0, b"\x11")
        assert exchange(LASER, WRITE, b"\x37\x01") == (0, b"\x37")
        assert exchange(LASER, WRITE, b"\x37\xe9\x03") == (0, b"\x37")      # 100.1 %

    def test_bits_are_set_cleared_and_toggled(self, exchange):
        exchange(LASER, WRITE, b"\x39\x0f\x00")
        for kind, mask, expected in ((SET_BITS, 0x30, 0x3F), (CLEAR_BITS, 0x03, 0x3C), (TOGGLE_BITS, 0x14, 0x28)):
            assert exchange(LASER, kind, b"\x39" + mask.to_bytes(2, "little")) == (3, b"\x39")
            assert exchange(LASER, READ, b"\x39") == (8, b"\x39" + expected.to_bytes(2, "little"))

    def test_pulse_picker_reads_one_byte_below_256_and_two_above(self, exchange, laser):
        assert exchange(LASER, READ, b"\x34") == (8, b"\x34\x01")
        exchange(LASER, WRITE, b"\x34\x2c\x01")
        assert exchange(LASER, READ, b"\x34") == (8, b"\x34\x2c\x01")
        assert laser.source.picker == 300
        exchange(LASER, WRITE, b"\x34\x02")
        laser.wide_picker = True
        assert exchange(LASER, READ, b"\x34") == (8, b"\x34\x02\x00")

    def test_level_follows_the_regulated_quantity(self, exchange, laser):
        exchange(LASER, WRITE, b"\x37\xf4\x01")
        assert laser.source.level == 0.5
        exchange(LASER, WRITE, b"\x31\x00\x00")
        assert laser.source.level == 1.0

    def test_select_line_reaches_the_filter_within_the_limits_it_reports(self, exchange, bus):
        element = bus.module(RfDriver).element
        exchange(RF, WRITE, b"\x91" + (530_000).to_bytes(4, "little"))
        exchange(RF, WRITE, b"\xb1\xf4\x01")
        assert exchange(RF, WRITE, b"\x92" + (1_064_000).to_bytes(4, "little")) == (0, b"\x92")
        assert exchange(RF, READ, b"\x35") == (8, b"\x35" + (700_000).to_bytes(4, "little"))
        assert (element.lines[1].centre_nm, element.lines[1].amplitude) == (530.0, 0.5)

    def test_serial_numbers_bind_to_the_seed(self, clock):
        def serial(seed):
            return InterbusPort([Unit("laser", "superk_laser")], clock=clock, seed=seed).module(SuperKLaser).serial

        assert serial(1) == serial(1) != serial(2)


class TestEmission:
    def test_passes_through_another_value_and_light_lasts_until_the_register_says_off(self, exchange, laser):
        exchange(LASER, WRITE, b"\x30\x00")
        assert exchange(LASER, READ, b"\x30")[1] not in (b"\x30\x00", b"\x30\x03")
        assert laser.source.emission
        assert exchange(LASER, READ, b"\x66")[1][1] & 1
        assert exchange(LASER, READ, b"\x30", 1.0)[1] != b"\x30\x00"
        assert exchange(LASER, READ, b"\x30") == (8, b"\x30\x00")
        assert not laser.source.emission

    def test_off_and_on_again_at_once_stays_on(self, exchange, laser):
        exchange(LASER, WRITE, b"\x30\x00")
        exchange(LASER, WRITE, b"\x30\x03", 2.0)
        assert laser.source.emission
        assert exchange(LASER, READ, b"\x30") == (8, b"\x30\x03")

    def test_interlock_cuts_it_and_needs_closing_then_reset(self, exchange, laser):
        laser.interlock_open = True
        assert not laser.source.emission
        assert exchange(LASER, READ, b"\x32") == (8, b"\x32\x00\x02")
        assert exchange(LASER, READ, b"\x66")[1][1] & 0b11 == 0b10
        exchange(LASER, WRITE, b"\x32\x01\x00")
        assert exchange(LASER, READ, b"\x32")[1][1] == 0
        laser.interlock_open = False
        assert exchange(LASER, READ, b"\x32")[1][1] == 1
        exchange(LASER, WRITE, b"\x30\x03", 1.0)
        assert not laser.source.emission
        exchange(LASER, WRITE, b"\x32\x01\x00")
        exchange(LASER, WRITE, b"\x30\x03", 1.0)
        assert laser.source.emission

    def test_watchdog_cuts_it_only_without_traffic(self, exchange, laser, clock):
        exchange(LASER, WRITE, b"\x36\xff")
        exchange(LASER, WRITE, b"\x36\x0a")
        for _ in range(5):
            exchange(LASER, READ, b"\x66", 9.0)
        assert laser.source.emission
        clock.wait(1.1)
        assert not laser.source.emission

    def test_a_disarmed_watchdog_does_nothing(self, exchange, laser, clock):
        exchange(LASER, WRITE, b"\x36\x0a")
        exchange(LASER, WRITE, b"\x36\x00", 100.0)
        assert laser.source.emission

    def test_the_fault_stuck_on_is_visible_in_the_status(self, exchange, laser):
        laser.stuck_on = True
        exchange(LASER, WRITE, b"\x30\x00", 5.0)
        assert exchange(LASER, READ, b"\x66")[1][1] & 1


class TestVaria:
    def test_an_edge_takes_its_time_and_passes_every_wavelength_between(self, exchange, varia, clock):
        exchange(VARIA, WRITE, b"\x33" + (6300).to_bytes(2, "little"), 0.1)       # 530 -> 630 nm: 0.05 s + 1.3 s
        clock.wait(0.575)
        assert varia.element.upper_nm.position == pytest.approx(580.0, abs=0.1)
        assert varia.status_bits & 0x2000
        clock.wait(0.6749)
        assert varia.status_bits & 0x2000
        clock.wait(0.001)
        assert not varia.status_bits & 0x7000
        assert varia.element.upper_nm.position == 630.0

    def test_a_stuck_edge_keeps_its_old_set_point(self, exchange, varia):
        varia.stuck = True
        exchange(VARIA, WRITE, b"\x33" + (6300).to_bytes(2, "little"))
        assert exchange(VARIA, READ, b"\x33") == (8, b"\x33" + (5300).to_bytes(2, "little"))


class TestFaults:
    def test_busy_and_nack_are_answered_as_often_as_asked_for(self, exchange, laser):
        laser.busy, laser.nak = 1, 1
        assert [exchange(LASER, READ, b"\x61")[0] for _ in range(3)] == [2, 0, 8]

    def test_wrong_checksum_is_framed_but_wrong(self, bus, ask):
        bus.faults.append(Fault("checksum"))
        right = encode(0xA2, 15, 8, b"\x61\x60")
        spoilt = ask(bus, encode(15, 0xA2, READ, b"\x61"))
        assert spoilt != right
        assert (spoilt[0], spoilt[-1]) == (0x0D, 0x0A)
        assert ask(bus, encode(15, 0xA2, READ, b"\x61")) == right

    def test_wrong_address_has_a_right_checksum(self, bus, ask):
        bus.faults.append(Fault("address"))
        assert ask(bus, encode(15, 0xA2, READ, b"\x61")) == encode(0xA3, 15, 8, b"\x61\x60")


def test_two_modules_at_one_address_are_refused(clock):
    with pytest.raises(ValueError, match="address 16"):
        InterbusPort([Unit("a", "superk_varia"), Unit("b", "superk_varia")], clock=clock)
