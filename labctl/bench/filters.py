"""Filter wheels in the detection: which filter stands there, and whether it keeps the pump out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labctl.bench.devices import DriverAxis
from labctl.bench.filter_table import Filter
from labctl.core.errors import AnalysisError
from labctl.core.plan import Point, Problem
from labctl.core.steps import Steps

SPECTRAL = "detection.filter"     # the wheel that has to keep the pump out; the others dim all light alike
PASSES = 1e-3                     # of the pump line: more than that drowns the emission in scattered light; assumed
ON_THE_LINE_NM = 5.0              # a detection centred so near to the pump line wants to see it (instrument response)
WHOLE_RANGE = 41                  # wavelengths at which a source of unknown wavelength is looked at
PUMP, CENTRE, OVERLAP = "pump.wavelength", "emission.centre", "pump_overlap"


class FilterAxis(DriverAxis):
    """A wheel in the detection, whose slots are known: each point records what its filter lets through where it looks.

    `looks_at` gives the wavelength (nm, air) on which the detection is centred, None when it is not known.
    """

    def __init__(self, original: DriverAxis, name: str, slots: list[Filter], looks_at: Callable[[], float | None]):
        self.__dict__.update(original.__dict__)
        self.name = name
        self.slots, self.looks_at = slots, looks_at

    def check(self, value: float, at: Mapping[str, float]) -> list[Problem]:
        """Refuse slots that the wheel, or the bench file, does not have."""
        problems = super().check(value, at)
        if not problems and round(value) > len(self.slots):
            problems = [Problem(self.name, f"the bench file describes {len(self.slots)} filters of {self.device.role}, "
                                           f"not a slot {value:g}. Describe it there, or choose another.")]
        return problems

    def move(self, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Turn the wheel; reports the transmission of the filter at the centre of the detection too, where that is known."""
        measured = yield from super().move(value, at)
        centre = at.get(CENTRE, self.looks_at())
        if centre is None:
            return measured
        try:
            return {**measured, f"{self.name}_transmission": self.slots[round(value) - 1].at(centre)}
        except AnalysisError:
            return measured

    @property
    def begins_at(self) -> float | None:
        """The slot in which a run begins: the bench file's, else where it was seen last."""
        return self.device.config.initial.get(self.axis, self.position)


@dataclass(frozen=True)
class DetectionFilters:
    """The wheels between sample and detectors. `pump_now` gives the pump's wavelength (nm), or the range in which it is."""

    wheels: tuple[FilterAxis, ...] = ()
    pump_now: Callable[[], tuple[float, float] | None] = lambda: None

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        """Give the slots of every wheel: what a run needs to divide by them."""
        return {wheel.name: [slot.as_json() for slot in wheel.slots] for wheel in self.wheels}

    def check(self, points: Sequence[Point], exposed: Iterable[str]) -> list[Problem]:
        """Refuse points at which the spectral filter passes the pump line; `exposed` are the detectors that look at light.

        Points that look at the pump on purpose (centred on it, or flagged as an overlap) are left alone.
        """
        wheel = next((wheel for wheel in self.wheels if wheel.name == SPECTRAL), None)
        if wheel is None:
            return []
        looking = set(exposed)
        slot, pump, centre = wheel.begins_at, self.pump_now(), wheel.looks_at()
        problems = []
        for index, point in enumerate(points):
            slot, centre = point.set.get(SPECTRAL, slot), point.set.get(CENTRE, centre)
            if PUMP in point.set:
                pump = (point.set[PUMP], point.set[PUMP])
            on_purpose = centre is not None and pump is not None and pump[0] == pump[1] and abs(centre - pump[0]) < ON_THE_LINE_NM
            lit = point.light and bool(looking & set(point.read)) and OVERLAP not in point.flags
            if not lit or on_purpose or slot is None or pump is None or not 1 <= round(slot) <= len(wheel.slots):
                continue
            if problem := _passes(wheel.slots, round(slot), pump, index):
                problems.append(problem)
        return problems


def _passes(slots: Sequence[Filter], slot: int, pump: tuple[float, float], index: int) -> Problem | None:
    """Say that a slot lets the pump through, and which do not; a source of unknown wavelength counts where it always passes."""
    least = {number: _least(each, pump) for number, each in enumerate(slots, 1)}
    passed = least[slot]
    if passed is not None and passed <= PASSES:
        return None
    line = f"{pump[0]:g} nm" if pump[0] == pump[1] else f"{pump[0]:g} to {pump[1]:g} nm"
    what = "is not known" if passed is None else f"is {passed:.3g}"
    keep = ", ".join(f"{number} ({slots[number - 1].name or 'unnamed'})" for number, value in least.items()
                     if value is not None and value <= PASSES and slots[number - 1].peak > PASSES)
    advice = f"Choose slot {keep}." if keep else "Put a filter in that blocks it."
    return Problem(SPECTRAL, f"the transmission of slot {slot} ({slots[slot - 1].name or 'unnamed'}) for the pump line of {line} "
                             f"{what}; scattered pump light would drown the emission (limit {PASSES:g}). {advice}", point=index)


def _least(each: Filter, pump: tuple[float, float]) -> float | None:
    """Give the least transmission over the range in which the pump is, None where it was not measured."""
    try:
        return min(each.at(float(wavelength)) for wavelength in np.linspace(*pump, 1 if pump[0] == pump[1] else WHOLE_RANGE))
    except AnalysisError:
        return None
