"""Thorlabs Elliptec rotation mounts ELL14 and ELL18 (Elliptec protocol manual).

A move is answered when it ends, unasked as it were; so moves are watched by `gs`, whose answer looks different.
"""

from __future__ import annotations

from typing import Any, ClassVar

from drivers.device import Device, check_limits, option
from drivers.elliptec_bus import OK, ElliptecPort, hex_number, unit_fault
from labctl.core.errors import NotSettled, WrongDevice
from labctl.core.instrument import ActionSpec, AxisSpec, Identity, Readout

MODELS = {0x0E: "ELL14", 0x12: "ELL18"}      # 12h unverified
PAUSE_BEFORE_MOVE_S = 0.1     # a move sent sooner after the one before can end at 0 instead
SPEED_DEG_S = 200.0           # unverified; about half the top speed, for estimates
START_S = 0.15
HOMING_S = 3.0                # unverified
PULSES_OFF = 2                # conversions truncate: a pulse is 0.0025°


class ELL14(Device):
    """Rotation mount; angles in degrees from its zero, which homing finds.

    `park_angle` is where `park` turns it (the calibrated minimum of an attenuator); without one, park only lets it come to rest.
    `home_first` homes it before its first move: after power-up the unit does not know where it stands.
    """

    Port = ElliptecPort
    axes: ClassVar = {
        "angle": AxisSpec("deg", (-360.0, 360.0), read="angle", start="start_move", tolerance=0.02, long_name="Angle of the mount"),
    }
    actions: ClassVar = {"home": ActionSpec("start_home", "moving", "find the zero of the mount", HOMING_S)}
    panel: ClassVar = [Readout("Angle", "angle", "deg"), Readout("Velocity", "velocity", "%")]

    def __init__(self, port: Any, *, clock: Any, name: str, address: str | int = "0", park_angle: float | None = None,
                 home_first: bool = True, **connection: Any):
        self.address = option(name, "address", str(address).upper(), list("0123456789ABCDEF"))
        if park_angle is not None:
            check_limits(name, "park_angle", park_angle, (-360.0, 360.0), "deg")
        self.park_angle = park_angle
        super().__init__(port, clock=clock, name=name, **connection)
        self.port: ElliptecPort
        self._pulses_per_degree: float | None = None
        self._homed = not home_first
        self._target: float | None = None       # of the move under way
        self._queued: float | None = None       # where to go after homing
        self._repeated = False

    # ------------------------------------------------------------ questions
    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Ask "letters data reply length", the form in which the properties below are declared."""
        letters, reply, length = command.split()
        return self.port.ask_unit(self.address, letters, "", reply, int(length), self.name)

    def write(self, command: str, **options: Any) -> None:
        """Give a set command "letters data", acknowledged by GS00 and verified by the getter of the same letters."""
        letters, data = command.split()
        getter = "g" + letters[1:]

        def carried_out() -> bool:
            return self.port.ask_unit(self.address, getter, "", getter.upper(), len(data), self.name) == data

        self.port.set_unit(self.address, letters, data, carried_out, self.name)

    position_pulses = Device.measurement("gp PO 8", """The position in pulses (int).""", cast=lambda text: _signed(text))
    velocity = Device.control(
        "gv GV 2", "sv %02X", """Control the velocity in percent (int, 1 to 100).""", cast=lambda text: int(text, 16),
        validator=lambda value, limits: _percent(value))
    information = Device.measurement("in IN 30", """The 30 characters that describe the unit (str).""", cast=str)

    @property
    def pulses_per_degree(self) -> float:
        """The scale, from the unit itself (travel and pulses of IN)."""
        if self._pulses_per_degree is None:
            self._pulses_per_degree = float(self.values("in IN 30", cast=_scale)[0])
        return self._pulses_per_degree

    @property
    def angle(self) -> float:
        """Control the angle in degrees (float, -360 to 360); setting waits for the end of the move and checks it.

        For scripts; the engine uses `start_move`, `moving` and `stop`.
        """
        return self.position_pulses / self.pulses_per_degree

    @angle.setter
    def angle(self, degrees: float) -> None:
        self.start_move(degrees)
        self.finish(lambda: self.moving, 30.0, f"the move to {degrees:g}°")
        reached = self.angle
        if abs(reached - degrees) > PULSES_OFF / self.pulses_per_degree:
            raise NotSettled(self.name, f"it was sent to {degrees:g}° and stands at {reached:.3f}°.",
                             remedy="Home it and try again.")

    # ------------------------------------------------------------ moves
    def start_move(self, degrees: float) -> None:
        """Start turning to an angle; the first move homes the unit before. Ask `moving` for the end."""
        check_limits(self.name, "angle", degrees, (-360.0, 360.0), "deg")
        self._repeated = False
        if not self._homed:
            self.start_home()
            self._queued = degrees
            return
        self._send_move(degrees)

    def start_home(self) -> None:
        """Start looking for the zero, clockwise."""
        self._target = self._queued = None
        self._pause()
        self.port.post(f"{self.address}ho0".encode("ascii"))
        self._homed = True

    def _send_move(self, degrees: float) -> None:
        pulses = round(degrees * self.pulses_per_degree)
        self._pause()
        self.port.post(f"{self.address}ma{pulses & 0xFFFFFFFF:08X}".encode("ascii"))
        self._target = degrees

    def _pause(self) -> None:
        """Leave 100 ms after the end of the last move, else the next may go to 0."""
        left = self.port.quiet_until.get(self.address, 0.0) - self.clock.now()
        if left > 0:
            self.clock.wait(left)

    @property
    def moving(self) -> bool:
        """True while it turns; raises the unit's fault. A move that ended elsewhere is repeated once (noted as an incident)."""
        code = int(self.port.ask_unit(self.address, "gs", "", "gs", 2, self.name), 16)
        if code in (0x07, 0x09):
            return True
        self.port.quiet_until[self.address] = self.clock.now() + PAUSE_BEFORE_MOVE_S
        if code != OK:
            self._target = self._queued = None
            raise unit_fault(self.name, code)
        if self._queued is not None:
            queued, self._queued = self._queued, None
            self._send_move(queued)
            return True
        return self._repeat_if_elsewhere()

    def _repeat_if_elsewhere(self) -> bool:
        if self._target is None:
            return False
        reached = self.angle
        if abs(reached - self._target) <= PULSES_OFF / self.pulses_per_degree or self._repeated:
            self._target = None
            return False
        self.port.note(f"{self.name} was sent to {self._target:g}° and stands at {reached:.3f}°; sent again")
        self._repeated = True
        self._send_move(self._target)
        return True

    def stop(self) -> None:
        """Give up a move: no more steps of it are sent. The protocol's stop ('st') exists in newer firmware only."""
        self._target = self._queued = None

    def eta(self, old: float, new: float) -> float:
        """Give the seconds of a move; homing, once, comes on top (`due_before_move_s`)."""
        return PAUSE_BEFORE_MOVE_S + START_S + abs(new - old) / SPEED_DEG_S

    @property
    def due_before_move_s(self) -> float:
        """Seconds of homing that the next move starts with."""
        return 0.0 if self._homed else HOMING_S

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask model, serial number and firmware; raises WrongDevice if it is no rotation mount."""
        text = self.information
        model = MODELS.get(hex_number(text[:2].encode("ascii"), 2, self.name, text.encode("ascii")))
        if model is None:
            raise WrongDevice(self.name, f"unit {self.address} is an Elliptec of type {text[:2]}h, no rotation mount.",
                              state="nothing was moved", remedy="Correct the address in the bench file.")
        return Identity("Thorlabs", model, text[2:10], text[14:16])

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"angle_deg": self.angle, "velocity_percent": self.velocity, "pulses_per_degree": self.pulses_per_degree,
                "address": self.address}

    @property
    def moved_by_park(self) -> tuple[str, ...]:  # type: ignore[override]  it depends on `park_angle`
        """The angle, where there is one to park at."""
        return () if self.park_angle is None else ("angle",)

    def park(self) -> None:
        """Turn to `park_angle` if there is one; else wait until it is at rest."""
        if self.park_angle is not None:
            self.start_move(self.park_angle)
        self.finish(lambda: self.moving, 6.0, "parking")


def _scale(text: str) -> float:
    """Read pulses per degree from the 30 characters of IN; raises ValueError."""
    travel, pulses = int(text[18:22], 16), int(text[22:30], 16)
    if not travel or not pulses:
        raise ValueError(text)
    return pulses / travel


def _signed(text: str) -> int:
    """Read 8 hex digits as a signed 32-bit number."""
    value = int(text, 16)
    return value - (1 << 32) if value & 0x80000000 else value


def _percent(value: Any) -> int:
    if value not in range(1, 101):
        raise ValueError(f"{value!r} is not a whole percentage from 1 to 100")
    return int(value)
