"""Bytes of a session: recorded from the wire, kept as lines of JSON, replayed against an emulator or a driver.

What a real box said becomes a test of both: the emulator should answer in the same form, and the driver should understand.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.bench import connect
from labctl.bench.config import BenchConfig
from labctl.core import registry
from labctl.core.clock import Clock, VirtualClock
from labctl.core.errors import InstrumentError, LabctlError

SENT, RECEIVED = ">", "<"
PATIENCE_S = 60.0        # clock seconds that an emulator may take for an answer: a turret turns in 20
STEP_S = 0.02


@dataclass(frozen=True)
class Entry:
    """Bytes that passed on a port, which goes by the roles on it."""

    port: str
    direction: str
    data: bytes


@dataclass(frozen=True)
class Difference:
    """Where a replay departs from the record."""

    port: str
    request: bytes
    recorded: bytes
    found: bytes

    def __str__(self) -> str:
        return f"{self.port}: after {self.request!r} the record has {self.recorded!r}, the replay {self.found!r}"


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.entries: list[Entry] = []

    def emit(self, record: logging.LogRecord) -> None:
        found = re.match(r"%s ([<>]) %r", str(record.msg))
        if found and isinstance(record.args, tuple):
            port, data = record.args
            self.entries.append(Entry(str(port), found[1], bytes(data)))   # type: ignore[arg-type]


@contextmanager
def recording() -> Iterator[list[Entry]]:
    """Record everything that passes on any port meanwhile."""
    logger, recorder = logging.getLogger("labctl.wire"), _Recorder()
    level = logger.level
    logger.addHandler(recorder)
    logger.setLevel(logging.DEBUG)
    try:
        yield recorder.entries
    finally:
        logger.removeHandler(recorder)
        logger.setLevel(level)


def save(entries: Sequence[Entry], path: Path) -> None:
    """Write entries as lines of JSON, bytes in hex."""
    lines = [json.dumps({"port": each.port, "direction": each.direction, "hex": each.data.hex()}) for each in entries]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def load(path: Path) -> list[Entry]:
    """Read what `save` wrote; raises LabctlError that names the line."""
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found = json.loads(line)
            entries.append(Entry(found["port"], found["direction"], bytes.fromhex(found["hex"])))
        except (ValueError, KeyError, TypeError) as exc:
            raise LabctlError(f"{path}:{number}: this is no line of a wire log ({exc}).") from None
    return entries


def form(data: bytes) -> bytes:
    """Give the form of a message: text with every number replaced by 0; of binary messages their length."""
    if data.isascii() and re.search(rb"[A-Za-z0-9]", data) and not re.search(rb"[\x00-\x08\x0e-\x1f]", data):
        return re.sub(rb"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", b"0", data)
    return b"%d bytes" % len(data)


def against_emulator(entries: Sequence[Entry], config: BenchConfig) -> tuple[int, list[Difference]]:
    """Say to the emulators of a bench what was said to the boxes; gives the answers compared, and those of another form."""
    clock = VirtualClock()
    world = connect.World(config, clock)
    resources = {"/".join(roles): resource for resource, roles in connect.by_resource(config).items()}
    compared, differences = 0, []
    request = b""
    for entry in entries:
        device = world.ports.get(resources.get(entry.port, ""))
        if device is None:
            continue
        if entry.direction == SENT:
            device.take(device.pending)
            device.feed(entry.data)
            request = entry.data
            continue
        found = _answer(device, len(entry.data), entry.data[-1:], clock)
        compared += 1
        if form(found) != form(entry.data):
            differences.append(Difference(entry.port, request, entry.data, found))
    return compared, differences


def _answer(device: Any, length: int, end: bytes, clock: VirtualClock) -> bytes:
    """Take an answer: up to the byte that ended the recorded one, or as many bytes as it had when it was binary."""
    give_up = clock.now() + PATIENCE_S
    found = b""
    while clock.now() < give_up:
        found += device.read(4096 if end in (b"\n", b">") else length - len(found), until=end if end in (b"\n", b">") else b"")[0]
        if found.endswith(end) and (end in (b"\n", b">") or len(found) >= length):
            break
        if len(found) >= length and end not in (b"\n", b">"):
            break
        clock.wait(STEP_S)
    return found


def session(config: BenchConfig, clock: Clock, locks: Path) -> list[str]:
    """Open every port of a bench, ask who is there and for all settings; gives what was understood. Nothing moves."""
    world = connect.World(config, clock) if config.simulated else None
    understood = []
    for resource, roles in _ports(config):
        lock = connect.ResourceLock(locks, resource)
        if world is None:
            lock.acquire()
        try:
            understood += _ask_everything(config, resource, roles, clock, world.visa if world is not None else config.visa)
        finally:
            lock.release()
    return understood


def against_driver(entries: Sequence[Entry], config: BenchConfig) -> tuple[list[str], list[Difference]]:
    """Repeat a session with the recorded answers; gives what the drivers understood, and where they said something else than then.

    A driver that says something else has changed; one that raises does not understand its box.
    """
    understood: list[str] = []
    differences: list[Difference] = []
    for resource, roles in _ports(config):
        recorded = [entry for entry in entries if entry.port == "/".join(roles)]
        if recorded:
            clock = VirtualClock()
            box = _replayer(recorded, clock, differences)
            library = connect.simulation("visa").SimulatedVisa({resource: box}, clock)
            understood += _ask_everything(config, resource, roles, clock, library)
    return understood, differences


def _ports(config: BenchConfig) -> list[tuple[str, list[str]]]:
    """Give what has a wire: libraries and people have none."""
    without = (connect.SDK_PREFIX, connect.MANUAL_PREFIX)
    return [(resource, roles) for resource, roles in connect.by_resource(config).items() if not resource.startswith(without)]


def _ask_everything(config: BenchConfig, resource: str, roles: list[str], clock: Clock, visa: Any) -> list[str]:
    """Ask all identities, then all settings, always in this order: a record fits a replay."""
    classes = {role: registry.find("driver", config.instruments[role].driver) for role in roles}
    try:
        connection = classes[roles[0]].Port(resource, clock=clock, name="/".join(roles), visa_library=visa)
    except InstrumentError as exc:
        return [f"not opened: {exc}"]
    try:
        drivers = {role: connect.make_driver(kind, connection, role, config.instruments[role], clock)
                   for role, kind in classes.items()}
        found = {role: str(driver.identify()) for role, driver in drivers.items()}
        for driver in drivers.values():
            driver.settings()
    except InstrumentError as exc:
        return [f"not understood: {exc}"]
    finally:
        connection.close()
    return [f"{role}: {identity}" for role, identity in found.items()]


def _replayer(recorded: list[Entry], clock: VirtualClock, differences: list[Difference]) -> Any:
    """Make a byte device that answers as the record does, in its order."""
    base = connect.simulation("wire").ByteDevice
    left = list(recorded)

    class Replayer(base):   # type: ignore[misc, valid-type]
        def receive(self, data: bytes) -> None:
            while left and left[0].direction == RECEIVED:
                left.pop(0)
            expected = left.pop(0).data if left else b""
            if data != expected:
                differences.append(Difference(recorded[0].port, data, expected, data))
            while left and left[0].direction == RECEIVED:
                self.send(left.pop(0).data)

    return Replayer(clock=clock, name=recorded[0].port)
