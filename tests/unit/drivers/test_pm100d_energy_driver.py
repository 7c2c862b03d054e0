"""An energy head on a PM100D: pulses in joules, and no other head taken for one."""

from __future__ import annotations

import pytest

from drivers.pm100d import OverRange
from drivers.pm100d_energy import PM100DEnergy
from labctl.core.errors import WrongDevice

ANSWERS = {
    b"*IDN?\n": b"Thorlabs,PM100D,P0012345,2.4.0\n", b"SYST:SENS:IDN?\n": b"ES111C,14040123,05-AUG-2014,4,18,290\n",
    b"SYST:ERR?\n": b'+0,"No error"\n', b"MEAS:ENER?\n": b"1.23385844E-06\n", b"SENS:CORR:WAV?\n": b"1.500000E+03\n",
    b"SENS:AVER:COUN?\n": b"1\n",
}


def test_an_energy_head(talk):
    driver, _ = talk(PM100DEnergy, ANSWERS)
    assert driver.identify().model == "PM100D with ES111C"
    assert list(driver.detectors) == ["energy"]
    driver.configure()
    assert driver.fetch() == {"energy": pytest.approx(1.23385844e-6)}
    assert driver.settings()["wavelength_nm"] == 1500.0


def test_a_photodiode_is_refused(talk):
    driver, _ = talk(PM100DEnergy, ANSWERS | {b"SYST:SENS:IDN?\n": b"S130C,14040123,05-AUG-2014,1,18,289\n"})
    with pytest.raises(WrongDevice, match="no energy"):
        driver.identify()


def test_over_range(talk):
    driver, _ = talk(PM100DEnergy, ANSWERS | {b"MEAS:ENER?\n": b"9.9E+37\n"})
    with pytest.raises(OverRange):
        _ = driver.energy
