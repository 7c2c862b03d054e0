"""What the emulated Keithley source-meters share: a source, its limit, and readings of what the sample draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sim_instruments.clock import Clock
from sim_instruments.faults import FaultSwitch
from sim_instruments.scpi import ScpiError, number, switch
from sim_instruments.scpi_settings import RememberingDevice, word
from sim_instruments.twin.more_elements import BiasedSample
from sim_instruments.wire import Unit, serial_number

VOLT, CURR = "VOLT", "CURR"
OTHER = {VOLT: CURR, CURR: VOLT}

RANGES: dict[str, tuple[float, ...]] = {VOLT: (0.2, 2.0, 20.0, 200.0), CURR: (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)}
"""Nominal ranges of the 2400 in V and A."""

OVERRANGE = 1.05
"""Every range can be used up to 105 %, so that 210 V and 1.05 A are the ends."""

LIMITS = {function: ranges[-1] * OVERRANGE for function, ranges in RANGES.items()}

LINE_HZ = 50.0
READING_OVERHEAD_S = 5e-3
"""Time of a reading beside its integrations (unverified)."""

RELAY_S = 30e-3
"""Time of a range change (10 to 50 ms; unverified)."""

NOISE_OF_RANGE = 2e-6
"""Noise of a reading at 1 power-line cycle, as a part of the range (unverified); none when the meter serves its own load."""

NOT_A_NUMBER = 9.91e37
"""What a reading says where there is nothing to say (unverified)."""


@dataclass(frozen=True)
class Reading:
    """One measurement: V, A, clock seconds, and whether the limit held the source back."""

    volts: float
    amps: float
    seconds: float
    limited: bool

    @property
    def ohms(self) -> float:
        """V/A, or "not a number" where no current flows."""
        return self.volts / self.amps if self.amps else NOT_A_NUMBER


class SourceMeter(RememberingDevice):
    """Source of voltage or current with a limit on the other, in front of the sample's contacts.

    A level takes effect at once; readings take their integration time. Fault attributes: `interlock_open` (the output switches off
    and stays off), `over_temperature` (likewise); `power_cycle()`. What the sample does (leak, breakdown) is the element's law.
    """

    latency_s = 1e-3
    ranges: ClassVar[dict[str, tuple[float, ...]]] = RANGES
    settings: ClassVar = {"off_state": word("OUTPut[1]:SMODe", "NORM", "HIMPedance", "NORMal", "ZERO", "GUARd")}

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        unit = units[0]
        super().__init__(clock=clock, name=unit.role, seed=seed)
        self.sample: BiasedSample = unit.element or BiasedSample(unit.role, clock)
        self.noise_of_range = NOISE_OF_RANGE if unit.element is not None else 0.0
        self.serial = str(unit.options.get("serial") or serial_number(seed, unit.role, 7))
        self.output_on = False
        self._switched_on = clock.now()
        self.reset()

    # ------------------------------------------------------------------ state
    def reset(self) -> None:
        """Take the settings of *RST: output off, 0 V, limits 105 µA and 21 V, all ranges automatic (limits unverified)."""
        super().reset()
        self.function = VOLT
        self.level = {VOLT: 0.0, CURR: 0.0}
        self.limit = {CURR: 105e-6, VOLT: 21.0}
        self.source_range: dict[str, float | None] = {VOLT: None, CURR: None}      # None: automatic
        self.sense_range: dict[str, float | None] = {VOLT: None, CURR: None}
        self.nplc = 1.0
        self._last_range = {VOLT: self.ranges[VOLT][-1], CURR: self.range_for(CURR, self.limit[CURR])}
        self.output_on = False
        self.drive()

    def power_up(self) -> None:
        """Wake up with the settings of *RST and the clock of readings at 0."""
        self.errors.clear()
        self._switched_on = self.clock.now()
        self.reset()

    def _trip(self) -> None:
        if self.output_on and (self.interlock_open or self.over_temperature):
            self.set_output(False)

    interlock_open = FaultSwitch(False, _trip)
    """The interlock line."""

    over_temperature = FaultSwitch(False, _trip)
    """The box is too hot to source."""

    def range_for(self, function: str, value: float) -> float:
        """Give the smallest range that holds a value."""
        ranges = self.ranges[function]
        return next((full for full in ranges if abs(value) <= full * OVERRANGE * (1 + 1e-9)), ranges[-1])

    def range_in_use(self, function: str, *, source: bool) -> float:
        """Give the range in force: the fixed one, or what the automatic has chosen."""
        if source:
            return self.source_range[function] or self.range_for(function, self.level[function])
        return self.sense_range[function] or self._last_range[function]

    def set_output(self, on: bool) -> None:
        """Switch the output; refused while the interlock is open (code unverified) or the box too hot."""
        if on and self.interlock_open:
            raise ScpiError(802, "OUTPUT blocked by output enable")
        if on and self.over_temperature:
            raise ScpiError(-310, "System error")
        self.output_on = on
        self.drive()

    def drive(self) -> None:
        """Let the sample feel the present settings."""
        if self.output_on:
            if self.function == VOLT:
                self.sample.drive_voltage(self.level[VOLT], self.present_limit)
            else:
                self.sample.drive_current(self.level[CURR], self.present_limit)
        elif self.values["off_state"] == "HIMP":
            self.sample.disconnect()
        elif self.values["off_state"] == "GUAR":
            self.sample.drive_current(0.0, LIMITS[VOLT])
        else:
            self.sample.drive_voltage(0.0, self.limit[CURR])

    @property
    def present_limit(self) -> float:
        """The limit in force: the compliance, or the end of a fixed measuring range below it (unverified)."""
        limited = OTHER[self.function]
        fixed = self.sense_range[limited]
        return min(self.limit[limited], fixed * OVERRANGE) if fixed is not None else self.limit[limited]

    # ------------------------------------------------------------------ settings
    def set_function(self, function: str) -> None:
        """Choose what is sourced; a change switches the output off (unverified)."""
        if function != self.function:
            self.function, self.output_on = function, False
            self.drive()

    def set_level(self, function: str, argument: str) -> None:
        """Set the source level; beyond a fixed range it is refused (unverified)."""
        level = number(argument, -LIMITS[function], LIMITS[function])
        fixed = self.source_range[function]
        if fixed is not None and abs(level) > fixed * OVERRANGE * (1 + 1e-9):
            raise ScpiError(-222, "Parameter data out of range")
        self.level[function] = level
        self.drive()

    def set_limit(self, function: str, argument: str) -> None:
        """Set the compliance."""
        self.limit[function] = max(abs(number(argument, -LIMITS[function], LIMITS[function])), 1e-9)
        self.drive()

    def set_source_range(self, function: str, argument: str) -> None:
        """Fix the source range."""
        full = self.range_for(function, number(argument, -LIMITS[function], LIMITS[function]))
        if abs(self.level[function]) > full * OVERRANGE:
            raise ScpiError(-221, "Settings conflict")
        self.source_range[function] = full

    def set_source_automatic(self, function: str, argument: str) -> None:
        """Let the source range follow the level, or fix it where it is."""
        self.source_range[function] = None if switch(argument) else self.range_for(function, self.level[function])

    def set_sense_range(self, function: str, argument: str) -> None:
        """Fix the measuring range."""
        self._use_range(function, self.range_for(function, number(argument, -LIMITS[function], LIMITS[function])))
        self.sense_range[function] = self._last_range[function]
        self.drive()

    def set_sense_automatic(self, function: str, argument: str) -> None:
        """Let the measuring range follow the reading, or fix it where it is."""
        self.sense_range[function] = None if switch(argument) else self._last_range[function]
        self.drive()

    def _use_range(self, function: str, full: float) -> None:
        if full != self._last_range[function]:
            self.spend(RELAY_S)
            self._last_range[function] = full

    # ------------------------------------------------------------------ readings
    def read_once(self, integrations: float = 2.0) -> Reading:
        """Measure once: automatic ranging, `integrations` times the aperture (the second one is the zero reading), overhead."""
        self.spend(integrations * self.nplc / LINE_HZ + READING_OVERHEAD_S)
        when = self.clock.now() + self._spent_s
        true = {VOLT: self.sample.volts(when), CURR: self.sample.amps(when)}
        draw = self.sample.noise()
        shown = {function: self._measured(function, value, draw) for function, value in true.items()}
        return Reading(shown[VOLT], shown[CURR], when - self._switched_on, self.output_on and self.sample.limited(when))

    def _measured(self, function: str, value: float, draw: np.random.Generator) -> float:
        """Read one quantity on its range: noise, and an end."""
        if self.sense_range[function] is None:
            self._use_range(function, self.range_for(function, value))
        full = self._last_range[function]
        noise = full * self.noise_of_range / math.sqrt(self.nplc)
        shown = value + (float(draw.normal(0.0, noise)) if noise else 0.0)
        return max(-full * OVERRANGE, min(full * OVERRANGE, shown))
