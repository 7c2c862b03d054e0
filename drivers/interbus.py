"""NKT Photonics Interbus: telegrams between a host and the modules of a laser chain on one serial line (115200 8N1) or TCP.

`0D | destination source type [register data...] CRC high, low | 0A`; the bytes 0A, 0D, 5E in between are sent as 5E, byte + 40h.
CRC-16 of polynomial 1021h, initial value 0, over the unescaped bytes from destination to data (SDK manual, telegrams).
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from drivers.device import Device, option
from drivers.link import Port, Take
from labctl.core.errors import BadReply, Busy, DeviceFault, WrongDevice

START, END, ESCAPE = 0x0D, 0x0A, 0x5E
NACK, CRC_ERROR, BUSY, ACK, READ, WRITE, DATAGRAM = 0, 1, 2, 3, 4, 5, 8
HOSTS = (0xA2, 0xA1)      # a new host address for every telegram, so that a late reply is recognised (hosts are 161 to 255)
REG_TYPE, REG_FIRMWARE, REG_SERIAL, REG_STATUS, REG_ERROR = 0x61, 0x64, 0x65, 0x66, 0x67
FORMATS = {"u8": "<B", "u16": "<H", "i16": "<h", "u32": "<I"}


class RegisterRefused(DeviceFault):
    """The module refused a register: unknown, read-only, or a value it does not take (NACK)."""


@dataclass(frozen=True)
class Telegram:
    """One message of the bus, unescaped; `data` includes the register byte."""

    destination: int
    source: int
    kind: int
    data: bytes

    def encode(self) -> bytes:
        """Give the bytes on the wire."""
        body = bytes([self.destination, self.source, self.kind]) + self.data
        body += crc_hqx(body, 0).to_bytes(2, "big")
        escaped = b"".join(bytes([ESCAPE, byte + 0x40]) if byte in (START, END, ESCAPE) else bytes([byte]) for byte in body)
        return bytes([START]) + escaped + bytes([END])


def decode(message: bytes) -> Telegram | None:
    """Read a telegram from a message that ends in 0A; whatever precedes the last 0D is garbage. None if it is damaged."""
    start = message.rfind(START)
    body, escaped = bytearray(), False
    for byte in message[start + 1:-1]:
        if byte == ESCAPE and not escaped:
            escaped = True
            continue
        body.append((byte - 0x40) & 0xFF if escaped else byte)
        escaped = False
    if start < 0 or message[-1:] != bytes([END]) or escaped or len(body) < 5 or crc_hqx(bytes(body), 0) != 0:
        return None
    return Telegram(body[0], body[1], body[2], bytes(body[3:-2]))


class InterbusPort(Port):
    """The line that laser, booster and filters share."""

    end = b"\n"                  # 0A never occurs inside a telegram
    serial: ClassVar[dict[str, Any]] = {"baud_rate": 115200}
    reply_timeout_s = 0.2        # unverified: round trips of 5 to 20 ms are usual
    cancel = bytes([END])        # ends a half-sent telegram

    def __init__(self, resource: Any, **options: Any):
        super().__init__(resource, **options)
        self._turn = 0

    def read(self, module: int, register: int, who: str) -> bytes:
        """Read a register of a module; raises NoReply, RegisterRefused, Busy."""
        return self.question(lambda: self._exchange(module, READ, bytes([register]), who),
                             f"reading register {register:02X}h of {who}")

    def write(self, module: int, register: int, data: bytes, who: str, carried_out: Callable[[], bool] | None = None) -> None:
        """Write a register; if the acknowledgement is lost, the device is asked before the register is written again.

        `carried_out` asks it; by default the register is read back.
        """
        self.order(lambda: self._exchange(module, WRITE, bytes([register]) + data, who),
                   carried_out or (lambda: self.read(module, register, who)[:len(data)] == data),
                   f"writing register {register:02X}h of {who}")

    def _exchange(self, module: int, kind: int, data: bytes, who: str) -> bytes:
        host = HOSTS[self._turn % len(HOSTS)]
        self._turn += 1
        expected = DATAGRAM if kind == READ else ACK
        return self.converse(Telegram(module, host, kind, data).encode(), self._take(module, host, expected, data[0], who))

    @staticmethod
    def _take(module: int, host: int, expected: int, register: int, who: str) -> Take[bytes]:
        def take(message: bytes) -> bytes | None:
            reply = decode(message)
            if reply is None:
                raise BadReply(who, f"a damaged telegram came back: {message!r}.", state="unknown", remedy="It is asked again.")
            if (reply.destination, reply.source) != (host, module):
                return None
            if reply.kind == CRC_ERROR:
                raise BadReply(who, "it received our telegram damaged.", state="it did nothing", remedy="It is asked again.")
            if reply.data[:1] != bytes([register]):
                return None
            if reply.kind == BUSY:
                raise Busy(who, "it is busy.", state="it did nothing", remedy="Ask again.")
            if reply.kind == NACK:
                raise RegisterRefused(who, f"it refuses register {register:02X}h.", state="it did nothing",
                                      remedy="Value or register is not for this module: compare its type with the bench file.")
            return reply.data[1:] if reply.kind == expected else None

        return take


class InterbusModule(Device):
    """One module on the bus, at its address (1 to 160).

    Properties are declared with commands of the form "register format [value]", like "37 u16 500": register hex, value decimal.
    """

    Port = InterbusPort
    TYPES: ClassVar[dict[int, str]] = {}

    def __init__(self, port: Any, *, address: int, name: str, **connection: Any):
        self.address = option(name, "address", address, range(1, 161))
        super().__init__(port, name=name, **connection)
        self.port: InterbusPort

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Read a register: "37 u16" gives its value in decimal, "65 text" its characters."""
        register, kind = command.split()
        data = self.port.read(self.address, int(register, 16), self.name)
        if kind == "text":
            return data.split(b"\0")[0].decode("ascii", "replace").strip()
        size = struct.calcsize(FORMATS[kind])
        if not data or (kind == "i16" and len(data) < size):
            raise BadReply(self.name, f"register {register}h is {len(data)} bytes long, {size} were expected.", state="unchanged")
        return str(struct.unpack(FORMATS[kind], data[:size].ljust(size, b"\0"))[0])   # some registers are shorter for small values

    def write(self, command: str, **options: Any) -> None:
        """Write a register: "37 u16 500"."""
        register, kind, value = command.split()
        self.port.write(self.address, int(register, 16), struct.pack(FORMATS[kind], int(value)), self.name)

    @property
    def module_type(self) -> int:
        """The number that tells what kind of module this is."""
        return self.port.read(self.address, REG_TYPE, self.name)[0]

    status_bits = Device.measurement("66 u16", """The status bits of the module (int).""", cast=int)
    error_code = Device.measurement("67 u8", """The error code of the module (int), 0 for none.""", cast=int)
    serial_number = Device.measurement("65 text", """The serial number (str).""", cast=str)

    @property
    def firmware(self) -> str:
        """The firmware: number and, where the module has it, text."""
        data = self.port.read(self.address, REG_FIRMWARE, self.name)
        number = int.from_bytes(data[:2], "little")
        text = data[2:].split(b"\0")[0].decode("ascii", "replace").strip()
        return text or f"{number // 100}.{number % 100:02d}"

    def model(self) -> str:
        """Give the model by module type; raises WrongDevice if it is not one that this class drives."""
        kind = self.module_type
        if kind not in self.TYPES:
            wanted = ", ".join(f"{number:02X}h {text}" for number, text in self.TYPES.items())
            raise WrongDevice(self.name, f"the module at address {self.address} has type {kind:02X}h; this driver is for {wanted}.",
                              state="nothing was changed", remedy="Correct driver or address in the bench file.")
        return self.TYPES[kind]
