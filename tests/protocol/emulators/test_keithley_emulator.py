"""The source-meters: levels, limits, ranges, time, errors, and what the sample draws."""

import pytest

from sim_instruments.keithley2400 import EmulatedKeithley2400
from sim_instruments.keithley2450 import EmulatedKeithley2450
from sim_instruments.twin.more_elements import BiasedSample, JunctionLaw
from sim_instruments.wire import Unit


@pytest.fixture
def ask(ask):
    """Give a reading with changes of range the time it takes."""
    return lambda device, data, seconds=0.5: ask(device, data, seconds)


@pytest.fixture
def meter(make):
    return make(EmulatedKeithley2400)


@pytest.fixture
def touch(make):
    return make(EmulatedKeithley2450)


def values(answer: bytes) -> list[float]:
    return [float(text) for text in answer.decode().strip().split(",")]


class TestExamplesOf2400:
    def test_in_order(self, meter, ask):
        assert ask(meter, b"*IDN?\n").startswith(b"KEITHLEY INSTRUMENTS INC.,MODEL 2400,")
        assert ask(meter, b":SENSE:CURRENT:PROTECTION 0.01\n:SOURCE:VOLTAGE 5\n:SOURCE:VOLTAGE?\n") == b"+5.000000E+00\n"
        ask(meter, b"OUTPUT 1\n")
        answer = ask(meter, b":MEASURE:VOLTAGE?\n").split(b",")
        assert answer[:3] == [b"+5.000000E+00", b"+5.000000E-04", b"+9.910000E+37"]
        assert len(answer) == 5
        assert ask(meter, b":SOURCE:VOLTAGE 500\n:SYST:ERR?\n") == b'-222,"Parameter data out of range"\n'
        assert ask(meter, b"OUTPUT 0\nOUTPUT?\n") == b"0\n"

    @pytest.mark.parametrize("command", [
        b":SOUR:VOLT:LEV 3.00000000", b"source1:voltage:level:immediate:amplitude 3", b":SOUR:VOLT 3"])
    def test_short_long_and_any_case(self, meter, ask, command):
        assert ask(meter, command + b"\n:SOUR:VOLT?\n") == b"+3.000000E+00\n"

    def test_functions_and_elements_as_another_driver_asks(self, meter, ask):
        assert ask(meter, b":SENS:FUNC?\n").endswith(b':DC"\n')
        ask(meter, b":OUTP:STAT ON;:TRIG:COUN 1;:FORM:ELEM VOLT,CURR\n")
        assert values(ask(meter, b":READ?\n")) == [0.0, 0.0]

    @pytest.mark.parametrize(("command", "error"), [
        (b":READ?", b'+803,"Not permitted with OUTPUT off"'), (b":MEAS:CURR?", b'+803,"Not permitted with OUTPUT off"'),
        (b":NONSENSE", b'-113,"Undefined header"'), (b":SOUR:FUNC OHMS", b'-224,"Illegal parameter value"'),
        (b":SOUR:VOLT:RANG 2;:SOUR:VOLT 5", b'-222,"Parameter data out of range"'),
        (b":ARM:COUN 3000", b'-222,"Parameter data out of range"'),
        (b":ARM:COUN 50;:TRIG:COUN 51", b'-221,"Settings conflict"'), (b"*TRG", b'-211,"Trigger ignored"'),
    ])
    def test_errors(self, meter, ask, command, error):
        assert ask(meter, command + b"\n:SYST:ERR?\n:SYST:ERR?\n") == error + b'\n0,"No error"\n'


class TestLimit:
    def test_current_clamps_voltage_sags_and_the_bit_says_so(self, meter, ask):
        ask(meter, b":SENS:CURR:PROT 1e-4;:SOUR:VOLT 5;:OUTP 1\n")
        volts, amps, _, _, status = values(ask(meter, b":READ?\n"))
        assert (volts, amps) == (pytest.approx(1.0), pytest.approx(1e-4))
        assert int(status) & 8
        assert ask(meter, b":SENS:CURR:PROT:TRIP?\n") == b"1\n"
        ask(meter, b":SENS:CURR:PROT 1e-3\n")
        assert int(values(ask(meter, b":READ?\n"))[4]) & 8 == 0
        assert ask(meter, b":SENS:CURR:PROT:TRIP?\n") == b"0\n"

    def test_current_source(self, meter, ask):
        ask(meter, b":SOUR:FUNC CURR;:SENS:VOLT:PROT 2;:SOUR:CURR 1e-4;:OUTP 1\n")
        assert values(ask(meter, b":READ?\n"))[:2] == [pytest.approx(1.0), pytest.approx(1e-4)]
        ask(meter, b":SOUR:CURR 1e-3\n")
        assert values(ask(meter, b":READ?\n"))[:2] == [pytest.approx(2.0), pytest.approx(2e-4)]
        assert ask(meter, b":SENS:VOLT:PROT:TRIP?\n") == b"1\n"

    def test_a_fixed_measuring_range_limits_too(self, meter, ask):
        ask(meter, b":SENS:CURR:PROT 1;:SENS:CURR:RANG 1e-4;:SOUR:VOLT 5;:OUTP 1\n")
        assert values(ask(meter, b":READ?\n"))[1] == pytest.approx(1.05e-4)
        assert ask(meter, b":SENS:CURR:RANG?;RANG:AUTO?\n") == b"+1.050000E-04;0\n"


class TestSample:
    def test_the_current_follows_its_law(self, clock, ask):
        law = JunctionLaw(leakage_ohm=1e9, space_charge_a_v2=2e-7)
        sample = BiasedSample("sample", clock, law=law, capacitance_f=2e-9)
        meter = EmulatedKeithley2400([Unit("bias", "keithley2400", {}, sample)], clock=clock, seed=1)
        ask(meter, b":SENS:CURR:PROT 1e-3;:OUTP 1\n")
        for volts in (1.0, 5.0, 20.0):
            ask(meter, b":SOUR:VOLT %g\n" % volts)
            assert values(ask(meter, b":READ?\n"))[1] == pytest.approx(law.current(volts), rel=1e-3)
            assert law.voltage(law.current(volts)) == pytest.approx(volts)

    def test_a_capacitor_charges_at_the_limit(self, clock):
        sample = BiasedSample("sample", clock, law=JunctionLaw(leakage_ohm=1e12), capacitance_f=1e-6)
        sample.drive_voltage(10.0, 1e-4)                     # 100 V/s
        clock.wait(0.05)
        assert sample.volts() == pytest.approx(5.0)
        assert sample.amps() == pytest.approx(1e-4)
        assert sample.limited()
        clock.wait(0.1)
        assert sample.volts() == pytest.approx(10.0)
        assert not sample.limited()

    def test_an_open_circuit_loses_its_charge_through_the_leak(self, clock, meter, ask):
        meter.sample.capacitance_f = 1e-4
        meter.sample.drive_voltage(10.0, 1.0)
        clock.wait(1.0)
        meter.sample.disconnect()
        clock.wait(1.0)                                       # one time constant of 10 kΩ and 100 µF
        assert meter.sample.volts() == pytest.approx(10.0 / 2.718281828, rel=1e-4)


class TestTime:
    def test_a_reading_takes_two_integrations(self, meter, ask):
        ask(meter, b":SENS:CURR:PROT 1;:SENS:CURR:RANG 1;:OUTP 1;:SENS:CURR:NPLC 10\n:READ?\n", 1.0)
        assert ask(meter, b":READ?\n", 0.4) == b""
        assert ask(meter, b"", 0.02) != b""
        ask(meter, b":SYST:AZER:STAT OFF;:SENS:VOLT:NPLC 0.1\n")
        assert ask(meter, b":READ?\n", 0.012) != b""

    def test_the_filter_averages(self, meter, ask):
        ask(meter, b":OUTP 1;:SENS:AVER:COUN 10;:SENS:AVER ON\n")
        assert ask(meter, b":READ?\n", 0.39) == b""
        assert ask(meter, b"", 0.1) != b""

    def test_a_sweep_fills_the_buffer_in_the_background(self, meter, ask):
        ask(meter, b":STAT:MEAS:ENAB 512;*SRE 1;:TRAC:CLEAR;:TRAC:POIN 4;:TRIG:COUN 4;:TRAC:FEED SENSE;:TRAC:FEED:CONT NEXT\n")
        ask(meter, b":SOUR:VOLT 1;:OUTP 1;:INIT\n", 0.05)
        assert ask(meter, b"*STB?\n") == b"0\n"
        assert ask(meter, b"*STB?\n", 1.0) in (b"0\n", b"65\n")
        assert ask(meter, b"*STB?\n") == b"65\n"
        assert len(values(ask(meter, b":TRAC:DATA?\n"))) == 4 * 5
        assert values(ask(meter, b":CALC3:FORM MEAN;:CALC3:DATA?\n"))[:2] == [pytest.approx(1.0), pytest.approx(1e-4)]

    def test_a_bus_trigger_starts_an_armed_sweep(self, meter, ask):
        ask(meter, b":ARM:SOUR BUS;:OUTP 1;:INIT\n", 1.0)
        assert ask(meter, b":FETC?\n:SYST:ERR?\n").startswith(b"-230")
        ask(meter, b"*TRG\n")
        assert len(values(ask(meter, b":FETC?\n"))) == 5


class TestOutput:
    def test_another_source_function_drops_it(self, meter, ask):
        assert ask(meter, b"OUTP 1;:SOUR:FUNC CURR;:OUTP?\n") == b"0\n"

    def test_clearing_automatically_switches_it_only_for_the_reading(self, meter, ask):
        ask(meter, b":SOUR:CLE:AUTO 1;:SOUR:VOLT 1\n")
        assert values(ask(meter, b":READ?\n"))[0] == pytest.approx(1.0)
        assert ask(meter, b"OUTP?\n") == b"0\n"
        assert meter.sample.volts() == pytest.approx(0.0)

    def test_measuring_may_be_told_to_switch_it_on(self, meter, ask):
        meter.measure_switches_on = True
        assert len(values(ask(meter, b":MEAS:VOLT?\nOUTP?\n").replace(b"\n", b","[:1]).rstrip(b","))) == 6

    def test_interlock_and_heat_take_it_away(self, meter, ask):
        ask(meter, b":SOUR:VOLT 1;:OUTP 1\n")
        meter.interlock_open = True
        assert ask(meter, b":OUTP?;:OUTP 1;:SYST:ERR?\n") == b'0;+802,"OUTPUT blocked by output enable"\n'
        assert meter.sample.volts() == pytest.approx(0.0, abs=1e-3)
        meter.interlock_open, meter.over_temperature = False, True
        assert ask(meter, b":OUTP 1;:OUTP?\n") == b"0\n"

    def test_a_power_cycle_leaves_it_off(self, meter, ask):
        ask(meter, b":SOUR:VOLT 1;:OUTP 1\n")
        meter.power_cycle()
        assert ask(meter, b":OUTP?;:SOUR:VOLT?\n") == b"0;+0.000000E+00\n"


class Test2450:
    def test_a_reading_is_one_number_of_the_function_measured(self, touch, ask):
        ask(touch, b":SOUR:VOLT:ILIM 1e-3;:SOUR:VOLT 5;:OUTP ON\n")
        assert ask(touch, b":READ?\n") == b"5.000000E-04\n"
        assert ask(touch, b":SENS:FUNC 'VOLT';:READ?\n") == b"5.000000E+00\n"
        assert ask(touch, b':READ? "defbuffer1", SOUR, READ\n') == b"5.000000E+00,5.000000E+00\n"
        assert ask(touch, b":MEAS:RES?\n") == b"1.000000E+04\n"
        assert ask(touch, b"*LANG?\n") == b"SCPI\n"

    def test_the_limit_trips(self, touch, ask):
        ask(touch, b":SOUR:VOLT:ILIM 1e-4;:SOUR:VOLT 5;:OUTP ON\n")
        assert float(ask(touch, b":READ?\n")) == pytest.approx(1e-4)
        assert ask(touch, b":SOUR:VOLT:ILIM:TRIP?\n") == b"1\n"
        assert ask(touch, b":SENS:CURR:PROT 1;:SYST:ERR?\n") == b'-113,"Undefined header"\n'

    def test_the_buffer_keeps_what_was_read(self, touch, ask):
        ask(touch, b":SOUR:VOLT:ILIM 1e-2;:OUTP ON;:SENS:COUN 3\n")
        for volts in (1, 2):
            ask(touch, b":SOUR:VOLT %d;:TRAC:TRIG\n" % volts, 1.0)
        assert ask(touch, b":TRAC:ACT?;:TRAC:STAT:MAX?;MIN?\n") == b"6;2.000000E-04;1.000000E-04\n"
        assert ask(touch, b':TRAC:DATA? 3,4,"defbuffer1",SOUR\n') == b"1.000000E+00,2.000000E+00\n"
        assert ask(touch, b":TRAC:DATA? 3,9;:SYST:ERR?\n") == b'-222,"Parameter data out of range"\n'
