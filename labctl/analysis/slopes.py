"""Power laws: the slope of a log-log plot, and the breaks between straight segments of one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import least_squares

from labctl.analysis.fitting import Fit, clean, linear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

CANDIDATES = 40             # log-spaced break points that are tried, as in the analysis of the papers' curves
PER_SEGMENT = 2             # points that each segment must hold
RIDGE = 1e-12               # keeps the equations solvable for breaks between which no point tells the slope
SIGNIFICANT = 3.0           # standard errors by which a point must exceed zero to have a logarithm worth fitting


@dataclass(frozen=True)
class PowerLaw:
    """A continuous power law: slope of each segment and break points between them (unit of the abscissa), in rising order.

    `used` marks the fitted points in the order they were given; `residuals` belong to them, in standard errors.
    """

    slopes: tuple[Result, ...]
    breaks: tuple[Result, ...]
    used: np.ndarray
    residuals: np.ndarray
    constants: tuple[float, ...]          # ln y at ln x = 0, first slope, then the change of slope at each break
    reduced_chi2: float
    fit: Fit                              # with the breaks free: constants, then how far each break is off, in ln x

    def curve_error(self, x: np.ndarray) -> np.ndarray:
        """Give the standard error of the law itself at abscissas x, that of the breaks included."""
        breaks = np.log([found.value for found in self.breaks])
        turns = -1.0 * (np.log(x)[:, None] > breaks[None, :]) * np.asarray(self.constants)[2:][None, :]
        return self.curve(x) * self.fit.line_error(np.hstack([_design(np.log(x), breaks), turns]))

    def curve(self, x: np.ndarray) -> np.ndarray:
        """Give the fitted law at abscissas x."""
        design = _design(np.log(x), np.log([found.value for found in self.breaks]))
        return np.exp(design @ np.asarray(self.constants))


def slope(x: np.ndarray, y: np.ndarray, sigma: np.ndarray | None = None, relative_x: float = 0.0) -> PowerLaw:
    """Fit y = c x^s by a straight line through the logarithms; the slope is `slopes[0]`.

    Arrays (n,), any order; `sigma` the standard error of y, `relative_x` that of x as a fraction. Raises AnalysisError when fewer
    than 3 points stand above their noise, or when they do not span a factor of 1.2 in x.
    """
    return segments(x, y, sigma, count=1, relative_x=relative_x)


def segments(x: np.ndarray, y: np.ndarray, sigma: np.ndarray | None = None, *, count: int, relative_x: float = 0.0,
             unit: str = "", candidates: int = CANDIDATES, refine: bool = True) -> PowerLaw:
    """Fit a continuous power law of `count` segments (1 to 3): ln y piecewise linear in ln x; `unit` is that of x.

    The breaks are searched among log-spaced candidates between the second and the last but one point, and then, with `refine`,
    moved to where the fit is best. Their errors come from the linearised fit and, where they stay on a candidate, in quadrature
    from the spacing of these. Weights: (σ_y/y)² + (slope × relative_x)².
    Raises AnalysisError when points are too few or too close together, or when a break is not significant.
    """
    if count not in (1, 2, 3):
        raise ValueError(f"count is {count}; 1, 2 or 3 segments can be fitted")
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    used = _usable(x, y, sigma)
    order = np.flatnonzero(used)[np.argsort(x[used], kind="stable")]
    _insist(x[order], count, len(x))
    log_x, log_y = np.log(x[order]), np.log(y[order])
    noise = None if sigma is None else np.asarray(sigma, dtype=float)[order] / y[order]
    grid = np.linspace(log_x[1], log_x[-2], candidates) if count > 1 else np.array([])
    breaks = _search(log_x, log_y, noise, grid, count)
    if noise is not None and relative_x > 0:
        noise = np.hypot(noise, _local_slope(log_x, log_y, noise, breaks) * relative_x)
        breaks = _search(log_x, log_y, noise, grid, count)
    step = float(grid[1] - grid[0]) if len(grid) > 1 else 0.0
    if refine and count > 1:
        breaks, step = _refined(log_x, log_y, noise, breaks, step), 0.0
    return _describe(log_x, log_y, noise, breaks, step, used, unit)


def _usable(x: np.ndarray, y: np.ndarray, sigma: np.ndarray | None) -> np.ndarray:
    good = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
    if sigma is None:
        return good
    error = np.asarray(sigma, dtype=float)
    return good & np.isfinite(error) & (error > 0) & (y > SIGNIFICANT * error)


def _insist(x: np.ndarray, count: int, given: int) -> None:
    needed = 3 if count == 1 else 2 * count + 2
    if len(np.unique(x)) < needed:
        raise AnalysisError(
            f"{len(np.unique(x))} of {given} points stand {SIGNIFICANT:g} standard errors above zero at different abscissas; a "
            f"power law of {count} segment{'s' if count > 1 else ''} needs {needed}. Expose longer or add points."
        )
    if x[-1] < 1.2 * x[0]:
        raise AnalysisError(f"The points span only {x[0]:.4g} to {x[-1]:.4g}: too little for a power law. Cover a factor of 2.")


def _design(log_x: np.ndarray, breaks: np.ndarray) -> np.ndarray:
    """Give the columns 1, ln x and one ramp per break, (n, 2 + breaks)."""
    ramps = np.clip(log_x[:, None] - np.asarray(breaks)[None, :], 0.0, None)
    return np.column_stack([np.ones_like(log_x), log_x, ramps])


def _search(log_x: np.ndarray, log_y: np.ndarray, noise: np.ndarray | None, grid: np.ndarray, count: int) -> np.ndarray:
    """Give the candidate breaks that leave the least; all candidates are solved at once."""
    possible = np.array(list(combinations(grid, count - 1)))
    possible = possible[_filled(log_x, possible)]
    if not len(possible):
        raise AnalysisError(
            f"The {len(log_x)} points cannot be divided into {count} segments of {PER_SEGMENT} points each. Add points between "
            "the breaks."
        )
    weight = np.ones_like(log_x) if noise is None else 1.0 / noise
    weight = weight / np.max(weight)
    centred = log_x - log_x.mean()
    plain = np.broadcast_to(np.stack([np.ones_like(centred), centred], axis=-1), (len(possible), len(log_x), 2))
    ramps = np.clip(log_x[None, :, None] - possible[:, None, :], 0.0, None)
    design = np.concatenate([plain, ramps], axis=2) * weight[None, :, None]
    target = (log_y - log_y.mean()) * weight
    # Normal equations: three or four columns of order 1, solved some hundred times.
    turned = design.transpose(0, 2, 1)
    solution = np.linalg.solve(turned @ design + RIDGE * np.eye(design.shape[2]), (turned @ target)[..., None])[..., 0]
    left = target[None, :] - np.einsum("bnk,bk->bn", design, solution)
    return possible[int(np.argmin(np.sum(left**2, axis=1)))]


def _refined(log_x: np.ndarray, log_y: np.ndarray, noise: np.ndarray | None, breaks: np.ndarray, step: float) -> np.ndarray:
    """Move the breaks, each by up to a candidate's distance, to where the least is left; slopes are solved for at each place."""
    weight = np.ones_like(log_x) if noise is None else 1.0 / noise

    def left(places: np.ndarray) -> np.ndarray:
        design = _design(log_x, places) * weight[:, None]
        return design @ np.linalg.lstsq(design, log_y * weight, rcond=None)[0] - log_y * weight

    found = least_squares(left, breaks, bounds=(breaks - step, breaks + step), x_scale=step, diff_step=1e-4)
    return found.x if _filled(log_x, found.x[None, :])[0] else breaks


def _filled(log_x: np.ndarray, breaks: np.ndarray) -> np.ndarray:
    """Tell for every set of breaks (sets, breaks) whether each segment holds its points."""
    up_to = np.searchsorted(log_x, breaks, side="right")
    ends = np.zeros((len(breaks), 1), dtype=int)
    return np.all(np.diff(np.hstack([ends, up_to, ends + len(log_x)]), axis=1) >= PER_SEGMENT, axis=1)


def _local_slope(log_x: np.ndarray, log_y: np.ndarray, noise: np.ndarray, breaks: np.ndarray) -> np.ndarray:
    """Give the slope of the fitted law at every point."""
    changes = linear_fit(_design(log_x, breaks), log_y, noise).values[1:]
    return changes[0] + (log_x[:, None] > breaks[None, :]) @ changes[1:]


def _describe(log_x: np.ndarray, log_y: np.ndarray, noise: np.ndarray | None, breaks: np.ndarray, step: float,
              used: np.ndarray, unit: str) -> PowerLaw:
    """Give slopes and breaks with the errors of the fit in which the breaks are free too."""
    design = _design(log_x, breaks)
    fixed = linear_fit(design, log_y, noise, what="The power law")
    turns = -1.0 * (log_x[:, None] > breaks[None, :]) * fixed.values[2:][None, :]
    free = linear_fit(np.hstack([design, turns]), log_y - design @ fixed.values, noise, what="The power law with free breaks")
    _insist_on_breaks(fixed, free, breaks)
    count = len(breaks) + 1
    estimator = "log-log regression" if count == 1 else f"continuous power law of {count} segments"
    half_step = step / np.sqrt(12.0)
    rounding = _slope_rounding(log_x, log_y, noise, breaks, half_step)
    slopes = []
    for index, value in enumerate(np.cumsum(fixed.values[1:])):
        gradient = np.concatenate([[0.0], np.arange(count) <= index, np.zeros(count - 1)])
        error = float(np.hypot(free.error_of(gradient), rounding[index]))
        reach = free.quantile * error
        slopes.append(Result(float(value), error, "1", estimator, goodness=free.goodness,
                             interval=(float(value - reach), float(value + reach))))
    found = []
    for place, error in zip(breaks, free.stderr[2 + len(breaks) :], strict=True):
        relative = float(np.hypot(error, half_step))
        reach = free.quantile * relative
        found.append(Result(float(np.exp(place)), float(np.exp(place) * relative), unit, estimator, goodness=free.goodness,
                            interval=(float(np.exp(place - reach)), float(np.exp(place + reach)))))
    return PowerLaw(tuple(slopes), tuple(found), used, fixed.residuals, tuple(map(float, fixed.values)), free.reduced_chi2, free)


def _slope_rounding(log_x: np.ndarray, log_y: np.ndarray, noise: np.ndarray | None, breaks: np.ndarray,
                    step: float) -> np.ndarray:
    """Give the standard error of every slope that comes from breaks known only to `step` (1 standard deviation), (slopes,)."""
    square = np.zeros(len(breaks) + 1)
    for index in range(len(breaks)):
        shift = np.zeros(len(breaks))
        shift[index] = step
        ends = [np.cumsum(linear_fit(_design(log_x, breaks + sign * shift), log_y, noise).values[1:]) for sign in (1, -1)]
        square += ((ends[0] - ends[1]) / 2) ** 2
    return np.sqrt(square)


def _insist_on_breaks(fixed: Fit, free: Fit, breaks: np.ndarray) -> None:
    for index, place in enumerate(breaks):
        change, error = fixed.values[2 + index], free.stderr[2 + index]
        if abs(change) < 2.0 * error:
            raise AnalysisError(
                f"The break at {np.exp(place):.4g} is not significant: the slope changes by {change:.2f} ± {error:.2f} there. "
                "Fit fewer segments, or measure more points around it."
            )


def slope_above_noise(x: np.ndarray, area: np.ndarray, sigma: np.ndarray, multiple: float = 5.0) -> PowerLaw:
    """Fit the slope of a band's area against fluence, only where the area exceeds `multiple` standard errors.

    Arrays (n,). The biexciton's band vanishes in noise at low fluence, where a fitted area says nothing about its law.
    Raises AnalysisError when fewer than 3 areas remain.
    """
    x, area, sigma = clean(x, area, sigma)
    seen = area > multiple * sigma
    if np.count_nonzero(seen) < 3:
        raise AnalysisError(
            f"The band stands {multiple:g} standard errors above zero at {np.count_nonzero(seen)} of {len(x)} fluences; its slope "
            "needs 3. Raise the fluence or expose longer."
        )
    return slope(x[seen], area[seen], sigma[seen])
