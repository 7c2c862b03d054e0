"""Newport ESP301 motion controller (ASCII over USB or RS-232; ESP301 user's manual, section 3): stages, stripe slit, delay line.

Up to three axes share one port. A command is `axis, two letters, value`, ended by CR; answers are bare numbers. Commands are not
acknowledged: the error memory (`TB?`) is asked after each, and its entries name the axis. Positions are asked for twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import sqrt
from operator import eq
from typing import Any, ClassVar

from drivers.apt import agreed
from drivers.device import Device, check_limits, option
from drivers.line import damaged
from drivers.link import Port
from labctl.core.errors import DeviceFault, WrongDevice
from labctl.core.instrument import ActionSpec, AxisSpec, Identity, Readout

BAUD = 921_600                     # unverified; the older ESP300 has 19200 on RS-232
TRAVEL_MM = (-150.0, 150.0)        # until the controller has been asked for its software limits
SPEED_OF_LIGHT_MM_PS = 0.299792458
AIR_INDEX = 1.00028                # visible, 15 °C
HOMING_S = 60.0                    # unverified
ACCELERATING_S = 0.5               # unverified: from rest to full speed
ASKING_S = 0.05                    # of the shortest move: the command and the questions whether it has ended
FIXED_POINT = re.compile(r"[+-]?\d+\.\d{1,9}")
ERROR = re.compile(r"(\d+)\s*,\s*(\d+)\s*,\s*(.*)")
AXIS_FACTOR = 100                  # errors of an axis are its number × 100 + their code
MOST_ERRORS = 10                   # in the error memory; unverified

# kind: name of the axis, its unit, limits, tolerance, what it is
KINDS: dict[str, tuple[str, str, tuple[float, float], float, str]] = {
    "stage": ("position", "mm", TRAVEL_MM, 0.002, "Position of the stage"),
    "slit": ("length", "mm", (0.0, TRAVEL_MM[1]), 0.002, "Length of the stripe"),
    "delay": ("time", "ps", (-2000.0, 2000.0), 0.02, "Delay of the pump"),
}


class ControllerError(DeviceFault):
    """An entry of the error memory."""


class AxisDisabled(ControllerError):
    """The motor of the axis is off."""


class TravelLimit(ControllerError):
    """A limit of the travel was hit, or would be passed."""


class FollowingError(ControllerError):
    """The motor did not follow."""


AXIS_ERRORS: dict[int, type[ControllerError]] = {
    1: TravelLimit, 2: FollowingError, 3: FollowingError, 4: TravelLimit, 5: TravelLimit, 6: TravelLimit, 7: TravelLimit,
    8: AxisDisabled, 9: FollowingError, 13: AxisDisabled}
"""By the last two digits of the code: 1 out of range, 2 amplifier, 3 following, 4 to 7 limits, 8 no stage, 9 feedback, 13 off."""


class ESP301Port(Port):
    """The connection of a controller, shared by its axes."""

    end = b"\n"
    serial: ClassVar[dict[str, Any]] = {"baud_rate": BAUD}
    cancel = b"\r"
    sync = ((b"VE?\r", b"ESP"), (b"TB?\r", b","))


class ESP301(Device):
    """One axis of a controller.

    `axis` is its number; `kind` says what it carries: "stage" (mm), "slit" (mm) or "delay" (ps, from `zero_mm`, light going
    `passes` times through the line; a longer way is a later pulse).
    """

    Port = ESP301Port
    actions: ClassVar = {"home": ActionSpec("start_home", "moving", "find the zero of the stage", HOMING_S)}
    panel: ClassVar = [Readout("Position", "position", "mm"), Readout("Motor on", "motor_on")]

    def __init__(self, port: Any, *, clock: Any, name: str, axis: int = 1, kind: str = "stage", zero_mm: float = 0.0,
                 passes: int = 2, **connection: Any):
        self.number = option(name, "axis", axis, range(1, 4))
        self.kind = option(name, "kind", kind, list(KINDS))
        self.quantity, unit, limits, tolerance, long_name = KINDS[self.kind]
        self.axes: Mapping[str, AxisSpec] = {   # type: ignore[misc]  each unit has an axis of its own
            self.quantity: AxisSpec(unit, limits, read=self.quantity, tolerance=tolerance, long_name=long_name)}
        self.zero_mm = zero_mm
        self.mm_per_ps = SPEED_OF_LIGHT_MM_PS / AIR_INDEX / option(name, "passes", passes, [1, 2, 4])
        self.travel_mm: tuple[float, float] | None = None
        self._velocity_mm_s = 5.0
        super().__init__(port, clock=clock, name=name, **connection)

    # ------------------------------------------------------------ questions and commands
    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Ask a question."""
        def take(message: bytes) -> str:
            text = message.decode("ascii", "replace").strip()
            if not text or not text.isascii():
                raise damaged(self.name, message)
            return text

        return self.port.ask(f"{command}\r".encode("ascii"), take)

    def write(self, command: str, **options: Any) -> None:
        """Give a command to this axis, and ask whether it was taken; raises ControllerError."""
        self.port.post(f"{self.number}{command}\r".encode("ascii"))
        self.raise_errors(command)

    def raise_errors(self, after: str = "") -> None:
        """Empty the error memory; raises the first entry that is about this axis or about none."""
        for code, text in self._remembered_errors():
            if code // AXIS_FACTOR not in (0, self.number):
                continue
            kind = AXIS_ERRORS.get(code % AXIS_FACTOR, ControllerError) if code >= AXIS_FACTOR else ControllerError
            where = f" after {after!r}" if after else ""
            raise kind(self.name, f"axis {self.number} reports error {code}{where}: {text}.", state="the position is not certain",
                       remedy="Look at the stage and its cable; switch the motor on, home it, then try again.")

    def _remembered_errors(self) -> list[tuple[int, str]]:
        found = []
        for _ in range(MOST_ERRORS + 1):
            code, text = self.values("TB?", maxsplit=0, cast=_error)[0]
            if code == 0:
                break
            found.append((code, text))
        return found

    def _number(self, command: str) -> float:
        return agreed(lambda: self.values(f"{self.number}{command}", cast=_fixed)[0], eq, self.port.tries, self.name)

    @property
    def position(self) -> float:
        """The position in mm."""
        def ask() -> tuple[float, float]:
            return self.clock.now(), float(self.values(f"{self.number}TP", cast=_fixed)[0])

        def same(a: tuple[float, float], b: tuple[float, float]) -> bool:
            return abs(b[1] - a[1]) <= 1e-3 + 2 * self._velocity_mm_s * (b[0] - a[0])

        return agreed(ask, same, self.port.tries, self.name)[1]

    @property
    def length(self) -> float:
        """The length in mm that a slit lets through: its position from `zero_mm`."""
        return self.position - self.zero_mm

    @property
    def time(self) -> float:
        """The delay in ps."""
        return (self.position - self.zero_mm) / self.mm_per_ps

    @property
    def motor_on(self) -> bool:
        """Whether the motor is on."""
        return self._flag("MO?")

    def _flag(self, command: str) -> bool:
        return agreed(lambda: self.values(f"{self.number}{command}", cast=_bit)[0], eq, self.port.tries, self.name)

    def _millimetres(self, value: float) -> float:
        if self.kind == "stage":
            return value
        return self.zero_mm + (value * self.mm_per_ps if self.kind == "delay" else value)

    # ------------------------------------------------------------ moves
    def start_move(self, value: float) -> None:
        """Start going to a position (mm), length (mm) or delay (ps); ask `moving` for the end. Switches the motor on."""
        name, unit, limits, _, _ = KINDS[self.kind]
        check_limits(self.name, name, value, limits, unit)
        millimetres = self._millimetres(value)
        check_limits(self.name, "position", millimetres, self.travel_mm or TRAVEL_MM, "mm")
        if not self.motor_on:
            self.write("MO")
        self.write(f"PA{millimetres:.5f}")

    def start_home(self) -> None:
        """Start looking for the zero of the stage."""
        if not self.motor_on:
            self.write("MO")
        self.write("OR1")

    @property
    def moving(self) -> bool:
        """True while it moves; raises what ended the move early."""
        if not self._flag("MD?"):
            return True
        self.raise_errors()
        return False

    def stop(self) -> None:
        """Stop with the usual deceleration."""
        self.write("ST")

    def eta(self, old: float, new: float) -> float:
        """Give the seconds of a move: up to speed and down again at constant acceleration; a short one never gets to full speed."""
        way = abs(self._millimetres(new) - self._millimetres(old))
        if way < self._velocity_mm_s * ACCELERATING_S:
            return ASKING_S + 2.0 * sqrt(way * ACCELERATING_S / self._velocity_mm_s)
        return ASKING_S + ACCELERATING_S + way / self._velocity_mm_s

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask controller and stage, and learn travel and speed; raises WrongDevice."""
        version = self.ask("VE?")
        if "ESP30" not in version.upper():
            raise WrongDevice(self.name, f"it calls itself {version!r}, which is no ESP301.", state="nothing was moved",
                              remedy="Correct the resource in the bench file.")
        model, _, serial = self.ask(f"{self.number}ID?").partition(",")
        self._remembered_errors()      # those of yesterday are nobody's
        self.travel_mm = self._number("SL?"), self._number("SR?")
        self._velocity_mm_s = max(self._number("VA?"), 1e-3)
        self._learn_limits(*self.travel_mm)
        return Identity("Newport", f"{version.split()[0]} with {model.strip()}", serial.strip().removeprefix("SN"),
                        version.upper().rpartition("VERSION")[2].strip())

    def _learn_limits(self, low: float, high: float) -> None:
        """Give the bench the travel in the unit of the axis."""
        scale = self.mm_per_ps if self.kind == "delay" else 1.0
        zero = 0.0 if self.kind == "stage" else self.zero_mm
        setattr(self, f"{self.quantity}_limits", ((low - zero) / scale, (high - zero) / scale))

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        low, high = self.travel_mm or TRAVEL_MM
        return {"position_mm": self.position, "motor_on": self.motor_on, "velocity_mm_s": self._number("VA?"), "axis": self.number,
                "travel_mm": [low, high], "zero_mm": self.zero_mm}

    def park(self) -> None:
        """Stop, and wait until it stands."""
        self.stop()
        self.finish(lambda: not self._flag("MD?"), 6.0, "stopping")

    def shutdown(self) -> None:
        """Stop, and switch the motor off."""
        self.park()
        self.write("MF")


def _fixed(text: str) -> float:
    """Read a position, which always has decimals; raises ValueError."""
    if not FIXED_POINT.fullmatch(text.strip()):
        raise ValueError(text)
    return float(text)


def _bit(text: str) -> bool:
    """Read 0 or 1; raises ValueError."""
    if text.strip() not in ("0", "1"):
        raise ValueError(text)
    return text.strip() == "1"


def _error(text: str) -> tuple[int, str]:
    """Read an entry of the error memory: code, time, text; raises ValueError."""
    found = ERROR.fullmatch(text)
    if not found:
        raise ValueError(text)
    return int(found[1]), found[3].strip()
