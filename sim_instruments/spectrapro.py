"""Emulated Acton SpectraPro spectrograph (RS-232 word language: parameters first, CR ends a line, " ok" when it is done)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sim_instruments.clock import Clock
from sim_instruments.lines import LineDevice, Work, command, command_table
from sim_instruments.twin.elements import Monochromator
from sim_instruments.wire import Unit, serial_number

GOTO_NM_PER_S = 500.0
"""Full motor speed (unverified)."""

GOTO_OVERHEAD_S = 0.2
"""Acceleration and backlash of any move (unverified)."""

GRATING_CHANGE_S = 15.0
"""Turning the turret; the manual says up to 20 s."""

START_RATE_NM_MIN = 100.0
"""Scan rate at power-up (unverified)."""

STALL_S = 1e6
"""A stalled drive arrives after this: never, for any program that waits for it."""

SLIT_UM_PER_S = 1000.0
"""Speed of a motorised slit (unverified)."""

SLIT_RANGE_UM = (10.0, 3000.0)
SLOTS = range(1, 10)
MAX_NM_AT_150 = 11200.0
"""Mechanical limit in nm of a grating with 150 lines/mm or fewer; it falls with the line density."""

PARTS = ("SIDE-ENT-SLIT", "FRONT-ENT-SLIT", "SIDE-EXIT-SLIT", "FRONT-EXIT-SLIT", "EXIT-MIRROR", "ENT-MIRROR")
"""What can be selected for the words that follow."""

NO_MOTOR = b"no motor "
MIRROR_TURN_S = 1.0
"""Turning a diverter mirror (unverified)."""

NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)")


class EmulatedSpectraPro(LineDevice):
    """One spectrograph. Fault attribute: `stalled` (a move never ends).

    Options: `slit`, the one with a motor, and `mirrors`, those with one.
    """

    latency_s = 0.005

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        unit = units[0]
        super().__init__(clock=clock, name=unit.role, seed=seed)
        self.monochromator: Monochromator = unit.element or Monochromator(unit.role, clock)
        self.model = str(unit.options.get("model", "SP-2-500i"))
        self.slit = str(unit.options.get("slit", PARTS[0]))
        self.mirrors = {str(part): b"front" for part in unit.options.get("mirrors", ())}    # with a motor
        self.serial = serial_number(seed, unit.role, 7)
        self.echoing = True              # the power-up state of the RS-232 port
        self.rate_nm_per_min = START_RATE_NM_MIN
        self.turret = 1
        self.stalled = False
        self._selected = PARTS[0]
        self._stack: list[float] = []

    def power_up(self) -> None:
        """Wake up: echo on, the drive stands where it was (unverified: real units return to a start wavelength)."""
        self.monochromator.centre_nm.stop()
        self.monochromator.slit_um.stop()
        self.echoing, self.rate_nm_per_min, self.turret, self._selected = True, START_RATE_NM_MIN, 1, PARTS[0]

    @property
    def limit_nm(self) -> float:
        """Largest wavelength the drive can reach with the present grating."""
        grating = self.monochromator.gratings[self.monochromator.grating - 1]
        return MAX_NM_AT_150 * 150.0 / max(150.0, grating.lines_per_mm)

    def receive(self, data: bytes) -> None:
        """Echo every character as it comes, if echo is on, and cut the input into lines."""
        if self.echoing and (shown := data.translate(None, b"\r\n")):
            self.send(shown)
        super().receive(data)

    def obey(self, line: bytes) -> Work:
        """Carry out the words of a line one after the other; one " ok" for all of them."""
        said = b""
        self._stack.clear()
        for word in line.split():
            if NUMBER.fullmatch(word):
                self._stack.append(float(word))
                continue
            found = next(((method, match) for pattern, method in WORDS if (match := pattern.fullmatch(word))), None)
            if found is None:
                return b" " + word + b"? \r\n"
            method, match = found
            answer = method(self, *match.groups())
            answer = (yield from answer) if not isinstance(answer, bytes) else answer
            said += answer if answer != NO_MOTOR or not said.endswith(NO_MOTOR) else b""
        return (said if said.startswith(b"\r\n") else b" " + said) + b" ok\r\n"

    def _number(self, otherwise: float) -> float:
        return self._stack.pop() if self._stack else otherwise

    def _travel(self, target: float, nm_per_s: float) -> float:
        """Start towards `target`, clamped silently as the real box does; gives the seconds it takes."""
        drive = self.monochromator.centre_nm
        target = min(max(target, 0.0), self.limit_nm)
        seconds = GOTO_OVERHEAD_S + abs(target - drive.position) / nm_per_s if target != drive.position else 0.0
        if self.stalled:
            seconds = STALL_S
        drive.move(target, seconds)
        return seconds

    @command(rb"GOTO", re.IGNORECASE)
    def _goto(self) -> Work:
        yield self._travel(self._number(self.monochromator.centre_nm.position), GOTO_NM_PER_S)
        return b""

    @command(rb"NM", re.IGNORECASE)
    def _scan(self) -> Work:
        yield self._travel(self._number(self.monochromator.centre_nm.position), self.rate_nm_per_min / 60)
        return b""

    @command(rb">NM", re.IGNORECASE)
    def _start_scan(self) -> bytes:
        self._travel(self._number(self.monochromator.centre_nm.position), self.rate_nm_per_min / 60)
        return b""

    @command(rb"\?NM", re.IGNORECASE)
    def _position(self) -> bytes:
        return b"%.3f nm " % self.monochromator.centre_nm.position

    @command(rb"NM/MIN", re.IGNORECASE)
    def _set_rate(self) -> bytes:
        self.rate_nm_per_min = max(self._number(self.rate_nm_per_min), 1e-3)
        return b""

    @command(rb"\?NM/MIN", re.IGNORECASE)
    def _rate(self) -> bytes:
        return b"%.3f nm/min " % self.rate_nm_per_min

    @command(rb"MONO-\?DONE", re.IGNORECASE)
    def _done(self) -> bytes:
        return b"%d " % (not self.monochromator.centre_nm.moving)

    @command(rb"MONO-STOP", re.IGNORECASE)
    def _stop(self) -> bytes:
        self.monochromator.centre_nm.stop()
        return b""

    @command(rb"GRATING", re.IGNORECASE)
    def _select_grating(self) -> Work:
        slot = int(self._number(self.monochromator.grating))
        if 1 <= slot <= len(self.monochromator.gratings) and slot != self.monochromator.grating:
            yield GRATING_CHANGE_S
            self.monochromator.grating = slot
            self._travel(self.monochromator.centre_nm.position, GOTO_NM_PER_S)
        return b""

    @command(rb"\?GRATING", re.IGNORECASE)
    def _grating(self) -> bytes:
        return b"%d " % self.monochromator.grating

    @command(rb"\?GRATINGS", re.IGNORECASE)
    def _gratings(self) -> bytes:
        lines = []
        for slot in SLOTS:
            mark = b"\x1a" if slot == self.monochromator.grating else b" "
            text = "Not Installed    "
            if slot <= len(self.monochromator.gratings):
                grating = self.monochromator.gratings[slot - 1]
                text = f"{grating.lines_per_mm:4.0f} g/mm BLZ={grating.blaze:>7}"
            lines.append(b"%s%d %s \r\n" % (mark, slot, text.encode()))
        return b"\r\n" + b"".join(lines)

    @command(rb"TURRET", re.IGNORECASE)
    def _select_turret(self) -> bytes:
        self.turret = min(max(int(self._number(self.turret)), 1), 3)
        return b""

    @command(rb"\?TURRET", re.IGNORECASE)
    def _turret(self) -> bytes:
        return b"%d " % self.turret

    @command(rb"MODEL", re.IGNORECASE)
    def _model(self) -> bytes:
        return self.model.encode() + b" "

    @command(rb"SERIAL", re.IGNORECASE)
    def _serial(self) -> bytes:
        return self.serial.encode() + b" "

    @command(rb"MONO-RESET", re.IGNORECASE)
    def _reset(self) -> bytes:
        self.rate_nm_per_min = START_RATE_NM_MIN
        return b""

    @command(rb"MONO-EESTATUS", re.IGNORECASE)
    def _setup(self) -> bytes:
        return b"\r\n%s\r\n serial number %s\r\n%s\r\n" % (self.model.encode(), self.serial.encode(), self._gratings().strip())

    @command(rb"NO-ECHO", re.IGNORECASE)
    def _echo_off(self) -> bytes:
        self.echoing = False
        return b""

    @command(rb"ECHO", re.IGNORECASE)
    def _echo_on(self) -> bytes:
        self.echoing = True
        return b""

    @command(b"(" + b"|".join(part.encode() for part in PARTS) + b")", re.IGNORECASE)
    def _select_part(self, part: bytes) -> bytes:
        self._selected = part.decode().upper()
        return b"" if self._selected == self.slit or self._selected in self.mirrors else NO_MOTOR

    @command(rb"MICRONS", re.IGNORECASE)
    def _set_slit(self) -> bytes | Work:
        if self._selected != self.slit:
            return NO_MOTOR
        return self._move_slit(self._number(self.monochromator.slit_um.position))

    def _move_slit(self, width_um: float) -> Work:
        slit = self.monochromator.slit_um
        target = min(max(round(width_um / 5) * 5.0, SLIT_RANGE_UM[0]), SLIT_RANGE_UM[1])
        seconds = abs(target - slit.position) / SLIT_UM_PER_S
        slit.move(target, seconds)
        yield seconds
        return b""

    @command(rb"\?MICRONS", re.IGNORECASE)
    def _slit(self) -> bytes:
        return b"%.0f um " % self.monochromator.slit_um.position if self._selected == self.slit else NO_MOTOR

    @command(rb"(FRONT|SIDE)", re.IGNORECASE)
    def _turn_mirror(self, side: bytes) -> bytes | Work:
        return self._divert(side.lower()) if self._selected in self.mirrors else NO_MOTOR

    def _divert(self, side: bytes) -> Work:
        if self.mirrors[self._selected] != side:
            yield MIRROR_TURN_S
        self.mirrors[self._selected] = side
        return b""

    @command(rb"\?MIRROR|\?MIR", re.IGNORECASE)
    def _mirror(self) -> bytes:
        return self.mirrors[self._selected] + b" " if self._selected in self.mirrors else NO_MOTOR


WORDS = command_table(EmulatedSpectraPro)
