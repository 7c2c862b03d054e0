"""No emulator raises or stalls, whatever bytes come."""

import numpy as np
import pytest

from sim_instruments.elliptec import ElliptecPort
from sim_instruments.fw102c import EmulatedFW102C
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
}


@pytest.mark.parametrize("name", DEVICES)
def test_random_strings(make, ask, clock, name):
    factory, driver, words, question, answer = DEVICES[name]
    device = make(factory, driver)
    draw = np.random.default_rng(20)
    for _ in range(1000):
        pieces = [words[draw.integers(len(words))] if draw.random() < 0.7 else draw.bytes(draw.integers(1, 8)) for _ in range(6)]
        ask(device, b"".join(pieces), 0.01)
    clock.wait(100_000.0)
    device.disconnected()
    for mount in getattr(device, "mounts", ()):
        mount.address = b"0"                   # the strings may have told it to move house
    assert answer in ask(device, question, 1.0)


def test_an_endless_line_is_forgotten(make, ask):
    device = make(EmulatedFW102C)
    for _ in range(50):
        device.feed(b"x" * 1000)
    assert ask(device, b"\rpos?\r").endswith(b"pos?\r1\r> ")
