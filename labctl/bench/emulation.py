"""The virtual bench for everybody: emulators of one bench that other people's programs can open as ports or sockets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.bench import connect
from labctl.bench.config import BenchConfig
from labctl.core.clock import Clock
from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.core.suggest import suggestion


@dataclass(frozen=True)
class Served:
    """One thing to serve: its drivers with the options they have when the bench names none, and a line for people."""

    units: tuple[tuple[str, Mapping[str, Any]], ...]
    description: str


def _one(driver: str, description: str, **options: Any) -> Served:
    return Served(((driver, options),), description)


SERVED: dict[str, Served] = {
    "nkt": Served((("superk_laser", {"address": 15}), ("superk_varia", {"address": 16}), ("superk_select", {"address": 6})),
                  "NKT bus: SuperK EXTREME at 15, VARIA at 16, SELECT with its RF driver at 6; serial 115200"),
    "elliptec": _one("elliptec", "Thorlabs ELL14 rotation mount at address 0; serial 9600", address="0"),
    "k10cr1": _one("k10cr1", "Thorlabs K10CR1 rotation mount, APT; serial 115200"),
    "fw102c": _one("filter_wheel", "Thorlabs FW102C filter wheel (driver filter_wheel); serial 115200"),
    "spectrapro": _one("spectrapro", "Acton SpectraPro spectrograph, echo on until NO-ECHO; serial 9600"),
    "keithley2400": _one("keithley2400", "Keithley 2400 source-meter, SCPI"),
    "keithley2450": _one("keithley2450", "Keithley 2450 source-meter, SCPI"),
    "pm100d": _one("pm100d", "Thorlabs PM100D power meter, SCPI"),
    "lakeshore336": _one("lakeshore336", "Lake Shore 336 temperature controller"),
    "sc10": _one("sc10", "Thorlabs SC10 shutter controller; serial 9600"),
    "esp301": _one("esp301", "Newport ESP301 motion controller, three axes"),
}


# What a device turns, moves or reads in a twin where the bench names another box for it, or none: kinds of elements, best first.
STANDS_FOR: dict[str, tuple[str, ...]] = {
    "superk_laser": ("supercontinuum",), "superk_varia": ("varia",), "superk_select": ("select",),
    "elliptec": ("wave_plate_attenuator",), "k10cr1": ("analyser",),
    "filter_wheel": ("filter_wheel", "detection_wheel"), "spectrapro": ("spectrograph",),
    "keithley2400": ("bias",), "keithley2450": ("bias",),
    "pm100d": ("pick_off", "sample_head"), "lakeshore336": ("cryostat",), "sc10": ("shutter",), "esp301": ("stages",),
}


def make_devices(config: BenchConfig, names: Sequence[str], clock: Clock) -> dict[str, Any]:
    """Make emulators by name, all on the twin of one bench.

    What the bench has is the bench's own. Any other device takes an element of its kind that no device before it has; what then is
    left stands alone. Raises Refused with the nearest names for what cannot be served.
    """
    unknown = [name for name in names if name not in SERVED]
    if unknown:
        raise Refused([Problem("device", f"there is no device {name!r} to serve. {suggestion(name, SERVED)}") for name in unknown])
    twin = connect.make_twin(config, clock)
    wanted = list(dict.fromkeys(names))
    own = {name: _own_roles(config, name) for name in wanted}
    taken = {role for roles in own.values() for role in roles}
    return {name: _make(config, name, own[name], taken, twin, clock) for name in wanted}


def _own_roles(config: BenchConfig, name: str) -> list[str]:
    """Give the roles on the bench's own box of this sort: all that share its resource; none if it has no such box."""
    wanted = dict(SERVED[name].units)
    return next((roles for roles in connect.by_resource(config).values() if config.instruments[roles[0]].driver in wanted), [])


def _make(config: BenchConfig, name: str, roles: Sequence[str], taken: set[str], twin: Any, clock: Clock) -> Any:
    """Make one emulator: the bench's own roles on it, then the drivers still missing; adds the elements it uses to `taken`."""
    unit = connect.simulation("wire").Unit
    wanted = dict(SERVED[name].units)
    units = [unit(role, config.instruments[role].driver, config.instruments[role].options, twin.element(role)) for role in roles]
    there = {each.driver for each in units}
    for driver in [driver for driver in wanted if driver not in there]:
        role = _stand_in(config, driver, taken)
        alone = f"{name} {driver}" if roles or len(wanted) > 1 else name
        units.append(unit(role or alone, driver, wanted[driver], twin.element(role) if role else None))
    return connect.emulator_factory(name, units)(units, twin=twin, clock=clock, seed=connect.device_seed(config, name))


def _stand_in(config: BenchConfig, driver: str, taken: set[str]) -> str:
    """Find a free element of the twin that this driver's box could move, and take it; empty if there is none."""
    assert config.twin is not None   # noqa: S101  the command has checked
    free = {role: options["kind"] for role, options in config.twin.elements.items() if role not in taken}
    found = next((role for kind in STANDS_FOR.get(driver, ()) for role in free if free[role] == kind), "")
    taken.add(found)
    return found


def serve_pty(device: Any, path: Path) -> Any:
    """Give a server, to be entered, behind a pseudo-terminal that `path` links to; raises Refused if something stands there."""
    if path.is_symlink() and not path.exists():
        path.unlink()                        # left over from a session that could not clean up
    if path.exists():
        raise Refused([Problem("pty", f"{path} exists already. Remove it, or name another path.")])
    path.parent.mkdir(parents=True, exist_ok=True)
    return connect.simulation("serve").PtyServer(device, link=path)


def serve_tcp(device: Any, host: str, port: int) -> Any:
    """Give a server, to be entered, behind a socket; raises Refused if the port cannot be had."""
    try:
        return connect.simulation("serve").TcpServer(device, host=host, port=port)
    except OSError as exc:
        raise Refused([Problem("tcp", f"cannot listen on {host}:{port}: {exc.strerror}. Port 0 picks a free one.")]) from None
