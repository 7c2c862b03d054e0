"""What can go wrong on a wire: one table of faults, applied to each message a device sends.

A fault lets `skip` replies pass, then strikes up to `times` times, each time with `probability` (drawn from the device's seed).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from numpy.random import Generator

if TYPE_CHECKING:
    from sim_instruments.wire import ByteDevice

State = TypeVar("State")
Chunk = tuple[bytes, float]
"""Bytes, and the seconds by which they come after the chunk before."""


@dataclass
class Fault:
    """One planned fault; append it to `device.faults`.

    `kind` is a key of `KINDS`; `seconds` is the delay of the kinds that delay; `data` is what an unasked message says.
    """

    kind: str
    skip: int = 0
    times: float = 1
    probability: float = 1.0
    seconds: float = 1.0
    data: bytes = b""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; there are: {', '.join(KINDS)}")

    def strikes(self, draw: Generator) -> bool:
        """Decide whether this message is hit; counts down."""
        if self.times <= 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.probability < 1.0 and draw.random() >= self.probability:
            return False
        self.times -= 1
        return True


def apply(device: ByteDevice, message: bytes, delay: float) -> list[Chunk]:
    """Give the chunks that really leave the device when it means to send `message` after `delay` seconds."""
    for fault in device.faults:
        if fault.strikes(device.draw):
            chunks = KINDS[fault.kind](device, message, fault)
            return [(chunk, pause + (delay if number == 0 else 0.0)) for number, (chunk, pause) in enumerate(chunks)]
    return [(message, delay)]


def _shorten(device: ByteDevice, message: bytes, fault: Fault) -> list[Chunk]:
    """Lose the last digit, keep the terminator: a number that is still a number, and wrong."""
    return [(re.sub(rb"\d(\D*)\Z", rb"\1", message), 0.0)]


def _garble(device: ByteDevice, message: bytes, fault: Fault) -> list[Chunk]:
    """Set the top bit of one byte: no longer ASCII, no longer the same checksum."""
    spoilt = bytearray(message)
    if spoilt:
        spoilt[int(device.draw.integers(len(spoilt)))] ^= 0x80
    return [(bytes(spoilt), 0.0)]


def _hang(device: ByteDevice, message: bytes, fault: Fault) -> list[Chunk]:
    device.hung = True
    return []


def _disconnect(device: ByteDevice, message: bytes, fault: Fault) -> list[Chunk]:
    device.unplug()
    return []


def _split(device: ByteDevice, message: bytes, fault: Fault) -> list[Chunk]:
    half = len(message) // 2
    return [(message[:half], 0.0), (message[half:], fault.seconds)]


KINDS: dict[str, Callable[[ByteDevice, bytes, Fault], list[Chunk]]] = {
    "drop": lambda device, message, fault: [],
    "late": lambda device, message, fault: [(message, fault.seconds)],
    "duplicate": lambda device, message, fault: [(message, 0.0), (message, 0.0)],
    "truncate": lambda device, message, fault: [(message[: len(message) // 2], 0.0)],
    "shorten": _shorten,
    "garble": _garble,
    "checksum": lambda device, message, fault: [(device.spoil_checksum(message), 0.0)],
    "address": lambda device, message, fault: [(device.spoil_address(message), 0.0)],
    "bytewise": lambda device, message, fault: [(message[i : i + 1], fault.seconds / len(message)) for i in range(len(message))],
    "split": _split,
    "unasked": lambda device, message, fault: [(fault.data, 0.0), (message, 0.0)],
    "hang": _hang,
    "disconnect": _disconnect,
}


class FaultSwitch(Generic[State]):
    """A fault attribute that the device feels at once: it is set with the device's lock held, then `feel(device)` is called."""

    def __init__(self, healthy: State, feel: Callable[[Any], object]):
        self._healthy, self._feel = healthy, feel

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, device: Any, owner: type | None = None) -> State:
        return self._healthy if device is None else vars(device).get(self._name, self._healthy)

    def __set__(self, device: Any, state: State) -> None:
        with device.lock:
            vars(device)[self._name] = state
            self._feel(device)
