"""Which stored calibration, if any, is valid for this bench today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from labctl.core.calibration import Calibration


def why_not(calibration: Calibration, serials: Mapping[str, str], *, simulated: bool, max_age_days: float) -> str:
    """Give the reason why a calibration is not valid here; empty when it is."""
    if calibration.simulated and not simulated:
        return "it was taken on a simulated bench"
    if not calibration.simulated and simulated:
        return "it was taken on real instruments"
    for role, serial in calibration.serials.items():
        if role not in serials:
            return f"it needs a {role}, which this bench does not have"
        if serials[role] != serial:
            return f"the {role} has serial number {serials[role]}, the calibration was taken with {serial}"
    age = calibration.age_days()
    if age > max_age_days:
        return f"it is {age:.0f} days old, the limit is {max_age_days:g} days"
    return ""


def newest_valid(candidates: Iterable[Calibration], serials: Mapping[str, str], *, simulated: bool,
                 max_age_days: float) -> tuple[Calibration | None, str]:
    """Choose the first valid one of `candidates` (newest first); else None and why the newest is not valid."""
    reason = ""
    for calibration in candidates:
        problem = why_not(calibration, serials, simulated=simulated, max_age_days=max_age_days)
        if not problem:
            return calibration, ""
        reason = reason or problem
    return None, reason
