"""Thorlabs K10CR1 rotation mount (APT protocol; K10CR1 manual for its scale): `analyser.angle`, `half_wave_plate.angle`.

409600 microsteps are one turn of the motor and 3° of the mount. The position survives the closing of the port; that it has been
homed is forgotten at power-off, so a mount that says it is not homed is homed before its first move. Nothing is acknowledged: moves
are watched by the status bits, settings read back. Frames have no checksum: every answer is asked for twice.
"""

from __future__ import annotations

from operator import eq
from typing import Any, ClassVar

from drivers.apt import APTPort, agreed, long, short
from drivers.device import Device, check_limits
from labctl.core.errors import DeviceFault, InstrumentError, WrongDevice
from labctl.core.instrument import ActionSpec, AxisSpec, Identity, Readout

STEPS_PER_DEG = 409600 / 3                  # 136533.333
VELOCITY_PER_DEG_S = 53.68 * STEPS_PER_DEG          # controller units per °/s
ACCELERATION_PER_DEG_S2 = 204.94e-6 * VELOCITY_PER_DEG_S
ANGLES = (-360.0, 360.0)                    # the counter is good for ±15480°
VELOCITIES, ACCELERATIONS = (0.01, 10.0), (0.01, 20.0)
HOMING_S = 75.0                             # a whole turn at 5 °/s
START_S = 0.1                               # unverified: the moving bits may lag behind the command
STEPS_OFF = 2                               # conversions truncate
ANGLE_TOLERANCE_DEG = 0.01
CHANNEL = 1
SERIAL_START = "55"                         # of every K10CR1

MOTION_BITS = 0x0000_02F0        # moving (4, 5), jogging (6, 7), homing (9); sources disagree which of 4 and 5 is forward
MOTOR_CONNECTED, HOMED, MOTION_ERROR = 1 << 8, 1 << 10, 1 << 14
CURRENT_LIMIT, POWER_OK, ENABLED = 1 << 24, 1 << 28, 1 << 31
WATCHED_BITS = MOTION_BITS | MOTOR_CONNECTED | HOMED | MOTION_ERROR | CURRENT_LIMIT | POWER_OK | ENABLED


class MotionError(DeviceFault):
    """Status bit 14: the motor did not follow."""


class MotorOverCurrent(DeviceFault):
    """Status bit 24: the motor is at its current limit."""


class MotorMissing(DeviceFault):
    """Status bit 8 or 28 is not set: no motor, or no power for it."""


FAULTS: tuple[tuple[int, bool, type[DeviceFault], str, str], ...] = (
    (MOTOR_CONNECTED, False, MotorMissing, "no motor is connected", "Check the cable inside the mount."),
    (POWER_OK, False, MotorMissing, "its motor has no power", "Plug the power supply in."),
    (MOTION_ERROR, True, MotionError, "the motor did not follow", "Look whether something blocks it, then home it."),
    (CURRENT_LIMIT, True, MotorOverCurrent, "the motor is at its current limit", "Look whether something blocks it."),
)


class K10CR1(Device):
    """Motorised rotation mount; angles in degrees from its zero, which homing finds."""

    Port = APTPort
    port: APTPort
    axes: ClassVar = {
        "angle": AxisSpec("deg", ANGLES, read="angle", tolerance=ANGLE_TOLERANCE_DEG, long_name="Angle of the mount"),
    }
    actions: ClassVar = {"home": ActionSpec("start_home", "moving", "find the zero of the mount", HOMING_S)}
    panel: ClassVar = [Readout("Angle", "angle", "deg"), Readout("Homed", "homed")]

    def __init__(self, port: Any, *, clock: Any, name: str, home_first: bool = True, **connection: Any):
        super().__init__(port, clock=clock, name=name, **connection)
        self.home_first = home_first
        self._known_homed = False
        self._target: float | None = None
        self._queued: float | None = None
        self._started = clock.now()
        self._velocity, self._acceleration = 10.0, 20.0      # for estimates, until they have been read

    # ------------------------------------------------------------ questions
    def _read(self, frame: bytes, reply_id: int, layout: str) -> tuple[Any, ...]:
        return agreed(lambda: self.port.request(frame, reply_id, layout, self.name), eq, self.port.tries, self.name)

    @property
    def status_bits(self) -> int:
        """The status bits that this driver looks at."""
        return agreed(lambda: self.port.request(short(0x0429, CHANNEL), 0x042A, "HI", self.name)[1] & WATCHED_BITS,
                      eq, self.port.tries, self.name)

    @property
    def angle(self) -> float:
        """Control the angle in degrees (float, -360 to 360); setting waits for the end of the move."""
        def ask() -> tuple[float, float]:
            _, steps = self.port.request(short(0x0411, CHANNEL), 0x0412, "Hi", self.name)
            return self.clock.now(), steps / STEPS_PER_DEG

        def same(a: tuple[float, float], b: tuple[float, float]) -> bool:
            return abs(b[1] - a[1]) <= STEPS_OFF / STEPS_PER_DEG + VELOCITIES[1] * (b[0] - a[0])

        return agreed(ask, same, self.port.tries, self.name)[1]

    @angle.setter
    def angle(self, degrees: float) -> None:
        self.start_move(degrees)
        self.finish(lambda: self.moving, HOMING_S + self.eta(-360.0, 360.0) + 5.0, f"the move to {degrees:g}°")

    @property
    def homed(self) -> bool:
        """True once it has been homed since power-up."""
        self._known_homed = bool(self.status_bits & HOMED)
        return self._known_homed

    @property
    def speeds(self) -> tuple[float, float]:
        """Control top speed in °/s (to 10) and acceleration in °/s² (to 20); confirmed by reading back."""
        _, _, acceleration, velocity = self._read(short(0x0414, CHANNEL), 0x0415, "Hiii")
        self._velocity, self._acceleration = velocity / VELOCITY_PER_DEG_S, acceleration / ACCELERATION_PER_DEG_S2
        return self._velocity, self._acceleration

    @speeds.setter
    def speeds(self, wanted: tuple[float, float]) -> None:
        check_limits(self.name, "velocity", wanted[0], VELOCITIES, "deg/s")
        check_limits(self.name, "acceleration", wanted[1], ACCELERATIONS, "deg/s²")
        velocity, acceleration = round(wanted[0] * VELOCITY_PER_DEG_S), round(wanted[1] * ACCELERATION_PER_DEG_S2)
        self.port.post(long(0x0413, "Hiii", CHANNEL, 0, acceleration, velocity))
        found = self.speeds
        if any(abs(got - asked) > 0.01 * asked for got, asked in zip(found, wanted, strict=True)):
            raise InstrumentError(self.name, f"it was told {wanted} °/s and °/s², and says {found}.",
                                  state="it moves as it did before", remedy="Set them again.")

    # ------------------------------------------------------------ moves
    def start_move(self, degrees: float) -> None:
        """Start turning to an angle; a mount that has not been homed is homed first. Ask `moving` for the end."""
        check_limits(self.name, "angle", degrees, ANGLES, "deg")
        bits = self._raise_faults(self.status_bits, moving=False)
        if not bits & ENABLED:
            self.port.post(short(0x0210, CHANNEL, 1))
        if self.home_first and not bits & HOMED:
            self.start_home()
            self._queued = degrees
            return
        self._send_move(degrees)

    def _send_move(self, degrees: float) -> None:
        self._target, self._queued = degrees, None
        self._started = self.clock.now()
        self.port.post(long(0x0453, "Hi", CHANNEL, round(degrees * STEPS_PER_DEG)))

    def start_home(self) -> None:
        """Start looking for the zero, in reverse; up to 75 s."""
        self._target = self._queued = None
        self._started = self.clock.now()
        self.port.post(short(0x0443, CHANNEL))

    @property
    def moving(self) -> bool:
        """True while it turns or homes; raises the mount's fault."""
        bits = self._raise_faults(self.status_bits, moving=True)
        self._known_homed = bool(bits & HOMED)
        if bits & MOTION_BITS:
            return True
        if self._queued is not None:
            if not bits & HOMED:
                return self._give_up_homing()
            self._send_move(self._queued)
            return True
        starting = self.clock.now() < self._started + START_S
        return starting and self._target is not None and abs(self.angle - self._target) > ANGLE_TOLERANCE_DEG

    def _give_up_homing(self) -> bool:
        if self.clock.now() < self._started + START_S:
            return True
        self._queued = None
        raise MotionError(self.name, "homing ended without a zero.", state="standing, its angle is not certain",
                          remedy="Look whether something blocks it, then home it.")

    def _raise_faults(self, bits: int, *, moving: bool) -> int:
        for mask, bad, kind, what, remedy in FAULTS:
            if bool(bits & mask) == bad and (moving or kind is MotorMissing):     # a new move is how the others are got rid of
                self._target = self._queued = None
                raise kind(self.name, f"{what}.", state="the angle is not certain", remedy=remedy)
        return bits

    def stop(self) -> None:
        """Stop with the usual deceleration."""
        self._target = self._queued = None
        self.port.post(short(0x0465, CHANNEL, 2))

    def eta(self, old: float, new: float) -> float:
        """Give the seconds of a move: a trapezoid, or a triangle when it is short. Homing comes on top (`due_before_move_s`)."""
        distance, speed, acceleration = abs(new - old), self._velocity, self._acceleration
        if distance >= speed**2 / acceleration:
            return distance / speed + speed / acceleration
        return 2.0 * (distance / acceleration) ** 0.5

    @property
    def due_before_move_s(self) -> float:
        """Seconds of homing that the next move starts with."""
        return HOMING_S if self.home_first and not self._known_homed else 0.0

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask model, serial number and firmware, and silence its status updates; raises WrongDevice."""
        self.port.post(short(0x0012))
        number, model, _, firmware, *_ = self._read(short(0x0005), 0x0006, "I8sH4s48s12sHHH")
        name = model.rstrip(b"\0 ").decode("ascii", "replace")
        if not name.startswith("K10CR1"):
            raise WrongDevice(self.name, f"it calls itself {name!r} (serial number {number}), which is no K10CR1.",
                              state="nothing was moved", remedy="Correct the resource in the bench file.")
        self.homed     # noqa: B018  learns whether the first move starts with homing
        self.speeds    # noqa: B018  learns how long moves take
        return Identity("Thorlabs", name, str(number), ".".join(str(byte) for byte in reversed(firmware[:3])))

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        velocity, acceleration = self.speeds
        return {"angle_deg": self.angle, "homed": self.homed, "velocity_deg_s": velocity, "acceleration_deg_s2": acceleration}

    def park(self) -> None:
        """Stop, and wait until it stands."""
        self.stop()
        self.finish(lambda: bool(self.status_bits & MOTION_BITS), 6.0, "stopping")
