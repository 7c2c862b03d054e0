"""Emulated SuperK filters as modules of an Interbus: SELECT with its RF driver, VARIA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sim_instruments.clock import Clock
from sim_instruments.interbus import Module, Refused, Register
from sim_instruments.twin.elements import SelectFilter, VariaFilter
from sim_instruments.twin.motion import Mover

SELECT_RANGE_PM = (430_000, 700_000)
"""Limits of the visible crystal (unverified)."""

VARIA_RANGE = (4000, 8400)
"""Range of the band edges in 0.1 nm (unverified)."""

EDGE_S_PER_NM, EDGE_OVERHEAD_S = 0.013, 0.05
"""Edge motion: about 77 nm/s after 50 ms."""

WEDGE_S = 0.5
"""Full travel of the neutral-density wedge (unverified)."""


def _channels(base: int, attribute: str, format_: str, high: int) -> dict[int, Register]:
    return {base + channel: Register(attribute, format_, 0, high, channel) for channel in range(8)}


class RfDriver(Module):
    """The RF driver of a SELECT: eight lines, wavelengths in pm, amplitudes in 0.1 %."""

    kind = 0x66
    registers: ClassVar[Mapping[int, Register]] = {
        0x30: Register("rf_on", "B", 0, 1),
        0x31: Register("setup", "<H", 0, 0xFFFF),
        0x34: Register("shortest_pm", "<I"),
        0x35: Register("longest_pm", "<I"),
        0x38: Register("crystal_temperature", "<h"),
        0x3B: Register("fsk_mode", "B", 0, 2),
        0x3C: Register("internal_control", "B", 0, 1),
        0x75: Register("crystal", "B", 0, 2),
        **_channels(0x90, "wavelength", "<I", 0xFFFFFFFF),
        **_channels(0xB0, "amplitude", "<H", 1000),
        **_channels(0xC0, "gain", "<H", 1000),
    }

    def __init__(self, clock: Clock, address: int, serial: str, element: SelectFilter, limits_pm: tuple[int, int]):
        super().__init__(clock, address, serial)
        self.element = element
        self.shortest_pm, self.longest_pm = limits_pm
        self.crystal_temperature = 281
        self.setup, self.fsk_mode, self.internal_control, self.crystal = 0, 0, 0, 1
        self._gains = [1000] * 8

    @property
    def status_bits(self) -> int:
        """Bit 0 RF power on."""
        return int(self.element.rf_on)

    def power_up(self) -> None:
        """Wake up with the RF off and no line on (unverified)."""
        self.element.rf_on = False
        for channel in range(8):
            self.element.tune(channel, amplitude=0.0)
        self._gains = [1000] * 8

    @property
    def rf_on(self) -> int:
        """Register 0x30."""
        return int(self.element.rf_on)

    @rf_on.setter
    def rf_on(self, value: int) -> None:
        self.element.rf_on = bool(value)

    def value(self, register: Register) -> int | bytes:
        """Give a line's wavelength in pm, amplitude and modulation gain in 0.1 %, or any other register."""
        if register.channel < 0:
            return super().value(register)
        line = self.element.lines[register.channel]
        if register.attribute == "wavelength":
            return round(line.centre_nm * 1000)
        return round(line.amplitude * 1000) if register.attribute == "amplitude" else self._gains[register.channel]

    def assign(self, register: Register, value: int | bytes) -> None:
        """Tune a line; a wavelength of 0 parks it, any other must lie within the crystal's limits."""
        channel = register.channel
        if channel < 0 or isinstance(value, bytes):
            super().assign(register, value)
        elif register.attribute == "amplitude":
            self.element.tune(channel, amplitude=value / 1000)
        elif register.attribute == "gain":
            self._gains[channel] = value                # without an external modulation it changes nothing
        elif value == 0 or self.shortest_pm <= value <= self.longest_pm:
            self.element.tune(channel, centre_nm=value / 1000)
        else:
            raise Refused


class Select(Module):
    """The SELECT itself: monitors, RF switch, limits of its crystals, shutter."""

    kind = 0x67
    registers: ClassVar[Mapping[int, Register]] = {
        0x10: Register("monitor", "<H"),
        0x11: Register("monitor", "<H"),
        0x34: Register("rf_switch", "B", 0, 1),
        0x35: Register("monitor_switch", "B", 0, 1),
        0x90: Register("shortest_pm", "<I"),
        0x91: Register("longest_pm", "<I"),
        0xA0: Register("shortest_pm", "<I"),
        0xA1: Register("longest_pm", "<I"),
    }

    def __init__(self, clock: Clock, address: int, serial: str, element: SelectFilter, limits_pm: tuple[int, int]):
        super().__init__(clock, address, serial)
        self.element = element
        self.shortest_pm, self.longest_pm = limits_pm
        self.monitor, self.rf_switch, self.monitor_switch = 0, 0, 0

    @property
    def status_bits(self) -> int:
        """Bit 8 shutter open."""
        return self.element.shutter_open << 8


class Varia(Module):
    """VARIA: two sliding edges and a neutral-density wedge, all moving in time.

    Fault attributes: `stuck` (nothing moves), `over_temperature` (status bit 6).
    """

    kind = 0x68
    registers: ClassVar[Mapping[int, Register]] = {
        0x13: Register("monitor", "<H"),
        0x32: Register("nd", "<H", 0, 1000),
        0x33: Register("upper_edge", "<H", *VARIA_RANGE),
        0x34: Register("lower_edge", "<H", *VARIA_RANGE),
    }
    monitor = 0

    def __init__(self, clock: Clock, address: int, serial: str, element: VariaFilter):
        super().__init__(clock, address, serial)
        self.element = element
        self.stuck = self.over_temperature = False

    def power_up(self) -> None:
        """Wake up with edges and wedge where they were (unverified)."""
        for mover in (self.element.nd, self.element.upper_nm, self.element.lower_nm):
            mover.stop()

    @property
    def status_bits(self) -> int:
        """Bit 6 module temperature; bit 8 shutter open; bits 12, 13, 14 the wedge, the upper and the lower edge move."""
        element = self.element
        moving = element.nd.moving << 12 | element.upper_nm.moving << 13 | element.lower_nm.moving << 14
        return moving | element.shutter_open << 8 | self.over_temperature << 6

    @property
    def nd(self) -> int:
        """Register 0x32 in 0.1 %; 100 % is full transmission."""
        return round(self.element.nd.target * 1000)

    @nd.setter
    def nd(self, value: int) -> None:
        self._move(self.element.nd, value / 1000, abs(value / 1000 - self.element.nd.position) * WEDGE_S)

    @property
    def upper_edge(self) -> int:
        """Register 0x33 in 0.1 nm."""
        return round(self.element.upper_nm.target * 10)

    @upper_edge.setter
    def upper_edge(self, value: int) -> None:
        self._move_edge(self.element.upper_nm, value / 10)

    @property
    def lower_edge(self) -> int:
        """Register 0x34 in 0.1 nm."""
        return round(self.element.lower_nm.target * 10)

    @lower_edge.setter
    def lower_edge(self, value: int) -> None:
        self._move_edge(self.element.lower_nm, value / 10)

    def _move_edge(self, mover: Mover, target_nm: float) -> None:
        distance = abs(target_nm - mover.position)
        self._move(mover, target_nm, EDGE_OVERHEAD_S + EDGE_S_PER_NM * distance if distance else 0.0)

    def _move(self, mover: Mover, target: float, seconds: float) -> None:
        if not self.stuck:
            mover.move(target, seconds)
