"""Thorlabs APT binary messages from the device's end: framing, and the table of messages an emulator is written as.

Little-endian. A short message is six bytes, `id(2) p1 p2 destination source`; a long one has the length of its data in place of the
two parameters and 80h set in the destination. Nothing is ever refused: what a unit does not know it ignores.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from sim_instruments.clock import Clock
from sim_instruments.wire import ByteDevice

HOST, USB_UNIT = 0x01, 0x50
LONG = 0x80

HEADER = struct.Struct("<HBBBB")
LONGEST_DATA = 255
"""No message to a motor controller is longer; a header that claims more is none (unverified)."""

FRAME_TIMEOUT_S = 1.0
"""Silence after which a half-sent message is given up (unverified)."""

Method = TypeVar("Method", bound=Callable[..., Any])


def message(number: int, data: str = "") -> Callable[[Method], Method]:
    """Mark a method as the answer to a message: it gets p1 and p2, or the fields of the data (a struct format without "<")."""

    def mark(method: Method) -> Method:
        method.apt_message = (number, struct.Struct("<" + data) if data else None)  # type: ignore[attr-defined]
        return method

    return mark


def frame(number: int, p1: int = 0, p2: int = 0) -> bytes:
    """Write a short message from the unit to the host."""
    return HEADER.pack(number, p1, p2, HOST, USB_UNIT)


def data_frame(number: int, data: bytes) -> bytes:
    """Write a long message from the unit to the host."""
    return struct.pack("<HHBB", number, len(data), HOST | LONG, USB_UNIT) + data


class AptDevice(ByteDevice):
    """A unit on a USB port of its own (address 50h)."""

    latency_s = 0.002
    messages: ClassVar[dict[tuple[int, bool], tuple[struct.Struct | None, Callable[..., Any]]]] = {}

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        marked = [method for base in reversed(cls.__mro__) for method in vars(base).values() if hasattr(method, "apt_message")]
        cls.messages = {(number, layout is not None): (layout, method)
                        for method in marked for number, layout in [method.apt_message]}

    def __init__(self, *, clock: Clock, name: str, seed: int = 0):
        super().__init__(clock=clock, name=name, seed=seed)
        self._input = b""
        self._last_input = clock.now()

    def forget_input(self) -> None:
        """Drop a half-sent message."""
        self._input = b""

    def spoil_address(self, message: bytes) -> bytes:
        """Give `message` as if the unit in another bay had sent it."""
        return message[:5] + bytes([message[5] ^ 0x01]) + message[6:]

    def receive(self, data: bytes) -> None:
        """Cut the input into messages; bytes that cannot begin one are skipped."""
        if self.clock.now() - self._last_input > FRAME_TIMEOUT_S:
            self._input = b""
        self._last_input = self.clock.now()
        text, place = self._input + data, 0
        while len(text) - place >= HEADER.size:
            number, p1, p2, destination, source = HEADER.unpack_from(text, place)
            length = p1 | p2 << 8 if destination & LONG else 0
            if destination & ~LONG != USB_UNIT or source != HOST or length > LONGEST_DATA:
                place += 1
                continue
            end = place + HEADER.size + length
            if end > len(text):
                break
            if destination & LONG:
                self._obey_data(number, text[place + HEADER.size : end])
            else:
                self._obey(number, p1, p2)
            place = end
        self._input = text[place:]

    def _obey(self, number: int, p1: int, p2: int) -> None:
        if found := self.messages.get((number, False)):
            found[1](self, p1, p2)

    def _obey_data(self, number: int, data: bytes) -> None:
        layout, method = self.messages.get((number, True), (None, None))
        if layout is not None and method is not None and layout.size == len(data):
            method(self, *layout.unpack(data))
