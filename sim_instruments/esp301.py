"""Emulated Newport ESP301 motion controller (ASCII: axis, two letters, parameter; CR ends a line, replies end CR LF)."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
from typing import Any

from sim_instruments.clock import Clock, Handle
from sim_instruments.esp301_errors import (
    BAD_AXIS,
    EMERGENCY,
    FOLLOWING,
    HOMING,
    LOWER_LIMIT,
    LOWER_SWITCH,
    NO_AXIS,
    NO_ERROR,
    NO_PARAMETER,
    NOT_ENABLED,
    OUT_OF_RANGE,
    RANGE,
    TOO_FAST,
    UNKNOWN,
    UPPER_LIMIT,
    UPPER_SWITCH,
    Fault,
    text_of,
)
from sim_instruments.lines import LineDevice, Work, command, command_table
from sim_instruments.trapezoid import travel_seconds
from sim_instruments.twin.more_elements import Stage
from sim_instruments.twin.motion import Mover
from sim_instruments.wire import Unit, serial_number

VELOCITY, MOST_VELOCITY, ACCELERATION = 5.0, 25.0, 20.0
"""mm/s, mm/s and mm/s² after power-up (they belong to the stage; unverified)."""

TRAVEL_MM = 150.0
"""Distance of each end switch from the home position (unverified)."""

STALL_S = 1e6
"""A stalled motor arrives after this: never, for any program that waits for it."""

LONGEST_WAIT_MS = 60_000
"""Longest pause that WT and WS accept."""

MOST_ERRORS = 10
"""Errors remembered (unverified)."""

COMMAND = re.compile(rb"\s*(\d*)\s*(\*IDN|[A-Za-z]{2})\s*(.*?)\s*", re.IGNORECASE)


class Axis:
    """One motor. Fault attribute: `stalled` (does not arrive; following error, motor off)."""

    def __init__(self, number: int, mover: Mover):
        self.number, self.mover = number, mover
        self.enabled, self.homing, self.stalled = False, False, False
        self.velocity, self.acceleration, self.homing_velocity = VELOCITY, ACCELERATION, VELOCITY
        self.lower, self.upper = -TRAVEL_MM, TRAVEL_MM
        self.unit = 2                      # millimetres
        self.zero = 0.0                    # where the counter reads 0, from the home position
        self.work: Handle | None = None

    @property
    def position(self) -> float:
        """What the counter shows."""
        return self.mover.position - self.zero

    def halt(self) -> None:
        """Stand still."""
        if self.work is not None:
            self.work.cancel()
        self.work, self.homing = None, False
        self.mover.stop()


class EmulatedESP301(LineDevice):
    """One controller; several roles may share it.

    A role's option `axis` (1) is the number of its stage's first coordinate. A move commanded during a move replaces it; running
    into an end switch stops the axis and switches its motor off. Fault attributes: `stalled` of an axis; `press_emergency_stop()`,
    `power_cycle()`.
    """

    reply_end = b"\r\n"
    latency_s = 0.004

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        super().__init__(clock=clock, name="+".join(unit.role for unit in units), seed=seed)
        self.axes: dict[int, Axis] = {}
        self.stages: list[Stage] = []
        for unit in units:
            alone = ("x", "y", "z") if len(units) == 1 else ("x",)
            stage: Stage = unit.element or Stage(unit.role, clock, axes=alone)
            self.stages.append(stage)
            for number, mover in enumerate(stage.axes.values(), int(unit.options.get("axis", 1))):
                self.axes[number] = Axis(number, mover)
        self.serial = serial_number(seed, units[0].role, 5)
        self.errors: deque[tuple[int, float]] = deque(maxlen=MOST_ERRORS)

    def power_up(self) -> None:
        """Wake up: motors off, counters at zero where they stand, settings of the factory."""
        self.errors.clear()
        for number, axis in self.axes.items():
            axis.halt()
            fresh = Axis(number, axis.mover)
            fresh.zero, fresh.stalled = axis.mover.position, axis.stalled
            self.axes[number] = fresh

    def press_emergency_stop(self) -> None:
        """Hit the red button: every motor off."""
        with self.lock:
            self._abort_all()
            self._remember(EMERGENCY)

    # ------------------------------------------------------------------ lines
    def obey(self, line: bytes) -> Work:
        """Carry out the commands of a line one after the other; each answer is a line of its own."""
        said = b""
        for text in line.split(b";"):
            if not text.strip():
                continue
            axis_number: int | None = None
            try:
                match = COMMAND.fullmatch(text)
                if match is None:
                    raise Fault(UNKNOWN)
                axis_number = int(match[1]) if match[1] else None
                answer = self._carry_out(axis_number, match[2].upper() + match[3])
                if not isinstance(answer, bytes):
                    answer = yield from answer
                said += answer + self.reply_end if answer else b""
            except Fault as fault:
                self._remember(fault.code + (100 * (axis_number or 0) if fault.of_axis else 0))
        return said

    def _carry_out(self, number: int | None, text: bytes) -> bytes | Work:
        for pattern, method in COMMANDS:
            if match := pattern.fullmatch(text):
                return method(self, number, *match.groups())
        raise Fault(UNKNOWN)

    def _remember(self, code: int) -> None:
        self.errors.append((code, self.clock.now()))

    def _axis(self, number: int | None) -> Axis:
        if number is None:
            raise Fault(NO_AXIS)
        if number not in self.axes:
            raise Fault(BAD_AXIS)
        return self.axes[number]

    @staticmethod
    def _value(text: bytes) -> float:
        if not text:
            raise Fault(NO_PARAMETER)
        try:
            value = float(text)
        except ValueError:
            raise Fault(OUT_OF_RANGE) from None
        if not math.isfinite(value):
            raise Fault(OUT_OF_RANGE)
        return value

    # ------------------------------------------------------------------ motion
    def _go(self, axis: Axis, target: float) -> None:
        """Start towards a counter value."""
        if not axis.enabled:
            raise Fault(NOT_ENABLED, of_axis=True)
        if axis.homing:
            raise Fault(HOMING, of_axis=True)
        if not axis.lower <= target <= axis.upper:
            raise Fault(UPPER_LIMIT if target > axis.upper else LOWER_LIMIT, of_axis=True)
        self._travel(axis, target + axis.zero, axis.velocity)

    def _travel(self, axis: Axis, target: float, velocity: float) -> None:
        axis.halt()
        end = min(max(target, -TRAVEL_MM), TRAVEL_MM)
        seconds = min(travel_seconds(abs(end - axis.mover.position), velocity, axis.acceleration), STALL_S)
        if axis.stalled:
            axis.work = self.after(seconds, lambda: self._fail(axis, FOLLOWING))
            return
        axis.mover.move(end, seconds)
        code = 0 if end == target else UPPER_SWITCH if target > end else LOWER_SWITCH
        axis.work = self.after(seconds, lambda: self._fail(axis, code) if code else self._finish(axis))

    def _finish(self, axis: Axis) -> None:
        axis.zero = 0.0 if axis.homing else axis.zero
        axis.work, axis.homing = None, False

    def _fail(self, axis: Axis, code: int) -> None:
        axis.halt()
        axis.enabled = False
        self._remember(100 * axis.number + code)

    def _abort_all(self) -> None:
        for axis in self.axes.values():
            axis.halt()
            axis.enabled = False

    @command(rb"PA([^?]*)")
    def _move_to(self, number: int | None, text: bytes) -> bytes:
        self._go(self._axis(number), self._value(text))
        return b""

    @command(rb"PR([^?]*)")
    def _move_by(self, number: int | None, text: bytes) -> bytes:
        axis = self._axis(number)
        self._go(axis, axis.position + self._value(text))
        return b""

    @command(rb"MV([+-])")
    def _move_on(self, number: int | None, direction: bytes) -> bytes:
        axis = self._axis(number)
        self._go(axis, axis.upper if direction == b"+" else axis.lower)
        return b""

    @command(rb"OR([0-6]?)")
    def _home(self, number: int | None, kind: bytes) -> bytes:
        """Look for the home position; the counter reads 0 there."""
        axis = self._axis(number)
        if not axis.enabled:
            raise Fault(NOT_ENABLED, of_axis=True)
        self._travel(axis, axis.zero if kind == b"0" else 0.0, axis.homing_velocity)
        axis.homing = kind != b"0"
        return b""

    @command(rb"ST")
    def _stop(self, number: int | None) -> bytes:
        """Slow down and stop one axis, or all."""
        for axis in self.axes.values() if number is None else [self._axis(number)]:
            if axis.work is not None and not axis.stalled:
                seconds = axis.velocity / axis.acceleration
                way = min(axis.velocity * seconds / 2, abs(axis.mover.target - axis.mover.position) / 2)
                target = axis.mover.position + math.copysign(way, axis.mover.target - axis.mover.position)
                axis.halt()
                self._travel(axis, target, axis.velocity)
            else:
                axis.halt()
        return b""

    @command(rb"AB")
    def _abort(self, number: int | None) -> bytes:
        self._abort_all()
        return b""

    @command(rb"WS(\d*)")
    def _wait_for_stop(self, number: int | None, milliseconds: bytes) -> Work:
        """Hold further commands back until an axis (or every one) stands."""
        for axis in list(self.axes.values()) if number is None else [self._axis(number)]:
            while axis.work is not None:
                yield max(axis.mover.arrival - self.clock.now(), 1e-3)
        yield self._milliseconds(milliseconds)
        return b""

    @command(rb"WT(\d*)")
    def _wait(self, number: int | None, milliseconds: bytes) -> Work:
        yield self._milliseconds(milliseconds)
        return b""

    @staticmethod
    def _milliseconds(text: bytes) -> float:
        if int(text or 0) > LONGEST_WAIT_MS:
            raise Fault(OUT_OF_RANGE)
        return int(text or 0) / 1e3

    # ------------------------------------------------------------------ state
    @command(rb"TP\??")
    def _position(self, number: int | None) -> bytes:
        return b"%.5f" % self._axis(number).position

    @command(rb"(?:DP|PA)\?")
    def _target(self, number: int | None) -> bytes:
        axis = self._axis(number)
        return b"%.5f" % (axis.mover.target - axis.zero)

    @command(rb"TV\??")
    def _speed(self, number: int | None) -> bytes:
        axis = self._axis(number)
        return b"%.5f" % (axis.velocity if axis.mover.moving else 0.0)

    @command(rb"MD\??")
    def _done(self, number: int | None) -> bytes:
        return b"%d" % (self._axis(number).work is None)

    @command(rb"MO")
    def _motor_on(self, number: int | None) -> bytes:
        self._axis(number).enabled = True
        return b""

    @command(rb"MF")
    def _motor_off(self, number: int | None) -> bytes:
        axis = self._axis(number)
        axis.halt()
        axis.enabled = False
        return b""

    @command(rb"(MO|MF)\?")
    def _is_on(self, number: int | None, name: bytes) -> bytes:
        return b"%d" % self._axis(number).enabled

    @command(rb"DH([^?]*)")
    def _define(self, number: int | None, text: bytes) -> bytes:
        axis = self._axis(number)
        axis.zero = axis.mover.position - (self._value(text) if text else 0.0)
        return b""

    @command(rb"(VA|AC|AG|OH|SL|SR)([^?]*)")
    def _set(self, number: int | None, name: bytes, text: bytes) -> bytes:
        axis, value = self._axis(number), self._value(text)
        if name in (b"VA", b"OH") and value > MOST_VELOCITY:
            raise Fault(TOO_FAST, of_axis=True)
        wrong_side = (name == b"SL" and value > axis.upper) or (name == b"SR" and value < axis.lower)
        if wrong_side or (name not in (b"SL", b"SR") and value <= 0.0):
            raise Fault(RANGE, of_axis=True)
        setattr(axis, SETTINGS[name], value)
        return b""

    @command(rb"(VA|AC|AG|OH|SL|SR)\?")
    def _get(self, number: int | None, name: bytes) -> bytes:
        return b"%.5f" % getattr(self._axis(number), SETTINGS[name])

    @command(rb"VU\?")
    def _fastest(self, number: int | None) -> bytes:
        self._axis(number)
        return b"%.5f" % MOST_VELOCITY

    @command(rb"SN(\d*)")
    def _set_unit(self, number: int | None, text: bytes) -> bytes:
        axis, unit = self._axis(number), int(self._value(text))
        if unit > 11:
            raise Fault(RANGE, of_axis=True)
        axis.unit = unit                  # a label: numbers stay as they are (unverified)
        return b""

    @command(rb"SN\?")
    def _unit(self, number: int | None) -> bytes:
        return b"%d" % self._axis(number).unit

    @command(rb"ID\??")
    def _stage(self, number: int | None) -> bytes:
        return b"ILS150PP, SN%s%d" % (self.serial.encode(), self._axis(number).number)

    @command(rb"VE\??|\*IDN\?")
    def _version(self, number: int | None) -> bytes:
        return b"ESP301 Version 3.0.1 6/1/99"

    @command(rb"TE\??")
    def _error(self, number: int | None) -> bytes:
        return b"%d" % (self.errors.popleft()[0] if self.errors else NO_ERROR)

    @command(rb"TB\??")
    def _error_text(self, number: int | None) -> bytes:
        code, when = self.errors.popleft() if self.errors else (NO_ERROR, self.clock.now())
        return f"{code}, {round(when * 1e3)}, {text_of(code)}".encode()


SETTINGS = {b"VA": "velocity", b"AC": "acceleration", b"AG": "acceleration", b"OH": "homing_velocity", b"SL": "lower",
            b"SR": "upper"}
COMMANDS = command_table(EmulatedESP301)
