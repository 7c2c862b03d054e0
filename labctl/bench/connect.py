"""Opening connections: a real port, a vendor library, or an emulator behind the same bytes and the same C calls.

The one place in labctl that knows whether a bench is simulated, and the one that names `sim_instruments` (by string, on demand).
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from labctl.bench.config import BenchConfig, Instrument
from labctl.core import registry
from labctl.core.clock import Clock
from labctl.core.errors import ConfigError, InstrumentError, ResourceBusy
from labctl.core.operator import Operator
from labctl.store.locks import ProcessLock

SDK_PREFIX = "sdk:"
MANUAL_PREFIX = "manual:"     # no connection but a person
GAP = "GAP"                   # where `labctl bench new` has not found a box


class ResourceLock:
    """Exclusive use of one real resource across processes, by whatever name or link a bench file reaches it."""

    def __init__(self, folder: Path, resource: str):
        self.resource = resource
        self._lock = ProcessLock(folder, _true_name(resource))

    def acquire(self) -> None:
        """Take it, or raise ResourceBusy naming the owner, before a byte is written."""
        owner = self._lock.acquire()
        if owner is not None:
            raise ResourceBusy(self.resource, f"it is in use by another labctl, {owner}.", state="nothing was sent",
                               remedy="Close that one, or wait for its run to end.")

    def release(self) -> None:
        """Give it back."""
        self._lock.release()


def _true_name(resource: str) -> str:
    """Give one name to every link to the same serial port."""
    port = re.fullmatch(r"ASRL(/.+?)(::INSTR)?", resource, re.IGNORECASE)
    return resource if port is None else f"ASRL{os.path.realpath(port[1])}"


def simulation(module: str) -> Any:
    """Import a module of the simulated side, by name and on demand."""
    return import_module(f"sim_instruments.{module}")


def packaged_sample(name: str) -> Path | None:
    """Give the file of a sample that came with the simulated side; None when there is none of that name."""
    path = Path(str(simulation("samples").__file__)).with_name(f"{name}.toml")
    return path if path.is_file() else None


def make_twin(config: BenchConfig, clock: Clock) -> Any:
    """Make the physical model that the emulators of a bench share."""
    assert config.twin is not None, "the schema demands [twin] for a simulated bench"   # noqa: S101
    twin = simulation("twin.twin")
    try:
        return twin.Twin(_path(config, twin.PathItem), sample=config.twin.sample, clock=clock, bench_seed=config.twin.seed,
                         ideal=config.twin.ideal)
    except simulation("twin.path").PathError as exc:
        raise ConfigError(f"bench {config.name}: [twin.elements]: {exc}") from None


def _path(config: BenchConfig, item: Any) -> list[Any]:
    """Order the twin's elements as the beam meets them; whatever is off the beam comes last."""
    assert config.twin is not None   # noqa: S101  checked by the caller
    elements = {role: dict(options) for role, options in config.twin.elements.items()}
    on_beam = config.beam.path if config.beam else []
    missing = [role for role in config.instruments if role not in elements]
    if missing:
        roles = ', '.join(missing)
        raise ConfigError(f"bench {config.name}: [twin.elements] does not say what {roles} is in the simulated beam")
    order = [role for role in on_beam if role in elements] + [role for role in elements if role not in on_beam]
    return [item(role, elements[role].pop("kind"), elements[role]) for role in order]


def device_seed(config: BenchConfig, resource: str) -> int:
    """Give the seed of the emulator on a resource: its serial numbers and its noise are its own."""
    assert config.twin is not None   # noqa: S101  the schema demands it for a simulated bench
    return zlib.crc32(f"{config.twin.seed}:{resource}".encode())


def emulator_factory(resource: str, units: list[Any]) -> Any:
    """Find the emulator that all units on one resource share; raises ConfigError if they cannot."""
    factories = [registry.find("emulator", unit.driver) for unit in units]
    if any(factory is not factories[0] for factory in factories):
        names = ", ".join(sorted({unit.driver for unit in units}))
        raise ConfigError(f"{resource}: the drivers {names} cannot share one connection")
    return factories[0]


class World:
    """The simulated world of one bench: a twin, an emulator for every resource, and the VISA library in front of them."""

    def __init__(self, config: BenchConfig, clock: Clock):
        wire, visa = simulation("wire"), simulation("visa")
        self.twin = make_twin(config, clock)
        self.libraries: dict[str, Any] = {}
        self.ports: dict[str, Any] = {}
        for resource, roles in by_resource(config).items():
            units = [wire.Unit(role, config.instruments[role].driver, config.instruments[role].options, self.twin.element(role))
                     for role in roles]
            factory = emulator_factory(resource, units)
            seed = device_seed(config, resource)
            made = factory(units, twin=self.twin, clock=clock, seed=seed)
            (self.libraries if resource.startswith((SDK_PREFIX, MANUAL_PREFIX)) else self.ports)[resource] = made
        self.visa = visa.SimulatedVisa(self.ports, clock)


def by_resource(config: BenchConfig) -> dict[str, list[str]]:
    """Group the roles by the resource they share, in the file's order."""
    groups: dict[str, list[str]] = {}
    for role, instrument in config.instruments.items():
        groups.setdefault(instrument.resource, []).append(role)
    return groups


def open_connection(driver_class: Any, resource: str, roles: list[str], *, clock: Clock, config: BenchConfig,
                    world: World | None, operator: Operator | None = None) -> Any:
    """Open the port (or library, or find the person) that all drivers on this resource share; a port goes by their roles' names."""
    if resource.startswith(MANUAL_PREFIX):
        return world.libraries[resource] if world is not None else operator
    if resource.startswith(SDK_PREFIX):
        return world.libraries[resource] if world is not None else driver_class.load_library()
    library = world.visa if world is not None else config.visa
    return driver_class.Port(resource, clock=clock, name="/".join(roles), visa_library=library)


def make_driver(driver_class: Any, connection: Any, role: str, instrument: Instrument, clock: Clock) -> Any:
    """Make the driver of a role on an open connection; bad options name role and option."""
    try:
        return driver_class(connection, clock=clock, name=role, **_options(instrument))
    except TypeError as exc:
        raise InstrumentError(role, f"the options in the bench file do not fit the driver {instrument.driver}: {exc}.",
                              remedy=f"See 'labctl bench check' and the reference of {instrument.driver}.") from None


def _options(instrument: Instrument) -> Mapping[str, Any]:
    options = dict(instrument.options)
    if instrument.resource.startswith(SDK_PREFIX):
        index = instrument.resource.rpartition(":")[2]      # a name between tells libraries apart that all count from 0
        if not index.isdigit():
            raise ConfigError(f"{instrument.resource}: an SDK resource is 'sdk:' and the number of the device, e.g. sdk:0; "
                              "where a bench has several libraries, sdk:picoharp:0")
        options["index"] = int(index)
    return options
