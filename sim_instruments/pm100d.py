"""Emulated Thorlabs PM100D power meter with a photodiode or an energy head (SCPI; operation manual, command reference)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sim_instruments.clock import Clock, Handle
from sim_instruments.pm100d_heads import HEADS, REMEMBERED, STATUS_GROUPS, SUBTYPE, HeadKind
from sim_instruments.scpi import ScpiError, header, header_pattern, number, switch
from sim_instruments.scpi_settings import RememberingDevice
from sim_instruments.twin.elements import PowerHead
from sim_instruments.wire import Unit, serial_number

START_NM = 635.0
"""Wavelength after *RST, or the nearest the head has (unverified)."""

RANGE_STEPS = 1e5
"""Steps of the converter over one range: below it the last digits are lost (unverified)."""

MAX_AVERAGES = 3000
"""Largest averaging count (unverified)."""

SECONDS_PER_SAMPLE = 0.3e-3
"""Time of one averaged sample (unverified)."""

ZERO_S = 2.0
"""Duration of the zero adjustment (unverified)."""

OVER_RANGE = "9.90000000E+37"
"""What the meter says instead of a number that its range cannot hold (unverified)."""

NO_NUMBER = "9.91000000E+37"
"""What it says when there is nothing to measure, for example no pulse (unverified)."""

NO_PULSE_S = 2.0
"""How long it waits for a pulse before it says so (unverified)."""

HEAD_C = 24.0
"""Temperature of heads that have a sensor for it (unverified)."""

QUANTITIES = {"POW": "POWer", "PDEN": "PDENsity", "CURR": "CURRent[:DC]", "ENER": "ENERgy", "EDEN": "EDENsity",
              "VOLT": "VOLTage[:DC]", "FREQ": "FREQuency", "TEMP": "TEMPerature", "RES": "RESistance"}
"""What can be measured, by the word that CONF? answers; a head decides which of it."""


class EmulatedPM100D(RememberingDevice):
    """One power meter; its head stands in the twin's beam. Fault attributes: `sensor_missing`, `over_temperature` (of the head)."""

    settings = REMEMBERED
    latency_s = 0.001

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        unit = units[0]
        super().__init__(clock=clock, name=unit.role, seed=seed)
        self.head: PowerHead = unit.element or PowerHead(unit.role, clock)
        self.serial = "P" + serial_number(seed, unit.role, 7)
        self.sensor_serial = serial_number(seed, unit.role + " head", 8)
        self.sensor_missing = self.over_temperature = False
        self._zeroing: Handle | None = None
        self._zero_w = 0.0
        self.reset()

    def reset(self) -> None:
        """Take the settings of *RST (unverified)."""
        super().reset()
        low, high = self.kind.wavelengths_nm
        self.wavelength_nm = min(max(START_NM, low), high)
        self.averages, self.automatic, self.range, self.power_unit = 1, not self.kind.energy, self.kind.ranges[-1], "W"
        self.measures = "ENER" if self.kind.energy else "POW"
        self._last = NO_NUMBER

    def power_up(self) -> None:
        """Wake up with the settings of *RST (unverified: some units remember the wavelength); a zero once taken is kept."""
        self.errors.clear()
        if self._zeroing is not None:
            self._zeroing.cancel()
            self._zeroing = None
        self.reset()

    @property
    def kind(self) -> HeadKind:
        """The head that is plugged in."""
        return HEADS[self.head.sensor]

    def identity(self) -> str:
        """Name maker, model, serial and firmware."""
        return f"Thorlabs,PM100D,{self.serial},2.4.0"

    @header("SYSTem:SENSor:IDN?")
    def _sensor(self, argument: str) -> str:
        if self.sensor_missing:
            return "no sensor,0,0,0,0,0"
        return f"{self.head.sensor},{self.sensor_serial},05-AUG-2014,{self.kind.kind},{SUBTYPE},{self.kind.flags}"

    @header("SENSe:CORRection:WAVelength")
    def _set_wavelength(self, argument: str) -> None:
        self.wavelength_nm = number(argument, *self.kind.wavelengths_nm)

    @header("SENSe:CORRection:WAVelength?")
    def _wavelength(self, argument: str) -> str:
        return f"{number(argument, *self.kind.wavelengths_nm) if argument else self.wavelength_nm:.6E}"

    @header("SENSe:AVERage[:COUNt]")
    def _set_averages(self, argument: str) -> None:
        self.averages = int(number(argument, 1, MAX_AVERAGES))

    @header("SENSe:AVERage[:COUNt]?")
    def _averages(self, argument: str) -> str:
        return str(int(number(argument, 1, MAX_AVERAGES)) if argument else self.averages)

    @header("SENSe:POWer[:DC]:RANGe[:UPPer]")
    def _set_power_range(self, argument: str) -> None:
        self._choose_range(argument, energy=False)

    @header("SENSe:ENERgy:RANGe[:UPPer]")
    def _set_energy_range(self, argument: str) -> None:
        self._choose_range(argument, energy=True)

    def _choose_range(self, argument: str, *, energy: bool) -> None:
        self._insist(energy)
        wanted = number(argument, 0.0, self.kind.ranges[-1])
        self.range = next(full for full in self.kind.ranges if wanted <= full * (1 + 1e-9))
        self.automatic = False

    def _insist(self, energy: bool) -> None:
        """Refuse what the head does not measure."""
        if self.kind.energy is not energy:
            raise ScpiError(-221, "Settings conflict")

    @header("SENSe:POWer[:DC]:RANGe[:UPPer]?")
    def _power_range(self, argument: str) -> str:
        self._insist(False)
        return self._range(argument)

    @header("SENSe:ENERgy:RANGe[:UPPer]?")
    def _energy_range(self, argument: str) -> str:
        self._insist(True)
        return self._range(argument)

    def _range(self, argument: str) -> str:
        return f"{number(argument, self.kind.ranges[0], self.kind.ranges[-1]) if argument else self.range:.6E}"

    @header("SENSe:POWer[:DC]:RANGe:AUTO")
    def _set_automatic(self, argument: str) -> None:
        self.automatic = switch(argument)

    @header("SENSe:POWer[:DC]:RANGe:AUTO?")
    def _automatic(self, argument: str) -> str:
        return str(int(self.automatic))

    @header("SENSe:POWer[:DC]:UNIT")
    def _set_unit(self, argument: str) -> None:
        if argument.upper() not in ("W", "DBM"):
            raise ScpiError(-224, "Illegal parameter value")
        self.power_unit = argument.upper()

    @header("SENSe:POWer[:DC]:UNIT?")
    def _unit_of_power(self, argument: str) -> str:
        return self.power_unit

    @header("SENSe:CORRection:COLLect:ZERO[:INITiate]")
    def _zero(self, argument: str) -> None:
        if self._zeroing is not None:
            self._zeroing.cancel()
        self._zeroing = self.after(ZERO_S, self._take_zero)

    def _take_zero(self) -> None:
        self._zeroing = None
        self._zero_w = self.head.zero()

    @header("SENSe:CORRection:COLLect:ZERO:ABORt")
    def _abort_zero(self, argument: str) -> None:
        if self._zeroing is not None:
            self._zeroing.cancel()
            self._zeroing = None

    @header("SENSe:CORRection:COLLect:ZERO:STATe?")
    def _is_zeroing(self, argument: str) -> str:
        return str(int(self._zeroing is not None))

    @header("SENSe:CORRection:COLLect:ZERO:MAGNitude?")
    def _zero_magnitude(self, argument: str) -> str:
        return f"{self._zero_w:.8E}"

    # -------------------------------------------------------------- measuring
    @header("CONFigure?")
    def _configuration(self, argument: str) -> str:
        return self.measures

    @header("ABORt", "INITiate[:IMMediate]", "SYSTem:BEEPer[:IMMediate]", "STATus:PRESet")
    def _accept(self, argument: str) -> None:
        """Nothing to remember."""

    @header("READ?")
    def _read(self, argument: str) -> str:
        return self.measure(self.measures)

    @header("FETCh?")
    def _fetch(self, argument: str) -> str:
        return self._last if self._last != NO_NUMBER else self.measure(self.measures)

    def measure(self, what: str) -> str:
        """Measure one of QUANTITIES; -221 for what the head does not measure, -240 without a head."""
        if self.sensor_missing:
            raise ScpiError(-240, "Hardware error")
        measured = self._of_pulses if self.kind.energy else self._of_power
        self._last = measured(what)
        return self._last

    def _of_power(self, what: str) -> str:
        if what == "TEMP":
            return f"{HEAD_C + (40.0 if self.over_temperature else 0.0):.8E}"
        if what not in ("POW", "PDEN", "CURR"):
            raise ScpiError(-221, "Settings conflict")
        self.spend(self.averages * SECONDS_PER_SAMPLE)
        watts = self._in_range(self.head.measure(self.wavelength_nm, self.averages))
        if watts is None:
            return OVER_RANGE
        if what == "CURR":
            return f"{watts * self.values['response_a_w']:.8E}"
        watts *= 10.0 ** (self.values["loss_db"] / 10.0)
        if what == "PDEN":
            return f"{watts / self._beam_cm2:.8E}"
        if self.values["power_relative"]:
            watts -= self.values["power_reference"]
        if self.power_unit == "DBM":
            return f"{10 * math.log10(max(watts, self.range / RANGE_STEPS) * 1e3):.8E}"
        return f"{watts:.8E}"

    def _of_pulses(self, what: str) -> str:
        if what not in ("ENER", "EDEN", "VOLT", "FREQ"):
            raise ScpiError(-221, "Settings conflict")
        rate_hz = self.head.pulses_per_s()
        joules = self.head.pulse(self.averages) if rate_hz > 0.0 else 0.0
        if rate_hz <= 0.0 or joules < self.values["threshold"] / 100.0 * self.range:
            self.spend(NO_PULSE_S)
            return NO_NUMBER
        self.spend(self.averages / rate_hz)
        if what == "FREQ":
            return f"{rate_hz:.8E}"
        measured = self._in_range(joules)
        if measured is None:
            return OVER_RANGE
        if what == "VOLT":
            return f"{measured * self.values['response_v_j']:.8E}"
        if what == "EDEN":
            return f"{measured / self._beam_cm2:.8E}"
        return f"{measured - (self.values['energy_reference'] if self.values['energy_relative'] else 0.0):.8E}"

    def _in_range(self, value: float) -> float | None:
        """Choose the range where it follows by itself, and round to its steps; None above it."""
        if self.automatic:
            self.range = next((full for full in self.kind.ranges if abs(value) <= full), self.kind.ranges[-1])
        step = self.range / RANGE_STEPS
        return None if abs(value) > self.range else round(value / step) * step

    @property
    def _beam_cm2(self) -> float:
        return math.pi / 4.0 * (self.values["beam_mm"] / 10.0) ** 2

    # -------------------------------------------------------------- the rest of the manual's list
    @header("SENSe:FREQuency:RANGe[:UPPer]?")
    def _fastest(self, argument: str) -> str:
        return f"{1e4:.6E}"

    @header("SENSe:FREQuency:RANGe:LOWer?")
    def _slowest(self, argument: str) -> str:
        return f"{1.0:.6E}"

    @header("CALibration:STRing?")
    def _calibration(self, argument: str) -> str:
        return '"05-AUG-2014"'


def _measuring(word: str) -> Any:
    return lambda device, argument: device.measure(word)


def _configuring(word: str) -> Any:
    def configure(device: EmulatedPM100D, argument: str) -> None:
        device.measures = word

    return configure


def _no_event(device: EmulatedPM100D, argument: str) -> str:
    return "0"


for _word, _manual in QUANTITIES.items():
    _optional = f"[:{_manual}]" if _word == "POW" else f":{_manual}"
    EmulatedPM100D.table.append((header_pattern(f"MEASure[:SCALar]{_optional}?"), _measuring(_word)))
    EmulatedPM100D.table.append((header_pattern(f"CONFigure[:SCALar]{_optional}"), _configuring(_word)))
for _group in STATUS_GROUPS:
    EmulatedPM100D.table.append((header_pattern(f"STATus:{_group}:CONDition?"), _no_event))
    EmulatedPM100D.table.append((header_pattern(f"STATus:{_group}[:EVENt]?"), _no_event))
