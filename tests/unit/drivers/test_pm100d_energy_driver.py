"""An energy head on a PM100D: pulses in joules, and no other head taken for one."""

from __future__ import annotations

import pytest

from drivers.pm100d import MeterError, OverRange
from drivers.pm100d_energy import NoPulse, PM100DEnergy
from labctl.core.errors import LimitError, WrongDevice

ANSWERS = {
    b"*IDN?\n": b"Thorlabs,PM100D,P0012345,2.4.0\n", b"SYST:SENS:IDN?\n": b"ES111C,14040123,05-AUG-2014,4,18,290\n",
    b"SYST:ERR?\n": b'+0,"No error"\n', b"MEAS:ENER?\n": b"1.23385844E-06\n", b"SENS:CORR:WAV?\n": b"1.500000E+03\n",
    b"SENS:AVER:COUN?\n": b"1\n", b"SENS:ENER:RANG?\n": b"1.500000E-04\n", b"SENS:ENER:RANG? MAX\n": b"1.500000E-01\n",
    b"SENS:PEAK:THR?\n": b"2.000000E+01\n", b"MEAS:FREQ?\n": b"1.00000000E+03\n",
}


def test_an_energy_head(talk):
    driver, _ = talk(PM100DEnergy, ANSWERS)
    assert driver.identify().model == "PM100D with ES111C"
    assert list(driver.detectors) == ["energy"]
    driver.configure()
    assert driver.fetch() == {"energy": pytest.approx(1.23385844e-6), "energy_sd": 0.0, "energy_pulses": 1.0}
    assert driver.pulse_rate == 1000.0
    assert driver.settings()["wavelength_nm"] == 1500.0


def test_a_reading_is_the_median_of_several_pulses(talk):
    answers = iter([b"1.0E-06\n", b"1.2E-06\n", b"9.0E-06\n"])
    driver, _ = talk(PM100DEnergy, {**ANSWERS, b"MEAS:ENER?\n": lambda request: next(answers)}, pulses=3)
    driver.configure()
    driver.expose()
    assert [driver.exposing for _ in range(3)] == [True, True, False]
    reading = driver.fetch()
    assert reading["energy"] == pytest.approx(1.2e-6)
    assert reading["energy_pulses"] == 3.0
    assert reading["energy_sd"] == pytest.approx(4.56e-6, rel=0.01)


def test_range_and_trigger_level_are_set_within_the_head_s_limits(talk):
    driver, box = talk(PM100DEnergy, ANSWERS, range_j=1e-4, trigger_percent=5.0)
    driver.configure()
    assert b"SENS:ENER:RANG 0.0001\n" in box.said
    assert b"SENS:PEAK:THR 5\n" in box.said
    driver, box = talk(PM100DEnergy, ANSWERS, range_j=1.0)
    with pytest.raises(LimitError, match=r"range_j 1 J is outside 0 to 0\.15 J"):
        driver.configure()
    assert not any(b"RANG 1" in line for line in box.said)
    with pytest.raises(LimitError):
        driver.trigger_percent = 200.0


def test_a_range_that_the_meter_does_not_take(talk):
    driver, _ = talk(PM100DEnergy, ANSWERS, range_j=1e-3)
    with pytest.raises(MeterError, match=r"told a range of 0\.001 J and says 0\.00015 J"):
        driver.configure()


def test_no_pulse(talk):
    driver, _ = talk(PM100DEnergy, ANSWERS | {b"MEAS:ENER?\n": b"9.91000000E+37\n"})
    with pytest.raises(NoPulse, match=r"20 % of 0\.00015 J"):
        _ = driver.energy


def test_a_photodiode_is_refused(talk):
    driver, _ = talk(PM100DEnergy, ANSWERS | {b"SYST:SENS:IDN?\n": b"S130C,14040123,05-AUG-2014,1,18,289\n"})
    with pytest.raises(WrongDevice, match="no energy"):
        driver.identify()


def test_over_range(talk):
    driver, _ = talk(PM100DEnergy, ANSWERS | {b"MEAS:ENER?\n": b"9.9E+37\n"})
    with pytest.raises(OverRange):
        _ = driver.energy
