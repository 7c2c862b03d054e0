"""An energy head and a germanium head in the twin's beam: pulses of an amplifier through the wire, and what a head cannot read."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.pm100d import PM100D, OverRange
from drivers.pm100d_energy import NoPulse, PM100DEnergy
from labctl.core.errors import LimitError, WrongDevice
from sim_instruments.pm100d import EmulatedPM100D
from sim_instruments.pm100d_heads import HEADS
from sim_instruments.twin.pulses import JITTER
from sim_instruments.twin.twin import PathItem, Twin
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import Unit

RESOURCE = "USB0::0x1313::0x8078::P0012345::INSTR"
PULSE_J, LENS = 2e-4, 0.9


@pytest.fixture
def bench(clock):
    """An amplifier of 0.2 mJ at 1 kHz and 1500 nm, a head at the sample position, the shutter open."""
    def make(sensor, driver, **options):
        path = [PathItem("laser", "opa", {"wavelength_nm": 1500.0, "pulse_energy_j": PULSE_J, "repetition_rate_hz": 1e3}),
                PathItem("shutter", "shutter"), PathItem("sample", "sample", {"lens": LENS}),
                PathItem("meter", "sample_head", {"sensor": sensor})]
        twin = Twin(path, sample="ying2021", clock=clock, ideal=True)
        twin.element("shutter").opening.move(1.0)
        device = EmulatedPM100D([Unit("meter", "pm100d", {}, twin.element("meter"))], twin=twin, clock=clock, seed=4)
        library = SimulatedVisa({RESOURCE: device}, clock)
        made = driver(RESOURCE, clock=clock, name="meter", visa_library=library, **options)
        made.library = library       # PyVISA itself remembers libraries only weakly
        return made, device, twin

    return make


def read(driver) -> dict[str, float]:
    driver.configure()
    driver.expose()
    while driver.exposing:
        driver.clock.wait(0.001)
    return driver.fetch()


class TestEnergy:
    def test_pulses_are_read_one_by_one_with_their_scatter(self, bench):
        driver, _, _ = bench("ES111C", PM100DEnergy, pulses=200, range_j=1.5e-3, trigger_percent=2.0)
        assert driver.identify().model == "PM100D with ES111C"
        driver.wavelength = 1500.0
        reading = read(driver)
        assert reading["energy"] == pytest.approx(LENS * PULSE_J, rel=4 * 1.25 * JITTER / np.sqrt(200))
        assert reading["energy_sd"] == pytest.approx(JITTER * LENS * PULSE_J, rel=0.2)
        assert reading["energy_pulses"] == 200.0
        assert driver.pulse_rate == pytest.approx(1e3)
        assert driver.settings()["range_j"] == pytest.approx(1.5e-3)

    def test_a_reading_waits_for_its_pulses(self, bench, clock):
        driver, _, twin = bench("ES111C", PM100DEnergy, pulses=20, range_j=1.5e-3, trigger_percent=1.0)
        twin.element("laser").repetition_rate_hz = 10.0
        driver.configure()
        driver.expose()
        before = clock.now()
        while driver.exposing:
            pass
        assert clock.now() - before == pytest.approx(2.0, rel=0.1)

    def test_nothing_reaches_the_trigger_level(self, bench):
        driver, _, twin = bench("ES111C", PM100DEnergy, range_j=1.5e-3, trigger_percent=50.0)
        with pytest.raises(NoPulse, match=r"50 % of 0\.0015 J"):
            read(driver)
        twin.element("laser").emission = False
        driver.trigger_percent = 1.0
        with pytest.raises(NoPulse):
            _ = driver.energy

    def test_above_the_range(self, bench):
        driver, _, _ = bench("ES111C", PM100DEnergy, range_j=1e-4, trigger_percent=10.0)
        with pytest.raises(OverRange, match=r"range 0\.00015 J"):
            read(driver)

    def test_the_driver_for_power_refuses_it(self, bench):
        driver, _, _ = bench("ES111C", PM100D)
        with pytest.raises(WrongDevice, match="measures no power"):
            driver.identify()


class TestHeads:
    @pytest.mark.parametrize(("sensor", "inside", "outside"), [
        ("S130C", (400.0, 1100.0), (399.0, 1500.0)), ("S132C", (700.0, 1500.0, 1800.0), (532.0, 1801.0)),
        ("S120VC", (200.0, 400.0), (1200.0,)), ("ES111C", (185.0, 1500.0, 25000.0), (100.0,))])
    def test_wavelengths_outside_a_head_s_range_are_refused_before_they_are_sent(self, bench, sensor, inside, outside):
        driver, device, _ = bench(sensor, PM100DEnergy if HEADS[sensor].energy else PM100D)
        for wavelength_nm in inside:
            driver.wavelength = wavelength_nm
            assert device.wavelength_nm == wavelength_nm
        for wavelength_nm in outside:
            with pytest.raises(LimitError, match=f"wavelength {wavelength_nm:g} nm is outside"):
                driver.wavelength = wavelength_nm
            assert device.wavelength_nm == inside[-1]

    def test_germanium_reads_the_infrared_where_silicon_cannot(self, bench):
        driver, _, twin = bench("S132C", PM100D)
        driver.wavelength = 1500.0
        driver.configure()
        driver.clock.wait(10.0)
        assert driver.power == pytest.approx(twin.power_at_sample_now(), rel=0.02)

    def test_a_photodiode_is_no_energy_head(self, bench):
        driver, _, _ = bench("S132C", PM100DEnergy)
        with pytest.raises(WrongDevice, match="measures no energy"):
            driver.identify()


class TestOtherWords:
    """Headers of the operation manual that labctl does not use and other programs do."""

    @pytest.fixture
    def meter(self, bench):
        return bench("S132C", PM100D)[1]

    @pytest.mark.parametrize(("question", "answer"), [
        (b"CONF?\n", b"POW\n"), (b"CONF:CURR;:CONF?\n", b"CURR\n"), (b"CONFIGURE:SCALAR:POWER:;:SYST:VERS?\n", b"1999.0\n"),
        (b"SENS:CORR:BEAM 3;:SENS:CORR:BEAM?\n", b"3.000000E+00\n"), (b"SENS:CORR:BEAM? DEF\n", b"9.500000E+00\n"),
        (b"SENS:CORR:LOSS:INP:MAGN 3.5;:SENS:CORR?\n", b"3.500000E+00\n"), (b"SENS:PEAK:THR? MAX\n", b"1.000000E+02\n"),
        (b"SENS:POW:REF 1E-3;:SENS:POW:REF?\n", b"1.000000E-03\n"), (b"SENS:POW:REF:STAT?\n", b"0\n"),
        (b"INP:PDI:FILT:LPAS:STAT 1;:INP:FILT?\n", b"1\n"), (b"INP:ADAP:TYPE?\n", b"PHOT\n"),
        (b"INP:ADAP PYRO;:INP:ADAP?\n", b"PYR\n"),
        (b"SYST:BEEP:STAT OFF;:SYST:BEEP:STAT?\n", b"0\n"), (b"SYST:LFR?\n", b"50\n"), (b"DISP:BRIG?\n", b"1.000000E+00\n"),
        (b"STAT:MEAS:COND?;EVEN?;ENAB?\n", b"0;0;0\n"), (b"STAT:OPER?\n", b"0\n"), (b"CAL:STR?\n", b'"05-AUG-2014"\n'),
        (b"SENS:FREQ:RANG?;:SENS:FREQ:RANG:LOW?\n", b"1.000000E+04;1.000000E+00\n"),
        (b"SENS:ENER:RANG?\n:SYST:ERR?\n", b'-221,"Settings conflict"\n'),
        (b"MEAS:FREQ?\nSYST:ERR?\n", b'-221,"Settings conflict"\n')])
    def test_answers(self, meter, ask, question, answer):
        assert ask(meter, question) == answer

    def test_current_and_density_follow_the_power(self, meter, ask, clock):
        ask(meter, b"SENS:CORR:WAV 1500;:SENS:CORR:BEAM 10;:SENS:CORR:POW:PDI:RESP 0.5;:SENS:AVER:COUN 1000\n")
        clock.wait(10.0)
        power, current, density = (float(ask(meter, b"MEAS:%b?\n" % word, 1.0)) for word in (b"POW", b"CURR", b"PDEN"))
        assert current == pytest.approx(0.5 * power, rel=0.01)
        assert density == pytest.approx(power / (np.pi / 4.0), rel=0.01)
        assert float(ask(meter, b"FETC?\n")) == pytest.approx(density)
        assert float(ask(meter, b"MEAS:TEMP?\n")) == pytest.approx(24.0)
