"""The APT protocol of Thorlabs motor controllers: binary frames without checksum or end mark, little-endian (APT protocol manual).

Short frame: id (2 bytes), two parameters, destination, source. Long frame: id, length of the data (2 bytes), destination with bit 7
set, source, data. Unknown or refused messages are ignored without a word, and completions come unasked.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from pyvisa.constants import ControlFlow

from drivers.line import Line, wire
from drivers.link import Port
from labctl.core.errors import BadReply, DeviceFault, NoReply

T = TypeVar("T")

HOST, UNIT = 0x01, 0x50            # this computer; a USB controller
HEADER = 6
LONG = 0x80
OPENING_PAUSE_S = 0.05
LONGEST_DATA = 512                 # more than any message of these controllers; anything else is no frame

HW_RESPONSE = 0x0080, 0x0081       # the controller reports a fault of its own; the data are unverified
UNASKED = (0x0444, 0x0464, 0x0466, 0x0481, 0x0491)      # homed, move completed, stopped, status updates


class ControllerFault(DeviceFault):
    """The controller sent HW_RESPONSE: it has a fault of its own."""


def short(message_id: int, first: int = 0, second: int = 0) -> bytes:
    """Build a frame without data."""
    return struct.pack("<HBBBB", message_id, first, second, UNIT, HOST)


def long(message_id: int, layout: str, *values: int) -> bytes:
    """Build a frame with data; `layout` is that of struct, little-endian."""
    data = struct.pack(f"<{layout}", *values)
    return struct.pack("<HHBB", message_id, len(data), UNIT | LONG, HOST) + data


def message_id(frame: bytes) -> int:
    """Read the id of a frame."""
    return struct.unpack_from("<H", frame)[0]


class FrameLine(Line):
    """A line on which every message says how long it is."""

    def message(self, timeout_s: float) -> bytes:
        """Wait for a frame; raises NoReply when the time is up, BadReply for what is no frame."""
        header = self._read(timeout_s, HEADER)
        _, length, destination, source = struct.unpack("<HHBB", header)
        if destination & ~LONG != HOST or source != UNIT or (destination & LONG and length > LONGEST_DATA):
            raise BadReply(self.name, f"this is no frame: {header.hex(' ')}.", state="unknown", remedy="Ask again.")
        data = self._read(timeout_s, length) if destination & LONG and length else b""
        wire.debug("%s < %r", self.name, header + data)
        return header + data

    def throw_away(self, timeout_s: float) -> bool:
        """Wait for a byte, and throw it away; False if none came."""
        try:
            self._read(timeout_s, count=1)
        except NoReply:
            return False
        return True


class APTPort(Port):
    """A USB serial line to one controller (115200 8N1 with RTS/CTS)."""

    end = b""
    line_class = FrameLine
    serial: ClassVar[dict[str, Any]] = {"baud_rate": 115200, "flow_control": ControlFlow.rts_cts}
    sync = (
        (short(0x0005), struct.pack("<HHBB", 0x0006, 84, HOST | LONG, UNIT)),
        (short(0x0429, 1), struct.pack("<HHBB", 0x042A, 6, HOST | LONG, UNIT)),
    )

    def __init__(self, resource: Any, **options: Any):
        super().__init__(resource, **options)
        for _ in range(2):                 # the controller wants rest, an empty line and rest again; opening has raised RTS
            self.clock.wait(OPENING_PAUSE_S)
            self._line.discard()

    def is_expected(self, message: bytes) -> bool:
        """Ends of moves and status updates come unasked."""
        return message_id(message) in UNASKED

    def request(self, frame: bytes, reply_id: int, layout: str, who: str) -> tuple[Any, ...]:
        """Ask a question; gives the values of the reply's data."""
        return self.ask(frame, self._take(reply_id, layout, who))

    @staticmethod
    def _take(reply_id: int, layout: str, who: str) -> Callable[[bytes], tuple[Any, ...] | None]:
        def take(frame: bytes) -> tuple[Any, ...] | None:
            found = message_id(frame)
            if found in HW_RESPONSE:
                raise ControllerFault(who, f"the controller reports a fault of its own ({frame.hex(' ')}).", state="unknown",
                                      remedy="Switch it off and on, then home it.")
            if found != reply_id:
                return None
            try:
                return struct.unpack(f"<{layout}", frame[HEADER:])
            except struct.error:
                raise BadReply(who, f"a damaged reply came back: {frame.hex(' ')}.", state="unknown",
                               remedy="It is asked again.") from None

        return take


def agreed(ask: Callable[[], T], same: Callable[[T, T], bool], tries: int, who: str) -> T:
    """Ask until two answers in a row agree: on a line without checksum, one flipped bit is a number like any other.

    Raises BadReply when they never do.
    """
    last = ask()
    for _ in range(2 * tries):
        answer = ask()
        if same(last, answer):
            return answer
        last = answer
    raise BadReply(who, "it answers the same question differently every time.", state="unknown",
                   remedy="Look for a bad cable or a source of noise next to it.")
