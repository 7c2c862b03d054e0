"""Emulated Thorlabs FW102C and FW212C filter wheels (serial, lines ended by CR; echo, answer, prompt)."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, ClassVar

from sim_instruments.clock import Clock
from sim_instruments.lines import Work, command
from sim_instruments.prompt import PromptDevice
from sim_instruments.twin.elements import FilterWheel
from sim_instruments.wire import Unit

IDENTITY = b"THORLABS FW102C/FW212C Filter Wheel version 1.07\r"
"""Answer to `*idn?` (exact text unverified)."""

SECONDS_PER_SLOT = {0: 1.5, 1: 0.4}
"""Time from one slot to the next at low and at high speed (unverified)."""

SLOTS = {"FW102C": 6, "FW212C": 12}


class EmulatedFW102C(PromptDevice):
    """One wheel; it goes the shorter way and answers when it has arrived. Fault attribute: `jammed` (never arrives).

    The option `model` says how many filters a wheel without a twin has.
    """

    factory: ClassVar = {b"speed": 1, b"trig": 0, b"sensors": 0, b"baud": 1}
    latency_s = 0.005

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        unit = units[0]
        super().__init__(clock=clock, name=unit.role, seed=seed)
        slots = SLOTS[str(unit.options.get("model", "FW102C"))]
        self.wheel: FilterWheel = unit.element or FilterWheel(unit.role, clock, slots=slots)
        self.jammed = False

    def power_up(self) -> None:
        """Wake up with the saved switches and the nearest filter in the beam (unverified: real wheels may look for slot 1)."""
        self.wheel.slot.move(float(self.wheel.in_beam))
        self.recall()

    @command(rb"\*idn\?")
    def _identity(self) -> bytes:
        return IDENTITY

    @command(rb"pos\?")
    def _position(self) -> bytes:
        return b"%d\r" % self.wheel.in_beam

    @command(rb"pos=(\d{1,2})")
    def _move(self, text: bytes) -> bytes | Work:
        target = int(text)
        if not 1 <= target <= self.wheel.slots:
            return self._invalid()
        return self._turn(target)

    def _turn(self, target: int) -> Work:
        half = self.wheel.slots / 2
        steps = (target - self.wheel.in_beam + half) % self.wheel.slots - half
        seconds = abs(steps) * SECONDS_PER_SLOT[self.values[b"speed"]]
        if self.jammed:
            yield inf
        # The wheel turns through slot 1 if that is shorter: the coordinate goes on beyond the ends, and is wrapped on arrival.
        self.wheel.slot.move(self.wheel.in_beam + steps, seconds)
        yield seconds
        self.wheel.slot.move(float(target))
        return b""

    @command(rb"pcount\?")
    def _count(self) -> bytes:
        return b"%d\r" % self.wheel.slots

    @command(rb"pcount=(6|12)")
    def _set_count(self, text: bytes) -> bytes:
        self.wheel.slots = int(text)
        return b""

    @command(rb"(speed|trig|sensors|baud)=([01])")
    def _set_switch(self, name: bytes, text: bytes) -> bytes:
        self.values[name] = int(text)
        return b""

    @command(rb"(?:pos|pcount|speed|trig|sensors|baud)=.*")
    def _invalid(self) -> bytes:
        return b"Command error CMD_ARG_INVALID\r"

    def unknown(self, line: bytes) -> bytes:
        """Refuse a word that is not in the manual (exact spacing unverified)."""
        return b"Command error CMD_NOT_DEFINED\r" if line else b""
