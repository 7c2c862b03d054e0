"""Every byte example of the manuals and fact sheets, in one table: given to the emulator directly, and sent by the driver.

A row is what is said, what comes back (bytes, or a pattern where a serial number or a noise is in it), what has to be said before,
and the driver's call that says it. Rows without a call are examples that labctl's drivers have no use for. The C libraries'
examples are codes, in a table of their own.
"""

from __future__ import annotations

import binascii
import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from drivers.elliptec import ELL14
from drivers.esp301 import ESP301
from drivers.fw102c import FW102C
from drivers.interbus import decode
from drivers.k10cr1 import K10CR1
from drivers.keithley import Keithley2400, Keithley2450
from drivers.lakeshore import LakeShore336
from drivers.nkt import SuperKLaser
from drivers.nkt_filters import SuperKSelect, SuperKVaria
from drivers.pm100d import PM100D
from drivers.sc10 import SC10
from drivers.spectrapro import SpectraPro
from labctl.core.clock import VirtualClock
from labctl.core.errors import InstrumentError
from labctl.core.registry import find
from sim_instruments import andor, picoharp
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import Unit


@dataclass(frozen=True)
class Example:
    """One example: `wait_s` is how long the answer takes (a move), `call` what the driver does to say it."""

    said: bytes
    answer: bytes | re.Pattern[bytes]
    before: bytes = b""
    wait_s: float = 0.2
    call: Callable[[Any], Any] | None = None

    def __str__(self) -> str:
        printable = self.said.strip().decode("ascii", "replace")
        return printable if printable.isprintable() and printable else self.said.hex(" ")


def nkt(said: str, answer: str | re.Pattern[bytes], call: Callable[[Any], Any] | None = None, before: str = "",
        wait_s: float = 0.2) -> Example:
    wanted = bytes.fromhex(answer) if isinstance(answer, str) else answer
    return Example(bytes.fromhex(said), wanted, bytes.fromhex(before), wait_s, call)


def telegram(module: int, kind: int, data: str) -> str:
    """Spell the telegram of host A2 where the sheets give only its reply."""
    body = bytes([module, 0xA2, kind]) + bytes.fromhex(data)
    return (b"\x0d" + body + binascii.crc_hqx(body, 0).to_bytes(2, "big") + b"\x0a").hex()


def line(said: str, answer: str, call: Callable[[Any], Any] | None = None, before: str = "", wait_s: float = 0.2) -> Example:
    return Example(said.encode(), answer.encode(), before.encode(), wait_s, call)


def like(said: str, answer: str, call: Callable[[Any], Any] | None = None, before: str = "", wait_s: float = 0.2) -> Example:
    return Example(said.encode(), re.compile(answer.encode()), before.encode(), wait_s, call)


def put(name: str, value: Any) -> Callable[[Any], None]:
    """Assign a property of the driver."""
    return lambda driver: setattr(driver, name, value)


def get(name: str) -> Callable[[Any], Any]:
    """Read a property of the driver."""
    return lambda driver: getattr(driver, name)


@dataclass(frozen=True)
class Sheet:
    """The examples of one device: its emulator by driver name, the driver, and its options."""

    entry: str
    driver: Any
    examples: tuple[Example, ...]
    options: dict[str, Any] = field(default_factory=dict)
    resource: str = "ASRL/dev/ttyUSB0::INSTR"


ACK_30, ACK_33 = "0D A2 0F 03 30 48 2F 0A", "0D A2 10 03 33 17 1E 0A"
ANY_ACK = re.compile(rb"\x0d\xa2.\x03.*\x0a", re.DOTALL)
K_AT_45 = "64 04 0E 00 81 50 01 00 00 C0 5D 00 00 00 00 00 00 25 00 90"

SHEETS = {
    "SuperK EXTREME": Sheet("superk_laser", SuperKLaser, (
        nkt("0D 0F A2 04 61 B7 51 0A", "0D A2 0F 08 61 60 47 15 0A", get("module_type")),
        nkt("0D 0F A2 04 66 C7 B6 0A", re.compile(rb"\x0d\xa2\x0f\x08\x66..[^\x0a]+\x0a", re.DOTALL),
            lambda driver: driver.emission_off()),
        nkt("0D 0F A2 05 30 03 BC E1 0A", ACK_30, lambda driver: driver.start_emission()),
        nkt("0D 0F A2 05 30 00 8C 82 0A", ACK_30, lambda driver: driver.emission_off()),
        nkt("0D 0F A2 05 37 F4 01 98 B0 0A", ANY_ACK, lambda driver: driver.start_level(50.0)),
        nkt("0D 0F A2 05 32 01 FA C1 0A", ANY_ACK, lambda driver: driver.reset_interlock()),
        nkt(telegram(15, 4, "32"), "0D A2 0F 08 32 02 00 47 F5 0A", get("interlock")),
        nkt(telegram(15, 4, "11"), "0D A2 0F 08 11 F5 00 12 35 0A", get("inlet_temperature")),
        nkt("0D 0F A2 05 36 5E 4A 87 6E 0A", ANY_ACK, lambda driver: driver.arm_watchdog()),
        nkt("0D 0F 42 04 30 5D B4 0A", re.compile(rb"\x0d\x42\x0f\x08\x30[\x00\x03].*\x0a", re.DOTALL)),
        nkt(telegram(44, 4, "61"), ""),                                    # nobody at this address: silence
    ), {"address": 15}),
    "VARIA": Sheet("superk_varia", SuperKVaria, (
        nkt("0D 10 A2 05 33 B4 14 D4 AF 0A", ACK_33, lambda driver: driver.start_edges(520.0, 530.0)),
        nkt("0D 10 A2 05 34 50 14 8D 49 0A", ANY_ACK, lambda driver: driver.start_edges(520.0, 530.0)),
        nkt("0D 10 A2 05 32 E8 03 CA 9B 0A", ANY_ACK),
        nkt("0D 10 A2 04 66 08 FF 0A", "0D A2 10 08 66 00 61 BE BD 0A", get("moving"),
            before=telegram(16, 5, "33 80 16") + telegram(16, 5, "34 94 11"), wait_s=0.05),
        nkt("0D 10 A2 05 33 5E 4A 15 F9 8C 0A", ACK_33, lambda driver: driver.start_edges(520.0, 538.6)),
        nkt(telegram(16, 4, "33"), "0D A2 10 08 33 5E 4A 15 DA 5B 0A", get("centre"), before="0D 10 A2 05 33 5E 4A 15 F9 8C 0A",
            wait_s=5.0),
        nkt("0D 10 A2 05 33 5E 9E 15 3B F7 0A", ACK_33, lambda driver: driver.start_edges(520.0, 547.0)),
        nkt(telegram(16, 4, "F0"), "0D A2 10 00 F0 AB 62 0A"),
        nkt("0D 10 A2 04 66 08 FE 0A", "0D A2 10 01 66 7B 2C 0A"),        # a damaged checksum
    ), {"address": 16}),
    "SELECT": Sheet("superk_select", SuperKSelect, (
        nkt("0D 06 A2 05 90 50 16 08 00 4D FD 0A", ANY_ACK, lambda driver: driver.start_centre(530.0)),
        nkt("0D 06 A2 05 B0 F4 01 6E 98 0A", ANY_ACK),
    ), {"address": 6}),
    "ELL14": Sheet("elliptec", ELL14, (
        like("0in", r"0IN0E\d{8}\d{4}1701016800023000\r\n", lambda driver: driver.identify()),
        line("0ho0", "0PO00000000\r\n", lambda driver: driver.start_home(), wait_s=2.0),
        line("0ma00004600", "0PO00004600\r\n", lambda driver: driver.start_move(45.0), wait_s=2.0),
        line("0ma00002300", "0PO00002300\r\n", lambda driver: driver.start_move(22.5), wait_s=2.0),
        line("0maFFFFD156", "0POFFFFD156\r\n", wait_s=2.0),                # the driver rounds to FFFFD155
        line("0mrFFFF7400", "0POFFFFBA00\r\n", before="0ma00004600", wait_s=2.0),
        line("0gs", "0GS00\r\n", get("moving")),
        line("0ma00004600" "0gs", "0GS09\r\n0PO00004600\r\n", wait_s=2.0),
        line("0zz", "0GS03\r\n"), line("0ma7FFFFFFF", "0GS04\r\n"),
    ), {"address": "0", "home_first": False}),
    "K10CR1": Sheet("k10cr1", K10CR1, (
        Example(bytes.fromhex("05 00 00 00 50 01"), re.compile(
            rb"\x06\x00\x54\x00\x81\x50.{4}K10CR1\0\0\x10\x00.*", re.DOTALL), call=lambda driver: driver.identify()),
        nkt("12 00 00 00 50 01", "", lambda driver: driver.identify()),
        nkt("43 04 01 00 50 01", "44 04 01 00 01 50", lambda driver: driver.start_home(), wait_s=90.0),
        nkt("53 04 06 00 D0 01 01 00 00 C0 5D 00", K_AT_45, lambda driver: driver.start_move(45.0),
            before="43 04 01 00 50 01", wait_s=90.0),
        nkt("53 04 06 00 D0 01 01 00 AB 2A EB FF", re.compile(rb"\x64\x04\x0e\x00\x81\x50\x01\x00\xab\x2a\xeb\xff.{8}", re.DOTALL),
            lambda driver: driver.start_move(-10.0), wait_s=90.0),
        nkt("48 04 06 00 D0 01 01 00 55 15 02 00", re.compile(rb"\x64\x04\x0e\x00\x81\x50\x01\x00\x55\x15\x02\x00.{8}", re.DOTALL),
            wait_s=90.0),
        nkt("13 04 0E 00 D0 01 01 00 00 00 00 00 59 75 00 00 55 55 5E 04", "", put("speeds", (10.0, 20.0))),
        nkt("11 04 01 00 50 01", "12 04 06 00 81 50 01 00 00 C0 5D 00", get("angle"),
            before="53 04 06 00 D0 01 01 00 00 C0 5D 00", wait_s=90.0),
        nkt("29 04 01 00 50 01", re.compile(rb"\x2a\x04\x06\x00\x81\x50\x01\x00[\x10\x20].{3}", re.DOTALL), get("status_bits"),
            before="53 04 06 00 D0 01 01 00 00 C0 5D 00", wait_s=0.05),
        nkt("65 04 01 02 50 01", re.compile(rb"\x66\x04\x0e\x00\x81\x50\x01\x00.{12}", re.DOTALL), lambda driver: driver.stop(),
            before="53 04 06 00 D0 01 01 00 00 C0 5D 00", wait_s=0.9),
        nkt("FF 0F 00 00 50 01", ""),                                      # an unknown message is ignored
    ), {"home_first": False}),
    "SpectraPro": Sheet("spectrapro", SpectraPro, (
        like("?NM\r", r"\?NM 500\.000 nm  ok\r\n"),                        # echo on, as it wakes up
        line("NO-ECHO\r", "NO-ECHO  ok\r\n"),
        line("?NM\r", " 500.000 nm  ok\r\n", get("centre"), before="NO-ECHO\r"),
        line("540.25 GOTO\r", "  ok\r\n", before="NO-ECHO\r", wait_s=5.0),
        line("540.250 GOTO\r", "  ok\r\n", lambda driver: driver.start_centre(540.25), before="NO-ECHO\r", wait_s=5.0),
        line("600.0 NM/MIN\r", "  ok\r\n", before="NO-ECHO\r"),
        line("560.0 >NM\r", "  ok\r\n", before="NO-ECHO\r"),
        line("MONO-?DONE\r", " 0  ok\r\n", get("scanning"), before="NO-ECHO\r560.0 >NM\r"),
        line("MONO-STOP\r", "  ok\r\n", lambda driver: driver.stop(), before="NO-ECHO\r560.0 >NM\r"),
        line("2 GRATING\r", "  ok\r\n", before="NO-ECHO\r", wait_s=30.0),
        line("510.0 GOTO ?NM\r", " 510.000 nm  ok\r\n", before="NO-ECHO\r", wait_s=5.0),
        line("FOO\r", " FOO? \r\n", before="NO-ECHO\r"),
    )),
    "Keithley 2400": Sheet("keithley2400", Keithley2400, (
        like("*IDN?\n", r"KEITHLEY INSTRUMENTS INC\.,MODEL 2400,\d{7},C\d\d .*/K/J\n", lambda driver: driver.identify()),
        line(":SOURCE:VOLTAGE?\n", "+5.000000E+00\n", before=":SOURCE:VOLTAGE 5\n"),
        line(":SOUR:VOLT?\n", "+0.000000E+00\n", get("level")),
        like(":MEASURE:VOLTAGE?\n", r"\+5\.000\d{3}E\+00,\+\d\.\d{6}E-0[34],\+9\.910000E\+37,[+-]\d\.\d{6}E[+-]\d\d,"
             r"[+-]\d\.\d{6}E[+-]\d\d\n", before=":SENSE:CURRENT:PROTECTION 1E-2\n:SOURCE:VOLTAGE 5\nOUTPUT 1\n", wait_s=1.0),
        line(":SYST:ERR?\n", '-222,"Parameter data out of range"\n', before=":SOURCE:VOLTAGE 500\n"),
        line(":SYST:ERR?\n", '-113,"Undefined header"\n', before=":FOO:BAR 1\n"),
        line(":SYST:ERR?\n", '+803,"Not permitted with OUTPUT off"\n', before=":READ?\n"),
        line(":SYST:ERR?\n", '0,"No error"\n'), line("SYST:ERR?\n", '0,"No error"\n', lambda driver: driver.start_move(0.1)),
        line("OUTPUT?\n", "1\n", before="OUTPUT 1\n"), line("OUTPUT?\n", "0\n", before="OUTPUT 1\nOUTPUT 0\n"),
        line("OUTP?\n", "0\n", get("output_on")),
    ), {}, "GPIB0::24::INSTR"),
    "Keithley 2450": Sheet("keithley2450", Keithley2450, (
        like("*IDN?\n", r"KEITHLEY INSTRUMENTS,MODEL 2450,\d{7,8},.*\n", lambda driver: driver.identify()),
        line(":SOUR:VOLT:ILIM?\n", "1.000000E-03\n", before=":SOUR:VOLT:ILIM 1E-3\n"),
    ), {}, "TCPIP::127.0.0.1::5025::SOCKET"),
    "PM100D": Sheet("pm100d", PM100D, (
        like("*IDN?\n", r"Thorlabs,PM100D,P\d{7},2\.4\.0\n", lambda driver: driver.identify()),
        like("SYST:SENSOR:IDN?\n", r"S130C,\d{8},05-AUG-2014,1,18,289\n"),
        like("SYST:SENS:IDN?\n", r"S130C,\d{8},05-AUG-2014,1,18,289\n", get("sensor")),
        line("SENS:CORR:WAV?\n", "5.150000E+02\n", get("wavelength_setting"), before="SENSE:CORR:WAV 515\n"),
        line("SENS:CORR:WAV? MIN\n", "4.000000E+02\n", get("wavelength_limits")),
        line("SENS:CORR:WAV? MAX\n", "1.100000E+03\n", get("wavelength_limits")),
        line("SENSE:CORRECTION:WAVELENGTH?\n", "5.320000E+02\n", before="SENSE:CORR:WAV 532\n"),
        line("SENS:AVER:COUN?\n", "10\n", get("averages"), before="SENS:AVER:COUN 10\n"),
        line("SENS:POW:RANG:AUTO?\n", "1\n", get("auto_range"), before="SENS:POW:RANG:AUTO 1\n"),
        like("MEAS:POW?\n", r"[+-]?\d\.\d{8}E[+-]\d\d\n", get("power")), like("READ?\n", r"[+-]?\d\.\d{8}E[+-]\d\d\n"),
        line("SENS:CORR:COLL:ZERO:STAT?\n", "1\n", get("zeroing"), before="SENS:CORR:COLL:ZERO:INIT\n"),
        like("SENS:CORR:COLL:ZERO:MAGN?\n", r"[+-]?\d\.\d{8}E[+-]\d\d\n", get("zero_magnitude")),
        line("SYST:ERR?\n", '-113,"Undefined header"\n', before="NONSENSE\n"),
        line("SYST:ERR?\n", '+0,"No error"\n', put("averages", 10)),
    ), {}, "USB0::0x1313::0x8078::P0012345::INSTR"),
    "Lake Shore 336": Sheet("lakeshore336", LakeShore336, (
        like("*IDN?\n", r"LSCI,MODEL336,\w{7}/.{7},2\.9\r\n"),
        like("*IDN?;*ESR?\n", r"LSCI,MODEL336,\w{7}/.{7},2\.9;\d+\r\n", lambda driver: driver.identify()),
        line("KRDG? A\n", "+295.000\r\n"), like("KRDG? A;*ESR?\n", r"\+295\.000;\d+\r\n"),
        like("KRDG? A;RDGST? A;*ESR?\n", r"\+295\.000;0;\d+\r\n", get("temperature")),
        like("KRDG? 0\n", r"\+295\.000(,[+-]\d+\.\d+){3,}\r\n"),
        like("CRDG? A\n", r"\+21\.85\d\r\n"), like("SRDG? A\n", r"[+-]\d+\.?\d*\r\n"), like("RDGST? A\n", r"0+\r\n"),
        like("SETP? 1\n", r"\+77\.000\r\n", before="SETP 1,77.0\n"), line("RANGE? 1\n", "3\r\n", before="RANGE 1,3\n"),
        like("HTR? 1\n", r"\+0*0\.0\r\n"), line("HTRST? 1\n", "0\r\n"),
        like("PID? 1\n", r"\+0*50\.0,\+0*20\.0,\+0*0\.0\r\n", before="PID 1,50,20,0\n"),
        like("RAMP? 1\n", r"1,\+0*5\.0\r\n", before="RAMP 1,1,5.0\n"), line("RAMPST? 1\n", "0\r\n"),
        like("OUTMODE? 1\n", r"1,1,0\r\n", before="OUTMODE 1,1,1,0\n"),
        like("MOUT? 1\n", r"\+0*12\.5\d*\r\n", before="MOUT 1,12.5\n"),
        like("INNAME? A\n", r".*\r\n"),
        line("RANGE? 1;RANGE? 2\n", "0;0\r\n", before="RANGE 1,3\nRANGE 1,0;RANGE 2,0;RANGE 3,0;RANGE 4,0\n"),
    ), {"ramp_k_min": 5.0}, "TCPIP::127.0.0.1::7777::SOCKET"),
    "SC10": Sheet("sc10", SC10, (
        line("ens?\r", "ens?\r0\r> ", get("enabled")), line("ens\r", "ens\r> ", lambda driver: driver.open()),
        line("closed?\r", "closed?\r0\r> ", get("closed"), before="ens\r"), line("open=250\r", "open=250\r> ", put("open_ms", 250)),
        line("mode=9\r", "mode=9\rCMD_ARG_INVALID\r> "), line("foo\r", "foo\rCMD_NOT_DEFINED\r> "),
        line("interlock?\r", "interlock?\r0\r> "), like("id?\r", r"id\?\r.+\r> ", lambda driver: driver.identify()),
        *(line(f"{word}\r", f"{word}\r> ") for word in ("rep=99", "trig=1", "xto=1", "shut=999999", "save", "savp", "resp")),
    )),
    "ESP301": Sheet("esp301", ESP301, (
        line("1MO\r", ""), line("1MO?\r", "1\r\n", get("motor_on"), before="1MO\r"),
        line("1OR1\r", "", lambda driver: driver.start_home(), before="1MO\r"),
        line("1MO\r1OR1\r1MD?\r", "0\r\n"), line("1MD?\r", "1\r\n", lambda driver: driver.start_move(1.0), before="1MO\r1OR1\r",
                                                  wait_s=60.0),
        line("1PA-2.5\r", "", before="1MO\r"), line("1PA-2.50000\r", "", lambda driver: driver.start_move(-2.5), before="1MO\r"),
        line("1TP\r", "-2.50000\r\n", get("position"), before="1MO\r1PA-2.5\r1WS\r", wait_s=10.0),
        line("TE?\r", "6\r\n", before="1ZZ\r"), line("TE?\r", "0\r\n", before="1ZZ\rTE?\r"),
        like("TB?\r", r"6, \d+, .+\r\n", before="1ZZ\r"), line("1ST;1MF\r1MO?\r", "0\r\n", before="1MO\r"),
        like("1VA?;1SL?;1SR?\r", r"[\d.]+\r\n-[\d.]+\r\n[\d.]+\r\n"),
    ), {"axis": 1}),
    "FW102C": Sheet("filter_wheel", FW102C, (
        line("pos?\r", "pos?\r1\r> ", get("slot")), line("pos=3\r", "pos=3\r> ", lambda driver: driver.start_move(3), wait_s=5.0),
        line("foo\r", "foo\rCommand error CMD_NOT_DEFINED\r> "), line("pos=9\r", "pos=9\rCommand error CMD_ARG_INVALID\r> "),
        like("*idn?\r", r"\*idn\?\r.*FW.*\r> ", lambda driver: driver.identify()),
        line("pcount?\r", "pcount?\r6\r> ", get("slots")), line("speed=0\r", "speed=0\r> ", put("high_speed", False)),
        line("trig?\r", "trig?\r0\r> ", get("trigger_output")),
        line("sensors=1\r", "sensors=1\r> ", put("sensors_always_on", True)),
        line("save\r", "save\r> "),
    )),
}
ROWS = [pytest.param(sheet, example, id=f"{name}: {example}") for name, sheet in SHEETS.items() for example in sheet.examples]
SAID_BY_DRIVERS = [pytest.param(sheet, example, id=f"{name}: {example}")
                   for name, sheet in SHEETS.items() for example in sheet.examples if example.call is not None]


@pytest.mark.parametrize(("sheet", "example"), ROWS)
def test_the_emulator_answers(sheet, example, clock, ask):
    device = find("emulator", sheet.entry)([Unit("it", sheet.entry, sheet.options)], twin=None, clock=clock, seed=7)
    if example.before:
        ask(device, example.before, example.wait_s)
    answer = ask(device, example.said, max(example.wait_s, 0.2))
    if isinstance(example.answer, bytes):
        assert answer == example.answer
    else:
        assert example.answer.fullmatch(answer), answer


@pytest.mark.parametrize(("sheet", "example"), ROWS)
def test_byte_by_byte_it_answers_the_same(sheet, example, clock, ask):
    device = find("emulator", sheet.entry)([Unit("it", sheet.entry, sheet.options)], twin=None, clock=clock, seed=7)
    if example.before:
        ask(device, example.before, example.wait_s)
    for place in range(len(example.said)):
        device.feed(example.said[place:place + 1])
    answer = ask(device, b"", max(example.wait_s, 0.2))
    assert answer == example.answer if isinstance(example.answer, bytes) else example.answer.fullmatch(answer)


@pytest.mark.parametrize(("sheet", "example"), SAID_BY_DRIVERS)
def test_the_driver_says_it(sheet, example, clock):
    device = find("emulator", sheet.entry)([Unit("it", sheet.entry, sheet.options)], twin=None, clock=clock, seed=7)
    heard = bytearray()
    feed = device.feed
    library = SimulatedVisa({sheet.resource: device}, clock)
    driver = sheet.driver(sheet.resource, clock=clock, name="it", visa_library=library, **sheet.options)
    device.feed = lambda data: (heard.extend(data), feed(data))
    try:
        example.call(driver)
        moving = getattr(driver, "moving", False)
        while moving and clock.now() < 30.0 and not _contains(sheet, bytes(heard), example.said):
            clock.wait(0.1)
            moving = driver.moving
    except InstrumentError:
        pass                        # what the device then answers is judged above; here it counts what was said
    assert _contains(sheet, bytes(heard), example.said), bytes(heard)


def _contains(sheet: Sheet, heard: bytes, said: bytes) -> bool:
    """Look for bytes in what a driver said; telegrams are compared without the host's number, which alternates."""
    if not sheet.entry.startswith("superk"):
        return said in heard
    wanted = decode(said)
    assert wanted is not None
    told = [decode(part + b"\x0a") for part in heard.split(b"\x0a")]
    return any(each is not None and (each.destination, each.kind, each.data) == (wanted.destination, wanted.kind, wanted.data)
               for each in told)


class TestLibraries:
    """The examples of the C libraries are return codes."""

    def test_andor(self, clock: VirtualClock):
        library = andor.make_lib(clock=clock)
        value = ctypes.c_int32()
        out = ctypes.byref(value)
        assert library.GetStatus(out) == 20075                              # any call before Initialize
        assert library.Initialize(b"") == 20002
        assert (library.GetStatus(out), value.value) == (20002, 20073)
        assert library.SetReadMode(7) == 20066
        library.SetTemperature(-60)
        library.CoolerON()
        clock.wait(280.0)
        assert (library.GetTemperature(out), value.value) == (20037, -17)
        assert [library.StartAcquisition(), library.StartAcquisition()] == [20002, 20072]
        assert library.GetAcquiredData16((ctypes.c_uint16 * 1024)(), 1024) == 20072

    def test_picoharp(self, clock: VirtualClock):
        library = picoharp.make_lib(clock=clock)
        value, resolution = ctypes.c_int32(), ctypes.c_double()
        assert library.PH_OpenDevice(1, ctypes.create_string_buffer(8)) == -1
        assert library.PH_OpenDevice(0, ctypes.create_string_buffer(8)) == 0
        assert library.PH_Initialize(0, 0) == 0
        assert [library.PH_SetBinning(0, 8), library.PH_SetSyncDiv(0, 3), library.PH_SetInputCFD(0, 0, 900, 10)] == [-17] * 3
        assert library.PH_SetBinning(0, 3) == 0
        assert library.PH_GetResolution(0, ctypes.byref(resolution)) == 0
        assert resolution.value == 32.0
        assert library.PH_StartMeas(0, 300) == 0
        clock.wait(0.29)
        library.PH_CTCStatus(0, ctypes.byref(value))
        assert value.value == 0
        clock.wait(0.02)
        library.PH_CTCStatus(0, ctypes.byref(value))
        assert value.value == 1
