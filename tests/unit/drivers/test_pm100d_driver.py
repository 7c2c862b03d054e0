"""PM100D: SCPI bytes, an error queue that is looked into after every set, and a wavelength that is read back."""

from __future__ import annotations

import pytest

from drivers.pm100d import PM100D, MeterError, NoSensor, OverRange
from labctl.core.errors import BadReply, InstrumentError, LimitError, NoReply, WrongDevice
from sim_instruments.faults import Fault

NO_ERROR = b'+0,"No error"\n'
ANSWERS = {
    b"*IDN?\n": b"Thorlabs,PM100D,P0012345,2.4.0\n", b"\n*CLS\n*IDN?\n": b"Thorlabs,PM100D,P0012345,2.4.0\n",
    b"SYST:SENS:IDN?\n": b"S130C,14040123,05-AUG-2014,1,18,289\n", b"SYST:ERR?\n": NO_ERROR,
    b"SENS:CORR:WAV? MIN\n": b"4.000000E+02\n", b"SENS:CORR:WAV? MAX\n": b"1.100000E+03\n", b"SENS:CORR:WAV?\n": b"5.150000E+02\n",
    b"MEAS:POW?\n": b"1.23385844E-04\n", b"SENS:AVER:COUN?\n": b"10\n", b"SENS:POW:RANG:AUTO?\n": b"1\n",
    b"SENS:POW:RANG?\n": b"5.000000E-03\n", b"SENS:CORR:COLL:ZERO:STAT?\n": b"0\n", b"SENS:CORR:COLL:ZERO:MAGN?\n": b"1.5E-09\n",
}


@pytest.fixture
def meter(talk):
    return talk(PM100D, ANSWERS)


def test_the_wavelength_is_checked_set_and_read_back(meter):
    driver, box = meter
    driver.wavelength = 515
    assert box.said == [b"SENS:CORR:WAV? MIN\n", b"SENS:CORR:WAV? MAX\n", b"SENS:CORR:WAV 515\n", b"SYST:ERR?\n",
                        b"SENS:CORR:WAV?\n"]
    box.said.clear()
    driver.wavelength = 515.123
    assert box.said[0] == b"SENS:CORR:WAV 515.123\n"


@pytest.mark.parametrize("wavelength", [399.0, 1101.0, float("nan")])
def test_the_heads_range_holds(meter, wavelength):
    driver, box = meter
    with pytest.raises(LimitError):
        driver.wavelength = wavelength
    assert not any(said.startswith(b"SENS:CORR:WAV ") for said in box.said)


def test_a_wavelength_clamped_silently_is_an_error(meter):
    driver, _ = meter
    with pytest.raises(MeterError, match=r"told 600 nm and says 515 nm"):
        driver.wavelength = 600.0


def test_an_error_in_the_queue_after_a_set_is_raised_and_cleared(meter):
    driver, box = meter
    box.answers[b"SYST:ERR?\n"] = b'-113,"Undefined header"\n'
    with pytest.raises(MeterError, match="error -113: Undefined header"):
        driver.averages = 10
    assert box.said[-1] == b"*CLS\n"


def test_a_reading(meter):
    driver, _ = meter
    assert driver.power == 1.23385844e-4
    driver.expose()
    assert driver.fetch() == {"power": 1.23385844e-4}


@pytest.mark.parametrize("reply", [b"9.91E+37\n", b"9.9E37\n"])
def test_above_its_range(meter, reply):
    driver, box = meter
    box.answers[b"MEAS:POW?\n"] = reply
    with pytest.raises(OverRange):
        driver.power   # noqa: B018


@pytest.mark.parametrize("reply", [b"1.23385844E-0\n", b"1.23385844E-\n", b"\n", b"abc\n", b"1.2\xb38E-04\n", b"nan\n", None])
def test_a_damaged_reading_is_never_used(meter, reply):
    driver, box = meter
    box.plan.append(reply)
    assert driver.power == 1.23385844e-4
    assert driver.wavelength == 515.0


def test_a_reading_that_stays_damaged(meter):
    driver, box = meter
    box.answers[b"MEAS:POW?\n"] = b"abc\n"
    with pytest.raises(BadReply, match="makes no sense"):
        driver.power   # noqa: B018


def test_a_late_power_is_not_taken_for_a_wavelength(meter):
    driver, box = meter
    box.faults.append(Fault("late", seconds=1.2, times=3))
    with pytest.raises(NoReply):
        driver.port.converse(b"MEAS:POW?\n", lambda message: message)
    box.faults.clear()
    assert driver.wavelength == 515.0
    assert driver.power == 1.23385844e-4


def test_identity_joins_meter_and_head(meter):
    driver, box = meter
    assert str(driver.identify()) == "Thorlabs PM100D with S130C, serial P0012345+14040123, firmware 2.4.0"
    box.answers[b"SYST:SENS:IDN?\n"] = b'"no sensor","","",0,0,0\n'
    with pytest.raises(NoSensor):
        driver.identify()
    box.answers[b"*IDN?\n"] = b"KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32\n"
    with pytest.raises(WrongDevice, match="KEITHLEY"):
        driver.identify()


def test_zeroing(meter):
    driver, box = meter
    driver.start_zero()
    assert box.said[0] == b"SENS:CORR:COLL:ZERO:INIT\n"
    assert driver.zeroing is False
    assert driver.zero_magnitude == 1.5e-9


def test_settings_and_configuration(meter):
    driver, box = meter
    assert driver.settings()["averages"] == 10
    driver.configure(exposure_s=0.0)
    assert not any(said.startswith(b"SENS:AVER:COUN ") for said in box.said)
    box.answers[b"SENS:POW:RANG:AUTO?\n"] = b"0\n"
    driver.configure()
    assert b"SENS:POW:RANG:AUTO 1\n" in box.said


@pytest.mark.parametrize(("quantity", "value"), [("averages", 0), ("averages", 3001), ("range_w", -1.0), ("range_w", "auto")])
def test_limits_are_refused_before_anything_is_sent(meter, quantity, value):
    driver, box = meter
    with pytest.raises(LimitError):
        setattr(driver, quantity, value)
    assert box.said == []


def test_a_bus_cannot_be_a_meter(talk, clock):
    from drivers.elliptec_bus import ElliptecPort

    other, _ = talk(PM100D, ANSWERS)
    with pytest.raises(InstrumentError, match="cannot share"):
        PM100D(ElliptecPort(other.adapter, clock=clock), clock=clock, name="meter")
