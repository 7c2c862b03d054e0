"""No emulator raises or stalls, whatever bytes come."""

import numpy as np
import pytest

from sim_instruments.elliptec import ElliptecPort
from sim_instruments.esp301 import EmulatedESP301
from sim_instruments.fw102c import EmulatedFW102C
from sim_instruments.k10cr1 import EmulatedK10CR1
from sim_instruments.keithley2400 import EmulatedKeithley2400
from sim_instruments.keithley2450 import EmulatedKeithley2450
from sim_instruments.lakeshore import EmulatedLakeShore336
from sim_instruments.nkt import InterbusPort
from sim_instruments.pm100d import EmulatedPM100D
from sim_instruments.sc10 import EmulatedSC10
from sim_instruments.spectrapro import EmulatedSpectraPro

# What each protocol is made of, so that random strings get far into it; and a question that must still be answered afterwards.
DEVICES = {
    "interbus": (InterbusPort, "superk_laser", [b"\r", b"\n", b"^", b"\x0f\xa2\x04", b"\x0f\xa2\x05\x30"],
                 bytes.fromhex("0D0FA20461B7510A"), bytes.fromhex("0DA20F08616047150A")),
    "elliptec": (ElliptecPort, "elliptec", [b"0", b"ma", b"in", b"gs", b"sv", b"0000", b"FFFF", b"ca", b"\r\n"],
                 b"\r\n0i3", b"GS"),
    "filter wheel": (EmulatedFW102C, "", [b"pos", b"=", b"3", b"?", b"\r", b"speed"], b"\rpcount?\r", b"pcount?\r"),
    "shutter": (EmulatedSC10, "", [b"ens", b"?", b"=", b"mode", b"2", b"\r", b"open"], b"\rinterlock?\r", b"interlock?\r0\r> "),
    "spectrograph": (EmulatedSpectraPro, "", [b"?NM", b" ", b"5", b".", b"GOTO", b"GRATING", b"MICRONS", b"NO-ECHO", b"\r", b">NM"],
                     b"\rMODEL\r", b"SP-2-500i  ok\r\n"),
    "power meter": (EmulatedPM100D, "", [b"SENS", b":", b"CORR:WAV", b"?", b" 5", b";", b"\n", b"MEAS:POW?", b"ZERO", b"*RST"],
                    b"\n*OPC?\n", b"1\n"),
    "rotation mount": (
        EmulatedK10CR1, "", [b"\x53\x04", b"\x06\x00", b"\xd0\x01", b"\x50\x01", b"\x01\x00", b"\x43\x04", b"\x65\x04", b"\x00\x00",
                             b"\x11\x00\x00\x00\x50\x01", b"\x13\x04\x0e\x00\xd0\x01"],
        bytes.fromhex("110201005001"), bytes.fromhex("1202")),
    "source-meter 2400": (
        EmulatedKeithley2400, "", [b":SOUR", b":SENS", b":VOLT", b":CURR", b":RANG", b"?", b" 5", b";", b"\n", b":READ?", b":INIT",
                                   b":OUTP 1", b":TRIG:COUN", b":FUNC 'RES'", b"*TRG", b"*RST"],
        b"\n*OPC?\n", b"1\n"),
    "source-meter 2450": (
        EmulatedKeithley2450, "", [b":SOUR", b":SENS", b":VOLT", b":CURR", b":ILIM", b"?", b" 5", b";", b"\n", b":READ?",
                                   b":OUTP 1", b":TRAC:DATA? 1,1", b":FUNC 'RES'", b":TRAC:STAT:AVER?", b"*RST"],
        b"\n*OPC?\n", b"1\n"),
    "temperature controller": (
        EmulatedLakeShore336, "", [b"KRDG?", b" A", b"SETP", b" 1", b",", b"77", b";", b"\n", b"RANGE 1,3", b"RAMP", b"OUTMODE",
                                   b"PID", b"INNAME", b"?"],
        b"\n*OPC?\n", b"1\r\n"),
    "motion controller": (
        EmulatedESP301, "", [b"1", b"2", b"PA", b"PR", b"5", b"-", b";", b"\r", b"MO", b"OR1", b"WS", b"TP", b"ST", b"?", b"WT9"],
        b"\r1SN?\r", b"\r\n"),
}


@pytest.mark.parametrize("strings", [10_000, pytest.param(100_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", DEVICES)
def test_random_strings(make, ask, clock, name, strings):
    factory, driver, words, question, answer = DEVICES[name]
    device = make(factory, driver)
    draw = np.random.default_rng(20)
    for _ in range(strings):
        pieces = [words[draw.integers(len(words))] if draw.random() < 0.7 else draw.bytes(draw.integers(1, 8)) for _ in range(6)]
        ask(device, b"".join(pieces), 0.01)
    clock.wait(1e3 if name == "shutter" else 1e5)      # queued moves take their time; a shutter may open and close for ever
    device.disconnected()
    for mount in getattr(device, "mounts", ()):
        mount.address = b"0"                   # the strings may have told it to move house
    assert answer in ask(device, question, 1.0)


def test_an_endless_line_is_forgotten(make, ask):
    device = make(EmulatedFW102C)
    for _ in range(50):
        device.feed(b"x" * 1000)
    assert ask(device, b"\rpos?\r").endswith(b"pos?\r1\r> ")
