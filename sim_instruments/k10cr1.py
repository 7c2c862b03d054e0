"""Emulated Thorlabs K10CR1 rotation mount (APT binary protocol, 115200 8N1)."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim_instruments.apt import AptDevice, data_frame, frame, message
from sim_instruments.clock import Clock, Handle
from sim_instruments.trapezoid import travel_seconds
from sim_instruments.twin.elements import RotatingPlate
from sim_instruments.wire import Unit, serial_number

STEPS_PER_DEG = 409600 / 3
"""409600 microsteps make one turn of the motor, which is 3 degrees of the mount."""

VELOCITY_SCALE = 53.68 * STEPS_PER_DEG
ACCELERATION_SCALE = 204.94e-6 * VELOCITY_SCALE
"""Device units per deg/s and per deg/s²: 7329109.33 and 1502.03."""

FASTEST_DEG_S, FASTEST_HOMING_DEG_S, HARDEST_DEG_S2 = 10.0, 5.0, 20.0
"""What the mount can do; larger values are taken as these (that it clamps is unverified)."""

COUNTER_LIMIT_DEG = 43 * 360.0
"""The counter holds 43 turns either way; moves beyond are not executed (unverified)."""

HOME_OFFSET = round(4.0 * STEPS_PER_DEG)
"""Microsteps from the reference switch to zero (4 degrees; unverified)."""

UPDATE_PERIOD_S = 0.1
UPDATES_WITHOUT_ACKNOWLEDGEMENT = 50
"""Period of the status messages one can order, and how many come before the unit takes the host for dead (both unverified)."""

STALL_S = 1e6
"""A stalled motor arrives after this: never, for any program that waits for it."""

STEPPER = 16
"""Hardware type in the information block (unverified)."""

FORWARD, REVERSE = 1, 2
ENABLED, DISABLED = 1, 2
IMMEDIATELY = 1
CONTINUOUS = 1
CHANNEL = 1

MOVING_FORWARD, MOVING_REVERSE, JOGGING_FORWARD, JOGGING_REVERSE = 1 << 4, 1 << 5, 1 << 6, 1 << 7
CONNECTED, HOMING, HOMED, SETTLED, MOTION_ERROR = 1 << 8, 1 << 9, 1 << 10, 1 << 13, 1 << 14
POWER_OK, ACTIVE, CHANNEL_ENABLED = 1 << 28, 1 << 29, 1 << 31

PARAMETERS = {0x0413: "Hiii", 0x0416: "HHiiiiH", 0x0423: "HHHiiH", 0x0426: "HHH", 0x043A: "Hi", 0x0440: "HHHii", 0x0445: "Hi",
              0x0450: "Hi"}
"""Blocks that are set by this number, asked for by the next and answered by the one after."""

VELOCITY, JOG, SWITCHES, CURRENTS, BACKLASH, HOME, RELATIVE, ABSOLUTE = PARAMETERS


def factory_settings() -> dict[int, tuple[int, ...]]:
    """Give the power-up parameters, each block after its channel (values unverified)."""
    fast, hard = round(FASTEST_DEG_S * VELOCITY_SCALE), round(HARDEST_DEG_S2 * ACCELERATION_SCALE)
    homing = round(FASTEST_HOMING_DEG_S * VELOCITY_SCALE)
    return {VELOCITY: (0, hard, fast), JOG: (2, round(5.0 * STEPS_PER_DEG), 0, hard, fast, 2), SWITCHES: (4, 1, 0, 0, 1),
            CURRENTS: (5, 30), BACKLASH: (0,), HOME: (REVERSE, 1, homing, HOME_OFFSET), RELATIVE: (0,), ABSOLUTE: (0,)}


@dataclass(frozen=True)
class Leg:
    """One straight part of a motion: mechanical target in degrees, deg/s, deg/s²."""

    target: float
    velocity: float
    acceleration: float


class EmulatedK10CR1(AptDevice):
    """One mount; angle 0 of its optic is where homing with the default offset ends.

    The counter keeps its value when the power is cut; the homed flag does not survive. Between start and end of a move the angle is
    interpolated linearly. A new move replaces the one under way, whose completion is then never reported (unverified).
    Fault attributes: `stalled` (motions do not end, the motion-error bit is set), `goes_to_zero` (every absolute move ends at 0),
    `slip` (fraction of each motion that the optic does not follow although the counter does); `power_cycle()`.
    """

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        unit = units[0]
        super().__init__(clock=clock, name=unit.role, seed=seed)
        self.plate: RotatingPlate = unit.element or RotatingPlate(unit.role, clock)
        self.serial = int(unit.options.get("serial") or "55" + serial_number(seed, unit.role, 6))
        self.stalled = self.goes_to_zero = False
        self.slip = 0.0
        self._zero_deg = 0.0               # mechanical angle at which the counter reads 0
        self._motion: Handle | None = None
        self._legs: list[Leg] = []
        self._leg = Leg(0.0, FASTEST_DEG_S, HARDEST_DEG_S2)
        self._then: Callable[[], None] = lambda: None
        self._flags = 0
        self._direction = 0
        self._updating = False
        self.power_up()

    def power_up(self) -> None:
        """Wake up: motion has stopped, parameters and homed flag are gone, the counter is kept."""
        self._halt()
        self.values = factory_settings()
        self.homed, self.enabled, self._updating, self._unacknowledged = False, True, False, 0

    @property
    def counter(self) -> int:
        """The position counter in microsteps."""
        return round((self.plate.angle.position - self._zero_deg) * STEPS_PER_DEG)

    @property
    def status(self) -> int:
        """The status bits."""
        bits = CONNECTED | POWER_OK | (HOMED if self.homed else 0) | (CHANNEL_ENABLED if self.enabled else 0)
        if self._motion is None:
            return bits | SETTLED
        bits |= ACTIVE | self._flags | (MOTION_ERROR if self.stalled else 0)
        return bits | (MOVING_FORWARD if self._direction >= 0 else MOVING_REVERSE)

    def _state(self) -> bytes:
        return struct.pack("<HiiI", CHANNEL, self.counter, 0, self.status)

    def _profile(self, velocity: int, acceleration: int, fastest: float = FASTEST_DEG_S) -> tuple[float, float]:
        return min(velocity / VELOCITY_SCALE, fastest), min(acceleration / ACCELERATION_SCALE, HARDEST_DEG_S2)

    def _move(self, steps: int, velocity: int, acceleration: int, flags: int = 0) -> None:
        """Go to a counter value; a reverse move overshoots by the backlash distance and comes back."""
        speed, ramp = self._profile(velocity, acceleration)
        target = steps / STEPS_PER_DEG
        if abs(target) > COUNTER_LIMIT_DEG or speed <= 0 or ramp <= 0 or not self.enabled:
            return
        mechanical, backlash = target + self._zero_deg, self.values[BACKLASH][0] / STEPS_PER_DEG
        legs = [Leg(mechanical, speed, ramp)]
        if backlash > 0 and mechanical < self.plate.angle.position:
            legs.insert(0, Leg(mechanical - backlash, speed, ramp))
        self._run(legs, flags, lambda: self.send(data_frame(0x0464, self._state())))

    def _run(self, legs: list[Leg], flags: int, then: Callable[[], None]) -> None:
        self._halt()
        self._legs, self._flags, self._then = legs, flags, then
        self._next_leg()

    def _next_leg(self) -> None:
        if not self._legs:
            self._motion = None
            self._then()
            return
        self._leg = leg = self._legs.pop(0)
        here = self.plate.angle.position
        distance = leg.target - here
        self._direction = -1 if distance < 0 else 1
        seconds = travel_seconds(abs(distance), leg.velocity, leg.acceleration)
        lost = distance * self.slip
        self._zero_deg -= lost
        self.plate.angle.move(here if self.stalled else leg.target - lost, seconds)
        self._motion = self.after(STALL_S if self.stalled else min(seconds, STALL_S), self._next_leg)

    def _halt(self) -> None:
        """Stand still at once."""
        if self._motion is not None:
            self._motion.cancel()
            self._motion = None
            self.plate.angle.stop()

    @message(0x0005)
    def _information(self, p1: int, p2: int) -> None:
        firmware, notes = bytes([3, 0, 2, 0]), b"K10CR1 rotation mount"      # versions and notes unverified
        self.send(data_frame(0x0006, struct.pack("<I8sH4s48s12xHHH", self.serial, b"K10CR1", STEPPER, firmware, notes, 1, 0, 1)))

    @message(0x0210)
    def _enable(self, channel: int, state: int) -> None:
        self.enabled = state != DISABLED

    @message(0x0211)
    def _is_enabled(self, channel: int, p2: int) -> None:
        self.send(frame(0x0212, CHANNEL, ENABLED if self.enabled else DISABLED))

    @message(0x0410, "Hi")
    def _set_counter(self, channel: int, steps: int) -> None:
        self._zero_deg = self.plate.angle.position - steps / STEPS_PER_DEG

    @message(0x0411)
    def _counter(self, channel: int, p2: int) -> None:
        self.send(data_frame(0x0412, struct.pack("<Hi", CHANNEL, self.counter)))

    @message(0x0429)
    def _status_bits(self, channel: int, p2: int) -> None:
        self.send(data_frame(0x042A, struct.pack("<HI", CHANNEL, self.status)))

    @message(0x0480)
    def _status_update(self, channel: int, p2: int) -> None:
        self.send(data_frame(0x0481, self._state()))

    @message(0x0490)
    def _servo_status_update(self, channel: int, p2: int) -> None:
        self.send(data_frame(0x0491, struct.pack("<HihHI", CHANNEL, self.counter, 0, 0, self.status)))

    @message(0x0011)
    def _start_updates(self, p1: int, p2: int) -> None:
        self._unacknowledged = 0
        if not self._updating:
            self._updating = True
            self.after(UPDATE_PERIOD_S, self._update)

    @message(0x0012)
    def _stop_updates(self, p1: int, p2: int) -> None:
        self._updating = False

    @message(0x0492)
    def _acknowledge(self, p1: int, p2: int) -> None:
        self._unacknowledged = 0

    def _update(self) -> None:
        self._unacknowledged += 1
        if self._updating and self._unacknowledged <= UPDATES_WITHOUT_ACKNOWLEDGEMENT:
            self.send(data_frame(0x0481, self._state()))
            self.after(UPDATE_PERIOD_S, self._update)
        else:
            self._updating = False

    @message(0x0443)
    def _home(self, channel: int, p2: int) -> None:
        """Turn to the reference switch, then by the offset, and call that zero."""
        direction, _, velocity, offset = self.values[HOME]
        speed, ramp = self._profile(velocity, self.values[VELOCITY][1], FASTEST_HOMING_DEG_S)
        if not self.enabled or speed <= 0 or ramp <= 0:
            return
        here = self.plate.angle.position
        beyond = (here + HOME_OFFSET / STEPS_PER_DEG) % 360.0    # the switch stands the default offset below angle 0
        switch = here - beyond if direction == REVERSE else here + (360.0 - beyond) % 360.0
        self.homed = False
        zero = switch + offset / STEPS_PER_DEG
        self._run([Leg(switch, speed, ramp), Leg(zero, speed, ramp)], HOMING, self._homed)

    def _homed(self) -> None:
        self.homed = True
        self._zero_deg = self.plate.angle.position
        self.send(frame(0x0444, CHANNEL))

    @message(0x0448, "Hi")
    def _move_relative(self, channel: int, steps: int) -> None:
        _, acceleration, velocity = self.values[VELOCITY]
        self._move(self.counter + steps, velocity, acceleration)

    @message(0x0448)
    def _move_relative_as_stored(self, channel: int, p2: int) -> None:
        self._move_relative(channel, *self.values[RELATIVE])

    @message(0x0453, "Hi")
    def _move_absolute(self, channel: int, steps: int) -> None:
        _, acceleration, velocity = self.values[VELOCITY]
        self._move(0 if self.goes_to_zero else steps, velocity, acceleration)

    @message(0x0453)
    def _move_absolute_as_stored(self, channel: int, p2: int) -> None:
        self._move_absolute(channel, *self.values[ABSOLUTE])

    @message(0x0457)
    def _move_on(self, channel: int, direction: int) -> None:
        """Turn until told otherwise (or the counter is full)."""
        _, acceleration, velocity = self.values[VELOCITY]
        self._move(self._furthest(direction), velocity, acceleration)

    @staticmethod
    def _furthest(direction: int) -> int:
        return math.floor(COUNTER_LIMIT_DEG * STEPS_PER_DEG) * (1 if direction == FORWARD else -1)

    @message(0x046A)
    def _jog(self, channel: int, direction: int) -> None:
        mode, step, _, acceleration, velocity, _ = self.values[JOG]
        target = self.counter + (step if direction == FORWARD else -step)
        if mode == CONTINUOUS:
            target = self._furthest(direction)
        self._move(target, velocity, acceleration, JOGGING_FORWARD if direction == FORWARD else JOGGING_REVERSE)

    @message(0x0465)
    def _stop(self, channel: int, mode: int) -> None:
        """Stop at once, or along the ramp: the distance is v²/2a, or half of what is left if that is less."""
        if self._motion is None or mode == IMMEDIATELY:
            self._halt()
            self._stopped()
            return
        speed, ramp, here = self._leg.velocity, self._leg.acceleration, self.plate.angle.position
        distance = 0.0 if self.stalled else min(speed**2 / (2 * ramp), abs(self.plate.angle.target - here) / 2)
        self._halt()
        self.plate.angle.move(here + math.copysign(distance, self._direction), seconds := math.sqrt(2 * distance / ramp))
        self._flags, self._legs, self._then = 0, [], self._stopped
        self._motion = self.after(seconds, self._next_leg)

    def _stopped(self) -> None:
        self.send(data_frame(0x0466, self._state()))

    def _obey(self, number: int, p1: int, p2: int) -> None:
        """Answer the request for a block of parameters; everything else stands in the table."""
        if (layout := PARAMETERS.get(number - 1)) is not None:
            self.send(data_frame(number + 1, struct.pack("<" + layout, CHANNEL, *self.values[number - 1])))
        else:
            super()._obey(number, p1, p2)

    def _obey_data(self, number: int, data: bytes) -> None:
        """Take a block of parameters; everything else stands in the table."""
        layout = PARAMETERS.get(number)
        if layout is None:
            super()._obey_data(number, data)
        elif len(data) == struct.calcsize("<" + layout):
            self.values[number] = struct.unpack("<" + layout, data)[1:]
