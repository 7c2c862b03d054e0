"""Thorlabs SC10 shutter controller (9600 8N1, lines with echo and prompt; manual p. 15).

`ens` toggles: it is read before it is sent, and whether the blade has followed is asked of the end switch (`closed?`).
"""

from __future__ import annotations

from typing import Any, ClassVar

from drivers.device import Device, option, within
from drivers.prompt import PromptDevice, PromptPort, switch
from labctl.core.errors import InstrumentError, Interlocked, WrongDevice
from labctl.core.instrument import Identity, Readout

MODES = {"manual": 1, "auto": 2, "single": 3, "repeat": 4, "external gate": 5}
CONFIRM_S = 1.0      # the blade needs some 20 ms


class InterlockTripped(Interlocked):
    """The interlock of the shutter is open: the blade stays closed."""


class SC10Port(PromptPort):
    """The serial line of an SC10; `baud` 115200 where the unit has been set to it."""

    serial: ClassVar[dict[str, Any]] = {"baud_rate": 9600}
    sync = ((b"id?\r", b"id?\r"), (b"mode?\r", b"mode?\r"))


class SC10(PromptDevice):
    """Beam shutter, normally closed: without power or with its interlock open it blocks the beam."""

    Port = SC10Port
    panel: ClassVar = [Readout("Closed", "is_closed"), Readout("Enabled", "enabled"),
                       Readout("Interlock tripped", "interlock_tripped")]

    enabled = Device.measurement("ens?", """Whether the shutter is enabled, that is told to be open in manual mode (bool).""",
                                 cast=int, get_process=bool)
    interlock_tripped = Device.measurement("interlock?", """Whether the interlock is open (bool).""", cast=int, get_process=bool)
    closed = Device.measurement("closed?", """Whether the end switch says closed (bool).""", cast=int, get_process=bool)
    mode_number = Device.control("mode?", "mode=%d", """Control the mode by number (int, 1 to 5).""",
                                 **within((1, 5), ""), cast=int)
    open_ms = Device.control("open?", "open=%d", """Control the open time of the timed modes in ms (int).""",
                             **within((1, 999_999), "ms"), cast=int)
    shut_ms = Device.control("shut?", "shut=%d", """Control the shut time of the timed modes in ms (int).""",
                             **within((1, 999_999), "ms"), cast=int)
    repeats = Device.control("rep?", "rep=%d", """Control the repetitions of the repeat mode (int, 1 to 99).""",
                             **within((1, 99), ""), cast=int)
    external_trigger = switch("trig", """Control whether an external trigger is used (bool).""")

    @property
    def mode(self) -> str:
        """Control the mode: "manual", "auto", "single", "repeat" or "external gate"."""
        number = self.mode_number
        return next((name for name, value in MODES.items() if value == number), f"unknown mode {number}")

    @mode.setter
    def mode(self, name: str) -> None:
        self.mode_number = MODES[option(self.name, "mode", name, list(MODES))]

    # ------------------------------------------------------------ the shutter
    def open(self) -> None:
        """Tell it to open; `is_open` tells when it has. Raises InterlockTripped."""
        if self.interlock_tripped:
            raise InterlockTripped(self.name, "its interlock is open.", state="closed",
                                   remedy="Close the interlock, then try again.")
        if self.mode_number != MODES["manual"]:
            self.mode_number = MODES["manual"]
        self._enable(True)

    def close(self) -> None:
        """Tell it to close; `is_closed` tells when it has."""
        self._enable(False)

    def is_closed(self) -> bool:
        """Tell whether the blade is closed, by its end switch, and told to be so."""
        return self.closed and not self.enabled

    def is_open(self) -> bool:
        """Tell whether the blade has left its closed position on command."""
        return not self.closed and self.enabled

    def _enable(self, wanted: bool) -> None:
        if self.enabled != wanted:
            self.command("ens", lambda: self.enabled == wanted)

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask who it is; raises WrongDevice."""
        text = self.ask("id?")
        if "SC10" not in text.upper():
            raise WrongDevice(self.name, f"it calls itself {text!r}, which is no SC10.", state="nothing was moved",
                              remedy="Correct the resource in the bench file.")
        return Identity("Thorlabs", "SC10", "", text.upper().rpartition("VERSION")[2].strip() if "VERSION" in text.upper() else "")

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"mode": self.mode, "enabled": self.enabled, "closed": self.closed, "open_ms": self.open_ms,
                "shut_ms": self.shut_ms, "repeats": self.repeats, "external_trigger": self.external_trigger,
                "interlock_tripped": self.interlock_tripped}

    def park(self) -> None:
        """Close, confirmed by the end switch; raises InstrumentError if it is not."""
        self.close()
        give_up = self.clock.now() + CONFIRM_S
        while not self.is_closed():
            if self.clock.now() > give_up:
                raise InstrumentError(self.name, "the shutter does not confirm that it is closed.", state="the sample may be lit",
                                      remedy="Block the beam by hand, then look at the shutter.")
            self.clock.wait(0.02)
