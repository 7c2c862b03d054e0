"""SpectraPro: answers read loosely, echo or not, gratings, and moves answered at their end."""

from __future__ import annotations

import pytest

from drivers.spectrapro import CommandUnknown, SpectraPro
from labctl.core.errors import BadReply, Busy, LimitError, NoReply, WrongDevice

GRATINGS = (b"\r\n\x1a1  600 g/mm BLZ=  1.6UM \r\n 2  150 g/mm BLZ=    2UM \r\n 3  Not Installed     \r\n"
            b" 4  1200 g/mm BLZ=  500NM \r\n 5  Not Installed     \r\n  ok\r\n")
ANSWERS = {
    b"\rNO-ECHO\rMODEL\r": b"  ok\r\n  ok\r\n SP-2-500i  ok\r\n", b"\rNO-ECHO\r?NM/MIN\r": b"  ok\r\n 600.0 nm/min  ok\r\n",
    b"MODEL\r": b" SP-2-500i  ok\r\n", b"SERIAL\r": b" 25001234  ok\r\n", b"?NM\r": b" 500.000 nm  ok\r\n",
    b"?GRATING\r": b" 1  ok\r\n", b"?GRATINGS\r": GRATINGS, b"?NM/MIN\r": b" 600.000 nm/min  ok\r\n",
    b"?TURRET\r": b" 1  ok\r\n",
    b"540.250 GOTO\r": [(0.4, b"  ok\r\n")], b"2 GRATING\r": [(12.0, b"  ok\r\n")], b"560.000 >NM\r": b"  ok\r\n",
    b"MONO-?DONE\r": b" 0  ok\r\n", b"MONO-STOP\r": b"  ok\r\n", b"FOO\r": b" FOO? \r\n",
}


@pytest.fixture
def acton(talk):
    return talk(SpectraPro, ANSWERS)


def test_the_first_word_silences_the_echo(acton):
    driver, box = acton
    assert driver.centre == 500.0
    assert box.said == [b"\rNO-ECHO\rMODEL\r", b"?NM\r"]


@pytest.mark.parametrize("reply", [b" 500.000 nm  ok\r\n", b"?NM 500.000 nm  ok\r\n", b"500.000  ok\r\n", b"\r\n 500.0 nm ok\r\n"])
def test_answers_are_read_whatever_their_spacing(acton, reply):
    driver, box = acton
    box.answers[b"?NM\r"] = reply
    assert driver.centre == 500.0


def test_gratings(acton):
    driver, box = acton
    assert {number: g.lines_per_mm for number, g in driver.gratings.items()} == {1: 600.0, 2: 150.0, 4: 1200.0}
    assert driver.gratings[1].blaze == "1.6UM"
    assert driver.lines_per_mm == 600.0
    assert driver.centre_limits == (0.0, 2800.0)
    box.answers[b"?GRATING\r"] = b" 3  ok\r\n"
    with pytest.raises(BadReply, match="grating 3"):
        driver.lines_per_mm   # noqa: B018


def test_a_move_is_over_when_it_is_answered(acton, clock):
    driver, box = acton
    driver.start_centre(540.25)
    assert box.said[-1] == b"540.250 GOTO\r"
    assert driver.moving
    clock.wait(0.5)
    assert not driver.moving
    assert driver.centre == 500.0


def test_a_turret_takes_its_time_and_the_port_is_not_held(acton, clock):
    driver, _ = acton
    driver.start_grating(2)
    assert driver.moving
    before = clock.now()
    with pytest.raises(Busy):
        driver.grating   # noqa: B018
    assert clock.now() - before < 4.0
    clock.wait(12.0)
    assert not driver.moving


def test_the_grating_in_use_is_not_selected_again(acton):
    driver, box = acton
    driver.start_grating(1)
    assert b"1 GRATING\r" not in box.said
    assert not driver.moving


@pytest.mark.parametrize("number", [0, 3, 9, 1.5])
def test_gratings_that_are_not_there(acton, number):
    driver, _ = acton
    with pytest.raises(LimitError, match="not installed"):
        driver.start_grating(number)


@pytest.mark.parametrize("wavelength", [-1.0, 2800.1, float("nan")])
def test_beyond_the_mechanical_range_a_move_is_refused_because_the_box_would_clamp_it(acton, wavelength):
    driver, box = acton
    with pytest.raises(LimitError):
        driver.start_centre(wavelength)
    assert not any(b"GOTO" in said for said in box.said)


def test_scanning(acton):
    driver, box = acton
    driver.start_scan(560.0)
    assert driver.scanning
    driver.stop()
    assert box.said[-1] == b"MONO-STOP\r"
    box.answers[b"MONO-?DONE\r"] = b" 1  ok\r\n"
    assert not driver.scanning


def test_an_unknown_word(acton):
    driver, _ = acton
    with pytest.raises(CommandUnknown, match="FOO"):
        driver.ask("FOO")


@pytest.mark.parametrize("reply", [None, b" 500.0", b" 50\xb0.000 nm  ok\r\n", b"  ok\r\n"])
def test_damaged_answers_are_asked_again(acton, reply):
    driver, box = acton
    box.plan.extend([ANSWERS[b"\rNO-ECHO\rMODEL\r"], reply])
    assert driver.centre == 500.0


def test_a_late_wavelength_is_not_taken_for_a_grating(acton):
    driver, box = acton
    assert driver.grating == 1
    box.plan.extend([[(1.1, b" 500.000 nm  ok\r\n")]])
    with pytest.raises(NoReply):
        driver.port.converse(b"?NM\r", driver._take("?NM"))
    assert driver.grating == 1
    assert driver.centre == 500.0


def test_identity(acton):
    driver, box = acton
    assert str(driver.identify()) == "Acton Research SP-2-500i, serial 25001234"
    assert driver.settings()["gratings"]["4"] == "1200/mm, blaze 500NM"
    driver.park()
    box.answers[b"MODEL\r"] = b" SH-163  ok\r\n"
    with pytest.raises(WrongDevice):
        driver.identify()
