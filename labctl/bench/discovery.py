"""A first bench file for real hardware: which box answers on which port, written into a copy of a bench that is like it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl.bench.config import BenchConfig
from labctl.bench.connect import GAP, MANUAL_PREFIX, SDK_PREFIX, ResourceLock, by_resource, make_driver, open_connection
from labctl.core import registry
from labctl.core.clock import Clock
from labctl.core.errors import InstrumentError
from labctl.core.instrument import Identity

HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
KEY = re.compile(r"\s*(\w+)\s*=")


@dataclass(frozen=True)
class Group:
    """Instruments that share a connection in the bench taken as a pattern."""

    resource: str
    roles: tuple[str, ...]


@dataclass
class Found:
    """What answers where: resource by group, identity by role, and why a group was not found."""

    resources: dict[str, str] = field(default_factory=dict)         # pattern's resource -> real resource
    identities: dict[str, Identity] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def as_resource(port: str) -> str:
    """Give the VISA name of a port as people write it: /dev/ttyUSB0, COM3, host:port; VISA names pass."""
    if "::" in port or port.startswith(SDK_PREFIX):
        return port
    if port.upper().startswith("COM") and port[3:].isdigit():
        return f"ASRL{port[3:]}::INSTR"
    host, colon, number = port.rpartition(":")
    if colon and number.isdigit():
        return f"TCPIP::{host}::{number}::SOCKET"
    return f"ASRL{port}::INSTR"


def present_ports(visa: str) -> list[str]:
    """Name every serial port of this computer, and what VISA sees besides."""
    import pyvisa
    from serial.tools import list_ports

    serial = [as_resource(port.device) for port in list_ports.comports()]
    try:
        others = [name for name in pyvisa.ResourceManager(visa).list_resources() if not name.startswith("ASRL")]
    except (pyvisa.errors.Error, OSError, ValueError):
        others = []
    return list(dict.fromkeys([*serial, *others]))


def search(config: BenchConfig, ports: Sequence[str], clock: Clock, locks: Path) -> Found:
    """Ask on every port for every kind of box that the pattern has, all ports at once. Only questions are sent.

    A box is taken once; what is busy or answers nothing is passed over.
    """
    groups = [Group(resource, tuple(roles)) for resource, roles in by_resource(config).items()
              if not resource.startswith((SDK_PREFIX, MANUAL_PREFIX))]
    found = Found()
    with ThreadPoolExecutor(max_workers=max(len(ports), 1)) as pool:
        answers = pool.map(lambda port: _who_is_there(config, groups, port, clock, locks), ports)
        for port, answer in zip(ports, answers, strict=True):
            _assign(found, port, answer)
    for resource, roles in by_resource(config).items():
        if resource.startswith(SDK_PREFIX):
            _assign(found, resource, _try_group(config, Group(resource, tuple(roles)), resource, clock))
        elif resource.startswith(MANUAL_PREFIX):
            found.resources[resource] = resource
    for group in groups:
        if group.resource not in found.resources:
            found.reasons[group.resource] = f"no port answered as {' and '.join(_drivers(config, group))}"
    return found


def _drivers(config: BenchConfig, group: Group) -> list[str]:
    return list(dict.fromkeys(config.instruments[role].driver for role in group.roles))


Answer = tuple[Group, dict[str, Identity], str]


def _who_is_there(config: BenchConfig, groups: Iterable[Group], port: str, clock: Clock, locks: Path) -> list[Answer]:
    """Give every group whose boxes answer on a port; two of the same kind are told apart later, by who comes first."""
    lock = ResourceLock(locks, port)
    try:
        lock.acquire()
    except InstrumentError:
        return []
    try:
        found: list[Answer] = []
        for group in groups:
            if found and _drivers(config, group) != _drivers(config, found[0][0]):
                continue          # one kind of box answered already: others can stay unasked
            found += [answer for answer in _try_group(config, group, port, clock) if answer[1]]
        return found
    finally:
        lock.release()


def _try_group(config: BenchConfig, group: Group, port: str, clock: Clock) -> list[Answer]:
    """Open a port as the group would and ask every role who it is; all must answer."""
    classes = {role: registry.find("driver", config.instruments[role].driver) for role in group.roles}
    first = classes[group.roles[0]]
    connection: Any = None
    try:
        connection = open_connection(first, port, list(group.roles), clock=clock, config=config, world=None)
        connection.tries = 2        # silence is the usual answer here; the first may fail for what another question left behind
        identities = {}
        for role, kind in classes.items():
            driver = make_driver(kind, connection, role, config.instruments[role].model_copy(update={"resource": port}), clock)
            identities[role] = driver.identify()
        return [(group, identities, "")]
    except (InstrumentError, OSError, ValueError) as exc:
        return [(group, {}, str(exc))]
    finally:
        if connection is not None and hasattr(connection, "close"):
            connection.close()


def _assign(found: Found, port: str, answers: list[Answer]) -> None:
    for group, identities, reason in answers:
        if group.resource in found.resources:
            continue
        if identities:
            found.resources[group.resource] = port
            found.identities |= identities
            return
        found.reasons[group.resource] = reason


def write_bench(name: str, pattern: str, config: BenchConfig, found: Found) -> str:
    """Give the text of a real bench file: the pattern's, with name, backend, resources and serial numbers of what was found.

    What was not found, and what nobody but a person can know, is marked by a comment that begins with GAP.
    """
    roles = {role: resource for resource, group in by_resource(config).items() for role in group}
    lines = [f'# {name}: made from the bench "{config.name}". Lines marked {GAP} need your attention; remove the mark when done.']
    table = ""
    for line in pattern.splitlines():
        header, key = HEADER.match(line), KEY.match(line)
        if header:
            table = header.group(1)
        lines += _rewritten(line, table, key.group(1) if key else "", name, roles, found)
    return "\n".join(lines) + "\n"


def _rewritten(line: str, table: str, key: str, name: str, roles: dict[str, str], found: Found) -> list[str]:
    """Give what stands in the new file for one line of the pattern."""
    fixed = {("", "name"): f'name = "{name}"', ("", "backend"): 'backend = "real"',
             ("", "title"): f'title = "{name}"                         # {GAP}: say in a line what this bench is',
             ("", "note"): f"# {GAP}: the note of the pattern was: {line}"}
    if (table, key) in fixed:
        return [fixed[table, key]]
    if (table, key) == ("safety", "failsafe"):
        return [f"{line}   # {GAP}: is this true of your hardware when the program dies?"]
    if (table, key) == ("twin", "sample"):
        return [f"{line}   # {GAP}: what stands for your sample in rehearsals"]
    measured = ("spot", "pickoff", "transmission", "source", "filters") if table == "pump" else (key,)
    if key and table in ("pump", "detection.filters") and key in measured:
        return [f"# {GAP}: measure this on your bench", line]
    role = table.removeprefix("instruments.")
    if key == "resource" and table.startswith("instruments.") and role in roles:
        return _resource_lines(role, roles[role], found)
    return [line]


def _resource_lines(role: str, pattern: str, found: Found) -> list[str]:
    port = found.resources.get(pattern)
    if port is None:
        return [f"# {GAP}: {found.reasons.get(pattern, 'not found')}".replace("\n", " "), f'resource = "{GAP}"']
    identity = found.identities.get(role)
    lines = [f'resource = "{port}"' + (f"    # {identity}" if identity is not None else "")]
    if identity is not None and identity.serial:
        lines.append(f'serial = "{identity.serial}"')
    return lines
