"""Emulated Keithley 2400 source-meter (SCPI; GPIB, RS-232 or a socket in front of them)."""

from __future__ import annotations

import statistics
from typing import ClassVar

from sim_instruments.clock import Handle
from sim_instruments.keithley import CURR, LIMITS, LINE_HZ, NOT_A_NUMBER, OVERRANGE, VOLT, Reading
from sim_instruments.keithley2400_settings import MOST_READINGS, SETTINGS
from sim_instruments.keithley_commands import AUTO_DELAY_S, OHMS, ScpiSourceMeter, both, deviation, function_named, taken
from sim_instruments.scpi import ScpiError, header, number, switch

ELEMENTS = (VOLT, CURR, OHMS, "TIME", "STAT")
"""Parts of a reading, always in this order."""

COMPLIANCE, SENSES_VOLT, SENSES_CURR, SENSES_OHM, SOURCES_VOLT, SOURCES_CURR = 1 << 3, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15
"""Bits of the status element (unverified)."""

BUFFER_FULL = 512
"""Bit of the measurement event register."""


class EmulatedKeithley2400(ScpiSourceMeter):
    """The source-meter that GPIB programs know.

    `:MEASure?` configures (automatic range, 1 power-line cycle), reads and leaves the output as it is; with the output off and no
    auto-clear it fails with +803. Whether a real box switches the output on by itself is unverified: `measure_switches_on` makes
    this one do so.
    """

    number_form = "+.6E"
    end_of_range = OVERRANGE
    settings: ClassVar = {**ScpiSourceMeter.settings, **SETTINGS}

    def reset(self) -> None:
        """Take the settings of *RST."""
        self.measure_switches_on = getattr(self, "measure_switches_on", False)
        self.sensed = {VOLT, CURR}
        self.elements = set(ELEMENTS)
        self.delay_s = 0.0
        self.zeroing = True
        self.counts = {"TRIG": 1, "ARM": 1}
        self._last: list[Reading] = []
        self._sweep: Handle | None = None
        self._armed = False
        super().reset()

    def identity(self) -> str:
        """Name maker, model, serial and firmware."""
        return f"KEITHLEY INSTRUMENTS INC.,MODEL 2400,{self.serial},C32   Oct  4 2010 14:20:11/A02  /K/J"

    # ------------------------------------------------------------------ source
    @header("SOURce[1]:DELay")
    def _set_delay(self, argument: str) -> None:
        self.delay_s = number(argument, 0.0, 999.9999)
        self.values["delay_automatic"] = False

    @header("SOURce[1]:DELay?")
    def _delay(self, argument: str) -> str:
        return self.shown(AUTO_DELAY_S if self.values["delay_automatic"] else self.delay_s)

    # ------------------------------------------------------------------ sense
    _limit_volts, _limit_amps = both("SENSe[1]:{}[:DC]:PROTection[:LEVel]", ScpiSourceMeter.set_limit)
    _limit_of_volts, _limit_of_amps = both(
        "SENSe[1]:{}[:DC]:PROTection[:LEVel]?", lambda meter, function, argument: meter.shown(meter.limit[function]))
    _tripped_volts, _tripped_amps = both("SENSe[1]:{}[:DC]:PROTection:TRIPped?", lambda meter, function, argument: str(int(
        meter.output_on and meter.function != function and meter.sample.limited())))

    @header("SENSe[1]:FUNCtion[:ON]")
    def _sense(self, argument: str) -> None:
        named = {function_named(text, VOLT, CURR, OHMS) for text in argument.split(",")}
        self.sensed = self.sensed | named if self.values["concurrent"] else named

    @header("SENSe[1]:FUNCtion:OFF")
    def _leave_out(self, argument: str) -> None:
        self.sensed -= {function_named(text, VOLT, CURR, OHMS) for text in argument.split(",")}

    @header("SENSe[1]:FUNCtion:ALL", "SENSe[1]:FUNCtion[:ON]:ALL")
    def _sense_all(self, argument: str) -> None:
        self.sensed = {VOLT, CURR, OHMS}

    @header("SENSe[1]:FUNCtion[:ON]?")
    def _senses(self, argument: str) -> str:
        names = {VOLT: "VOLT:DC", CURR: "CURR:DC", OHMS: OHMS}
        return ",".join(f'"{names[name]}"' for name in (OHMS, VOLT, CURR) if name in self.sensed)

    @header("SYSTem:AZERo[:STATe]")
    def _set_zeroing(self, argument: str) -> None:
        if argument.upper() == "ONCE":
            self.spend(self.nplc / LINE_HZ)
        else:
            self.zeroing = switch(argument)

    @header("SYSTem:AZERo[:STATe]?")
    def _zeroes(self, argument: str) -> str:
        return str(int(self.zeroing))

    # ------------------------------------------------------------------ readings
    @header("FORMat:ELEMents[:SENSe[1]]")
    def _set_elements(self, argument: str) -> None:
        shorts = {"VOLT": VOLT, "CURR": CURR, OHMS: OHMS, "TIME": "TIME", "STAT": "STAT"}
        names = {shorts.get(text.strip().upper()[:4].removesuffix("I"), "") for text in argument.split(",")}
        if "" in names:
            raise ScpiError(-224, "Illegal parameter value")
        self.elements = names

    @header("FORMat:ELEMents[:SENSe[1]]?")
    def _elements(self, argument: str) -> str:
        return ",".join(name for name in ELEMENTS if name in self.elements)

    def _take(self) -> Reading:
        delay = AUTO_DELAY_S if self.values["delay_automatic"] else self.delay_s
        self.spend(delay + self.values["trigger_delay"])
        averages = self.values["filter_count"] if self.values["filter"] and self.values["filter_type"] == "REP" else 1
        return self.read_once(averages * (2.0 if self.zeroing else 1.0))

    def _text(self, reading: Reading) -> str:
        status = (SOURCES_VOLT if self.function == VOLT else SOURCES_CURR) | (COMPLIANCE if reading.limited else 0)
        status |= sum(bit for name, bit in ((VOLT, SENSES_VOLT), (CURR, SENSES_CURR), (OHMS, SENSES_OHM)) if name in self.sensed)
        shown = {VOLT: reading.volts, CURR: reading.amps, OHMS: reading.ohms, "TIME": reading.seconds, "STAT": float(status)}
        for name in {VOLT, CURR, OHMS} - self.sensed:
            # What is not measured is reported as programmed, if it is what is sourced.
            shown[name] = self.level[name] if name == self.function else NOT_A_NUMBER
        return ",".join(self.shown(shown[name]) for name in ELEMENTS if name in self.elements)

    def _read(self, argument: str) -> str:
        if self.values["arm_source"] not in ("IMM", "TIM") or self.values["trigger_source"] != "IMM":
            raise ScpiError(-214, "Trigger deadlock")
        off_afterwards = self.values["clear_automatically"]
        if not self.output_on and not off_afterwards:
            raise ScpiError(803, "Not permitted with OUTPUT off")
        if off_afterwards:
            self.set_output(True)
        self._last = [self._take() for _ in range(self.counts["TRIG"] * self.counts["ARM"])]
        if off_afterwards:
            self.set_output(False)
        return ",".join(self._text(reading) for reading in self._last)

    @header("FETCh?", "SENSe[1]:DATA[:LATest]?")
    def _fetch(self, argument: str) -> str:
        return ",".join(self._text(reading) for reading in taken(self._last))

    def _configure(self, function: str) -> None:
        self._abort("")
        self.sensed |= {function}
        self.counts = {"TRIG": 1, "ARM": 1}
        self.values.update(arm_source="IMM", trigger_source="IMM", trigger_delay=0.0)
        self.nplc = 1.0
        if function in LIMITS:
            self.sense_range[function] = None
        self.drive()

    _configure_volts, _configure_amps = both(
        "CONFigure:{}[:DC]", lambda meter, function, argument: meter._configure(function))

    @header("CONFigure:RESistance")
    def _configure_ohms(self, argument: str) -> None:
        self._configure(OHMS)

    def _measure(self, function: str, argument: str) -> str:
        self._configure(function)
        if self.measure_switches_on:
            self.set_output(True)
        return self._read(argument)

    # ------------------------------------------------------------------ trigger model and buffer
    @header("TRIGger:COUNt")
    def _set_triggers(self, argument: str) -> None:
        self._set_count("TRIG", argument)

    @header("ARM:COUNt")
    def _set_arms(self, argument: str) -> None:
        self._set_count("ARM", argument)

    def _set_count(self, layer: str, argument: str) -> None:
        count = int(number(argument, 1, MOST_READINGS))
        if count * self.counts["ARM" if layer == "TRIG" else "TRIG"] > MOST_READINGS:
            raise ScpiError(-221, "Settings conflict")
        self.counts[layer] = count

    @header("TRIGger:COUNt?")
    def _triggers(self, argument: str) -> str:
        return str(self.counts["TRIG"])

    @header("ARM:COUNt?")
    def _arms(self, argument: str) -> str:
        return str(self.counts["ARM"])

    @header("INITiate[:IMMediate]")
    def _initiate(self, argument: str) -> None:
        if not self.output_on and not self.values["clear_automatically"]:
            raise ScpiError(803, "Not permitted with OUTPUT off")
        self._abort("")
        self._last = []
        self._armed = True
        if self.values["arm_source"] in ("IMM", "TIM") and self.values["trigger_source"] == "IMM":
            self._start()

    @header("*TRG")
    def _trigger(self, argument: str) -> None:
        if not self._armed or self.values["arm_source"] != "BUS":
            raise ScpiError(-211, "Trigger ignored")
        self._start()

    def _start(self) -> None:
        self._armed = False
        self._next_reading(self.counts["TRIG"] * self.counts["ARM"])

    def _next_reading(self, left: int) -> None:
        """Take one reading of a sweep in the background; the next one when it has taken its time."""
        spent, self._spent_s = self._spent_s, 0.0
        reading = self._take()
        seconds, self._spent_s = self._spent_s, spent
        self._last.append(reading)
        if self.values["buffer_control"] == "NEXT" and len(self.buffer) < self.values["buffer_points"]:
            self.buffer.append(reading)
        if self.values["arm_source"] == "TIM" and (left - 1) % self.counts["TRIG"] == 0:
            seconds = max(seconds, self.values["arm_timer"])
        self._sweep = self.after(seconds, lambda: self._next_reading(left - 1)) if left > 1 else None

    @header("ABORt", "TRIGger:CLEar")
    def _abort(self, argument: str) -> None:
        self._armed = False
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    @header("TRACe:DATA?")
    def _buffer(self, argument: str) -> str:
        return ",".join(self._text(reading) for reading in taken(self.buffer))

    @header("TRACe:POINts:ACTual?")
    def _buffered(self, argument: str) -> str:
        return str(len(self.buffer))

    @header("STATus:MEASurement[:EVENt]?", "STATus:MEASurement:CONDition?")
    def _measurement_events(self, argument: str) -> str:
        return str(self._measurement_bits)

    @property
    def _measurement_bits(self) -> int:
        full = len(self.buffer) >= self.values["buffer_points"] and self._sweep is None
        return BUFFER_FULL if full else 0

    @property
    def status_bits(self) -> int:
        """Errors, events, and a full buffer where STAT:MEAS:ENAB asks for it."""
        return super().status_bits | (1 if self._measurement_bits & self.values["measurement_enable"] else 0)

    @header("CALCulate3:DATA?")
    def _statistics(self, argument: str) -> str:
        """Give a statistic of V, A and ohms over the buffer."""
        kinds = {"MEAN": statistics.fmean, "MAX": max, "MIN": min, "SDEV": deviation, "PKPK": lambda data: max(data) - min(data)}
        columns = zip(*((reading.volts, reading.amps, reading.ohms) for reading in taken(self.buffer)), strict=True)
        return ",".join(self.shown(float(kinds[self.values["statistic"]](column))) for column in columns)
