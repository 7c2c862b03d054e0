"""Opening a bench: locks, ports, drivers, identities, and then the parts."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

from labctl.bench.bench import Bench
from labctl.bench.calibrations import newest_valid
from labctl.bench.closing import Closer, close_all
from labctl.bench.config import BenchConfig
from labctl.bench.connect import GAP, MANUAL_PREFIX, SDK_PREFIX, ResourceLock, World, by_resource, make_driver, open_connection
from labctl.bench.devices import Device
from labctl.bench.parts import assemble
from labctl.core import registry
from labctl.core.clock import Clock
from labctl.core.errors import InstrumentError, Refused, WrongDevice
from labctl.core.instrument import Identity
from labctl.core.lane import Lane
from labctl.core.operator import Operator
from labctl.core.plan import Problem
from labctl.core.steps import Steps, Together, drive
from labctl.store import state

log = logging.getLogger("labctl.bench")

OPEN_DEADLINE_S = 30.0
CALIBRATION_KINDS = ("power_calibration", "pickoff_calibration", "polarization_calibration", "wavelength_calibration",
                     "response_calibration", "irf", "spot_size", "daily_check")
NEVER_STALE = ("daily_check",)       # a record of the past, not what anything is computed with


class _Opening:
    """The work in progress: what has been opened so far, and how to close it again."""

    def __init__(self, config: BenchConfig, clock: Clock, operator: Operator | None):
        self.config, self.clock, self.operator = config, clock, operator
        self.devices: dict[str, Device] = {}
        self.lanes: dict[str, Lane] = {}
        self.identities: dict[str, Identity] = {}
        self.problems: list[Problem] = []
        self.closers: list[Closer] = []
        self.world = World(config, clock) if config.simulated else None

    def lock(self, folder: Path) -> None:
        """Take every real resource for this process, or collect who has it."""
        for resource in by_resource(self.config):
            if resource == GAP or resource.startswith(MANUAL_PREFIX):
                continue
            lock = ResourceLock(folder, resource)
            try:
                lock.acquire()
            except InstrumentError as exc:
                self.problems.append(Problem(f"instruments.{by_resource(self.config)[resource][0]}", str(exc)))
            else:
                self.closers.append(Closer(lock.release))

    def connect(self, resource: str, roles: list[str]) -> Steps[None]:
        """Open one connection in its own lane, then every driver on it, and ask each who it is."""
        lane = self.lanes[resource] = Lane("/".join(roles), self.clock)
        classes = {role: registry.find("driver", self.config.instruments[role].driver) for role in roles}
        try:
            connection = yield lane.submit(
                lambda: open_connection(classes[roles[0]], resource, roles, clock=self.clock, config=self.config,
                                        world=self.world, operator=self.operator),
                OPEN_DEADLINE_S)
        except Exception as exc:    # whatever a vendor's library raises has to become a line in the report
            for role in roles:
                self._missing(role, f"{resource} cannot be opened: {exc}")
            return
        if not resource.startswith((SDK_PREFIX, MANUAL_PREFIX)):
            self.closers.append(Closer(connection.close, lane))
        for role in roles:
            yield from self._start(role, classes[role], connection, lane)

    def _start(self, role: str, driver_class: Any, connection: Any, lane: Lane) -> Steps[None]:
        instrument = self.config.instruments[role]
        try:
            driver = yield lane.submit(lambda: make_driver(driver_class, connection, role, instrument, self.clock), OPEN_DEADLINE_S)
            identity = yield lane.submit(driver.identify, OPEN_DEADLINE_S)
            if instrument.serial is not None and identity.serial != instrument.serial:
                raise WrongDevice(role, f"serial number {identity.serial} answers, the bench file wants {instrument.serial}.",
                                  state="nothing was moved", remedy="Correct the resource or the serial number.")
        except InstrumentError as exc:
            self._missing(role, str(exc))
            return
        except ValueError as exc:
            self.problems.append(Problem(f"instruments.{role}", f"{role}: {exc}"))
            return
        if instrument.resource.startswith(SDK_PREFIX) and hasattr(driver, "close"):
            self.closers.append(Closer(driver.close, lane))
        self.devices[role] = Device(role, driver, lane, self.clock, instrument)
        self.identities[role] = identity

    def _missing(self, role: str, reason: str) -> None:
        """Note an instrument that does not answer; the bench opens without one that it calls optional."""
        if self.config.instruments[role].optional:
            log.info("the bench opens without its %s: %s", role, reason)
        else:
            self.problems.append(Problem(f"instruments.{role}", reason))

    def close(self) -> None:
        """Undo everything."""
        close_all(self.clock, self.closers, self.lanes.values())


def open_bench(config: BenchConfig, text: str, clock: Clock, *, partial: bool = False,
               operator: Operator | None = None, make: type[Bench] = Bench) -> tuple[Bench, list[Problem]]:
    """Open every instrument of a bench, in parallel, one lane per connection.

    Nothing is moved and no light is let out. Raises Refused with every problem; with `partial` the instruments that did answer make
    a bench of their own and the problems are returned beside it. `operator` answers for what only a person can set; `make` is the
    class of the bench.
    """
    unknown, nowhere = _unknown_drivers(config), _nowhere(config)
    if unknown or (nowhere and (config.simulated or not partial)):
        raise Refused([*unknown, *nowhere])
    opening = _Opening(config, clock, operator)
    opening.problems += nowhere
    try:
        if not config.simulated:
            opening.lock(state.folder() / "locks")
        if opening.problems == nowhere:
            drive(clock, _connect_all(opening))
        if opening.problems and not partial:
            raise Refused(opening.problems)
        bench = _build(config, text, clock, opening, make)
    except BaseException:
        opening.close()
        raise
    return bench, opening.problems


def _unknown_drivers(config: BenchConfig) -> list[Problem]:
    problems = []
    for role, instrument in config.instruments.items():
        try:
            registry.find("driver", instrument.driver)
        except Refused as exc:
            problems.append(Problem(f"instruments.{role}.driver", exc.problems[0].text))
        except ImportError as exc:
            problems.append(Problem(f"instruments.{role}.driver", f"the driver {instrument.driver} cannot be loaded: {exc}"))
    return problems


def _nowhere(config: BenchConfig) -> list[Problem]:
    """Name the instruments whose place `labctl bench new` could not find out and nobody has filled in."""
    return [Problem(f"instruments.{role}", f'the bench file does not say where it is (resource = "{GAP}"). Write its port or '
                                           f"library there, or leave [instruments.{role}] out.")
            for role, instrument in config.instruments.items()
            if instrument.resource == GAP and (config.simulated or not instrument.optional)]


def _connect_all(opening: _Opening) -> Steps[None]:
    yield Together({res: opening.connect(res, roles) for res, roles in by_resource(opening.config).items() if res != GAP})


def _build(config: BenchConfig, text: str, clock: Clock, opening: _Opening, make: type[Bench]) -> Bench:
    rate = drive(clock, _repetition_rate(config, opening.devices))
    gratings = drive(clock, _gratings(opening.devices))
    parts = assemble(config, opening.devices, rate, gratings)
    bench = make(config, text, clock, opening.devices, opening.lanes, parts, opening.identities, world=opening.world,
                 closers=opening.closers)
    load_calibrations(bench)
    return bench


def load_calibrations(bench: Bench) -> dict[str, str]:
    """Choose the newest valid calibration of every kind; gives the reason by kind where there is none."""
    reasons = {}
    for kind in CALIBRATION_KINDS:
        stored = state.newest_calibrations(state.folder(), bench.name, kind)
        most_days = math.inf if kind in NEVER_STALE else bench.config.max_age_days
        chosen, reason = newest_valid(stored, bench.serials, simulated=bench.simulated, max_age_days=most_days)
        bench.calibrations[kind] = chosen
        if chosen is None:
            reasons[kind] = reason or "none has been taken"
    if bench.beam is not None:
        bench.beam.tell_park_angle()
    bench.note_calibrations()
    return reasons


def _repetition_rate(config: BenchConfig, devices: dict[str, Device]) -> Steps[float]:
    """Read the repetition rate where the bench file says so; a number is for manual lasers."""
    rate = config.pump.repetition_rate if config.pump else 0.0
    if not isinstance(rate, str):
        return float(rate)
    if rate not in devices:
        return 0.0
    return float((yield from devices[rate].call("repetition_rate_hz")))


def _gratings(devices: dict[str, Device]) -> Steps[dict[int, float]]:
    """Ask the spectrograph for the grooves per mm of its gratings, by number, the one in use first; empty without one."""
    if "spectrograph" not in devices:
        return {}
    present = int((yield from devices["spectrograph"].call("grating")))
    installed = yield from devices["spectrograph"].call("gratings")
    ordered = sorted(installed, key=lambda number: (number != present, number))
    return {int(number): float(installed[number].lines_per_mm) for number in ordered}
