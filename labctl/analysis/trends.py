"""What a bench was found to be day after day: the last thirty checks, and whether today's stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labctl.analysis.camera import MEDIAN_TO_SD
from labctl.analysis.fitting import linear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Problem, Result
from labctl.core.reduction import CurveData

MOST = 30                   # checks that are kept
FEWEST = 3                  # earlier checks from which something can be said to have moved
SIGNIFICANT = 5.0           # standard deviations of the earlier ones, or standard errors of today's
DAY_S, TEN_MINUTES_S = 86400.0, 600.0


@dataclass(frozen=True)
class Watched:
    """A number that is looked at: its words, and how far it may wander unremarked, absolutely or relative to itself."""

    label: str
    allowed: float
    relative: bool = False


@dataclass(frozen=True)
class Trend:
    """A number against time: seconds since 1970, values and standard errors, oldest first, today's last."""

    when_s: np.ndarray
    values: np.ndarray
    errors: np.ndarray

    @property
    def moved(self) -> float:
        """How far today's lies from the median of the earlier ones."""
        return float(self.values[-1] - np.median(self.values[:-1])) if len(self.values) > 1 else 0.0


def continued(name: str, today: Result, now_s: float, earlier: Mapping[str, Any] | None) -> Trend:
    """Add today's number to those of the last check, of which the newest thirty stay."""
    told: list[Sequence[float]] = [(earlier or {}).get(f"{name}{part}", ()) for part in ("_when_s", "", "_stderr")]
    fresh = (now_s, today.value, today.stderr or 0.0)
    return Trend(*(np.array([*old, new], dtype=float)[-MOST:] for old, new in zip(told, fresh, strict=True)))


def stored(trends: Mapping[str, Trend]) -> dict[str, list[float]]:
    """Give the trends as the curve of a calibration."""
    curve: dict[str, list[float]] = {}
    for name, trend in trends.items():
        curve |= {f"{name}_when_s": trend.when_s.tolist(), name: trend.values.tolist(), f"{name}_stderr": trend.errors.tolist()}
    return curve


def judge(name: str, watched: Watched, trend: Trend, unit: str) -> Problem | None:
    """Say that today's number stands out: by five times the scatter of the earlier ones, its own error, and what is allowed."""
    earlier = trend.values[:-1]
    if len(earlier) < FEWEST:
        return None
    usual = float(np.median(earlier))
    scatter = MEDIAN_TO_SD * float(np.median(np.abs(earlier - usual)))
    allowed = watched.allowed * abs(usual) if watched.relative else watched.allowed
    if abs(trend.moved) <= max(SIGNIFICANT * scatter, SIGNIFICANT * float(trend.errors[-1]), allowed):
        return None
    return Problem(name, f"{watched.label} is {trend.values[-1]:.4g} {unit}, the median of the last {len(earlier)} checks "
                         f"{usual:.4g} {unit}: it has moved by {trend.moved:+.3g}. Find out why before measuring.", "warning")


def mean_of(values: np.ndarray, unit: str, how: str) -> Result:
    """Give the mean of repeated values (n,), at least two, with the error that their scatter gives."""
    return Result(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), unit, f"mean of {len(values)} {how}")


def steadiness(elapsed_s: np.ndarray, power_w: np.ndarray) -> dict[str, Result]:
    """Give `set_power` (W) and `power_drift` (% in ten minutes) of readings (n,); AnalysisError where there is no light."""
    found = mean_of(power_w, "W", "readings")
    if found.value <= 0.0:
        raise AnalysisError("The power head sees no light at the set angle. Is the pump emitting, and the wheel's slot open?")
    time = (elapsed_s - elapsed_s.mean()) / TEN_MINUTES_S
    line = linear_fit(np.column_stack([np.ones(len(time)), time]), power_w / found.value, what="The drift of the power")
    return {"set_power": found, "power_drift": Result(100 * float(line.values[1]), 100 * float(line.stderr[1]), "%",
                                                      "straight line through the readings, in ten minutes")}


def drawn(watched: Watched, trend: Trend, unit: str) -> CurveData:
    """Draw a trend against the days before this check, with the median of the earlier ones."""
    days = (trend.when_s - trend.when_s[-1]) / DAY_S
    usual = np.full(2, np.median(trend.values[:-1])) if len(trend.values) > FEWEST else None
    return CurveData("days", days, trend.values, unit, watched.label, sigma=trend.errors,
                     fit_x=None if usual is None else np.array([days[0], days[-1]]), fit_y=usual)
