"""The SCPI commands that the emulated Keithley source-meters have in common."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from sim_instruments.keithley import CURR, LIMITS, NOT_A_NUMBER, VOLT, Reading, SourceMeter
from sim_instruments.scpi import ScpiError, header, number, switch

OHMS = "RES"
FUNCTIONS = {"VOLT": VOLT, "VOLTAGE": VOLT, "CURR": CURR, "CURRENT": CURR, "RES": OHMS, "RESISTANCE": OHMS}

AUTO_DELAY_S = 1e-3
"""Source delay in automatic mode (depends on the range in reality; unverified)."""


def both(template: str, act: Callable[[Any, str, str], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Make the commands of one template ("SOURce:{}:RANGe") for voltage and current; `act(device, function, argument)` does it."""

    def make(function: str, name: str) -> Callable[..., Any]:
        @header(template.format(name))
        def method(device: Any, argument: str) -> Any:
            return act(device, function, argument)

        return method

    return make(VOLT, "VOLTage"), make(CURR, "CURRent")


def function_named(argument: str, *allowed: str) -> str:
    """Read the name of a function, quoted or not, with or without :DC; raises ScpiError for one that is not allowed."""
    function = FUNCTIONS.get(argument.strip().strip("'\"").upper().removesuffix(":DC"), "")
    if function not in allowed:
        raise ScpiError(-224, "Illegal parameter value")
    return function


def taken(readings: Sequence[Reading]) -> Sequence[Reading]:
    """Give readings; raises ScpiError where none has been taken."""
    if not readings:
        raise ScpiError(-230, "Data corrupt or stale")
    return readings


def deviation(data: Sequence[float]) -> float:
    """Give the standard deviation; 0 of a single number."""
    return statistics.stdev(data) if len(data) > 1 else 0.0


class ScpiSourceMeter(SourceMeter):
    """The source-meter as SCPI shows it; subclasses say how a reading is taken and told (`_read`, `_measure`)."""

    no_error = '0,"No error"'
    number_form: ClassVar[str] = ".6E"
    end_of_range: ClassVar[float] = 1.0
    """What a range is called by, as a part of its nominal end."""

    def reset(self) -> None:
        """Take the settings of *RST."""
        self.buffer: list[Reading] = []
        super().reset()

    def shown(self, value: float) -> str:
        """Write a number as the box does."""
        return format(value if math.isfinite(value) else NOT_A_NUMBER, self.number_form)

    def _read(self, argument: str) -> str:
        raise NotImplementedError

    def _measure(self, function: str, argument: str) -> str:
        raise NotImplementedError

    # ------------------------------------------------------------------ source
    @header("OUTPut[1][:STATe]")
    def _switch(self, argument: str) -> None:
        self.set_output(switch(argument))

    @header("OUTPut[1][:STATe]?")
    def _is_on(self, argument: str) -> str:
        return str(int(self.output_on))

    @header("SOURce[1]:FUNCtion[:MODE]")
    def _set_function(self, argument: str) -> None:
        self.set_function(function_named(argument, VOLT, CURR))

    @header("SOURce[1]:FUNCtion[:MODE]?")
    def _function(self, argument: str) -> str:
        return self.function

    _set_volts, _set_amps = both("SOURce[1]:{}[:LEVel][:IMMediate][:AMPLitude]", SourceMeter.set_level)
    _volts, _amps = both("SOURce[1]:{}[:LEVel][:IMMediate][:AMPLitude]?", lambda meter, function, argument: meter.shown(
        number(argument, -LIMITS[function], LIMITS[function]) if argument else meter.level[function]))
    _fix_volts, _fix_amps = both("SOURce[1]:{}:RANGe", SourceMeter.set_source_range)
    _range_volts, _range_amps = both("SOURce[1]:{}:RANGe?", lambda meter, function, argument: meter.shown(
        meter.range_in_use(function, source=True) * meter.end_of_range))
    _free_volts, _free_amps = both("SOURce[1]:{}:RANGe:AUTO", SourceMeter.set_source_automatic)
    _is_free_volts, _is_free_amps = both(
        "SOURce[1]:{}:RANGe:AUTO?", lambda meter, function, argument: str(int(meter.source_range[function] is None)))

    # ------------------------------------------------------------------ sense
    _sense_volts, _sense_amps = both("SENSe[1]:{}[:DC]:RANGe[:UPPer]", SourceMeter.set_sense_range)
    _sensed_volts, _sensed_amps = both("SENSe[1]:{}[:DC]:RANGe[:UPPer]?", lambda meter, function, argument: meter.shown(
        meter.range_in_use(function, source=False) * meter.end_of_range))
    _seek_volts, _seek_amps = both("SENSe[1]:{}[:DC]:RANGe:AUTO", SourceMeter.set_sense_automatic)
    _seeks_volts, _seeks_amps = both(
        "SENSe[1]:{}[:DC]:RANGe:AUTO?", lambda meter, function, argument: str(int(meter.sense_range[function] is None)))

    @header("SENSe[1]:VOLTage[:DC]:NPLCycles", "SENSe[1]:CURRent[:DC]:NPLCycles", "SENSe[1]:RESistance:NPLCycles")
    def _set_cycles(self, argument: str) -> None:
        """Set the integration time; kept for all functions together (the real 2450 keeps three)."""
        self.nplc = number(argument, 0.01, 10.0)

    @header("SENSe[1]:VOLTage[:DC]:NPLCycles?", "SENSe[1]:CURRent[:DC]:NPLCycles?", "SENSe[1]:RESistance:NPLCycles?")
    def _cycles(self, argument: str) -> str:
        return self.shown(self.nplc)

    _measure_volts, _measure_amps = both(
        "MEASure:{}[:DC]?", lambda meter, function, argument: meter._measure(function, argument))

    @header("MEASure:RESistance?")
    def _measure_ohms(self, argument: str) -> str:
        return self._measure(OHMS, argument)

    @header("READ?", "MEASure?")
    def _reading(self, argument: str) -> str:
        return self._read(argument)

    @header("TRACe:CLEar")
    def _clear_buffer(self, argument: str) -> None:
        self.buffer = []

    # ------------------------------------------------------------------ the rest
    @header("SYSTem:BEEPer[:IMMediate]", "SYSTem:BEEPer:STATe", "STATus:PRESet", "DISPlay:SCReen", "SYSTem:LOCal", "SYSTem:REMote",
            "FORMat[:DATA]")
    def _accept(self, argument: str) -> None:
        """Nothing to remember."""

    @header("*OPT?")
    def _options(self, argument: str) -> str:
        return "0"
