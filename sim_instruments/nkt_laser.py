"""Emulated SuperK laser (EXTREME, FIANIUM) and its front panel, as modules of an Interbus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sim_instruments.clock import Clock, Handle, moment
from sim_instruments.interbus import Module, Refused, Register
from sim_instruments.twin.elements import SupercontinuumSource

EMISSION_OFF, EMISSION_SWITCHING, EMISSION_ON = 0, 1, 3
EMISSION_SETTLE_S = 0.5
"""Time in which the emission register shows something between off and on (duration and value unverified)."""

LOOP_OPEN, WAITING_FOR_RESET, LOOP_OK = 0, 1, 2
CAUSE_DOOR, CAUSE_APPLICATION, CAUSE_POWER_FAILURE = 2, 4, 6

MILD_INLET, HOT_INLET = 245, 450
"""Inlet temperature in 0.1 °C of a laser that is well, and of one that is too hot (the limit is unverified)."""


class SuperKLaser(Module):
    """EXTREME or FIANIUM main module.

    Fault attributes: `interlock_open` (cuts emission, needs a reset once closed), `wide_picker` (the pulse-picker register always
    reads two bytes, as some firmware does), `stuck_on` (emission does not go off), `over_temperature` (status bit 6, and it does
    not emit).
    """

    kind = 0x60
    registers: ClassVar[Mapping[int, Register]] = {
        0x11: Register("inlet_temperature", "<h"),
        0x30: Register("emission", "B", 0, 3),
        0x31: Register("setup", "<H", 0, 4),
        0x32: Register("interlock", "<H", 0, 0xFFFF),
        0x34: Register("pulse_picker", "<H", 1, 0xFFFF),
        0x36: Register("watchdog_s", "B", 0, 255),
        0x37: Register("power_level", "<H", 0, 1000),
        0x38: Register("current_level", "<H", 0, 1000),
        0x39: Register("trigger_delay", "<H", 0, 1023),
        0x6B: Register("system_type", "B"),
        0x6C: Register("user_text", "", 0),
    }

    def __init__(self, clock: Clock, address: int, serial: str, source: SupercontinuumSource):
        super().__init__(clock, address, serial)
        self.source = source
        self.inlet_temperature = MILD_INLET
        self.trigger_delay = 0
        self.system_type = 0
        self.user_text = b""
        self.wide_picker = False
        self.stuck_on = False
        self.setup = 1                                # 0 and 2 regulate the current, 1 and 3 the power, 4 follows a signal
        self.power_level = self.current_level = round(source.level * 1000)       # in 0.1 %
        self._loop, self._cause = LOOP_OK, 0
        self._interlock_open = False
        self._commanded = EMISSION_ON if source.emission else EMISSION_OFF
        self._switching_until = clock.now()
        self._watchdog_s = 0
        self._watch: Handle | None = None

    @property
    def status_bits(self) -> int:
        """Bit 0 emission, bit 1 interlock relays off, bit 3 loop open, bit 6 inlet temperature."""
        loop = (self._loop != LOOP_OK) << 1 | (self._loop == LOOP_OPEN) << 3
        return bool(self.source.emission) | loop | self.over_temperature << 6

    @property
    def over_temperature(self) -> bool:
        """The air at the inlet is too warm: emission is cut (whether real lasers do, or only say so, is unverified)."""
        return self.inlet_temperature >= HOT_INLET

    @over_temperature.setter
    def over_temperature(self, is_hot: bool) -> None:
        self.inlet_temperature = HOT_INLET if is_hot else MILD_INLET
        if is_hot:
            self._cut()

    def power_up(self) -> None:
        """Wake up dark: the interlock wants a reset and says why, the watchdog is off; levels and picker are kept (unverified)."""
        if not self._interlock_open:
            self._trip(WAITING_FOR_RESET, CAUSE_POWER_FAILURE)
        self._cut()
        self.watchdog_s = 0

    @property
    def emission(self) -> int:
        """Register 0x30; light is there until the register says 0."""
        if self.clock.now() < self._switching_until:
            return EMISSION_SWITCHING
        return EMISSION_ON if self.source.emission else EMISSION_OFF

    @emission.setter
    def emission(self, value: int) -> None:
        if value not in (EMISSION_OFF, EMISSION_ON):
            raise Refused
        # With the interlock open the command is taken and nothing happens (unverified): the driver has to look.
        if value == EMISSION_ON and (self._loop != LOOP_OK or self.over_temperature):
            return
        if value != self._commanded:
            self._commanded, self._switching_until = value, moment(self.clock.now() + EMISSION_SETTLE_S)
        if value == EMISSION_ON:
            self.source.emission = True
        else:
            self.after(EMISSION_SETTLE_S, self._go_dark)

    def _go_dark(self) -> None:
        if self._commanded == EMISSION_OFF and not self.stuck_on:
            self.source.emission = False

    def _cut(self) -> None:
        """Switch emission off at once."""
        self._commanded, self._switching_until = EMISSION_OFF, self.clock.now()
        self.source.emission = False

    @property
    def interlock(self) -> int:
        """Register 0x32: state in the low byte, cause in the high byte."""
        return self._loop | self._cause << 8

    @interlock.setter
    def interlock(self, value: int) -> None:
        if value == 0:
            self._trip(WAITING_FOR_RESET if not self._interlock_open else LOOP_OPEN, CAUSE_APPLICATION)
        elif self._loop == WAITING_FOR_RESET:
            self._loop, self._cause = LOOP_OK, 0

    @property
    def interlock_open(self) -> bool:
        """The door contact."""
        return self._interlock_open

    @interlock_open.setter
    def interlock_open(self, is_open: bool) -> None:
        self._interlock_open = is_open
        if is_open:
            self._trip(LOOP_OPEN, CAUSE_DOOR)
        elif self._loop == LOOP_OPEN:
            self._loop = WAITING_FOR_RESET

    def _trip(self, loop: int, cause: int) -> None:
        self._loop, self._cause = loop, cause
        self._cut()

    @property
    def pulse_picker(self) -> Any:
        """Register 0x34: one byte below 256, else two."""
        ratio = self.source.picker
        return ratio.to_bytes(1 if ratio < 256 and not self.wide_picker else 2, "little")

    @pulse_picker.setter
    def pulse_picker(self, ratio: int) -> None:
        self.source.picker = ratio

    def write(self, register: Register, kind: int, data: bytes) -> None:
        """Write a register; pulse picker and interlock take one byte or two."""
        if register.attribute in ("pulse_picker", "interlock") and len(data) == 1:
            data += b"\0"
        super().write(register, kind, data)

    def assign(self, register: Register, value: int | bytes) -> None:
        """Set the value behind a register; light follows the level that is regulated."""
        super().assign(register, value)
        if register.attribute in ("setup", "power_level", "current_level"):
            self.source.level = (self.current_level if self.setup in (0, 2) else self.power_level) / 1000

    @property
    def watchdog_s(self) -> int:
        """Register 0x36: emission is cut after so many seconds without a telegram to the laser; 0 never."""
        return self._watchdog_s

    @watchdog_s.setter
    def watchdog_s(self, seconds: int) -> None:
        self._watchdog_s = seconds
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self.after(seconds, self._look) if seconds else None

    def _look(self) -> None:
        """Cut emission if nothing came; else look again when it could be due."""
        left = self.last_traffic + self._watchdog_s - self.clock.now()
        self._watch = self.after(left, self._look) if left > 0 else None
        if left <= 0:
            self._cut()


class FrontPanel(Module):
    """The front panel of the laser."""

    kind = 0x61
    registers: ClassVar[Mapping[int, Register]] = {
        0x3D: Register("panel_lock", "B", 0, 1),
        0x72: Register("display_text", ""),
    }

    def __init__(self, clock: Clock, address: int, serial: str):
        super().__init__(clock, address, serial)
        self.panel_lock = 0
        self.display_text = b"SuperK (emulated)"
