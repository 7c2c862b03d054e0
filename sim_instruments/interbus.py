"""The device side of NKT Photonics' Interbus: telegrams, registers, and the bus that modules hang on."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim_instruments.clock import Clock, Handle
from sim_instruments.wire import ByteDevice

START, END, ESCAPE = 0x0D, 0x0A, 0x5E
ESCAPED = (START, END, ESCAPE)
NACK, CRC_ERROR, BUSY, ACK, READ, WRITE, SET_BITS, CLEAR_BITS, DATAGRAM, TOGGLE_BITS = range(10)
LONGEST_DATA = 240
LONGEST_TELEGRAM = 2 * (LONGEST_DATA + 8)


def encode(destination: int, source: int, kind: int, data: bytes) -> bytes:
    """Build a telegram: body and CRC-16 (polynomial 1021, start 0, high byte first), framed."""
    body = bytes((destination, source, kind)) + data
    return frame(body + binascii.crc_hqx(body, 0).to_bytes(2, "big"))


def frame(body: bytes) -> bytes:
    """Escape the body and put it between start and end byte."""
    escaped = b"".join(bytes((ESCAPE, byte + 0x40)) if byte in ESCAPED else bytes((byte,)) for byte in body)
    return bytes((START,)) + escaped + bytes((END,))


def unescape(text: bytes) -> bytes | None:
    """Undo the escapes; None if one of them is none."""
    body, rest = bytearray(), iter(text)
    for byte in rest:
        if byte == ESCAPE:
            byte = next(rest, 0x40) - 0x40
            if byte not in ESCAPED:
                return None
        body.append(byte)
    return bytes(body)


@dataclass(frozen=True)
class Register:
    """One register: the struct format of its value and the module's attribute behind it.

    `low` and `high` bound what may be written; a register without them can only be read. An empty format is text of any length.
    `channel` numbers registers that share an attribute.
    """

    attribute: str
    format: str = "<H"
    low: int | None = None
    high: int = 0
    channel: int = -1


class Refused(Exception):
    """The module does not take this telegram (NACK)."""


class Module:
    """One module on the bus: a table of registers. Fault attributes: `busy` and `nak`, the number of telegrams to answer so."""

    kind: ClassVar[int] = 0
    registers: ClassVar[Mapping[int, Register]] = {}
    common: ClassVar[Mapping[int, Register]] = {
        0x61: Register("kind", "B"),
        0x64: Register("firmware", ""),
        0x65: Register("serial", ""),
        0x66: Register("status_bits"),
        0x67: Register("error_code", "B"),
    }

    def __init__(self, clock: Clock, address: int, serial: str):
        self.clock, self.address = clock, address
        self.bus: Interbus | None = None
        self.serial = serial.encode()
        self.firmware = struct.pack("<H", 0x0102) + b"emulated 1.02\0"
        self.error_code = 0
        self.busy = 0
        self.nak = 0
        self.last_traffic = clock.now()

    def power_up(self) -> None:
        """Take the state in which the module wakes up (subclasses)."""

    @property
    def status_bits(self) -> int:
        """Register 0x66 (subclasses)."""
        return 0

    def obey(self, kind: int, data: bytes) -> tuple[int, bytes]:
        """Carry out one intact telegram; gives kind and data of the answer."""
        self.last_traffic = self.clock.now()
        number = data[:1]
        if self.busy > 0:
            self.busy -= 1
            return BUSY, number
        if self.nak > 0:
            self.nak -= 1
            return NACK, number
        try:
            register = self._register(number)
            if kind == READ and len(data) == 1:
                return DATAGRAM, number + self.read(register)
            self.write(register, kind, data[1:])
            return ACK, number
        except Refused:
            return NACK, number

    def after(self, seconds: float, action: Callable[[], object]) -> Handle:
        """Plan something the module does later."""
        if self.bus is None:
            raise RuntimeError(f"the module at address {self.address} hangs on no bus")
        return self.bus.after(seconds, action)

    def _register(self, number: bytes) -> Register:
        register = (self.registers.get(number[0]) or self.common.get(number[0])) if number else None
        if register is None:
            raise Refused
        return register

    def value(self, register: Register) -> int | bytes:
        """Give the value behind a register; bytes go out as they are."""
        return getattr(self, register.attribute)

    def assign(self, register: Register, value: int | bytes) -> None:
        """Set the value behind a register; raises Refused."""
        setattr(self, register.attribute, value)

    def read(self, register: Register) -> bytes:
        """Give the bytes of a register."""
        value = self.value(register)
        return value if isinstance(value, bytes) else struct.pack(register.format, value)

    def write(self, register: Register, kind: int, data: bytes) -> None:
        """Write a register, or set, clear or toggle bits of it."""
        if register.low is None:
            raise Refused
        if not register.format:
            self.assign(register, data)
            return
        if len(data) != struct.calcsize(register.format):
            raise Refused
        value, = struct.unpack(register.format, data)
        old, = struct.unpack(register.format, self.read(register)) if kind != WRITE else (0,)
        combined = {WRITE: value, SET_BITS: old | value, CLEAR_BITS: old & ~value, TOGGLE_BITS: old ^ value}.get(kind)
        if combined is None or not register.low <= combined <= register.high:
            raise Refused
        self.assign(register, combined)


class Interbus(ByteDevice):
    """One port with its modules. A request to an empty address is never answered; the answer goes to whatever host asked."""

    reply_end = bytes((END,))
    latency_s = 0.005
    """Half of a typical register round trip (unverified)."""

    def __init__(self, *, clock: Clock, name: str, seed: int = 0):
        super().__init__(clock=clock, name=name, seed=seed)
        self.modules: dict[int, Module] = {}
        self._input = bytearray()
        self._inside = False

    def add(self, modules: Sequence[Module]) -> None:
        """Hang modules on the bus; two at one address are a wiring error."""
        for module in modules:
            if module.address in self.modules:
                raise ValueError(f"two modules of {self.name} have the Interbus address {module.address}")
            self.modules[module.address] = module
            module.bus = self

    def power_up(self) -> None:
        """Wake every module up."""
        for module in self.modules.values():
            module.power_up()

    def forget_input(self) -> None:
        """Drop a half-received telegram."""
        self._input.clear()
        self._inside = False

    def receive(self, data: bytes) -> None:
        """Find telegrams; a start byte always begins a new one."""
        for byte in data:
            if byte == START:
                self._input.clear()
                self._inside = True
            elif byte == END and self._inside:
                self._inside = False
                self._telegram(bytes(self._input))
            elif self._inside:
                self._input.append(byte)
                self._inside = len(self._input) <= LONGEST_TELEGRAM

    def _telegram(self, text: bytes) -> None:
        body = unescape(text)
        if body is None or len(body) < 5:
            return
        destination, source, kind, data = body[0], body[1], body[2], body[3:-2]
        module = self.modules.get(destination)
        if module is None:
            return
        if binascii.crc_hqx(body, 0) != 0:
            answer, content = CRC_ERROR, data[:1]
        else:
            answer, content = module.obey(kind, data)
        self.send(encode(source, destination, answer, content))

    def spoil_checksum(self, message: bytes) -> bytes:
        """Flip a bit of the CRC and frame the telegram again."""
        body = unescape(message[1:-1]) or b"\0"
        return frame(body[:-1] + bytes((body[-1] ^ 0x01,)))

    def spoil_address(self, message: bytes) -> bytes:
        """Let another host be meant, with a right CRC."""
        body = unescape(message[1:-1]) or bytes(5)
        return encode(body[0] ^ 0x01, body[1], body[2], body[3:-2])
