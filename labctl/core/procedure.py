"""Procedures and their parameters: pymeasure's declarations, made strict.

pymeasure accepts unknown names, ignores most limits on assignment and converts silently; here every value is checked when it is
set, every text with a unit is understood, and the error names field, value, limit and remedy.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

from labctl.core import set_points as set_points_module
from labctl.core.declared import BooleanParameter, FloatParameter, IntegerParameter, ListParameter, Parameter
from labctl.core.declared import Procedure as _PymeasureProcedure
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Bounds, Point, Problem, Reading
from labctl.core.plots import Plot
from labctl.core.quality import Policy
from labctl.core.quantities import listed, to_float
from labctl.core.reduction import Reduction, RunView
from labctl.core.suggest import suggestion


class _Quantity(FloatParameter):
    """A float with a unit and limits; accepts text with any compatible unit."""

    def convert(self, value: Any) -> float:
        number = to_float(value, self.units or "")
        if isinstance(value, bool) or not math.isfinite(number):
            raise ValueError(f"{value!r} is not a finite number")
        unit = f" {self.units}" if self.units else ""
        if number < self.minimum:
            raise ValueError(f"{number:g}{unit} is below the lowest allowed value, {self.minimum:g}{unit}")
        if number > self.maximum:
            raise ValueError(f"{number:g}{unit} is above the highest allowed value, {self.maximum:g}{unit}")
        return number


class _Count(IntegerParameter):
    """A whole number with limits; 2.5 is refused, not cut."""

    def convert(self, value: Any) -> int:
        number = to_float(value, "")
        if isinstance(value, bool) or number != int(number):
            raise ValueError(f"{value!r} is not a whole number")
        if not self.minimum <= number <= self.maximum:
            raise ValueError(f"{int(number)} is outside {self.minimum} to {self.maximum}")
        return int(number)


class _Choice(ListParameter):
    """One of a list of words."""

    def convert(self, value: Any) -> str:
        allowed = [str(choice) for choice in self.choices or ()]
        if str(value) not in allowed:
            raise ValueError(f"{value!r} is not one of {', '.join(allowed)}")
        return str(value)


class _Switch(BooleanParameter):
    """Yes or no, in the words people use."""

    WORDS: ClassVar[dict[str, bool]] = {
        "yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False,
    }

    def convert(self, value: Any) -> bool:
        word = str(value).strip().lower()
        if word not in self.WORDS:
            raise ValueError(f"{value!r} is neither yes nor no")
        return self.WORDS[word]


class _Numbers(Parameter):
    """Numbers in one unit, kept as the text a person wrote."""

    def __init__(self, label: str, unit: str, **declared: Any):
        self.units = unit
        super().__init__(label, **declared)

    def convert(self, value: Any) -> str:
        text = value if isinstance(value, str) else ", ".join(f"{float(number):.12g}" for number in value)
        if not all(math.isfinite(number) for number in listed(text, self.units)):
            raise ValueError(f"{value!r} holds a number that is not finite")
        return text.strip()


class _AnotherRun(Parameter):
    """A run that has been measured."""

    def convert(self, value: Any) -> str:
        return str(value).strip()


class _SetPoints(Parameter):
    """Quantities with the values they are to take, kept as the text a person wrote; of a mapping every number in full."""

    def convert(self, value: Any) -> str:
        text = value if isinstance(value, str) else set_points_module.write(value)
        set_points_module.read(text)
        return text.strip()


class _Names(Parameter):
    """Names, parted by commas."""

    def convert(self, value: Any) -> str:
        parts = value.split(",") if isinstance(value, str) else list(value)
        names = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
        if not names:
            raise ValueError("at least one name is needed")
        return ", ".join(names)


def quantity(label: str, unit: str, *, default: float, minimum: float = -1e12, maximum: float = 1e12,
             description: str | None = None, group: str | None = None) -> float:
    """Declare a float parameter in `unit`; typed as the float it will be on the instance."""
    made = _Quantity(label, units=unit, default=default, minimum=minimum, maximum=maximum, description=description)
    made.group = group      # type: ignore[attr-defined]
    return cast(float, made)


def count(label: str, *, default: int, minimum: int = 0, maximum: int = 1_000_000, description: str | None = None,
          group: str | None = None) -> int:
    """Declare a whole-number parameter."""
    made = _Count(label, default=default, minimum=minimum, maximum=maximum, description=description)
    made.group = group      # type: ignore[attr-defined]
    return cast(int, made)


def choice(label: str, choices: Sequence[str], *, default: str, description: str | None = None, group: str | None = None) -> str:
    """Declare a parameter that is one of several words."""
    made = _Choice(label, choices=list(choices), default=default, description=description)
    made.group = group      # type: ignore[attr-defined]
    return cast(str, made)


def switch(label: str, *, default: bool, description: str | None = None, group: str | None = None) -> bool:
    """Declare a yes/no parameter."""
    made = _Switch(label, default=default, description=description)
    made.group = group      # type: ignore[attr-defined]
    return cast(bool, made)


def numbers(label: str, unit: str, *, default: str = "", description: str | None = None, group: str | None = None) -> str:
    """Declare a list of numbers, written as text (`labctl.core.quantities.listed` reads it); empty means none."""
    made = _Numbers(label, unit, default=default, description=description)
    made.group = group      # type: ignore[attr-defined]
    return cast(str, made)


def set_points(label: str, *, default: str = "", description: str | None = None, group: str | None = None) -> str:
    """Declare quantities with values, written as `labctl.core.set_points` reads them; a mapping is understood, too."""
    made = _SetPoints(label, default=default, description=description)
    made.group = group      # type: ignore[attr-defined]
    return cast(str, made)


def names(label: str, *, default: str, description: str | None = None, group: str | None = None) -> str:
    """Declare one name or several, parted by commas; a sequence is understood, too."""
    made = _Names(label, default=default, description=description)
    made.group = group      # type: ignore[attr-defined]
    return cast(str, made)


def another_run(label: str, *, description: str | None = None, group: str | None = None) -> str:
    """Declare another run by number, path or the beginning of its id; empty means none. Preflight refuses what is not there."""
    made = _AnotherRun(label, default="", description=description)
    made.group = group      # type: ignore[attr-defined]
    return cast(str, made)


AdaptiveSteps = Generator[Point, Reading, None]
PlanSteps = AdaptiveSteps | Iterable[Point]


def under(where: Mapping[str, float], steps: PlanSteps) -> AdaptiveSteps:
    """Lead a plan through its points with further set-points; those of the plan go before."""
    made = cast(AdaptiveSteps, steps if isinstance(steps, Generator) else (point for point in steps))
    try:
        point = next(made)
        while True:
            reading = yield replace(point, set={**where, **point.set})
            point = made.send(reading)
    except StopIteration:
        return


class Procedure(_PymeasureProcedure):
    """One measurement: which points to visit, what to read there, how to draw it, and how to reduce it.

    Subclasses declare parameters with `quantity`, `count`, `choice`, `switch`; `title`, `scan_axes` (outer to inner) and
    `plots`; and implement `plan` and `reduce`. Unknown names and impossible values raise `Refused` at once.
    """

    title: ClassVar[str] = ""
    scan_axes: ClassVar[tuple[str, ...]] = ()
    shape: tuple[int, ...] | None = None        # set by `plan` for a grid over more than one axis
    plots: ClassVar[tuple[Plot, ...]] = ()
    quality: ClassVar[Mapping[str, Policy]] = {}        # what is done about a flag, where it is not the usual

    _own: ClassVar[frozenset[str]] = frozenset({"status", "shape", "MEASURE", "DATA_COLUMNS"})

    def __init__(self, **values: Any):
        super().__init__()
        problems = []
        for name, value in values.items():
            try:
                setattr(self, name, value)
            except Refused as exc:
                problems.extend(exc.problems)
        if problems:
            raise Refused(problems)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or name in self._own:
            object.__setattr__(self, name, value)
            return
        parameter = self._parameters.get(name)
        if parameter is None:
            raise Refused([Problem(name, f"there is no such parameter. {suggestion(name, self._parameters)}")])
        try:
            object.__setattr__(self, name, parameter.convert(value))
        except (ValueError, TypeError) as exc:
            raise Refused([Problem(name, f"{exc}.")]) from None

    # ---------------------------------------------------------------- what a procedure says
    def check(self) -> list[Problem]:
        """Say what is wrong with the parameters taken together; each alone has been checked already."""
        return []

    def plan(self, bench: BenchView) -> PlanSteps:
        """Yield the points in visiting order. `bench` answers what can be reached; it moves nothing."""
        raise NotImplementedError(f"{type(self).__name__} has no plan")

    def bounds(self, bench: BenchView) -> Bounds | None:
        """Say what an adaptive plan stays within; None for a plan whose points are known beforehand.

        An adaptive `plan` is a generator that is sent the reading of every point: `reading = yield Point(...)`.
        """
        return None

    def reduce(self, run: RunView) -> Reduction:
        """Turn the run into results; raises AnalysisError with the reason when the data do not carry them."""
        return Reduction()

    # ---------------------------------------------------------------- what others ask
    def values(self) -> dict[str, Any]:
        """Give every parameter's value by name."""
        return {name: getattr(self, name) for name in self.declarations()}

    def other_runs(self) -> dict[str, str]:
        """Give the parameters that name another run, where they do."""
        return {name: getattr(self, name) for name, declared in self.declarations().items()
                if isinstance(declared, _AnotherRun) and getattr(self, name)}

    def describe(self) -> dict[str, dict[str, Any]]:
        """Give every parameter with value, unit and label, as it is stored in the run file."""
        return {
            name: {"value": getattr(self, name), "unit": getattr(parameter, "units", None) or "", "label": parameter.name}
            for name, parameter in self.declarations().items()
        }

    @classmethod
    def declarations(cls) -> Mapping[str, Parameter]:
        """Give the parameter declarations by name, in the order of the class body."""
        found: dict[str, Parameter] = {}
        for base in reversed(cls.__mro__):
            found.update({n: p for n, p in vars(base).items() if isinstance(p, Parameter)})
        return found
