"""Fields that set the pump: what a value means in the other units of the pump, and what was typed in one of them."""

from __future__ import annotations

import math
import re

from labctl.core.pump_units import FLUENCE, POWER, PumpUnits, pump_text
from labctl.engine.prospect import Pump
from labctl.gui.presenter.fields import Field

BARE = re.compile(r"^[\s\d.,eE+-]*$")                           # a number without a unit: it stands for itself
QUANTITY = {POWER: "pump.power", FLUENCE: "pump.fluence"}      # by the unit that a field shows


def sets_the_pump(field: Field, value: float, pump: Pump) -> bool:
    """Whether a value of a field (in its own unit) is one that the plan asks of the pump: a dose has the unit of a fluence, too."""
    levels = pump.levels.get(QUANTITY.get(field.shown_unit, ""), ())
    return value > 0.0 and any(math.isclose(value, level, rel_tol=1e-9) for level in levels)


def read(field: Field, text: str, units: PumpUnits) -> float:
    """Give what was typed in any unit of the pump, in the field's own; raises ValueError as `Field.read` does."""
    try:
        return field.read(text)
    except ValueError:
        value = units.read(text, field.shown_unit)
        if value is None:
            raise
    return field.read(repr(value))


def foreign(text: str) -> bool:
    """Whether something was typed with a unit."""
    return BARE.match(text) is None


def also(field: Field, text: str, units: PumpUnits) -> str:
    """Say what a typed value is in the other units that are known; empty where there is none."""
    try:
        value = read(field, text, units) * field.factor
    except ValueError:
        return ""
    said = [] if value <= 0.0 or not foreign(text) else [pump_text(value, field.shown_unit)]
    return words(value, field.shown_unit, units, said)


def words(value: float, unit: str, units: PumpUnits, said: list[str] | None = None) -> str:
    """Write a level of the pump in all other units, with the runs that what is not of the bench comes from."""
    if value <= 0.0:
        return ""
    others = [pump_text(number, other) + (f" ({units.sources[other]})" if other in units.sources else "")
              for other, number in units.others(value, unit)]
    return " · ".join(each.replace(" ", "\u00a0") for each in (*(said or []), *others))      # lines break between them only


def highest(pump: Pump) -> tuple[str, str]:
    """Give the highest level that a plan asks for, and the same in other units; empty where it asks for none."""
    for unit, name in ((FLUENCE, "pump.fluence"), (POWER, "pump.power")):
        if pump.levels.get(name):
            value = 1e6 * pump.levels[name][-1]
            return pump_text(value, unit), words(value, unit, pump.units)
    return "", ""
