"""Emulated NKT Photonics SuperK: the one port through which laser, SELECT and VARIA are reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sim_instruments.clock import Clock
from sim_instruments.interbus import Interbus, Module
from sim_instruments.nkt_filters import SELECT_RANGE_PM, RfDriver, Select, Varia
from sim_instruments.nkt_laser import FrontPanel, SuperKLaser
from sim_instruments.twin.elements import SelectFilter, SupercontinuumSource, VariaFilter
from sim_instruments.wire import Unit, serial_number

LASER_ADDRESS, PANEL_ADDRESS, VARIA_ADDRESS = 15, 1, 16
RF_DRIVER_ADDRESS = 6
"""Unverified: used in an example of the manual, not known to be a factory setting."""

SELECT_ADDRESS = 17
"""Unverified: 16 plus the rotary switch at 1, so that a VARIA at 16 fits on the same bus."""


def _laser(unit: Unit, clock: Clock, seed: int) -> list[Module]:
    element = unit.element or SupercontinuumSource(unit.role, clock)
    serial = serial_number(seed, unit.role, 8)
    return [SuperKLaser(clock, _address(unit, LASER_ADDRESS), serial, element),
            FrontPanel(clock, int(unit.options.get("panel_address", PANEL_ADDRESS)), serial)]


def _select(unit: Unit, clock: Clock, seed: int) -> list[Module]:
    element = unit.element or SelectFilter(unit.role, clock)
    serial = serial_number(seed, unit.role, 8)
    return [RfDriver(clock, _address(unit, RF_DRIVER_ADDRESS), serial, element, SELECT_RANGE_PM),
            Select(clock, int(unit.options.get("select_address", SELECT_ADDRESS)), serial, element, SELECT_RANGE_PM)]


def _varia(unit: Unit, clock: Clock, seed: int) -> list[Module]:
    element = unit.element or VariaFilter(unit.role, clock)
    return [Varia(clock, _address(unit, VARIA_ADDRESS), serial_number(seed, unit.role, 8), element)]


def _address(unit: Unit, otherwise: int) -> int:
    return int(str(unit.options.get("address", otherwise)), 0)


M = TypeVar("M", bound=Module)

MODULES: dict[str, Callable[[Unit, Clock, int], list[Module]]] = {
    "superk_laser": _laser, "superk_select": _select, "superk_varia": _varia,
}


class InterbusPort(Interbus):
    """The SuperK's one port, with the modules of all units that share it."""

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        super().__init__(clock=clock, name="+".join(unit.role for unit in units), seed=seed)
        for unit in units:
            self.add(MODULES[unit.driver](unit, clock, seed))

    def module(self, kind: type[M]) -> M:
        """Give the module of this class, to plant a fault in it."""
        return next(module for module in self.modules.values() if isinstance(module, kind))
