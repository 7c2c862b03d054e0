"""Set-points as a person writes them: `pump.power = 1 uW, 2 uW; analyser.angle = 0:360:10`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping

from labctl.core.pump_units import LEVELS
from labctl.core.quantities import listed, quantity_unit, to_float

SetPoints = dict[str, tuple[float, ...]]


def read(text: str) -> SetPoints:
    """Give the values of every quantity in its unit, in the order of the text; raises ValueError naming what is wrong.

    Quantities are parted by semicolons; after each `=` comes a list as `labctl.core.quantities.listed` reads it.
    """
    found: SetPoints = {}
    for part in (part.strip() for part in text.split(";")):
        if not part:
            continue
        name, equals, values = (each.strip() for each in part.partition("="))
        if not equals or not name or " " in name:
            raise ValueError(f"{part!r} is not of the form quantity = values, e.g. analyser.angle = 0:360:10")
        if name in found:
            raise ValueError(f"{name} stands there twice")
        try:
            numbers = listed(values, quantity_unit(name))
        except ValueError as exc:
            raise ValueError(f"{name}: {exc}") from None
        if not numbers or not all(map(math.isfinite, numbers)):
            raise ValueError(f"{name}: {values!r} holds no number one can move to" if not numbers else f"{name}: not finite")
        found[name] = numbers
    return found


def write(values: Mapping[str, object]) -> str:
    """Write set-points as `read` reads them, every number in full; a value is a number, a text, or several of either."""
    return "; ".join(f"{name} = {_listed(name, value)}" for name, value in values.items())


def _listed(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    several: Iterable[object] = value if isinstance(value, Iterable) else (value,)
    numbers = [to_float(each, quantity_unit(name)) if isinstance(each, str) else float(each) for each in several]   # type: ignore[arg-type]
    return ", ".join(map(repr, numbers))


def combinations(axes: SetPoints, *, together: bool = False) -> list[dict[str, float]]:
    """Give every place: the last axis runs fastest, or all step together; raises ValueError when they cannot."""
    if together and len({len(values) for values in axes.values()}) > 1:
        lengths = ", ".join(f"{name} has {len(values)}" for name, values in axes.items())
        raise ValueError(f"axes that step together need equally many values; {lengths}")
    places = zip(*axes.values(), strict=True) if together else itertools.product(*axes.values())
    return [dict(zip(axes, place, strict=True)) for place in places]


def level_named(text: str) -> str:
    """Give the quantity that a pump level with a unit means: "20 uJ/cm^2" is a `pump.fluence`; ValueError without such a unit."""
    for name in LEVELS:
        try:
            float(text)
        except ValueError:
            try:
                to_float(text, quantity_unit(name))
            except ValueError:
                continue
            return name
    raise ValueError(f"{text!r} has no unit of a pump level: W, J/cm^2 or 1/s")
