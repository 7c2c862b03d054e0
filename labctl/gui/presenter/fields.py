"""The fields of a form, made from a procedure's declarations: what is shown, and what typed text means. Nothing is clamped."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labctl.core.errors import Refused
from labctl.core.quantities import to_float

if TYPE_CHECKING:
    from labctl.core.procedure import Procedure

NUMBER, COUNT, CHOICE, SWITCH, TEXT = "number", "count", "choice", "switch", "text"
# What people read and type, where the program's own unit would give awkward numbers: unit and factor (shown = value × factor).
SHOWN = {"J/cm^2": ("µJ/cm²", 1e6), "W": ("µW", 1e6), "A": ("µA", 1e6), "deg": ("°", 1.0), "um": ("µm", 1.0), "1": ("", 1.0),
         "1/s": ("s⁻¹", 1.0), "K/min": ("K/min", 1.0), "cm^2": ("cm²", 1.0), "1/cm^2": ("cm⁻²", 1.0)}
PREFIXES = (("µ", 1e6, 1e-3), ("m", 1e3, 1.0), ("", 1.0, math.inf))      # prefix, factor, and up to which size it is read
UNLIMITED = 1e11             # a limit beyond this is none
COMMA = re.compile(r"^\s*[+-]?\d*,\d+")


def shown_in(unit: str, size: float) -> tuple[str, float]:
    """Give unit and factor in which people read the numbers of an instrument that are of this size: µA of a leak, A of a lamp."""
    if unit not in ("A", "W"):
        return SHOWN.get(unit, (unit, 1.0))
    prefix, factor, _ = next(each for each in PREFIXES if abs(size) < each[2])
    return f"{prefix}{unit}", factor


@dataclass(frozen=True)
class Field:
    """One line of a form. `low`, `high` and `default` are in `unit`; people see `shown_unit`, `factor` times as many."""

    name: str
    label: str
    kind: str = NUMBER
    unit: str = ""
    shown_unit: str = ""
    factor: float = 1.0
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    description: str = ""
    group: str = ""
    convert: Callable[[str], Any] | None = None          # of a text: what the procedure makes of it

    @property
    def allowed(self) -> str:
        """Say what may be typed, in words."""
        if self.kind == CHOICE:
            return f"Allowed: {', '.join(self.choices)}"
        if self.kind == SWITCH:
            return "Allowed: yes or no"
        if self.kind == TEXT:
            return "May be empty"
        low, high = self.low, self.high
        what = "Allowed: whole numbers" if self.kind == COUNT else "Allowed:"
        if low is None and high is None:
            return what if self.kind == COUNT else "Allowed: any number"
        ends = [("from", low), ("up to", high)] if low is None or high is None else []
        span = (" ".join(f"{word} {self.write(end)}" for word, end in ends if end is not None) if ends
                else f"{self.write(low)} to {self.write(high)}")
        return f"{what} {span} {self.shown_unit}".rstrip()

    def write(self, value: Any) -> str:
        """Write a value as the form shows it, without its unit."""
        if self.kind == SWITCH:
            return "yes" if value else "no"
        if self.kind in (CHOICE, TEXT):
            return str(value)
        return f"{float(value) * self.factor:.9g}"

    def read(self, text: str) -> Any:
        """Give what typed text means, in the field's own unit; raises ValueError with what is allowed.

        A bare number is in the shown unit; any unit that converts may follow it, nm, eV and cm⁻¹ into each other. A comma is as
        good as a dot.
        """
        if self.kind == CHOICE:
            if text.strip() not in self.choices:
                raise ValueError(self.allowed)
            return text.strip()
        if self.kind == SWITCH:
            word = text.strip().lower()
            if word not in ("yes", "no"):
                raise ValueError(self.allowed)
            return word == "yes"
        if self.kind == TEXT:
            return text.strip() if self.convert is None else self.convert(text.strip())
        value = self._number(text)
        # a limit typed as it is shown must be good, whatever the last digit of its conversion
        slack = 1e-9 * max(abs(self.low or 0.0), abs(self.high or 0.0))
        below = self.low is not None and value < self.low - slack
        above = self.high is not None and value > self.high + slack
        if below or above or (self.kind == COUNT and value != int(value)):
            raise ValueError(self.allowed)
        if self.kind == COUNT:
            return int(value)
        return min(max(value, float("-inf") if self.low is None else self.low), float("inf") if self.high is None else self.high)

    def _number(self, text: str) -> float:
        plain = text.strip().replace("\u2212", "-").replace("\u00a0", " ")
        if COMMA.match(plain):
            plain = plain.replace(",", ".", 1)
        if not plain:
            raise ValueError(f"Empty. {self.allowed}")
        try:
            value = self._bare(plain)
            value = to_float(plain, self.unit) if value is None else value / self.factor
        except ValueError:
            unit = f", or a unit that converts to {self.shown_unit}" if self.shown_unit else ""
            raise ValueError(f"Not a number{unit}") from None
        if math.isnan(value) or math.isinf(value):
            raise ValueError(f"Not a finite number. {self.allowed}")
        return value

    @staticmethod
    def _bare(text: str) -> float | None:
        try:
            return float(text)
        except ValueError:
            return None


def fields(procedure: type[Procedure], own: Mapping[str, Any]) -> tuple[Field, ...]:
    """Give the fields of a procedure's form, in the order of its declarations; `own` are the bench's defaults by name."""
    return tuple(_field(procedure, name, declared, own) for name, declared in procedure.declarations().items())


def own_defaults(procedure: type[Procedure], own: Mapping[str, Any]) -> dict[str, Any]:
    """Give the bench's own defaults of a procedure as values; those it does not know are left to the check of the run."""
    found = {}
    for name, value in own.items():
        try:
            found[name] = getattr(procedure(**{name: value}), name)
        except Refused:
            continue
    return found


def _field(procedure: type[Procedure], name: str, declared: Any, own: Mapping[str, Any]) -> Field:
    unit = getattr(declared, "units", None) or ""
    choices = tuple(str(each) for each in getattr(declared, "choices", None) or ())
    low, high = getattr(declared, "minimum", None), getattr(declared, "maximum", None)
    sort = type(declared.default)
    kind = (CHOICE if choices else SWITCH if sort is bool else TEXT if sort is str else COUNT if sort is int and not unit
            else NUMBER)
    shown_unit, factor = SHOWN.get(unit, (unit, 1.0))
    return Field(name, declared.name, kind, unit, shown_unit, factor, None if low is None or low < -UNLIMITED else low,
                 None if high is None or high > UNLIMITED else high, choices, own.get(name, declared.default),
                 getattr(declared, "description", None) or "", getattr(declared, "group", None) or "",
                 declared.convert if kind == TEXT else None)
