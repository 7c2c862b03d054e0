"""Where light is brightest and how wide a beam is: focus scans, maps over the sample, knife edges.

    focus        S(z) = A / (1 + ((z - z0)/z_R)²) + c        on-axis intensity of a Gaussian beam, z_R its depth
    knife edge   P(x) = P0/2 erfc(√2 (x - x0)/w) + c         w the 1/e² radius of a Gaussian beam

Positions may come in any order and in any unit; results are in the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erfc

from labctl.analysis.fitting import Fit, clean, nonlinear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

FEWEST_FOCUS, FEWEST_EDGE = 5, 6
SCATTER_COUNTS = 2.0        # times the standard deviation of a neighbourhood that brightness has to make up for
VISIBLE = 5.0               # standard errors by which a peak or an edge has to stand out


@dataclass(frozen=True)
class Focus:
    """Position of the best focus and depth (half width at half maximum), in the unit of z; `constants`: A, z0, z_R, c."""

    position: Result
    depth: Result
    fit: Fit
    constants: tuple[float, float, float, float]

    def curve_error(self, z: np.ndarray) -> np.ndarray:
        """Give the standard error of the fitted signal itself at positions z."""
        return self.fit.curve_error(lambda constants: _depth_law(z, constants))

    def curve(self, z: np.ndarray) -> np.ndarray:
        """Give the fitted signal at positions z."""
        return _depth_law(z, np.array(self.constants))


@dataclass(frozen=True)
class Edge:
    """1/e² diameter and centre of a beam from a knife edge, in the unit of x; `constants`: P0, x0, w, c; w < 0: opening blade."""

    diameter: Result
    centre: Result
    fit: Fit
    constants: tuple[float, float, float, float]

    def curve_error(self, x: np.ndarray) -> np.ndarray:
        """Give the standard error of the fitted power itself at positions x."""
        return self.fit.curve_error(lambda constants: _edge_law(x, constants))

    def curve(self, x: np.ndarray) -> np.ndarray:
        """Give the fitted power at blade positions x."""
        return _edge_law(x, np.array(self.constants))


def focus(z: np.ndarray, signal: np.ndarray, sigma: np.ndarray | None = None, *, unit: str = "mm") -> Focus:
    """Fit the depth law to signals (n,) at positions (n,), any order.

    Raises AnalysisError when the signal does not peak inside the range by five standard errors.
    """
    place, seen, error = clean(z, signal, sigma)
    what = "The focus"
    if len(np.unique(place)) < FEWEST_FOCUS:
        raise AnalysisError(f"{what} needs {FEWEST_FOCUS} positions; there are {len(np.unique(place))}.")
    span = float(np.ptp(place))
    start = [float(np.ptp(seen)), float(place[np.argmax(seen)]), span / 4, float(seen.min())]
    low, high = float(place.min()), float(place.max())
    bounds = ([0.0, low - span, span * 1e-3, -np.inf], [np.inf, high + span, 10 * span, np.inf])
    fit = nonlinear_fit(lambda c: _depth_law(place, c), start, seen, None if sigma is None else error, bounds=bounds, what=what)
    if not low < fit.values[1] < high:
        raise AnalysisError(f"{what} lies outside {low:g} to {high:g} {unit}, towards {fit.values[1]:.4g} {unit}. Move the range.")
    if fit.values[0] < VISIBLE * fit.stderr[0]:
        raise AnalysisError(f"{what} was not found: the signal changes by {fit.values[0]:.3g} ± {fit.stderr[0]:.2g} over "
                            f"{low:g} to {high:g} {unit}. Scan further, or expose longer.")
    name = "depth of a Gaussian beam"
    return Focus(Result(float(fit.values[1]), float(fit.stderr[1]), unit, name, goodness=fit.goodness),
                 Result(float(fit.values[2]), float(fit.stderr[2]), unit, name, goodness=fit.goodness), fit, _four(fit))


def knife_edge(x: np.ndarray, power: np.ndarray, sigma: np.ndarray | None = None, *, unit: str = "um") -> Edge:
    """Fit the cut of a blade through a Gaussian beam: power (n,) behind it at its positions (n,), any order, either direction.

    Raises AnalysisError when the edge does not lie inside the range or does not stand out.
    """
    place, seen, error = clean(x, power, sigma)
    what = "The knife edge"
    if len(np.unique(place)) < FEWEST_EDGE:
        raise AnalysisError(f"{what} needs {FEWEST_EDGE} positions; there are {len(np.unique(place))}.")
    low, high = float(place.min()), float(place.max())
    order = np.argsort(place)
    falling = seen[order][0] > seen[order][-1]
    half = 0.5 * (seen.max() + seen.min())
    middle = float(place[np.argmin(np.abs(seen - half))])
    width = (high - low) / 6
    start = [float(np.ptp(seen)), middle, width if falling else -width, float(seen.min())]
    weights = None if sigma is None else error
    fit = nonlinear_fit(lambda c: _edge_law(place, c), start, seen, weights, what=what)
    if fit.values[0] < VISIBLE * fit.stderr[0] or not low < fit.values[1] < high:
        raise AnalysisError(f"{what} was not found between {low:g} and {high:g} {unit}: step {fit.values[0]:.3g} ± "
                            f"{fit.stderr[0]:.2g} at {fit.values[1]:.4g} {unit}. Let the blade go from clear to closed.")
    name = "knife edge, Gaussian beam (1/e²)"
    return Edge(Result(2 * abs(float(fit.values[2])), 2 * float(fit.stderr[2]), unit, name, goodness=fit.goodness),
                Result(float(fit.values[1]), float(fit.stderr[1]), unit, name, goodness=fit.goodness), fit, _four(fit))


def evenness(light: np.ndarray) -> np.ndarray:
    """Give how uneven a map (rows, columns) is around each place: standard deviation over mean of the place and its neighbours."""
    mean, deviation = _around(light)
    return deviation / np.where(mean > 0.0, mean, np.nan)


def best_place(light: np.ndarray, *, even: bool) -> int:
    """Choose a place of a map (rows, columns), as an index into the flat map: the brightest, or one that is bright and even around.

    An even one has the highest mean of its neighbourhood less twice the standard deviation there, and is not at the edge of the
    map, where nobody knows what comes next.
    """
    if not even:
        return int(np.argmax(light))
    mean, deviation = _around(light)
    score = np.full(light.shape, -np.inf)
    score[1:-1, 1:-1] = (mean - SCATTER_COUNTS * deviation)[1:-1, 1:-1]
    return int(np.argmax(score))


def _around(light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give mean and standard deviation of each place with its neighbours, fewer of them at the edge."""
    padded = np.pad(light.astype(float), 1, constant_values=np.nan)
    near = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(*light.shape, 9)
    return np.nanmean(near, axis=-1), np.nanstd(near, axis=-1)


def _four(fit: Fit) -> tuple[float, float, float, float]:
    a, b, c, d = (float(value) for value in fit.values)
    return a, b, c, d


def _depth_law(z: np.ndarray, constants: np.ndarray) -> np.ndarray:
    height, centre, depth, offset = constants
    return height / (1.0 + ((z - centre) / depth) ** 2) + offset


def _edge_law(x: np.ndarray, constants: np.ndarray) -> np.ndarray:
    power, centre, radius, offset = constants
    return 0.5 * power * erfc(np.sqrt(2.0) * (x - centre) / radius) + offset
