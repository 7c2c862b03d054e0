"""Thorlabs Elliptec rotation mounts ELL14 and ELL18 (ASCII protocol, 9600 8N1, up to 16 units on one bus).

Command: address digit, two lower-case letters, upper-case hex of fixed length, no end mark. Reply: address, two upper-case letters,
data, CR LF. A move is answered when it ends, unasked as it were; so moves are watched by `gs`, whose answer looks different.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from drivers.device import Device, check_limits, option
from drivers.link import Port
from labctl.core.errors import BadReply, Busy, DeviceFault, NotSettled, WrongDevice
from labctl.core.instrument import ActionSpec, AxisSpec, Identity, Readout

MODELS = {0x0E: "ELL14", 0x12: "ELL18"}      # 12h unverified
FULL_TURN_DEG = 360.0
PAUSE_BEFORE_MOVE_S = 0.1     # a move sent sooner after the one before can end at 0 instead
SPEED_DEG_S = 200.0           # unverified; about half the top speed, for estimates
START_S = 0.15
HOMING_S = 3.0                # unverified
PULSES_OFF = 2                # conversions truncate: a pulse is 0.0025°


class CommandTimeout(DeviceFault):
    """Status 1: the unit received a command that never ended."""


class MechanicalTimeout(DeviceFault):
    """Status 2: the stage did not get where it should in time."""


class CommandNotSupported(DeviceFault):
    """Status 3: the unit does not know the command."""


class OutOfRange(DeviceFault):
    """Status 4 or 0Ch: the value or position is out of range."""


class Isolated(DeviceFault):
    """Status 5 or 6: the unit has been isolated from the bus."""


class Initialising(Busy):
    """Status 7: the unit is starting up."""


class ThermalFault(DeviceFault):
    """Status 8: too hot."""


class Moving(Busy):
    """Status 9: the unit is carrying out a move."""


class SensorFault(DeviceFault):
    """Status 0Ah: the position sensor fails."""


class MotorFault(DeviceFault):
    """Status 0Bh: the motor fails."""


class OverCurrent(DeviceFault):
    """Status 0Dh: the motor draws too much current."""


OK = 0x00
MISHEARD = (0x01, 0x03)
FAULTS: dict[int, tuple[type[DeviceFault], str, str]] = {
    0x01: (CommandTimeout, "a command reached it incomplete", "Send it again; check the cable."),
    0x02: (MechanicalTimeout, "the stage did not arrive in time", "Look whether something blocks it, then home it."),
    0x03: (CommandNotSupported, "it does not know the command", "Compare model and driver."),
    0x04: (OutOfRange, "the value is out of range", "Choose a smaller angle."),
    0x05: (Isolated, "it is isolated from the bus", "Wait for the end of its isolation, or switch it off and on."),
    0x06: (Isolated, "it has just left its isolation", "Send the command again."),
    0x07: (Initialising, "it is starting up", "Wait a moment."),
    0x08: (ThermalFault, "it is too hot", "Let it cool down and move it less often."),
    0x09: (Moving, "it is moving", "Wait for the end of the move."),
    0x0A: (SensorFault, "its position sensor fails", "Home it; if that does not help, replace it."),
    0x0B: (MotorFault, "its motor fails", "Search the resonance again ('us'); if that does not help, replace it."),
    0x0C: (OutOfRange, "the position is out of range", "Home it."),
    0x0D: (OverCurrent, "its motor draws too much current", "Look whether something blocks it."),
}


def _fault(name: str, code: int) -> DeviceFault:
    kind, what, remedy = FAULTS.get(code, (DeviceFault, f"it reports status {code:02X}h", "See the protocol manual."))
    return kind(name, f"{what} (status {code:02X}h).", state="the position is not certain", remedy=remedy)


class Misheard(BadReply):
    """A question was answered by status 1 or 3: what came before it on the line was incomplete, or the question is not known."""

    def __init__(self, name: str, code: int):
        self.code = code
        super().__init__(name, f"it did not understand the question (status {code:02X}h).", state="unchanged",
                         remedy="It is asked again.")


class ElliptecPort(Port):
    """The bus that up to 16 units share."""

    serial: ClassVar[dict[str, Any]] = {"baud_rate": 9600}

    def __init__(self, resource: Any, **options: Any):
        super().__init__(resource, **options)
        self.quiet_until: dict[str, float] = {}     # by address: no move before this time

    def is_expected(self, message: bytes) -> bool:
        """Ends of moves (PO, GS) and buttons (BO, BS) are told unasked."""
        return message[1:3] in (b"PO", b"GS", b"BO", b"BS")

    def party(self, request: bytes) -> bytes:
        """Units are told apart by the first character."""
        return request[:1]

    def sync_questions(self, party: bytes) -> tuple[tuple[bytes, bytes], ...]:
        """Ask the unit for its description, or for its velocity."""
        return (party + b"in", party + b"IN"), (party + b"gv", party + b"GV")

    def ask_unit(self, address: str, letters: str, data: str, reply: str, length: int, who: str) -> str:
        """Ask one unit; gives the `length` characters after the reply's letters. Raises the unit's fault if it reports one."""
        try:
            return self.ask(f"{address}{letters}{data}".encode("ascii"), self._take(address, reply, length, who))
        except Misheard as exc:
            raise _fault(who, exc.code) from None

    def set_unit(self, address: str, letters: str, data: str, carried_out: Callable[[], bool], who: str) -> None:
        """Give a command that is acknowledged by GS00."""
        request = f"{address}{letters}{data}".encode("ascii")
        self.order(lambda: self.converse(request, self._take(address, "GS", 2, who)), carried_out, repr(request))

    @staticmethod
    def _take(address: str, reply: str, length: int, who: str) -> Callable[[bytes], str | None]:
        head, status = f"{address}{reply}".encode("ascii"), f"{address}GS".encode("ascii")

        def take(message: bytes) -> str | None:
            body = message.strip(b"\r\n\0 ")
            if body.startswith(status):
                code = _hex(body[3:], 2, who, message)
                if code in MISHEARD and reply != "GS":
                    raise Misheard(who, code)
                if code != OK and reply != "gs":
                    raise _fault(who, code)
                return None if reply not in ("GS", "gs") else f"{code:02X}"
            if not body.startswith(head):
                return None
            if len(body) != len(head) + length or not body.isascii():
                raise BadReply(who, f"a damaged reply came back: {message!r}.", state="unknown", remedy="It is asked again.")
            return body[len(head):].decode("ascii")

        return take


def _hex(digits: bytes, length: int, who: str, message: bytes) -> int:
    """Read hex digits; raises BadReply."""
    try:
        if len(digits) != length:
            raise ValueError
        return int(digits, 16)
    except ValueError:
        raise BadReply(who, f"a damaged reply came back: {message!r}.", state="unknown", remedy="It is asked again.") from None


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
        self.address = option(name, "address", str(address).upper(), "0123456789ABCDEF")
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
            raise _fault(self.name, code)
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
        model = MODELS.get(_hex(text[:2].encode("ascii"), 2, self.name, text.encode("ascii")))
        if model is None:
            raise WrongDevice(self.name, f"unit {self.address} is an Elliptec of type {text[:2]}h, no rotation mount.",
                              state="nothing was moved", remedy="Correct the address in the bench file.")
        return Identity("Thorlabs", model, text[2:10], text[14:16])

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"angle_deg": self.angle, "velocity_percent": self.velocity, "pulses_per_degree": self.pulses_per_degree,
                "address": self.address}

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
