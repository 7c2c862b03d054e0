"""Source-meters: the bytes of the manuals, settings read back, windows that only ramps can widen, a park that switches off."""

from __future__ import annotations

import pytest

from drivers.keithley import Keithley2400, Keithley2450
from drivers.keithley_bias import ComplianceReached, LeakageTooHigh, SourceMeterError
from labctl.core.errors import BadReply, InstrumentError, LimitError, NoReply, WrongDevice

IDENTITY = b"KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32   Oct  4 2010 14:20:11/A02  /K/J\n"
REFUSED = b'-222,"Parameter data out of range"\n'


class Memory(dict):
    """Answers of a source-meter that keeps what it is told; `amperes` is what the sample draws per volt."""

    siemens = 1e-6

    def __init__(self) -> None:
        super().__init__({b"*IDN?": IDENTITY, b"SYST:ERR?": b'0,"No error"\n', b"SENS:CURR:PROT:TRIP?": b"0\n"})
        self.kept = {b"SOUR:VOLT": b"+0.000000E+00", b"OUTP": b"0", b"SENS:CURR:RANG": b"+1.050000E-03"}

    def get(self, request: bytes, default: object = None) -> object:
        line = request.strip().removeprefix(b":")
        header, _, value = line.partition(b" ")
        if line in self:
            return self[line]
        if line == b"READ?":
            volts = float(self.kept[b"SOUR:VOLT"])
            return f"{volts:+.6E},{volts * self.siemens:+.6E}\n".encode()
        if header.endswith(b"?"):
            return self.kept[header[:-1]] + b"\n"
        self.kept[header] = value
        return default


@pytest.fixture
def meter(talk):
    driver, box = talk(Keithley2400, {}, leakage_a=1e-4)
    box.answers = Memory()
    return driver, box


def finish(driver, clock, poll_s=0.02):
    while driver.moving:
        clock.wait(poll_s)


def levels(box) -> list[float]:
    return [float(said.split()[1]) for said in box.said if said.startswith(b":SOUR:VOLT ")]


class TestBytes:
    def test_identity(self, meter):
        driver, _ = meter
        assert str(driver.identify()) == "Keithley 2400, serial 1234567, firmware C32   Oct  4 2010 14:20:11"

    @pytest.mark.parametrize("who", [b"KEITHLEY INSTRUMENTS,MODEL 2450,1,1\n", b"Thorlabs,PM100D,P1,2\n", b"nonsense\n"])
    def test_another_device_is_refused(self, meter, who):
        driver, box = meter
        box.answers[b"*IDN?"] = who
        with pytest.raises(WrongDevice):
            driver.identify()

    def test_the_2450_is_another_device(self, talk):
        driver, box = talk(Keithley2450, {})
        box.answers = Memory()
        with pytest.raises(WrongDevice):
            driver.identify()
        box.answers[b"*IDN?"] = b"KEITHLEY INSTRUMENTS,MODEL 2450,04123456,1.7.12b\n"
        assert driver.identify().model == "2450"

    def test_level_and_output(self, meter):
        driver, box = meter
        box.answers.kept |= {b"SOUR:VOLT": b"+5.000000E+00", b"OUTP": b"1"}
        assert (driver.level, driver.output_on) == (5.0, True)
        assert driver.fetch() == {"current": pytest.approx(5e-6), "voltage": 5.0, "flags": ()}
        assert b":FORM:ELEM VOLT,CURR\n" in box.said
        box.answers[b"SENS:CURR:PROT:TRIP?"] = b"1\n"
        assert driver.fetch()["flags"] == ("compliance",)

    def test_with_the_output_off_nothing_flows(self, meter):
        driver, box = meter
        assert driver.fetch() == {"current": 0.0, "voltage": 0.0, "flags": ("output_off",)}
        assert b":READ?\n" not in box.said

    def test_everything_is_set_before_the_output_goes_on(self, meter):
        driver, box = meter
        driver.start_move(0.0)
        sets = [said for said in box.said if b"?" not in said]
        assert sets == [
            b":SOUR:FUNC VOLT\n", b":SOUR:VOLT:RANG 20\n", b":SENS:CURR:PROT 1.000000E-03\n", b":SENS:CURR:RANG 1.000000E-03\n",
            b":SENS:CURR:NPLC 1.000000E-01\n", b":SOUR:VOLT 0.000000E+00\n", b"OUTP 1\n", b":SOUR:VOLT 0.000000E+00\n"][:len(sets)]
        assert b"OUTP 1\n" in sets


class TestBadAnswers:
    def test_a_setting_that_is_not_taken_says_why(self, meter):
        driver, box = meter
        box.answers |= {b"SOUR:FUNC?": b"CURR\n", b"SYST:ERR?": REFUSED}
        with pytest.raises(SourceMeterError, match="-222: Parameter data out of range"):
            driver.start_move(1.0)
        assert b"OUTP 1\n" not in box.said

    @pytest.mark.parametrize("answer", [b"+5.0000\xb1E+00\n", b"five\n", b"+5.000000E+0\n"])
    def test_damaged_numbers_are_asked_again(self, meter, answer):
        driver, box = meter
        box.plan.append(answer)
        assert driver.level == 0.0
        assert driver.port.incidents

    def test_a_reading_of_five_numbers(self, meter):
        driver, box = meter
        box.answers |= {b"READ?": b"+5.000000E+00,+5.000000E-04,+9.910000E+37,+1.234000E+00,+2.048000E+04\n"}
        with pytest.raises(BadReply, match="5 numbers"):
            driver.measure()

    def test_not_a_number(self, meter):
        driver, box = meter
        box.answers |= {b"READ?": b"+5.000000E+00,+9.910000E+37\n"}
        with pytest.raises(SourceMeterError, match="no value"):
            driver.measure()

    def test_silence(self, meter):
        driver, box = meter
        box.plan.extend([None] * 40)
        with pytest.raises(NoReply):
            _ = driver.output_on


class TestLimits:
    @pytest.mark.parametrize("volts", [21.1, -21.1, 500.0, float("nan")])
    def test_refused_before_anything_is_sent(self, meter, volts):
        driver, box = meter
        with pytest.raises(LimitError, match="nothing was sent"):
            driver.start_move(volts)
        assert box.said == []

    @pytest.mark.parametrize("options", [{"compliance_a": 2.0}, {"range_v": 500.0}, {"nplc": 100.0}, {"ramp_v_s": 0.0}])
    def test_options(self, talk, options):
        with pytest.raises(LimitError):
            talk(Keithley2400, {}, **options)


class TestRampsAndSteps:
    def test_new_voltages_are_reached_by_a_ramp(self, meter, clock):
        driver, box = meter
        before, estimate = clock.now(), driver.eta(0.0, 4.0)
        driver.start_move(4.0)
        finish(driver, clock)
        steps = [b - a for a, b in zip(levels(box), levels(box)[1:], strict=False)]
        assert max(steps) <= 0.081
        assert 2.0 <= clock.now() - before <= estimate
        assert driver.window == (0.0, 4.0)
        assert driver.leakage == pytest.approx(4e-6)

    def test_inside_the_window_one_write_is_enough(self, meter, clock):
        driver, box = meter
        driver.start_move(4.0)
        finish(driver, clock)
        box.said.clear()
        for volts in (0.0, 4.0, 1.0):
            before = clock.now()
            driver.start_move(volts)
            finish(driver, clock)
            assert clock.now() - before < driver.eta(4.0, 0.0)
        assert levels(box) == [0.0, 4.0, 1.0]

    def test_a_ramp_that_nobody_watched_does_not_jump(self, meter, clock):
        driver, box = meter
        driver.start_move(4.0)
        assert driver.moving
        clock.wait(10.0)
        assert driver.moving
        assert levels(box)[-1] <= 0.16

    def test_a_ramp_starts_from_where_a_running_source_stands(self, meter, clock):
        driver, box = meter
        box.answers.kept |= {b"SOUR:VOLT": b"+3.000000E+00", b"OUTP": b"1"}
        driver.start_move(4.0)
        finish(driver, clock)
        assert min(levels(box)) > 3.0

    def test_inrush_comes_before_compliance(self, meter, clock):
        driver, box = meter
        box.answers[b"SENS:CURR:PROT:TRIP?"] = b"1\n"
        driver.start_move(0.5)
        while driver.level < 0.5:
            assert driver.moving
            clock.wait(0.02)
        assert driver.moving
        box.answers[b"SENS:CURR:PROT:TRIP?"] = b"0\n"       # charged
        finish(driver, clock)
        box.answers[b"SENS:CURR:PROT:TRIP?"] = b"1\n"
        driver.start_move(0.6)
        with pytest.raises(ComplianceReached, match="short"):
            finish(driver, clock)
        assert driver.window == (0.0, 0.5)

    def test_leakage_keeps_the_window_small(self, meter, clock):
        driver, box = meter
        box.answers.siemens = 1e-3
        driver.start_move(1.0)
        with pytest.raises(LeakageTooHigh, match=r"0\.001 A"):
            finish(driver, clock)
        assert driver.window is None

    def test_stop_ends_a_ramp_where_it_is(self, meter, clock):
        driver, box = meter
        driver.start_move(4.0)
        clock.wait(0.02)
        assert driver.moving
        driver.stop()
        assert not driver.moving
        assert levels(box)[-1] < 0.1


@pytest.fixture
def switcher(talk, clock):
    """A source-meter that has held 4 V, and stands at 0 V; two cycles of 1 s."""
    driver, box = talk(Keithley2400, {}, leakage_a=1e-4, half_period_s=0.5, halves=4)
    box.answers = Memory()
    arm(driver, clock)
    return driver, box


def arm(driver, clock) -> None:
    driver.switch_to(4.0)
    while driver.arming:
        clock.wait(0.02)


class TestSwitching:
    def run(self, driver, box, clock) -> float:
        box.said.clear()
        driver.begin_switching()
        began = clock.now()
        while driver.switches:
            clock.wait(0.02)
        return clock.now() - began

    def test_it_is_offered_only_where_the_bench_file_asks(self, meter, switcher):
        assert "switching" not in meter[0].detectors
        assert {"switching", "current"} == set(switcher[0].detectors)
        assert {"switched", "voltage"} == set(switcher[0].axes)

    def test_the_voltage_is_held_once_before(self, switcher, clock):
        driver, box = switcher
        steps = [b - a for a, b in zip(levels(box), levels(box)[1:], strict=False)]
        assert max(steps) <= 0.081              # up by a ramp
        assert levels(box)[-2:] == [4.0, 0.0]   # and back at once
        assert driver.window == (0.0, 4.0)
        box.said.clear()
        driver.switch_to(3.0)
        assert not driver.arming
        assert levels(box) == []

    def test_leakage_on_the_way_is_told(self, talk, clock):
        driver, box = talk(Keithley2400, {}, leakage_a=1e-4, halves=2)
        box.answers = Memory()
        box.answers.siemens = 1e-3
        with pytest.raises(LeakageTooHigh):
            arm(driver, clock)

    def test_steps_are_single_writes_with_their_times(self, switcher, clock):
        driver, box = switcher
        lasted = self.run(driver, box, clock)
        found = driver.steps()
        assert levels(box) == [4.0, 0.0, 4.0, 0.0]
        assert lasted == pytest.approx(driver.switching_cost(), abs=0.05)
        assert len(found["switched_at"]) == driver.frame_shape()[0]
        assert all(0.0 <= at - 0.5 * (number + 1) < 0.03 for number, at in enumerate(found["switched_at"]))
        assert found["current"] == pytest.approx(4e-6)

    def test_a_voltage_that_was_not_held_is_refused(self, switcher):
        driver, box = switcher
        box.said.clear()
        driver._switching.volts = 5.0
        with pytest.raises(InstrumentError, match=r"5 V, but 0 to 4 V has been held"):
            driver.begin_switching()
        assert levels(box) == []

    def test_the_limits_are_those_of_the_voltage(self, switcher):
        with pytest.raises(LimitError, match="switched"):
            switcher[0].switch_to(22.0)

    def test_leakage_takes_the_voltage_off_before_it_is_told(self, switcher, clock):
        driver, box = switcher
        box.answers.siemens = 1e-3
        with pytest.raises(LeakageTooHigh):
            self.run(driver, box, clock)
        assert levels(box) == [4.0, 0.0]
        assert not driver.switches

    def test_no_step_without_a_look_at_what_leaks_however_late_one_asks(self, switcher, clock):
        driver, box = switcher
        box.answers.siemens = 1e-3
        driver.begin_switching()
        clock.wait(0.6)
        assert driver.switches
        clock.wait(0.6)
        with pytest.raises(LeakageTooHigh):
            _ = driver.switches

    def test_nothing_is_written_after_it_was_parked(self, switcher, clock):
        driver, box = switcher
        driver.begin_switching()
        clock.wait(0.6)
        assert driver.switches
        driver.park()
        box.said.clear()
        driver.end_switching()
        assert levels(box) == []

    def test_abort_takes_the_voltage_off(self, switcher, clock):
        driver, box = switcher
        box.said.clear()
        driver.begin_switching()
        clock.wait(0.6)
        assert driver.switches
        driver.end_switching()
        assert levels(box) == [4.0, 0.0]
        assert not driver.switches


class TestPark:
    def test_ramps_down_and_switches_off(self, meter, clock):
        driver, box = meter
        box.answers.kept |= {b"SOUR:VOLT": b"+2.000000E+01", b"OUTP": b"1"}
        before = clock.now()
        driver.park()
        assert clock.now() - before < 3.0
        assert levels(box)[-1] == 0.0
        assert all(a > b for a, b in zip(levels(box), levels(box)[1:], strict=False))
        assert box.answers.kept[b"OUTP"] == b"0"

    def test_an_output_that_stays_on_is_said(self, meter):
        driver, box = meter
        box.answers[b"OUTP?"] = b"1\n"
        with pytest.raises(InstrumentError, match="OUTP 0"):
            driver.park()

    def test_the_output_goes_off_even_when_the_level_is_refused(self, meter):
        driver, box = meter
        box.answers.kept |= {b"SOUR:VOLT": b"+2.000000E+00", b"OUTP": b"1"}
        box.answers[b"SOUR:VOLT?"] = b"+2.000000E+00\n"
        with pytest.raises(SourceMeterError):
            driver.park()
        assert box.answers.kept[b"OUTP"] == b"0"
