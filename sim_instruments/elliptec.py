"""Emulated Thorlabs Elliptec bus with ELL14 and ELL18 rotation mounts (ASCII protocol, 9600 8N1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sim_instruments.clock import Clock, Handle, moment
from sim_instruments.lines import command, command_table
from sim_instruments.twin.elements import RotatingPlate
from sim_instruments.wire import ByteDevice, Unit, serial_number


@dataclass(frozen=True)
class Model:
    """What tells one rotation mount from another: type code, pulses per turn, full speed."""

    code: int
    pulses_per_turn: int
    speed_deg_per_s: float


MODELS = {"ELL14": Model(0x0E, 143360, 430.0), "ELL18": Model(0x12, 262144, 430.0)}
"""Speeds unverified; the scale of the ELL18 rests on one public driver."""

MOVE_OVERHEAD_S = 0.05
"""Start and settling of any move (unverified)."""

HASTE_S = 0.1
"""A move sent sooner than this after the previous one may go to 0 on real units; clients pause as long."""

COMMAND_TIMEOUT_S = 2.0
"""Silence after which a half-sent command is given up (unverified)."""

MECHANICAL_TIMEOUT_S = 2.0
"""How long a blocked motor is driven before it gives up (unverified)."""

SEARCH_S, CLEAN_S = 2.0, 10.0
"""Durations of the resonance search and of optimising or cleaning (unverified)."""

FURTHEST_TURNS = 1.0
"""Absolute positions are accepted within one turn of home either way (unverified)."""

OK, MECHANICAL, UNSUPPORTED, VALUE, ISOLATED, THERMAL, BUSY = 0x0, 0x2, 0x3, 0x4, 0x5, 0x8, 0x9

DATA_LENGTH = {b"ma": 8, b"mr": 8, b"ho": 1, b"sj": 8, b"so": 8, b"sv": 2, b"ca": 1, b"ga": 1, b"is": 2,
               b"f1": 4, b"b1": 4, b"f2": 4, b"b2": 4}
"""Upper-case hexadecimal digits after the two letters; 0 for every other command."""


def signed(digits: bytes) -> int:
    """Read a 32-bit two's complement number."""
    value = int(digits, 16)
    return value - (1 << 32) if value >= 1 << 31 else value


def pulses_hex(pulses: int) -> bytes:
    """Write a 32-bit two's complement number."""
    return b"%08X" % (pulses & 0xFFFFFFFF)


class ElliptecMount:
    """One rotation mount on the bus.

    Fault attributes: `jammed` (the motor turns nothing, status 02), `goes_to_zero` ("" never, "haste" when a move follows the one
    before within 0.1 s, "always"), `over_temperature` (nothing turns, status 08), `fault_code` (stored status, cleared by
    reading it).
    """

    def __init__(self, port: ElliptecPort, unit: Unit, seed: int):
        self.port, self.clock = port, port.clock
        self.plate: RotatingPlate = unit.element or RotatingPlate(unit.role, port.clock)
        self.model = MODELS[str(unit.options.get("model", "ELL14"))]
        self.address = b"%X" % int(str(unit.options.get("address", "0")), 16)
        self.group = b""
        self.serial = str(unit.options.get("serial") or "114" + serial_number(seed, unit.role, 5)).encode()
        self.jog = self.model.pulses_per_turn // 8
        self.home_offset = 0
        self.velocity_percent = 100
        self.periods = {b"f1": 0x00B3, b"b1": 0x0091, b"f2": 0x00B3, b"b2": 0x0091}
        self.jammed = self.over_temperature = False
        self.goes_to_zero = ""
        self._zero_deg = 0.0               # mechanical angle at which the counter reads 0
        self.fault_code = OK
        self._isolated_until = -1.0
        self._work: Handle | None = None
        self._last_end = float("-inf")

    def power_up(self) -> None:
        """Wake up: it calls 0 wherever it stands, until it is homed; address and resonance are kept (unverified)."""
        if self._work is not None:
            self._work.cancel()
            self._work = None
        self.plate.angle.stop()
        self._zero_deg = self.plate.angle.position
        self.jog, self.velocity_percent, self.group = self.model.pulses_per_turn // 8, 100, b""
        self.fault_code, self._isolated_until = OK, -1.0

    @property
    def pulses(self) -> int:
        """Where the mount believes to stand, in encoder pulses."""
        return round((self.plate.angle.position - self._zero_deg) / 360.0 * self.model.pulses_per_turn)

    @property
    def busy(self) -> bool:
        """True during a move or another lasting command."""
        return self._work is not None

    def obey(self, text: bytes) -> None:
        """Carry out one whole command (without the address)."""
        if self.clock.now() < self._isolated_until:
            self.status(ISOLATED)
            return
        for pattern, method in COMMANDS:
            if match := pattern.fullmatch(text):
                method(self, *match.groups())
                return
        self.status(UNSUPPORTED)

    def reply(self, text: bytes) -> None:
        """Send an answer under this unit's address."""
        self.port.send(self.address + text + self.port.reply_end)

    def status(self, code: int) -> None:
        """Send a status answer."""
        self.reply(b"GS%02X" % code)

    def press_button(self) -> None:
        """Press the button on the board: the mount jogs and reports it unasked (content unverified)."""
        self.reply(b"BS10")
        self._start(self.pulses + self.jog, b"BO")

    def _start(self, target: int, answer: bytes = b"PO") -> None:
        """Begin a move to `target` pulses; its answer comes when it has ended."""
        if self.busy:
            self.status(BUSY)
            return
        turns = target / self.model.pulses_per_turn
        if abs(turns) > FURTHEST_TURNS:
            self.fault_code = VALUE
            self.status(VALUE)
            return
        if self.over_temperature:
            self.fault_code = THERMAL
            self.status(THERMAL)
            return
        if self.jammed:
            self._last(MECHANICAL_TIMEOUT_S, self._give_up)
            return
        if self.goes_to_zero == "always" or (self.goes_to_zero == "haste" and self.clock.now() - self._last_end < HASTE_S):
            turns = 0.0
        angle_deg = turns * 360.0 + self._zero_deg
        speed = self.model.speed_deg_per_s * max(self.velocity_percent, 1) / 100
        seconds = MOVE_OVERHEAD_S + abs(angle_deg - self.plate.angle.position) / speed
        self.plate.angle.move(angle_deg, seconds)
        self._last(seconds, lambda: self.reply(answer + pulses_hex(self.pulses)))

    def _give_up(self) -> None:
        self.fault_code = MECHANICAL
        self.status(MECHANICAL)

    def _last(self, seconds: float, then: Any) -> None:
        """Be busy for a while, then answer."""

        def end() -> None:
            self._work, self._last_end = None, self.clock.now()
            then()

        self._work = self.port.after(seconds, end)

    @command(rb"in")
    def _info(self) -> None:
        year, firmware, hardware, travel = b"2023", b"17", b"01", b"%04X" % 360
        code = b"%02X" % self.model.code
        self.reply(b"IN" + code + self.serial + year + firmware + hardware + travel + pulses_hex(self.model.pulses_per_turn))

    @command(rb"gs")
    def _status(self) -> None:
        code, self.fault_code = (BUSY, self.fault_code) if self.busy else (self.fault_code, OK)
        self.status(code)

    @command(rb"gp")
    def _position(self) -> None:
        self.reply(b"PO" + pulses_hex(self.pulses))

    @command(rb"ma(.{8})")
    def _move_absolute(self, digits: bytes) -> None:
        self._start(signed(digits))

    @command(rb"mr(.{8})")
    def _move_relative(self, digits: bytes) -> None:
        self._start(self.pulses + signed(digits))

    @command(rb"fw")
    def _forward(self) -> None:
        self._start(self.pulses + self.jog)

    @command(rb"bw")
    def _backward(self) -> None:
        self._start(self.pulses - self.jog)

    @command(rb"ho[0-9A-F]")
    def _home(self) -> None:
        if not (self.busy or self.jammed or self.over_temperature):
            self._zero_deg = 0.0
        self._start(0)

    @command(rb"st")
    def _stop(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._work, self._last_end = None, self.clock.now()
            self.plate.angle.stop()
        self.status(OK)

    @command(rb"gj")
    def _jog_step(self) -> None:
        self.reply(b"GJ" + pulses_hex(self.jog))

    @command(rb"sj(.{8})")
    def _set_jog_step(self, digits: bytes) -> None:
        self.jog = signed(digits)
        self.status(OK)

    @command(rb"go")
    def _home_offset(self) -> None:
        self.reply(b"HO" + pulses_hex(self.home_offset))

    @command(rb"so(.{8})")
    def _set_home_offset(self, digits: bytes) -> None:
        self.home_offset = signed(digits)
        self.status(OK)

    @command(rb"gv")
    def _velocity(self) -> None:
        self.reply(b"GV%02X" % self.velocity_percent)

    @command(rb"sv(..)")
    def _set_velocity(self, digits: bytes) -> None:
        percent = int(digits, 16)
        if percent > 100:
            self.status(VALUE)
            return
        self.velocity_percent = percent
        self.status(OK)

    @command(rb"i([12])")
    def _motor(self, motor: bytes) -> None:
        current, ramps = b"%04X" % 933, b"FFFFFFFF"          # 0.5 A at 1866 counts per ampere
        periods = b"%04X%04X" % (self.periods[b"f" + motor], self.periods[b"b" + motor])
        self.reply(b"I" + motor + b"11" + current + ramps + periods)

    @command(rb"([fb][12])(.{4})")
    def _set_period(self, name: bytes, digits: bytes) -> None:
        if int(digits, 16) == 0:
            self.status(VALUE)
            return
        self.periods[name] = int(digits, 16)
        self.status(OK)

    @command(rb"s[12]")
    def _search(self) -> None:
        self._tune(SEARCH_S)

    @command(rb"om|cm")
    def _optimise(self) -> None:
        self._tune(CLEAN_S)

    def _tune(self, seconds: float) -> None:
        if self.busy:
            self.status(BUSY)
        else:
            self._last(seconds, lambda: self.status(OK))

    @command(rb"us")
    def _store(self) -> None:
        self.status(OK)

    @command(rb"ca(.)")
    def _change_address(self, digit: bytes) -> None:
        if any(other is not self and other.address == digit for other in self.port.mounts):
            self.status(VALUE)
            return
        self.address = digit
        self.status(OK)

    @command(rb"ga(.)")
    def _listen_to_group(self, digit: bytes) -> None:
        """Also obey the next command for another address, answering under the own one (details unverified)."""
        self.group = digit
        self.status(OK)

    @command(rb"is(..)")
    def _isolate(self, minutes: bytes) -> None:
        self.status(OK)
        self._isolated_until = moment(self.clock.now() + 60.0 * int(minutes, 16))


COMMANDS = command_table(ElliptecMount)


class ElliptecPort(ByteDevice):
    """One bus of up to 16 units; commands have no terminator and are told apart by their fixed length."""

    reply_end = b"\r\n"
    latency_s = 0.005

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        super().__init__(clock=clock, name="+".join(unit.role for unit in units), seed=seed)
        self.mounts = [ElliptecMount(self, unit, seed) for unit in units]
        self._input = b""
        self._last_input = clock.now()

    def unit(self, address: str) -> ElliptecMount:
        """Give the unit with this address, to plant a fault in it."""
        return next(mount for mount in self.mounts if mount.address == address.encode())

    def forget_input(self) -> None:
        """Drop a half-sent command."""
        self._input = b""

    def power_up(self) -> None:
        """Wake every unit up."""
        for mount in self.mounts:
            mount.power_up()

    def receive(self, data: bytes) -> None:
        """Cut the input into commands; what can be none is skipped."""
        if self.clock.now() - self._last_input > COMMAND_TIMEOUT_S:
            self._input = b""
        self._last_input = self.clock.now()
        text = self._input + data
        while match := HEADER.search(text):
            length = DATA_LENGTH.get(match[2], 0)
            digits = text[match.end() : match.end() + length]
            sound = re.match(rb"[0-9A-Fa-f]*", digits)
            if sound is not None and sound.end() < len(digits):
                self._obey(match[1], b"?")        # broken off: not a command, and what follows starts anew
                text = text[match.end() + sound.end():]
            elif len(digits) < length:
                break
            else:
                self._obey(match[1], match[2] + digits)
                text = text[match.end() + length:]
        self._input = text[match.start():] if match else text[-2:]

    def _obey(self, address: bytes, text: bytes) -> None:
        for mount in self.mounts:
            if mount.address == address:
                mount.obey(text)
            elif mount.group == address:
                mount.group = b""
                mount.obey(text)


HEADER = re.compile(rb"([0-9A-F])([a-z][a-z0-9])")
