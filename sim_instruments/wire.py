"""The device end of a wire: what every emulated byte device is made of.

A `ByteDevice` is fed bytes in any chunking and answers into an outbox, asked or unasked. The same object stands behind the
simulated VISA library, a pseudo-terminal and a TCP socket. It spends time only through its clock.
"""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from sim_instruments import faults
from sim_instruments.clock import Clock, Handle, moment


@dataclass(frozen=True)
class Unit:
    """One instrument of the bench as its emulator sees it; several may share one resource (a bus).

    `driver` is the entry-point name that stands in the bench file, `element` the twin's element of that role, or None when the
    device is served alone and makes its own.
    """

    role: str
    driver: str
    options: Mapping[str, Any] = field(default_factory=dict)
    element: Any = None


def serial_number(seed: int, role: str, digits: int) -> str:
    """Give the serial number of an emulated box: always the same for a bench seed and a role, so that calibrations bind to it."""
    return f"{zlib.crc32(f'{seed}:{role}'.encode()) % 10**digits:0{digits}d}"


class ByteDevice:
    """The core: input, outbox, faults. Thread-safe; its lock is never held while anybody waits.

    Subclasses implement `receive(data)` and answer with `send`. Every device has these fault attributes: `faults` (planned faults
    of the wire, see `sim_instruments.faults`), `hung` (swallows everything), `unplugged` (the port is gone); `power_cycle()`.
    """

    reply_end: ClassVar[bytes] = b""
    latency_s: float = 0.0
    """Seconds from the end of a command to the first byte of its answer."""

    def __init__(self, *, clock: Clock, name: str, seed: int = 0):
        self.clock, self.name = clock, name
        self.lock = threading.RLock()
        self.output = clock.event()
        self.faults: list[faults.Fault] = []
        self.draw = np.random.default_rng([seed, zlib.crc32(name.encode())])
        self.hung = False
        self.unplugged = False
        self.owner: str | None = None
        self.listeners: list[Callable[[], None]] = []
        self._outbox = bytearray()
        self._ends: deque[int] = deque()     # where messages end, counted from the first byte ever sent
        self._taken = 0
        self._on_the_way: deque[tuple[bytes, bool]] = deque()
        self._due = clock.now()

    def receive(self, data: bytes) -> None:
        """Take bytes as they come from the wire (subclasses)."""
        raise NotImplementedError

    def forget_input(self) -> None:
        """Drop half-received commands; the device's state stays (subclasses)."""

    def power_up(self) -> None:
        """Take the state in which the box wakes up: forget what is volatile, keep what the box keeps (subclasses)."""

    def power_cycle(self) -> None:
        """Switch the power off and on: commands half received and answers on their way are lost, a hung device wakes."""
        with self.lock:
            self.forget_input()
            self._outbox.clear()
            self._ends.clear()
            self._on_the_way = deque((b"", False) for _ in self._on_the_way)      # their times still come
            self.hung = False
            self.power_up()

    def spoil_checksum(self, message: bytes) -> bytes:
        """Give `message` with a wrong checksum; protocols without checksums flip the last bit before the terminator."""
        body = message.removesuffix(self.reply_end) or message
        return body[:-1] + bytes([body[-1] ^ 0x01]) + message[len(body):]

    def spoil_address(self, message: bytes) -> bytes:
        """Give `message` as if another unit had answered."""
        return bytes([message[0] ^ 0x01]) + message[1:]

    def feed(self, data: bytes) -> None:
        """Take bytes from the computer, in any chunking."""
        with self.lock:
            if not self.hung and not self.unplugged:
                self.receive(data)

    @property
    def pending(self) -> int:
        """How many bytes wait to be taken."""
        return len(self._outbox)

    def take(self, limit: int) -> bytes:
        """Give up to `limit` waiting bytes."""
        return self.read(limit)[0]

    def read(self, limit: int, *, until: bytes = b"", to_end: bool = False) -> tuple[bytes, bool]:
        """Give waiting bytes: at most `limit`, up to the first `until` byte, or (`to_end`) to the end of a message.

        The second value is True if one of the last two ended it.
        """
        with self.lock:
            size, ended = min(limit, len(self._outbox)), False
            if to_end and self._ends and self._ends[0] - self._taken <= size:
                size, ended = self._ends[0] - self._taken, True
            if until and (found := self._outbox.find(until, 0, size)) >= 0:
                size, ended = found + 1, True
            data = bytes(self._outbox[:size])
            del self._outbox[:size]
            self._taken += size
            while self._ends and self._ends[0] <= self._taken:
                self._ends.popleft()
            if not self._outbox and not self.unplugged:
                self.output.clear()
            return data, ended

    def claim(self, owner: str) -> bool:
        """Take the port for `owner`; False if somebody has it already."""
        with self.lock:
            if self.owner is not None:
                return False
            self.owner = owner
            return True

    def release(self) -> None:
        """Give the port back."""
        self.owner = None

    def connected(self) -> None:
        """A client opened the port: both line buffers start empty, the state stays."""
        self.disconnected()

    def disconnected(self) -> None:
        """A client closed the port: what it did not read is lost, what it half sent too."""
        with self.lock:
            self.forget_input()
            self.read(len(self._outbox))

    def send(self, message: bytes, delay: float = 0.0) -> None:
        """Send a message `delay` seconds (and the latency) from now; messages never overtake each other."""
        chunks = faults.apply(self, message, delay + self.latency_s)
        for place, (chunk, pause) in enumerate(chunks, 1):
            self._post(chunk, pause, ends=place == len(chunks) or chunk == message)

    def after(self, seconds: float, action: Callable[[], object]) -> Handle:
        """Plan something the device does later, with its lock held."""

        def locked() -> None:
            with self.lock:
                action()

        return self.clock.call_at(self.clock.now() + seconds, locked)

    def _post(self, chunk: bytes, delay: float, ends: bool) -> None:
        now = self.clock.now()
        self._due = moment(max(now, self._due) + delay)
        if self._due <= now and not self._on_the_way:
            self._deliver(chunk, ends)
        else:
            self._on_the_way.append((chunk, ends))
            self.clock.call_at(self._due, self._arrive)

    def _arrive(self) -> None:
        with self.lock:
            self._deliver(*self._on_the_way.popleft())

    def _deliver(self, chunk: bytes, ends: bool) -> None:
        if self.hung or self.unplugged or not chunk:
            return
        self._outbox += chunk
        if ends:
            self._ends.append(self._taken + len(self._outbox))
        self._announce()

    def _announce(self) -> None:
        self.output.set()
        for listener in tuple(self.listeners):
            listener()

    def unplug(self) -> None:
        """Pull the cable: every read and write fails until `plug_in`."""
        with self.lock:
            self.unplugged = True
            self._outbox.clear()
            self._ends.clear()
            self._announce()

    def plug_in(self) -> None:
        """Put the cable back and wake a hung device; it kept its state."""
        with self.lock:
            self.unplugged = self.hung = False
            self.forget_input()
            self.output.clear()
