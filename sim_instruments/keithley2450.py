"""Emulated Keithley 2450 source-meter with its own SCPI command set (USB or LAN socket 5025)."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any, ClassVar

from sim_instruments.keithley import CURR, LINE_HZ, RANGES, VOLT, Reading
from sim_instruments.keithley_commands import AUTO_DELAY_S, OHMS, ScpiSourceMeter, deviation, function_named, taken
from sim_instruments.scpi import ScpiError, header, number
from sim_instruments.scpi_settings import Setting, boolean, integer, real, word

LONGEST_BUFFER = 6_875_000
MOST_AT_ONCE = 300_000
"""Largest `SENSe:COUNt`."""

STATISTICS: dict[str, Callable[[Any], float]] = {
    "AVERage": statistics.fmean, "MAXimum": max, "MINimum": min, "STDDev": deviation}


def _per_function() -> dict[str, Setting]:
    """Declare what is kept for voltage and for current separately."""
    off_state = ("HIMPedance", "NORMal", "ZERO", "GUARd")
    found = {}
    for name in ("VOLTage", "CURRent"):
        found |= {
            f"{name} delay": real(f"SOURce[1]:{name}:DELay", 0.0, 0.0, 999.9999, ".6E"),
            f"{name} delay automatic": boolean(f"SOURce[1]:{name}:DELay:AUTO", True),
            f"{name} read back": boolean(f"SOURce[1]:{name}:READ:BACK", True),
            f"{name} filter": boolean(f"SENSe[1]:{name}[:DC]:AVERage[:STATe]", False),
            f"{name} filter type": word(f"SENSe[1]:{name}[:DC]:AVERage:TCONtrol", "REP", "REPeat", "MOVing"),
            f"{name} filter count": integer(f"SENSe[1]:{name}[:DC]:AVERage:COUNt", 10, 1, 100),
            f"{name} zeroing": boolean(f"SENSe[1]:{name}[:DC]:AZERo[:STATe]", True),
            f"{name} four wires": boolean(f"SENSe[1]:{name}[:DC]:RSENse", False),
            f"{name} off state": word(f"OUTPut[1]:{name}:SMODe", "NORM", *off_state),
        }
    return found


class EmulatedKeithley2450(ScpiSourceMeter):
    """The touch-screen source-meter; a reading is one number, of the function being measured.

    Readings with the output off are given (of a sample at rest), as the off state NORMal has it.
    """

    ranges: ClassVar[dict[str, tuple[float, ...]]] = {VOLT: (0.02, *RANGES[VOLT]), CURR: (1e-8, 1e-7, *RANGES[CURR])}
    settings: ClassVar = {
        **ScpiSourceMeter.settings,
        **_per_function(),
        "ohms_range": real("SENSe[1]:RESistance:RANGe[:UPPer]", 2e5, 0.0, 2.1e8, ".6E"),
        "ohms_range_automatic": boolean("SENSe[1]:RESistance:RANGe:AUTO", True),
        "ohms_four_wires": boolean("SENSe[1]:RESistance:RSENse", False),
        "count": integer("SENSe[1]:COUNt", 1, 1, MOST_AT_ONCE),
        "buffer_points": integer("TRACe:POINts", 100_000, 1, LONGEST_BUFFER),
        "terminals": word("ROUTe:TERMinals", "FRON", "FRONt", "REAR"),
    }

    def reset(self) -> None:
        """Take the settings of *RST."""
        self.sensed = CURR
        super().reset()

    def drive(self) -> None:
        """Let the sample feel the present settings; the off state is that of the function being sourced."""
        self.values["off_state"] = self.values[f"{'VOLTage' if self.function == VOLT else 'CURRent'} off state"]
        super().drive()

    def identity(self) -> str:
        """Name maker, model, serial and firmware (exact text unverified)."""
        return f"KEITHLEY INSTRUMENTS,MODEL 2450,{self.serial},1.7.12b"

    @header("*LANG?")
    def _language(self, argument: str) -> str:
        return "SCPI"

    # ------------------------------------------------------------------ source
    @header("SOURce[1]:VOLTage:ILIMit[:LEVel]")
    def _limit_amps(self, argument: str) -> None:
        self.set_limit(CURR, argument)

    @header("SOURce[1]:VOLTage:ILIMit[:LEVel]?")
    def _limit_of_amps(self, argument: str) -> str:
        return self.shown(self.limit[CURR])

    @header("SOURce[1]:CURRent:VLIMit[:LEVel]")
    def _limit_volts(self, argument: str) -> None:
        self.set_limit(VOLT, argument)

    @header("SOURce[1]:CURRent:VLIMit[:LEVel]?")
    def _limit_of_volts(self, argument: str) -> str:
        return self.shown(self.limit[VOLT])

    @header("SOURce[1]:VOLTage:ILIMit[:LEVel]:TRIPped?")
    def _tripped_amps(self, argument: str) -> str:
        return str(int(self.output_on and self.function == VOLT and self.sample.limited()))

    @header("SOURce[1]:CURRent:VLIMit[:LEVel]:TRIPped?")
    def _tripped_volts(self, argument: str) -> str:
        return str(int(self.output_on and self.function == CURR and self.sample.limited()))

    # ------------------------------------------------------------------ sense
    @header("SENSe[1]:FUNCtion[:ON]")
    def _sense(self, argument: str) -> None:
        self.sensed = function_named(argument, VOLT, CURR, OHMS)

    @header("SENSe[1]:FUNCtion[:ON]?")
    def _senses(self, argument: str) -> str:
        return {VOLT: '"VOLT:DC"', CURR: '"CURR:DC"', OHMS: '"RES"'}[self.sensed]

    @header("SENSe[1]:AZERo:ONCE")
    def _zero(self, argument: str) -> None:
        self.spend(self.nplc / LINE_HZ)

    @header("SYSTem:LFRequency?")
    def _line(self, argument: str) -> str:
        return "50"

    # ------------------------------------------------------------------ readings
    def _take(self) -> Reading:
        source = "VOLTage" if self.function == VOLT else "CURRent"
        sense = "VOLTage" if self.sensed == VOLT else "CURRent"
        values = self.values
        self.spend(AUTO_DELAY_S if values[f"{source} delay automatic"] else values[f"{source} delay"])
        repeats = values[f"{sense} filter count"] if values[f"{sense} filter"] and values[f"{sense} filter type"] == "REP" else 1
        reading = self.read_once(repeats * (2.0 if values[f"{sense} zeroing"] else 1.0))
        self.buffer = [*self.buffer[1 - values["buffer_points"]:], reading] if values["buffer_points"] > 1 else [reading]
        return reading

    def _part(self, reading: Reading, name: str) -> str:
        """Give one element of a reading as READ? and TRACe:DATA? name them."""
        if name == "SOUR":
            return self.shown(reading.volts if self.function == VOLT else reading.amps)
        if name == "REL":
            return f"{reading.seconds - self.buffer[0].seconds:.6f}"
        if name == "STAT":
            return str(int(reading.limited))
        if name != "READ":
            raise ScpiError(-224, "Illegal parameter value")
        return self.shown(_measured(reading, self.sensed))

    def _show(self, reading: Reading, wanted: list[str]) -> str:
        names = [text.strip().upper()[:4].rstrip("A") for text in wanted if text.strip() and not text.strip().startswith('"')]
        return ",".join(self._part(reading, name) for name in (names or ["READ"]))

    def _read(self, argument: str) -> str:
        """Take `SENSe:COUNt` readings and give the last one."""
        for _ in range(min(self.values["count"], 1000)):
            reading = self._take()
        return self._show(reading, argument.split(","))

    @header("FETCh?")
    def _fetch(self, argument: str) -> str:
        return self._show(taken(self.buffer)[-1], argument.split(","))

    def _measure(self, function: str, argument: str) -> str:
        self.sensed = function
        return self._read(argument)

    # ------------------------------------------------------------------ buffer
    @header("TRACe:TRIGger", "INITiate[:IMMediate]")
    def _fill(self, argument: str) -> None:
        self._read("")

    @header("ABORt", "*TRG", "TRIGger:CONTinuous")
    def _accept_trigger(self, argument: str) -> None:
        """Nothing waits: readings are taken when they are asked for."""

    @header("TRACe:ACTual?")
    def _buffered(self, argument: str) -> str:
        return str(len(self.buffer))

    @header("TRACe:DATA?")
    def _data(self, argument: str) -> str:
        """Give readings first to last (counted from 1) of the buffer, each with the elements asked for."""
        first, last, *wanted = [*argument.split(","), "", ""] if argument.count(",") < 1 else argument.split(",")
        start, end = int(number(first, 1, LONGEST_BUFFER)), int(number(last, 1, LONGEST_BUFFER))
        if not start <= end <= len(self.buffer):
            raise ScpiError(-222, "Parameter data out of range")
        return ",".join(self._show(reading, wanted) for reading in self.buffer[start - 1 : end])

    def _statistic(self, kind: str) -> str:
        return self.shown(STATISTICS[kind]([_measured(reading, self.sensed) for reading in taken(self.buffer)]))

    @header("TRACe:STATistics:AVERage?")
    def _mean(self, argument: str) -> str:
        return self._statistic("AVERage")

    @header("TRACe:STATistics:MAXimum?")
    def _largest(self, argument: str) -> str:
        return self._statistic("MAXimum")

    @header("TRACe:STATistics:MINimum?")
    def _smallest(self, argument: str) -> str:
        return self._statistic("MINimum")

    @header("TRACe:STATistics:STDDev?")
    def _spread(self, argument: str) -> str:
        return self._statistic("STDDev")

    @header("SYSTem:ERRor:COUNt?")
    def _error_count(self, argument: str) -> str:
        return str(len(self.errors))


def _measured(reading: Reading, function: str) -> float:
    return {VOLT: reading.volts, CURR: reading.amps, OHMS: reading.ohms}[function]
