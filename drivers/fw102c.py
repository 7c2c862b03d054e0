"""Thorlabs filter wheels FW102C (6 filters) and FW212C (12): 115200 8N1, lines with echo and prompt (manual, command list).

A move is echoed at once and prompted on arrival; nothing can be asked in between. The wheel goes the shorter way round.
"""

from __future__ import annotations

from typing import Any, ClassVar

from drivers.device import Device, check_limits
from drivers.prompt import PromptDevice, PromptPort, switch
from labctl.core.errors import BadReply, LimitError, WrongDevice
from labctl.core.instrument import AxisSpec, Identity, Readout

SLOW_STEP_S, FAST_STEP_S = 1.5, 0.4      # unverified: seconds from one filter to the next
START_S = 0.2
MODELS = {6: "FW102C", 12: "FW212C"}


class FilterWheelPort(PromptPort):
    """The serial line of a wheel."""

    serial: ClassVar[dict[str, Any]] = {"baud_rate": 115200}
    sync = ((b"*idn?\r", b"*idn?\r"), (b"pcount?\r", b"pcount?\r"))


class FW102C(PromptDevice):
    """Motorised filter wheel; slots count from 1."""

    Port = FilterWheelPort
    axes: ClassVar = {
        "slot": AxisSpec("", (1, 12), read="slot", start="start_move", illuminates=False, tolerance=0.0, long_name="Filter slot"),
    }
    panel: ClassVar = [Readout("Slot", "slot")]

    def __init__(self, port: Any, *, clock: Any, name: str, **connection: Any):
        super().__init__(port, clock=clock, name=name, **connection)
        self._slots: int | None = None
        self._sent_to: int | None = None      # the slot of the last move

    slot = Device.measurement("pos?", """The slot in the beam (int, from 1).""", cast=int)
    high_speed = switch("speed", """Control whether the wheel turns fast (bool).""")
    sensors_always_on = switch("sensors", """Control whether the sensors stay on at rest (bool; they glow).""")
    trigger_output = switch("trig", """Control whether the trigger line is an output (bool).""")

    @property
    def slots(self) -> int:
        """The number of slots of the wheel, asked once."""
        if self._slots is None:
            count = int(self.values("pcount?")[0])
            if count not in MODELS:
                raise BadReply(self.name, f"it says that it has {count} slots.", remedy="Set 'pcount' to 6 or 12.")
            self._slots = count
        return self._slots

    @property
    def slot_limits(self) -> tuple[float, float] | None:
        """First and last slot, or None before the wheel has been asked."""
        return None if self._slots is None else (1, self._slots)

    def start_move(self, slot: float) -> None:
        """Start turning to a slot; ask `moving` for the end."""
        check_limits(self.name, "slot", slot, (1, self.slots), "")
        if slot != int(slot):
            raise LimitError(self.name, f"{slot:g} is no slot.", state="nothing was sent", remedy="Slots are whole numbers.")
        command = f"pos={int(slot)}"
        limit = 2 * self.eta(self._sent_to or slot + self.slots // 2, slot) + 1.0
        self._sent_to = int(slot)
        self.port.start_errand(f"{command}\r".encode("ascii"), self.port.take(command, self.name), limit)

    @property
    def moving(self) -> bool:
        """True until the prompt has come back."""
        return not self.port.errand_done()

    def eta(self, old: float, new: float) -> float:
        """Give the seconds of a move, by the shorter way and at the slow speed."""
        slots = self._slots or 6
        steps = abs(new - old) % slots
        return START_S + min(steps, slots - steps) * SLOW_STEP_S

    def identify(self) -> Identity:
        """Ask who it is and how many slots it has; raises WrongDevice."""
        text = self.ask("*idn?")
        if "FW" not in text.upper() and "FILTER" not in text.upper():
            raise WrongDevice(self.name, f"it calls itself {text!r}, which is no filter wheel.", state="nothing was moved",
                              remedy="Correct the resource in the bench file.")
        firmware = text.upper().rpartition("VERSION")[2].strip() if "VERSION" in text.upper() else ""
        return Identity("Thorlabs", MODELS[self.slots], "", firmware)

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"slot": self.slot, "slots": self.slots, "high_speed": self.high_speed,
                "sensors_always_on": self.sensors_always_on, "trigger_output": self.trigger_output}

    def park(self) -> None:
        """Stay; a move under way ends by itself."""
        self.finish(lambda: self.moving, 6.0, "the move under way")
