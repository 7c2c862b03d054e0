"""Points that many plans begin with: the zero of the power head, dark frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from labctl.core.errors import AnalysisError, Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem
from labctl.core.quantities import QUANTITIES, shown


def wheel(bench: BenchView) -> tuple[dict[str, float], dict[str, float]]:
    """Give the set-points that block the beam before the power head and that open it; none without a wheel that can."""
    try:
        return {"nd.slot": bench.constant("nd.blocked_slot")}, {"nd.slot": bench.constant("nd.open_slot")}
    except AnalysisError:
        return {}, {}


def zero(bench: BenchView) -> list[Point]:
    """Zero the power head behind the blocked slot of the wheel; a bench without one keeps the zero it has.

    The head stands before the shutter, so closing that does not make it dark; and its zero wanders by as much as the weakest powers
    of a series.
    """
    blocked, _ = wheel(bench)
    return [Point(set=blocked, kind="zero", do=("power_meter.zero",), read=(), light=False)] if blocked else []


def darks(count: int, exposure_s: float, read: tuple[str, ...] = ("spectrum",)) -> list[Point]:
    """Take frames of one exposure with the shutter closed."""
    return [Point(kind="dark", light=False, exposure_s=exposure_s, read=read)] * count


def common_level(bench: BenchView, wavelengths_nm: Sequence[float] | np.ndarray, held: str, share: float) -> float:
    """Give a level that the pump reaches at all wavelengths: a share of the smallest of its highest photon fluxes (or powers).

    Raises Refused, under `level`, when the attenuator cannot make the pump so weak everywhere.
    """
    reaches = [bench.reach(held, {"pump.wavelength": float(wavelength)}) for wavelength in wavelengths_nm]
    level = share * min(high for _, high in reaches)
    worst = int(np.argmax([low for low, _ in reaches]))
    if level < reaches[worst][0]:
        raise Refused([Problem(
            "level", f"{shown(level, held)} is below the lowest {QUANTITIES[held].file_name.replace('_', ' ')} that the attenuator "
            f"gives at {wavelengths_nm[worst]:g} nm, {shown(reaches[worst][0], held)}. Raise the level, or add a neutral density "
            "filter.")])
    return level


def beyond(reach: tuple[float, float], ends: Mapping[str, float], unit: str, what: str) -> list[Problem]:
    """Say of values, by the parameter that holds each, which lie outside a reach; `what` says whose it is."""
    low, high = reach
    return [Problem(name, f"{value:g} {unit} is outside {low:g} to {high:g} {unit}, {what}.") for name, value in ends.items()
            if not low <= value <= high]


def has_axis(bench: BenchView, axis: str) -> bool:
    """Tell whether the bench has a quantity."""
    try:
        bench.reach(axis, {})
    except AnalysisError:
        return False
    return True


def insist_on(bench: BenchView, *axes: str) -> None:
    """Refuse a bench that lacks a quantity, naming all it lacks."""
    missing = [axis for axis in axes if not has_axis(bench, axis)]
    if missing:
        raise Refused([Problem(axis.split(".")[0], f"this bench has no {axis}. How to describe what calibrates a bench: "
                                                   "docs/how-to/calibrate-a-bench.md.") for axis in missing])
