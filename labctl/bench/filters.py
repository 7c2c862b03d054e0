"""Filter wheels: what each slot lets through, as it was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from labctl.bench.config import Filter
from labctl.bench.devices import DriverAxis
from labctl.core.errors import AnalysisError
from labctl.core.plan import Problem
from labctl.core.steps import Steps


def transmission_at(filter_: Filter, wavelength_nm: float) -> float:
    """Give the transmission at a wavelength, straight between measured ones; AnalysisError outside what was measured."""
    if not isinstance(filter_.transmission, list):
        return filter_.transmission
    first, last = filter_.wavelength_nm[0], filter_.wavelength_nm[-1]
    if not first <= wavelength_nm <= last:
        name = filter_.name or "this filter"
        raise AnalysisError(f"The transmission of {name} was measured from {first:g} to {last:g} nm, not at {wavelength_nm:g} nm. "
                            "Measure it there, and put it into the bench file.")
    return float(np.interp(wavelength_nm, filter_.wavelength_nm, filter_.transmission))


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
        centre = at.get("emission.centre", self.looks_at())
        if centre is None:
            return measured
        try:
            return {**measured, f"{self.name}_transmission": transmission_at(self.slots[round(value) - 1], centre)}
        except AnalysisError:
            return measured
