"""Points that many plans begin with: the zero of the power head, dark frames."""

from __future__ import annotations

from labctl.core.errors import AnalysisError
from labctl.core.instrument import BenchView
from labctl.core.plan import Point


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
