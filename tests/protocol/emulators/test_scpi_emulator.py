"""SCPI grammar, and the power meter that speaks it."""

import pytest

from sim_instruments.keithley2400 import EmulatedKeithley2400
from sim_instruments.keithley2450 import EmulatedKeithley2450
from sim_instruments.pm100d import EmulatedPM100D
from sim_instruments.scpi import header_pattern
from sim_instruments.twin.elements import PowerHead
from sim_instruments.wire import Unit


@pytest.fixture
def head(clock):
    head = PowerHead("meter", clock)
    head.measure = lambda wavelength_nm, averages: 1.23385844e-4
    return head


@pytest.fixture
def meter(clock, head):
    return EmulatedPM100D([Unit("meter", "pm100d", {}, head)], clock=clock, seed=1)


class TestHeaders:
    """A header as manuals print it matches its long and its short form, in any case, and nothing between."""

    @pytest.mark.parametrize("text", ["SENS:POW:RANG", "sense:power:dc:range:upper", "Sens:Pow:Rang:Upp"])
    def test_match(self, text):
        assert header_pattern("SENSe:POWer[:DC]:RANGe[:UPPer]").fullmatch(text)

    @pytest.mark.parametrize("text", ["SEN:POW:RANG", "SENS:POWE:RANG", "SENS:RANG", "SENS:POW:RANG?"])
    def test_no_match(self, text):
        assert not header_pattern("SENSe:POWer[:DC]:RANGe[:UPPer]").fullmatch(text)


class TestGrammar:
    @pytest.mark.parametrize(("sent", "received"), [
        (b":SENSE:CORRECTION:WAVELENGTH 515;:SENS:CORR:WAV?\n", b"5.150000E+02\n"),
        (b"SENS:CORR:WAV 515;WAV?\r\n", b"5.150000E+02\n"),
        (b"sens:corr:wav? min;wav? max\n", b"4.000000E+02;1.100000E+03\n"),
        (b"*OPC?;SENS:AVER:COUN?;*ESR?\n", b"1;1;0\n"),
        (b"\n;;\n", b""),
        (b"SENS:CORR:WAV\t515 ; WAV?\n", b"5.150000E+02\n"),
        (b'SENS:CORR:WAV "5;*IDN?;5";*OPC?\n', b"1\n"),           # a semicolon in quotes ends nothing
        (b"SENS:CORR:WAV 515\n", b""),
    ])
    def test_lines_and_chains(self, meter, ask, sent, received):
        assert ask(meter, sent) == received

    def test_a_leading_colon_starts_from_the_root(self, meter, ask):
        first, second = ask(meter, b"SYST:SENS:IDN?;:SYSTEM:SENSOR:IDN?\n").strip().split(b";")
        assert first == second

    @pytest.mark.parametrize(("command", "error"), [
        (b"FOO:BAR", b'-113,"Undefined header"'), (b"SENS:CORR:WAV 1500", b'-222,"Parameter data out of range"'),
        (b"SENS:CORR:WAV", b'-109,"Missing parameter"'), (b"SENS:CORR:WAV green", b'-104,"Data type error"'),
        (b"MEAS:ENER?", b'-221,"Settings conflict"'), (b"SENS:POW:RANG:AUTO 2", b'-104,"Data type error"'),
    ])
    def test_errors_are_queued_once(self, meter, ask, command, error):
        assert ask(meter, command + b"\n") == b""
        assert ask(meter, b"SYST:ERR?\n") == error + b"\n"
        assert ask(meter, b"SYST:ERR:NEXT?\n") == b'+0,"No error"\n'

    def test_an_error_in_a_chain_does_not_stop_it_and_sets_its_event_bit(self, meter, ask):
        assert ask(meter, b"FOO;*OPC?;*ESR?;*ESR?\n") == b"1;32;0\n"

    def test_the_error_queue_overflows_as_the_standard_says(self, meter, ask):
        ask(meter, b"FOO\n" * 30)
        errors = [ask(meter, b"SYST:ERR?\n") for _ in range(21)]
        assert errors[18:] == [b'-113,"Undefined header"\n', b'-350,"Queue overflow"\n', b'+0,"No error"\n']

    def test_clear_empties_it(self, meter, ask):
        assert ask(meter, b"FOO\n*CLS\nSYST:ERR?\n") == b'+0,"No error"\n'


class TestPM100D:
    def test_identity_and_sensor(self, meter, ask):
        assert ask(meter, b"*IDN?\n").decode().split(",")[:2] == ["Thorlabs", "PM100D"]
        fields = ask(meter, b"SYST:SENSOR:IDN?\n").decode().strip().split(",")
        assert (len(fields), fields[0], fields[5]) == (6, "S130C", "289")

    def test_a_reading_takes_its_averages(self, meter, ask):
        ask(meter, b"SENS:AVER:COUN 1000\n")
        assert ask(meter, b"MEAS:POW?\n*OPC?\n", 0.29) == b""
        assert ask(meter, b"", 0.02) == b"1.23385000E-04\n1\n"

    def test_wavelength_and_averages_reach_the_head(self, meter, head, ask):
        asked = []
        head.measure = lambda wavelength_nm, averages: asked.append((wavelength_nm, averages)) or 1e-3
        ask(meter, b"SENS:CORR:WAV 515;:SENS:AVER 10;:READ?\n")
        assert asked == [(515.0, 10)]

    def test_a_fixed_range_overflows_and_loses_small_digits(self, meter, head, ask):
        ask(meter, b"SENS:POW:RANG 5e-5\n")
        assert ask(meter, b"SENS:POW:RANG:AUTO?;:SENS:POW:RANG?;:MEAS:POW?\n") == b"0;5.000000E-05;9.90000000E+37\n"
        head.measure = lambda wavelength_nm, averages: 1.2e-10
        assert ask(meter, b"MEAS:POW?\n") == b"0.00000000E+00\n"
        assert float(ask(meter, b"SENS:POW:RANG:AUTO ON;:MEAS:POW?\n")) == pytest.approx(1.2e-10, abs=2.5e-12)

    def test_zeroing_takes_time_and_reports_what_it_removed(self, meter, head, ask):
        head.zero = lambda: 3e-9
        assert ask(meter, b"SENS:CORR:COLL:ZERO:INIT\nSENS:CORR:COLL:ZERO:STAT?\n", 1.0) == b"1\n"
        assert ask(meter, b"SENS:CORR:COLL:ZERO:MAGN?\n", 1.1) == b"0.00000000E+00\n"
        assert ask(meter, b"SENS:CORR:COLL:ZERO:STAT?;MAGN?\n") == b"0;3.00000000E-09\n"

    def test_zeroing_can_be_called_off(self, meter, head, ask):
        head.zero = lambda: pytest.fail("zeroed after it was called off")
        assert ask(meter, b"SENS:CORR:COLL:ZERO:INIT;ABOR;STAT?\n", 5.0) == b"0\n"

    def test_reset_restores_the_settings(self, meter, ask):
        assert ask(meter, b"SENS:CORR:WAV 515;*RST;:SENS:CORR:WAV?\n") == b"6.350000E+02\n"

    def test_without_a_head(self, meter, ask):
        meter.sensor_missing = True
        assert ask(meter, b"SYST:SENS:IDN?\n").startswith(b"no sensor,")
        assert ask(meter, b"MEAS:POW?\n") == b""
        assert ask(meter, b"SYST:ERR?\n") == b'-240,"Hardware error"\n'


@pytest.mark.parametrize("factory", [EmulatedPM100D, EmulatedKeithley2400, EmulatedKeithley2450])
def test_what_the_standard_asks_of_every_instrument(make, ask, factory):
    """IEEE 488.2, 10: mandatory common commands; SCPI-99, 21.21: the version."""
    device = make(factory)
    assert ask(device, b"*ESE 32;*ESE?;*SRE 32;*SRE?\n") == b"32;32\n"
    assert ask(device, b"*CLS;:NONSENSE\n") == b""
    assert ask(device, b"*STB?\n") == b"100\n"          # an error is queued (4), an enabled event (32), service is asked for (64)
    assert ask(device, b"*ESR?;*WAI;*OPC;*ESR?\n") == b"32;1\n"
    assert ask(device, b"SYST:VERS?;:SYST:CLE;:SYST:ERR?\n").startswith(b"1999.0;")
    assert b"No error" in ask(device, b"SYST:ERR?\n")
