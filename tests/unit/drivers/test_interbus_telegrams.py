"""Interbus telegrams: the bytes of the SDK manual's examples; telegrams that are lost, damaged or misdirected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.interbus import ACK, DATAGRAM, NACK, READ, WRITE, InterbusModule, RegisterRefused, Telegram, decode
from drivers.nkt import InterlockOpen, SuperKLaser
from drivers.nkt_filters import SuperKSelect, SuperKVaria
from labctl.core.errors import BadReply, Busy, InstrumentError, LimitError, NoReply, WrongDevice


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(("telegram", "wire"), [
    (Telegram(0x0F, 0xA2, READ, b"\x61"), "0D 0F A2 04 61 B7 51 0A"),
    (Telegram(0xA2, 0x0F, DATAGRAM, b"\x61\x60"), "0D A2 0F 08 61 60 47 15 0A"),
    (Telegram(0x0F, 0xA2, WRITE, b"\x30\x03"), "0D 0F A2 05 30 03 BC E1 0A"),
    (Telegram(0x0F, 0xA2, WRITE, b"\x36\x0a"), "0D 0F A2 05 36 5E 4A 87 6E 0A"),
    (Telegram(0x10, 0xA2, WRITE, b"\x33\x0a\x15"), "0D 10 A2 05 33 5E 4A 15 F9 8C 0A"),
    (Telegram(0x10, 0xA2, WRITE, b"\x33\x5e\x15"), "0D 10 A2 05 33 5E 9E 15 3B F7 0A"),
    (Telegram(0xA2, 0x10, ACK, b"\x33"), "0D A2 10 03 33 17 1E 0A"),
    (Telegram(0xA2, 0x10, NACK, b"\xf0"), "0D A2 10 00 F0 AB 62 0A"),
    (Telegram(0xA2, 0x10, 1, b"\x66"), "0D A2 10 01 66 7B 2C 0A"),
    (Telegram(0x0F, 0x42, READ, b"\x30"), "0D 0F 42 04 30 5D B4 0A"),
])
def test_bytes_on_the_wire(telegram, wire):
    assert telegram.encode() == hexed(wire)
    assert decode(hexed(wire)) == telegram


@given(st.builds(Telegram, *[st.integers(0, 255)] * 3, st.binary(min_size=0, max_size=30)), st.binary(max_size=10))
def test_any_telegram_survives_the_wire_after_any_garbage(telegram, garbage):
    wire = telegram.encode()
    assert wire.count(b"\x0a") == 1
    assert decode(garbage.replace(b"\x0a", b"") + wire) == telegram


@given(st.binary(min_size=1, max_size=12), st.data())
def test_a_flipped_bit_never_passes(data, draw):
    wire = bytearray(Telegram(0xA2, 0x0F, DATAGRAM, data).encode())
    wire[draw.draw(st.integers(0, len(wire) - 2))] ^= 1 << draw.draw(st.integers(0, 7))
    found = decode(bytes(wire))
    assert found is None or found == Telegram(0xA2, 0x0F, DATAGRAM, data)


def reply(request: bytes, kind: int, data: bytes = b"", register: int | None = None, host: int | None = None) -> bytes:
    """Give the reply of a module to a request."""
    asked = decode(request)
    assert asked is not None
    head = asked.data[:1] if register is None else bytes([register])
    return Telegram(host or asked.source, asked.destination, kind, head + data).encode()


@pytest.fixture
def module(talk):
    """A module at address 15 that has one register, 37h, holding 500."""
    def answer(request: bytes) -> bytes | None:
        asked = decode(request)
        if asked is None or asked.destination != 15:
            return None
        return reply(request, DATAGRAM, b"\xf4\x01") if asked.kind == READ else reply(request, ACK)

    driver, box = talk(InterbusModule, {}, address=15)
    box.plan = _Always(answer)
    return driver, box


class _Always:
    """A plan that goes on with `rule` when the special cases are used up."""

    def __init__(self, rule):
        self.rule, self.special = rule, []

    def __bool__(self):
        return True

    def popleft(self):
        return self.special.pop(0) if self.special else self.rule


def read(driver) -> str:
    return driver.ask("37 u16")


class TestTheHost:
    def test_addresses_alternate(self, module):
        driver, box = module
        assert read(driver) == read(driver) == "500"
        assert [said[2] for said in box.said] == [0xA2, 0xA1]

    @pytest.mark.parametrize("first", [
        pytest.param(None, id="no reply"),
        pytest.param(lambda r: reply(r, DATAGRAM, b"\xf4\x01")[:-3], id="truncated"),
        pytest.param(lambda r: reply(r, DATAGRAM, b"\xf4\x02")[:-3] + b"\x00\x00\x0a", id="wrong checksum"),
        pytest.param(lambda r: reply(r, 1), id="it received us damaged"),
        pytest.param(lambda r: reply(r, 2), id="busy"),
        pytest.param(lambda r: reply(r, DATAGRAM, b"\x63\x00", host=0xB0), id="for another host"),
        pytest.param(lambda r: reply(r, DATAGRAM, b"\x63\x00", register=0x38), id="another register"),
        pytest.param(lambda r: Telegram(decode(r).source, 16, DATAGRAM, b"\x37\x63\x00").encode(), id="from another module"),
        pytest.param(lambda r: b"\xff\x00garbage\x0a", id="garbage"),
    ])
    def test_a_bad_reply_is_never_used(self, module, first):
        driver, box = module
        box.plan.special = [first]
        assert read(driver) == "500"
        assert read(driver) == "500"

    @pytest.mark.parametrize("late_s", [0.21, 0.24, 0.25, 0.26, 0.4])
    def test_a_reply_later_than_the_time_out_is_not_taken_for_the_next(self, module, late_s):
        driver, box = module
        box.latency_s = 0.02
        box.plan.special = [lambda r: [(late_s, reply(r, DATAGRAM, b"\x63\x00"))]]
        assert [read(driver) for _ in range(20)] == ["500"] * 20

    def test_duplicates_do_no_harm(self, module):
        driver, box = module
        box.plan.special = [lambda r: reply(r, DATAGRAM, b"\xf4\x01") * 2]
        assert read(driver) == read(driver) == "500"

    def test_an_unasked_telegram_before_the_reply(self, module):
        driver, box = module
        unasked = Telegram(0xA2, 1, DATAGRAM, b"\x66\x00\x00").encode()
        box.plan.special = [lambda r: unasked + reply(r, DATAGRAM, b"\xf4\x01")]
        assert read(driver) == "500"

    def test_a_refused_register_is_an_error_of_its_own_and_not_repeated(self, module):
        driver, box = module
        box.plan.rule = lambda r: reply(r, NACK)
        with pytest.raises(RegisterRefused, match="37h"):
            read(driver)
        with pytest.raises(RegisterRefused):
            driver.write("37 u16 5")
        assert len(box.said) == 2

    def test_busy_for_ever_is_reported(self, module, clock):
        driver, box = module
        box.plan.rule = lambda r: reply(r, 2)
        with pytest.raises(Busy):
            read(driver)
        assert 1.9 < clock.now() < 2.5

    def test_an_empty_address(self, talk):
        driver, _ = talk(InterbusModule, {}, address=33)
        with pytest.raises(NoReply):
            read(driver)

    def test_a_lost_acknowledgement_is_settled_by_reading_back(self, module):
        driver, box = module
        box.plan.special = [None]
        driver.write("37 u16 500")
        writes = [said for said in box.said if (asked := decode(said)) and asked.kind == WRITE]
        assert len(writes) == 1
        box.plan.special = [None]
        driver.write("37 u16 100")       # reads back 500: not carried out, so written again
        writes = [said for said in box.said if (asked := decode(said)) and asked.kind == WRITE]
        assert len(writes) == 3

    def test_an_empty_register_is_a_bad_reply(self, module):
        driver, box = module
        box.plan.rule = lambda r: reply(r, DATAGRAM)
        with pytest.raises(BadReply):
            read(driver)

    @pytest.mark.parametrize("address", [0, 161, "15", None])
    def test_an_impossible_address(self, talk, address):
        with pytest.raises(InstrumentError, match="address"):
            talk(InterbusModule, {}, address=address)


class Registers:
    """A module made of registers (bytes); whatever is written can be read."""

    def __init__(self, address: int, **values: bytes):
        self.address = address
        self.values = {int(name[1:], 16): value for name, value in values.items()}
        self.written: list[tuple[int, bytes]] = []

    def __bool__(self):
        return True

    def popleft(self):
        return self.answer

    def answer(self, request: bytes) -> bytes | None:
        asked = decode(request)
        if asked is None or asked.destination != self.address:
            return None
        register = asked.data[0]
        if asked.kind == WRITE:
            self.written.append((register, asked.data[1:]))
            self.values[register] = asked.data[1:]
            return reply(request, ACK)
        return reply(request, DATAGRAM, self.values[register]) if register in self.values else reply(request, NACK)


@pytest.fixture
def laser(talk):
    driver, box = talk(SuperKLaser, {})
    box.plan = Registers(15, r61=b"\x60", r64=b"\x6e\x00", r65=b"12345678", r66=b"\0\0", r30=b"\0", r32=b"\x02\0", r34=b"\x01",
                         r37=b"\0\0", r38=b"\0\0", r36=b"\0", r31=b"\x01\0", r11=b"\xf5\0", r39=b"\0\0")
    return driver, box.plan, box


class TestLaser:
    def test_examples_of_the_manual(self, laser):
        driver, _, box = laser
        driver.status_bits   # noqa: B018  the first telegram goes from A2
        driver.status_bits   # noqa: B018
        assert box.said[0] == hexed("0D 0F A2 04 66 C7 B6 0A")
        driver.emission_register = 3
        driver.level   # noqa: B018  to come back to A2
        driver.level = 50.0
        driver.level   # noqa: B018
        driver.watchdog_s = 10
        assert box.said[2] == hexed("0D 0F A2 05 30 03 BC E1 0A")
        assert box.said[4] == hexed("0D 0F A2 05 37 F4 01 98 B0 0A")
        assert box.said[6] == hexed("0D 0F A2 05 36 5E 4A 87 6E 0A")

    def test_units_at_the_surface(self, laser):
        driver, module, _ = laser
        assert driver.inlet_temperature == 24.5
        assert driver.setup == "constant power"
        driver.level = 33.3
        assert module.values[0x37] == (333).to_bytes(2, "little")
        assert driver.level == 33.3
        module.values[0x11] = b"\xf6\xff"
        assert driver.inlet_temperature == -1.0

    @pytest.mark.parametrize(("raw", "ratio"), [(b"\x01", 1), (b"\x0a", 10), (b"\x00\x01", 256), (b"\x0a\x00", 10)])
    def test_the_pulse_picker_answers_in_one_byte_or_two(self, laser, raw, ratio):
        driver, module, _ = laser
        module.values[0x34] = raw
        assert driver.picker == ratio
        assert driver.repetition_rate_hz == pytest.approx(78e6 / ratio)

    @pytest.mark.parametrize(("word", "text"), [
        (b"\x02\0", "closed"), (b"\x01\0", "waiting for reset"), (b"\0\x02", "open (door)"), (b"\0\x63", "open (cause 99)")])
    def test_the_interlock_in_words(self, laser, word, text):
        driver, module, _ = laser
        module.values[0x32] = word
        assert driver.interlock == text

    def test_no_emission_with_an_open_interlock(self, laser):
        driver, module, _ = laser
        module.values[0x32] = b"\0\x01"
        with pytest.raises(InterlockOpen, match="key switch"):
            driver.start_emission()
        assert module.written == []

    def test_an_interlock_that_stays_open_after_its_reset(self, laser):
        driver, module, _ = laser
        module.values[0x32] = b"\0\x02"
        with pytest.raises(InterlockOpen):
            driver.reset_interlock()
        assert module.written == [(0x32, b"\x01")]

    def test_safe_means_confirmed(self, laser, clock):
        driver, module, _ = laser
        module.values |= {0x30: b"\x03", 0x66: b"\x01\0"}
        assert driver.emission
        clock.call_at(2.0, lambda: module.values.update({0x66: b"\0\0"}))
        driver.make_safe()
        assert clock.now() >= 2.0
        assert not driver.emission
        module.values |= {0x66: b"\x01\0"}
        with pytest.raises(InstrumentError, match="EMITTING"):
            driver.make_safe()

    def test_parking_leaves_a_warm_laser_on(self, laser):
        driver, module, _ = laser
        driver.park()
        assert module.written == []

    def test_the_watchdog(self, laser):
        driver, module, _ = laser
        driver.arm_watchdog()
        driver.keep_alive()
        driver.disarm_watchdog()
        assert module.written == [(0x36, b"\x0a"), (0x36, b"\0")]

    @pytest.mark.parametrize(("quantity", "value"), [
        ("level", 100.1), ("level", -1), ("level", float("nan")), ("level", "50"), ("level", None), ("level", True),
        ("watchdog_s", 256), ("picker", 0), ("emission_register", 4), ("trigger_delay_ns", 10.0)])
    def test_limits_are_refused_before_anything_is_sent(self, laser, quantity, value):
        driver, _, box = laser
        with pytest.raises(LimitError, match="nothing was sent"):
            setattr(driver, quantity, value)
        assert box.said == []

    def test_identity(self, laser):
        driver, module, _ = laser
        assert str(driver.identify()) == "NKT Photonics SuperK EXTREME, serial 12345678, firmware 1.10"
        module.values[0x6B] = b"\x01"
        assert driver.identify().model == "SuperK FIANIUM"
        module.values[0x61] = b"\x68\0text"
        with pytest.raises(WrongDevice, match="68h"):
            driver.identify()

    @pytest.mark.parametrize("options", [{"address": 200}, {"repetition_rate_hz": 0}])
    def test_bad_options(self, talk, options):
        with pytest.raises(InstrumentError):
            talk(SuperKLaser, {}, **options)


@pytest.fixture
def select(talk):
    driver, box = talk(SuperKSelect, {}, channel=0, amplitude=50.0)
    wavelengths = {f"r{0x90 + i:X}": b"\0\0\0\0" for i in range(8)}
    amplitudes = {f"r{0xB0 + i:X}": b"\xe8\x03" for i in range(8)}
    box.plan = Registers(6, r30=b"\0", r34=(430_000).to_bytes(4, "little"), r35=(700_000).to_bytes(4, "little"), r66=b"\0\0",
                         **wavelengths, **amplitudes)
    return driver, box.plan, box


class TestSelect:
    def test_tuning_switches_the_other_lines_off_once(self, select):
        driver, module, _ = select
        driver.start_centre(530.0)
        assert module.written == [(0xB0, b"\xf4\x01"), *[(0xB0 + i, b"\0\0") for i in range(1, 8)], (0x30, b"\x01"),
                                  (0x90, b"\x50\x16\x08\x00")]
        module.written.clear()
        driver.start_centre(531.25)
        assert module.written == [(0x90, (531_250).to_bytes(4, "little"))]
        assert driver.centre == 531.25
        assert driver.amplitude == 50.0

    def test_example_of_the_manual(self):
        assert Telegram(6, 0xA2, WRITE, b"\x90\x50\x16\x08\x00").encode() == hexed("0D 06 A2 05 90 50 16 08 00 4D FD 0A")
        assert Telegram(6, 0xA2, WRITE, b"\xb0\xf4\x01").encode() == hexed("0D 06 A2 05 B0 F4 01 6E 98 0A")

    @pytest.mark.parametrize("wavelength", [429.9, 700.1, float("nan")])
    def test_the_crystals_range_holds(self, select, wavelength):
        driver, module, _ = select
        with pytest.raises(LimitError):
            driver.start_centre(wavelength)
        assert module.written == []
        assert driver.centre_limits == (430.0, 700.0)

    @pytest.mark.parametrize("bit", [13, 14])
    def test_a_fault_of_the_synthesiser(self, select, bit):
        driver, module, _ = select
        module.values[0x66] = (1 << bit).to_bytes(2, "little")
        with pytest.raises(InstrumentError, match="RF driver"):
            driver.start_centre(530.0)

    @pytest.mark.parametrize("options", [{"channel": 8}, {"amplitude": 101}])
    def test_bad_options(self, talk, options):
        with pytest.raises(InstrumentError):
            talk(SuperKSelect, {}, **options)


@pytest.fixture
def varia(talk):
    driver, box = talk(SuperKVaria, {})
    box.plan = Registers(16, r33=b"\xb4\x14", r34=b"\x50\x14", r32=b"\xe8\x03", r66=b"\0\0", r67=b"\0")   # 520 to 530 nm
    return driver, box.plan, box


class TestVaria:
    @pytest.mark.parametrize(("start", "value"), [
        ("start_centre", 560.0), ("start_centre", 480.0), ("start_bandwidth", 40.0), ("start_upper", 600.0), ("start_lower", 500.0),
        ("start_centre", 525.04), ("start_centre", 526.0)])
    def test_the_band_never_inverts_on_the_way(self, varia, start, value):
        driver, module, _ = varia
        getattr(driver, start)(value)
        edges = {0x33: 530.0, 0x34: 520.0}
        for register, data in module.written:
            edges[register] = int.from_bytes(data, "little") / 10
            assert edges[0x33] - edges[0x34] >= 0
        assert driver.upper - driver.lower >= 10.0

    def test_the_width_does_not_wander(self, varia):
        driver, _, _ = varia
        for centre in (530.03, 541.27, 555.55, 499.99):
            driver.start_centre(centre)
            assert driver.bandwidth == pytest.approx(10.0)
            assert driver.centre == pytest.approx(centre, abs=0.0501)

    def test_the_width_of_the_bench_file(self, talk):
        driver, box = talk(SuperKVaria, {}, bandwidth_nm=20.0)
        box.plan = Registers(16, r33=b"\xb4\x14", r34=b"\x50\x14", r66=b"\0\0")
        driver.start_centre(560.0)
        assert (driver.lower, driver.upper) == (550.0, 570.0)
        driver.start_bandwidth(30.0)
        driver.start_centre(600.0)
        assert (driver.lower, driver.upper) == (585.0, 615.0)
        with pytest.raises(LimitError):
            talk(SuperKVaria, {}, bandwidth_nm=5.0)

    @pytest.mark.parametrize(("start", "value"), [
        ("start_centre", 404.0), ("start_centre", 836.0), ("start_bandwidth", 9.0), ("start_bandwidth", 101.0),
        ("start_upper", 525.0), ("start_lower", 535.0), ("start_centre", float("nan"))])
    def test_limits(self, varia, start, value):
        driver, module, _ = varia
        with pytest.raises(LimitError):
            getattr(driver, start)(value)
        assert module.written == []

    @pytest.mark.parametrize("bit", [12, 13, 14])
    def test_it_moves_while_any_filter_does(self, varia, bit):
        driver, module, _ = varia
        assert not driver.moving
        module.values[0x66] = (1 << bit).to_bytes(2, "little")
        assert driver.moving

    def test_its_error_bit(self, varia):
        driver, module, _ = varia
        module.values |= {0x66: b"\0\x80", 0x67: b"\x07"}
        with pytest.raises(InstrumentError, match="error 7"):
            driver.moving   # noqa: B018
