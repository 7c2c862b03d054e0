"""Emulated Thorlabs PM100D power meter with a photodiode head (SCPI)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sim_instruments.clock import Clock, Handle
from sim_instruments.scpi import ScpiDevice, ScpiError, header, number, switch
from sim_instruments.twin.elements import PowerHead
from sim_instruments.wire import Unit, serial_number

HEADS_NM = {"S130C": (400.0, 1100.0), "S120VC": (200.0, 1100.0), "S132C": (700.0, 1800.0)}
"""Range of wavelengths of two silicon heads, one for the ultraviolet, and of the germanium head (unverified)."""

START_NM = 635.0
"""Wavelength after *RST, or the nearest the head has (unverified)."""

RANGES_W = tuple(5.0 * 10.0**exponent for exponent in range(-7, 0))
"""Full scales, 500 nW to 500 mW in decades (the span is the head's; the decades are unverified)."""

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

SENSOR_FLAGS = 1 | 32 | 256
"""Power sensor, wavelength settable, temperature sensor: 289, as an S130C reports."""


class EmulatedPM100D(ScpiDevice):
    """One power meter; its head stands in the twin's beam. Fault attribute: `sensor_missing`."""

    latency_s = 0.001

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        unit = units[0]
        super().__init__(clock=clock, name=unit.role, seed=seed)
        self.head: PowerHead = unit.element or PowerHead(unit.role, clock)
        self.serial = "P" + serial_number(seed, unit.role, 7)
        self.sensor_serial = serial_number(seed, unit.role + " head", 8)
        self.sensor_missing = False
        self._zeroing: Handle | None = None
        self._zero_w = 0.0
        self.reset()

    def reset(self) -> None:
        """Take the settings of *RST (unverified)."""
        low, high = HEADS_NM[self.head.sensor]
        self.wavelength_nm = min(max(START_NM, low), high)
        self.averages, self.automatic, self.range_w, self.power_unit = 1, True, RANGES_W[-1], "W"

    def power_up(self) -> None:
        """Wake up with the settings of *RST (unverified: some units remember the wavelength); a zero once taken is kept."""
        self.errors.clear()
        if self._zeroing is not None:
            self._zeroing.cancel()
            self._zeroing = None
        self.reset()

    def identity(self) -> str:
        """Name maker, model, serial and firmware."""
        return f"Thorlabs,PM100D,{self.serial},2.4.0"

    @header("SYSTem:SENSor:IDN?")
    def _sensor(self, argument: str) -> str:
        if self.sensor_missing:
            return "no sensor,0,0,0,0,0"
        return f"{self.head.sensor},{self.sensor_serial},05-AUG-2014,1,18,{SENSOR_FLAGS}"

    @header("SENSe:CORRection:WAVelength")
    def _set_wavelength(self, argument: str) -> None:
        self.wavelength_nm = number(argument, *HEADS_NM[self.head.sensor])

    @header("SENSe:CORRection:WAVelength?")
    def _wavelength(self, argument: str) -> str:
        return f"{number(argument, *HEADS_NM[self.head.sensor]) if argument else self.wavelength_nm:.6E}"

    @header("SENSe:AVERage[:COUNt]")
    def _set_averages(self, argument: str) -> None:
        self.averages = int(number(argument, 1, MAX_AVERAGES))

    @header("SENSe:AVERage[:COUNt]?")
    def _averages(self, argument: str) -> str:
        return str(int(number(argument, 1, MAX_AVERAGES)) if argument else self.averages)

    @header("SENSe:POWer[:DC]:RANGe[:UPPer]")
    def _set_range(self, argument: str) -> None:
        wanted = number(argument, 0.0, RANGES_W[-1])
        self.range_w = next(full for full in RANGES_W if wanted <= full * (1 + 1e-9))
        self.automatic = False

    @header("SENSe:POWer[:DC]:RANGe[:UPPer]?")
    def _range(self, argument: str) -> str:
        return f"{number(argument, RANGES_W[0], RANGES_W[-1]) if argument else self.range_w:.6E}"

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

    @header("CONFigure[:SCALar][:POWer]", "ABORt", "INITiate[:IMMediate]")
    def _accept(self, argument: str) -> None:
        """Nothing to remember: power is all this head measures."""

    @header("CONFigure?")
    def _configuration(self, argument: str) -> str:
        return "POW"

    @header("MEASure[:SCALar]:ENERgy?")
    def _energy(self, argument: str) -> str:
        raise ScpiError(-221, "Settings conflict")       # a photodiode head measures no pulse energy

    @header("MEASure[:SCALar][:POWer]?", "READ?", "FETCh?")
    def _power(self, argument: str) -> str:
        if self.sensor_missing:
            raise ScpiError(-240, "Hardware error")
        self.spend(self.averages * SECONDS_PER_SAMPLE)
        watts = self.head.measure(self.wavelength_nm, self.averages)
        if self.automatic:
            self.range_w = next((full for full in RANGES_W if abs(watts) <= full), RANGES_W[-1])
        if abs(watts) > self.range_w:
            return OVER_RANGE
        step = self.range_w / RANGE_STEPS
        watts = round(watts / step) * step
        if self.power_unit == "DBM":
            return f"{10 * math.log10(max(watts, step) * 1e3):.8E}"
        return f"{watts:.8E}"
