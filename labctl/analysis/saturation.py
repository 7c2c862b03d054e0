"""How far a power series is straight, where it falls below its line, and where a quantity passes a level for good."""

from __future__ import annotations

import numpy as np

from labctl.analysis.fitting import Fit, clean, linear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

BELOW_LINE = 0.2            # share by which a saturated point lies below the line
LINE_FROM, LINE_TO = 1.2, 2.3        # in thresholds: where the line is taken


def saturation(pump: np.ndarray, output: np.ndarray, sigma: np.ndarray | None = None, *, threshold: float, unit: str = "",
               below: float = BELOW_LINE) -> Result:
    """Give the lowest pump at which the output lies 20 % below the line fitted between 1.2 and 2.3 thresholds.

    Arrays (n,), any order. Between points the ratio of output to line is taken as straight; the error is that of the ratio over its
    slope. Raises AnalysisError when the line has fewer than 3 points or when the series ends before it saturates.
    """
    pump, output, error = _sorted(pump, output, sigma)
    inside = (pump >= LINE_FROM * threshold) & (pump <= LINE_TO * threshold)
    if np.count_nonzero(inside) < 3:
        raise AnalysisError(
            f"{np.count_nonzero(inside)} points lie between {LINE_FROM:g} and {LINE_TO:g} thresholds ({LINE_FROM * threshold:.4g} "
            f"to {LINE_TO * threshold:.4g} {unit}); the line needs 3."
        )
    fit = _line(pump[inside], output[inside], None if sigma is None else error[inside])
    line = fit.values[0] + fit.values[1] * pump
    ratio = np.where(line > 0, output / np.where(line > 0, line, 1.0), np.inf)
    low = np.flatnonzero((ratio <= 1 - below) & (pump > LINE_FROM * threshold))
    if not len(low):
        raise AnalysisError(f"The output does not fall {below:.0%} below its line up to {pump[-1]:.4g} {unit}. Extend the series.")
    last = int(low[0])
    slope = (ratio[last] - ratio[last - 1]) / (pump[last] - pump[last - 1])
    place = float(pump[last - 1] + (1 - below - ratio[last - 1]) / slope)
    noise = error[last] / line[last] if sigma is not None else 0.0
    uncertain = np.hypot(noise, ratio[last] * fit.error_of([1.0, place]) / line[last])
    estimator = f"output {below:.0%} below the line of {LINE_FROM:g}-{LINE_TO:g} thresholds"
    return Result(place, float(abs(uncertain / slope)), unit, estimator, goodness=fit.goodness)


def straightness(pump: np.ndarray, output: np.ndarray, sigma: np.ndarray | None = None, *, above: float) -> Result:
    """Give the largest residual of a straight line through the points from `above` on, in % of the largest output.

    Arrays (n,), any order. The error is that of the point concerned. Raises AnalysisError with fewer than 4 points.
    """
    pump, output, error = _sorted(pump, output, sigma)
    used = pump >= above
    if np.count_nonzero(used) < 4:
        raise AnalysisError(f"{np.count_nonzero(used)} points lie above {above:.4g}; their straightness needs 4.")
    fit = _line(pump[used], output[used], None if sigma is None else error[used])
    left = np.abs(output[used] - fit.values[0] - fit.values[1] * pump[used])
    worst, full = int(np.argmax(left)), float(output[used].max())
    stderr = None if sigma is None else float(100 * error[used][worst] / full)
    return Result(float(100 * left[worst] / full), stderr, "%", "largest residual of a straight line, of full scale",
                  goodness=fit.goodness)


def onset(x: np.ndarray, values: np.ndarray, level: float, *, rising: bool = True, unit: str = "") -> Result:
    """Give the lowest x from which the values stay beyond a level (above it, or below it when not `rising`), arrays (n,).

    What papers mean by "from this fluence on": the first of the points that stay, with half the distance to the point before as
    its error. Raises AnalysisError when the last point is not beyond the level, or when all are.
    """
    x, values, _ = _sorted(x, values, None)
    beyond, side = (values > level, "above") if rising else (values < level, "below")
    if not beyond[-1]:
        raise AnalysisError(f"The last point ({x[-1]:.4g} {unit}) is not {side} {level:.4g}. Extend the series.")
    if np.all(beyond):
        raise AnalysisError(f"All points lie {side} {level:.4g} already. Begin the series at a lower value.")
    first = int(np.flatnonzero(~beyond)[-1]) + 1
    return Result(float(x[first]), float(x[first] - x[first - 1]) / 2, unit, f"first of the points that stay {side} {level:.4g}")


def _sorted(x: np.ndarray, y: np.ndarray, sigma: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, error = clean(x, y, sigma)
    order = np.argsort(x, kind="stable")
    return x[order], y[order], error[order]


def _line(x: np.ndarray, y: np.ndarray, sigma: np.ndarray | None) -> Fit:
    return linear_fit(np.column_stack([np.ones_like(x), x]), y, sigma, what="The line")
