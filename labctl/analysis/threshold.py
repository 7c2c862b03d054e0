"""Three estimators of a lasing threshold; they differ by 5-15 %, so each result carries the name of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import Fit, error_scale, linear_fit, quantile
from labctl.analysis.slopes import segments
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

GRID = 600                  # candidate thresholds of the kink, as in the analysis of the papers' curves
LOW, HIGH = 0.15, 0.80      # fractions of the maximum between which the x-intercept takes its straight line
FEWEST_POINTS = 6           # a kink has four constants; two points on either side of it
SIGNIFICANT = 3.0           # standard errors by which the slope must rise at the kink


@dataclass(frozen=True)
class Series:
    """Output against pump in rising order: fluence or power, output, standard error of the output (None: from the scatter).

    `relative_pump` is the relative error of the measured pump energy per point, `unit` that of the pump.
    """

    pump: np.ndarray
    output: np.ndarray
    sigma: np.ndarray | None
    relative_pump: float
    unit: str

    def weighed(self, slope: np.ndarray) -> np.ndarray | None:
        """Give the error of every point with the pump's own: output² + (dI/dF σ_F)², None where nothing is known."""
        if self.sigma is None:
            return None
        return np.hypot(self.sigma, slope * self.relative_pump * self.pump)


@dataclass(frozen=True)
class Threshold:
    """A threshold with the lines behind it: `corners` (pump, output) in rising order, joined straight (`logarithmic`: in log-log).

    `residuals` are those of the fitted points, in standard errors; `used` marks them in rising order of the pump.
    """

    threshold: Result
    corners: tuple[tuple[float, float], ...]
    residuals: np.ndarray
    used: np.ndarray
    logarithmic: bool = False
    fit: Fit | None = None              # of a kink: the constants a, b, c and how far F_th is off

    def curve_error(self, pump: np.ndarray) -> np.ndarray | None:
        """Give the standard error of the lines themselves, that of their kink included; None of other estimators."""
        if self.fit is None:
            return None
        return self.fit.line_error(_turned(pump, self.threshold.value, float(self.fit.values[2])))

    def curve(self, pump: np.ndarray) -> np.ndarray:
        """Give the fitted lines at pump values within their range."""
        x, y = (np.array(values) for values in zip(*self.corners, strict=True))
        if self.logarithmic:
            return np.exp(np.interp(np.log(pump), np.log(x), np.log(y)))
        return np.interp(pump, x, y)


def series(pump: np.ndarray, output: np.ndarray, sigma: np.ndarray | None = None, *, relative_pump: float = 0.0,
           unit: str = "") -> Series:
    """Sort and check a power series; arrays (n,), any order, points that are not finite are left out.

    `sigma` is the standard error of the output, counting noise included; `relative_pump` the relative error of the pump energy
    measured during each exposure. Raises AnalysisError when fewer than 6 points remain.
    """
    keep = np.isfinite(pump) & np.isfinite(output) & (pump > 0)
    if sigma is not None:
        keep &= np.isfinite(sigma) & (sigma > 0)
    order = np.flatnonzero(keep)[np.argsort(pump[keep], kind="stable")]
    if len(np.unique(pump[order])) < FEWEST_POINTS:
        raise AnalysisError(
            f"{len(np.unique(pump[order]))} usable points of the power series are too few for a threshold; "
            f"{FEWEST_POINTS} are needed, two or more on either side of it."
        )
    return Series(pump[order], output[order], None if sigma is None else sigma[order], relative_pump, unit)


def kink(data: Series, *, candidates: int = GRID) -> Threshold:
    """Fit I = a + b F + c max(0, F - F_th), F_th on an even grid from the second to the last but one point.

    The standard error is half the width of the range in which χ² rises by less than 1, the 95 % interval the range in which it
    rises by less than 3.84, both with χ² scaled to the scatter of the points where that exceeds the stated errors.
    Raises AnalysisError when the slope does not rise by 3 standard errors, or when F_th ends on the edge of the grid.
    """
    places = np.unique(data.pump)           # a series up and down again has every one twice
    grid = np.linspace(places[1], places[-2], candidates)
    sigma = data.weighed(np.zeros_like(data.pump))
    chi2, best, constants = _hinges(data, grid, sigma)
    if data.relative_pump > 0 and sigma is not None:
        for _ in range(2):
            slope = constants[1] + constants[2] * (data.pump > grid[best])
            sigma = data.weighed(slope)
            chi2, best, constants = _hinges(data, grid, sigma)
    _insist_on_kink(data, grid, best, sigma)
    freedom = len(data.pump) - 4
    reduced = float(chi2[best] / freedom)
    scale = reduced if sigma is None else error_scale(reduced, freedom) ** 2
    reach = quantile(freedom if sigma is None else None)
    step = float(grid[1] - grid[0])
    low, high = _range(grid, chi2, best, scale)
    stderr = float(np.hypot((high - low) / 2, step / np.sqrt(12.0)))
    place = float(grid[best])
    threshold = Result(place, stderr, data.unit, "kink of a piecewise straight line", goodness=None if sigma is None else reduced,
                       interval=_range(grid, chi2, best, scale * reach**2))
    weight = np.ones_like(data.pump) if sigma is None else 1 / sigma
    fitted = _hinge(data.pump, place) @ constants
    ends = np.array([data.pump[0], place, data.pump[-1]])
    heights = _hinge(ends, place) @ constants
    free = linear_fit(_turned(data.pump, place, float(constants[2])), data.output, sigma, what="The kink")
    return Threshold(threshold, tuple(zip(map(float, ends), map(float, heights), strict=True)), (data.output - fitted) * weight,
                     np.ones(len(data.pump), dtype=bool), fit=free)


def _hinge(pump: np.ndarray, place: float) -> np.ndarray:
    return np.column_stack([np.ones_like(pump), pump, np.clip(pump - place, 0.0, None)])


def _turned(pump: np.ndarray, place: float, change: float) -> np.ndarray:
    """Give the derivatives of the piecewise line by a, b, c and F_th, (n, 4)."""
    return np.column_stack([_hinge(pump, place), -change * (pump > place)])


def _hinges(data: Series, grid: np.ndarray, sigma: np.ndarray | None) -> tuple[np.ndarray, int, np.ndarray]:
    """Solve the piecewise line for every candidate at once: χ² (candidates,), the best index, its constants a, b, c.

    The straight line common to all is projected out, which leaves one ramp per candidate.
    """
    weight = np.ones_like(data.pump) if sigma is None else 1 / sigma
    line = np.column_stack([np.ones_like(data.pump), data.pump]) * weight[:, None]
    basis = np.linalg.qr(line)[0]
    ramps = np.clip(data.pump[:, None] - grid[None, :], 0.0, None) * weight[:, None]
    ramps -= basis @ (basis.T @ ramps)
    target = data.output * weight
    target = target - basis @ (basis.T @ target)
    change = (ramps.T @ target) / np.sum(ramps**2, axis=0)
    chi2 = np.sum((target[:, None] - ramps * change) ** 2, axis=0)
    best = int(np.argmin(chi2))
    constants = linear_fit(_hinge(data.pump, grid[best]), data.output, sigma, what="The kink").values
    return chi2, best, constants


def _range(grid: np.ndarray, chi2: np.ndarray, best: int, rise: float) -> tuple[float, float]:
    """Give the range around the best candidate in which χ² rises by less than `rise`, interpolated between candidates."""
    beyond = chi2 - chi2[best] > rise
    ends = []
    for path in (np.arange(best, -1, -1), np.arange(best, len(grid))):
        outside = np.flatnonzero(beyond[path])
        if not len(outside):
            ends.append(float(grid[path[-1]]))
            continue
        last, first = path[outside[0] - 1], path[outside[0]]
        share = (chi2[best] + rise - chi2[last]) / (chi2[first] - chi2[last])
        ends.append(float(grid[last] + share * (grid[first] - grid[last])))
    return ends[0], ends[1]


def _insist_on_kink(data: Series, grid: np.ndarray, best: int, sigma: np.ndarray | None) -> None:
    if best in (0, len(grid) - 1):
        end = "first" if best == 0 else "last"
        raise AnalysisError(
            f"The kink falls on the {end} point that could be one ({grid[best]:.4g} {data.unit}): the threshold lies outside "
            f"{grid[0]:.4g} to {grid[-1]:.4g} {data.unit}. Extend the series to that side."
        )
    fit = linear_fit(_hinge(data.pump, grid[best]), data.output, sigma)
    if fit.values[2] < SIGNIFICANT * fit.stderr[2]:
        raise AnalysisError(
            f"The slope does not rise: it changes by {fit.values[2]:.3g} ± {fit.stderr[2]:.2g} per {data.unit or 'unit'} at "
            f"{grid[best]:.4g} {data.unit}. The sample may stay below threshold; raise the pump or expose longer."
        )


def intercept(data: Series, *, low: float = LOW, high: float = HIGH) -> Threshold:
    """Put a straight line through the points between `low` and `high` of the maximum; the threshold is where it meets zero.

    Reads higher than the kink on curves that bend upwards above threshold. Only points below the maximum count, so a saturated
    end does no harm. Raises AnalysisError when fewer than 3 points qualify, when the line does not rise clearly, or when it may as
    well meet zero at no pump at all.
    """
    top = int(np.argmax(data.output))
    share = data.output / data.output[top]
    used = (share >= low) & (share <= high) & (np.arange(len(share)) < top)
    if np.count_nonzero(used) < 3:
        raise AnalysisError(
            f"{np.count_nonzero(used)} points of the power series lie between {low:.0%} and {high:.0%} of the maximum; the "
            "x-intercept needs 3. Add points above the threshold."
        )
    pump, output = data.pump[used], data.output[used]
    design = np.column_stack([np.ones_like(pump), pump])
    sigma = None if data.sigma is None else data.sigma[used]
    fit = linear_fit(design, output, sigma, what="The x-intercept")
    if data.relative_pump > 0 and sigma is not None:
        fit = linear_fit(design, output, np.hypot(sigma, fit.values[1] * data.relative_pump * pump), what="The x-intercept")
    offset, slope = fit.values
    if slope < SIGNIFICANT * fit.stderr[1]:
        raise AnalysisError(f"The line through {low:.0%} to {high:.0%} of the maximum does not rise: slope {slope:.3g} ± "
                            f"{fit.stderr[1]:.2g}. Expose longer or raise the pump.")
    place = float(-offset / slope)
    stderr = fit.error_of([-1 / slope, offset / slope**2])
    reach = fit.quantile * stderr
    if place <= reach:
        raise AnalysisError(f"The line through {low:.0%} to {high:.0%} of the maximum meets zero at {place:.4g} ± {stderr:.2g} "
                            f"{data.unit}, which may be no threshold at all.")
    threshold = Result(place, stderr, data.unit, f"x-intercept of {low:.0%} to {high:.0%} of the maximum", goodness=fit.goodness,
                       interval=(place - reach, place + reach))
    end = float(pump[-1])
    return Threshold(threshold, ((place, 0.0), (end, float(offset + slope * end))), fit.residuals, used)


def log_log(data: Series, *, count: int = 2) -> Threshold:
    """Fit a continuous power law of 2 or 3 segments; the threshold is its last break.

    With two segments that is where the output becomes superlinear; with three (spontaneous, amplified, lasing) it is where the
    steep part ends, which is what papers quote as the second threshold. Raises AnalysisError as `segments` does.
    """
    if count not in (2, 3):
        raise ValueError(f"count is {count}; a threshold needs 2 or 3 segments")
    law = segments(data.pump, data.output, data.sigma, count=count, relative_x=data.relative_pump, unit=data.unit)
    ends = np.array([data.pump[0], *(found.value for found in law.breaks), data.pump[-1]])
    corners = tuple(zip(map(float, ends), map(float, law.curve(ends)), strict=True))
    return Threshold(law.breaks[-1], corners, law.residuals, law.used, logarithmic=True)


ESTIMATORS: Mapping[str, Callable[[Series], Threshold]] = {"kink": kink, "intercept": intercept, "log_log": log_log}


def estimate(data: Series) -> tuple[dict[str, Threshold], dict[str, str]]:
    """Apply the three estimators; gives those that found a threshold, and the reason of each that refused, by name."""
    found: dict[str, Threshold] = {}
    refused: dict[str, str] = {}
    for name, estimator in ESTIMATORS.items():
        try:
            found[name] = estimator(data)
        except AnalysisError as exc:
            refused[name] = str(exc)
    return found, refused
