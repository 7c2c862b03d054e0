"""Emulated Thorlabs SC10 shutter controller (RS-232, words ended by CR; echo, answer, prompt)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from sim_instruments.clock import Clock
from sim_instruments.faults import FaultSwitch
from sim_instruments.lines import command
from sim_instruments.prompt import PromptDevice
from sim_instruments.twin.elements import BeamShutter
from sim_instruments.wire import Unit

LATENCY_S = 0.012
"""From the command to the first motion of the blade (unverified)."""

TRAVEL_S = 0.008
"""From the first motion to fully open or closed (unverified)."""

IDENTITY = b"THORLABS SC10 VERSION 1.07\r"
"""Answer to `id?` (exact text unverified)."""

LIMITS = {b"mode": (1, 5), b"rep": (1, 99), b"trig": (0, 1), b"xto": (0, 1), b"baud": (0, 1),
          b"open": (0, 999_999), b"shut": (0, 999_999)}
MANUAL, AUTOMATIC, SINGLE, REPEAT = 1, 2, 3, 4


class EmulatedSC10(PromptDevice):
    """One shutter. Fault attributes: `stuck` (the blade stays where it is), `interlock_open` (closes, and stays closed)."""

    factory: ClassVar = {b"mode": MANUAL, b"rep": 1, b"trig": 0, b"xto": 0, b"baud": 0, b"open": 1000, b"shut": 1000}
    latency_s = 0.01

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        unit = units[0]
        super().__init__(clock=clock, name=unit.role, seed=seed)
        self.shutter: BeamShutter = unit.element or BeamShutter(unit.role, clock)
        self.enabled = self.shutter.opening.target > 0.0
        self.stuck = False
        self._programme = 0        # counts changes of mind, so that a planned motion knows that it is out of date

    def power_up(self) -> None:
        """Wake up with the saved values; a spring has closed the blade (unless it is stuck)."""
        self.recall()
        self._disable()

    def _trip(self) -> None:
        if self.interlock_open:
            self._disable()

    interlock_open = FaultSwitch(False, _trip)
    """The interlock loop; opening it closes the shutter."""

    @command(rb"id\?")
    def _identity(self) -> bytes:
        return IDENTITY

    @command(rb"ens")
    def _toggle(self) -> bytes:
        if self.enabled:
            self._disable()
        elif not self.interlock_open:
            self.enabled = True
            self._programme += 1
            self._open(self._programme, self.values[b"rep"])
        return b""

    @command(rb"ens\?")
    def _is_enabled(self) -> bytes:
        return b"%d\r" % self.enabled

    @command(rb"closed\?")
    def _is_closed(self) -> bytes:
        return b"%d\r" % self.shutter.closed

    @command(rb"interlock\?")
    def _is_tripped(self) -> bytes:
        return b"%d\r" % self.interlock_open

    @command(rb"(mode|rep|trig|xto|open|shut|baud)=(.*)")
    def _set_value(self, name: bytes, text: bytes) -> bytes:
        low, high = LIMITS[name]
        if not text.isdigit() or len(text) > 6 or not low <= int(text) <= high:
            return b"CMD_ARG_INVALID\r"
        self.values[name] = int(text)
        return b""

    @command(rb"savp")
    def _save_persistently(self) -> bytes:
        """Keep the values as `save` does (which of the two words keeps what is unverified)."""
        return self.save()

    @command(rb"resp")
    def _restore(self) -> bytes:
        self.recall()
        return b""

    @command(rb"default")
    def _factory(self) -> bytes:
        """Take the values of the factory (their figures are unverified)."""
        self.values = dict(self.factory)
        return b""

    @command(rb"\?")
    def _list(self) -> bytes:
        """List the words (layout unverified)."""
        return b"id? ens ens? mode rep trig xto baud open shut closed? interlock? default save savp resp\r"

    def unknown(self, line: bytes) -> bytes:
        """Refuse a word that is not in the manual; `ens=1` is one of them: `ens` only toggles."""
        return b"CMD_NOT_DEFINED\r" if line else b""

    def _disable(self) -> None:
        self.enabled = False
        self._programme += 1
        self._move(0.0, self._programme)

    def _open(self, programme: int, left: int) -> None:
        """Open; in the timed modes close again after the open time."""
        if programme != self._programme:
            return
        self._move(1.0, programme)
        if self.values[b"mode"] in (AUTOMATIC, SINGLE, REPEAT):
            self.after(self.values[b"open"] / 1e3, lambda: self._close(programme, left))

    def _close(self, programme: int, left: int) -> None:
        if programme != self._programme:
            return
        mode = self.values[b"mode"]
        if mode == SINGLE or (mode == REPEAT and left <= 1):
            self._disable()
            return
        self._move(0.0, programme)
        # Whatever a person asks for, one cycle takes as long as the blade.
        self.after(max(self.values[b"shut"] / 1e3, LATENCY_S + TRAVEL_S), lambda: self._open(programme, left - 1))

    def _move(self, target: float, programme: int) -> None:
        def travel() -> None:
            if programme == self._programme and not self.stuck and self.shutter.opening.target != target:
                self.shutter.opening.move(target, TRAVEL_S)

        self.after(LATENCY_S, travel)
