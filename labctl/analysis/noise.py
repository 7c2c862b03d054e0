"""Standard errors of numbers that came without any: how their scatter grows with their height is found from the scatter itself.

Three laws of one constant are compared, equal errors, errors as the root of the height (counts) and errors in proportion to it
(a source that flickers), and where there are many points also that of counts on a noise floor. A least-squares fit that takes
unequal errors for equal states errors that are wrong by a factor of two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

FLOOR = 0.003               # of the greatest height: below it errors shrink no further
MANY = 60                   # points from which two constants of the noise are told apart
PASSES = 3
BETTER = 2.0                # in 2 ln L by which the law with two constants has to be more probable
FEWEST_TOLD = 16            # points from which the scatter beside known errors is told
POWERS = (0.0, 0.5, 1.0)    # of the height, by which the error grows
NEIGHBOURS = (-2, -1, 1, 2)


@dataclass(frozen=True)
class Noise:
    """The variance of a point of a height: `constant` + `slope` height + `square` height²; heights below `floor` count as that."""

    constant: float
    slope: float
    square: float
    floor: float

    def sigma(self, height: np.ndarray) -> np.ndarray:
        """Give the standard errors of points of these heights."""
        size = np.maximum(np.abs(height), self.floor)
        return np.sqrt(self.constant + self.slope * size + self.square * size**2)


def noise_of(residuals: np.ndarray, height: np.ndarray, constants: int = 0, powers: Sequence[float] = POWERS) -> Noise | None:
    """Give the most probable law of residuals (n,) at heights (n,) of a fit with so many constants; None where all are zero.

    `powers` are those to choose from.
    """
    freedom = len(residuals) - constants
    floor = FLOOR * float(np.max(np.abs(height), initial=0.0))
    if freedom < 1 or not np.any(residuals) or floor <= 0:
        return None
    size = np.maximum(np.abs(height), floor)
    found: list[tuple[float, Noise]] = []
    for power in powers:
        variance = float(np.sum((residuals / size**power) ** 2) / freedom)
        constant, slope, square = (variance if power == one else 0.0 for one in POWERS)
        found.append((_unlikely(residuals, variance * size ** (2 * power)), Noise(constant, slope, square, floor)))
    if len(residuals) >= MANY and powers == POWERS:
        constant, slope = _line(residuals**2, size)
        scale = len(residuals) / freedom
        found.append((_unlikely(residuals, constant + slope * size) + BETTER, Noise(scale * constant, scale * slope, 0.0, floor)))
    return min(found, key=lambda one: one[0])[1]


def guessed(seen: np.ndarray, fitted: Callable[[np.ndarray | None], np.ndarray], constants: int,
            powers: Sequence[float] = POWERS) -> np.ndarray | None:
    """Give the standard errors (n,) of `seen` (n,) by the scatter around a fit; None where there is no scatter.

    `fitted` gives the fit with so many constants at the points, made with errors (n,), or with None for equal ones.
    """
    sigma: np.ndarray | None = None
    for _ in range(PASSES):
        height = fitted(sigma)
        noise = noise_of(seen - height, height, constants, powers)
        if noise is None:
            return sigma
        sigma = noise.sigma(height)
    return sigma


def neighbourly(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Hold every point against the cubic through its four neighbours, whatever the law of the curve is; x ascending, n >= 5.

    Gives the residuals (n - 4,) and the weights (n - 4, 5) by which they were made, that of the point itself, 1, last: equal errors
    s scatter the residuals by s times the root of the sum of the weights' squares. None where points share an x.
    """
    if len(x) < len(NEIGHBOURS) + 1 or np.any(np.diff(x) <= 0):
        return None
    middle = np.arange(2, len(x) - 2)
    around = [x[middle + step] for step in NEIGHBOURS]
    weights = np.ones((len(middle), 5))
    for k, here in enumerate(around):
        for other in (there for number, there in enumerate(around) if number != k):
            weights[:, k] *= (x[middle] - other) / (here - other)
    weights[:, :4] *= -1.0
    points = y[middle[:, None] + np.array((*NEIGHBOURS, 0))]
    return np.sum(weights * points, axis=1), weights


def of_smooth_curve(x: np.ndarray, y: np.ndarray, powers: Sequence[float] = POWERS) -> np.ndarray | None:
    """Give the standard errors (n,) of a curve that is smooth from point to point, whatever its law; None as `neighbourly`."""
    told = neighbourly(x, y)
    if told is None:
        return None
    residuals, weights = told
    noise = noise_of(residuals / np.sqrt(np.sum(weights**2, axis=1)), y[2:-2], powers=powers)
    return None if noise is None else noise.sigma(y)


def relative_scatter(x: np.ndarray, y: np.ndarray, sigma: np.ndarray, *, least: float, most: float) -> float:
    """Give the scatter of a smooth curve (n,), relative to its height, that is left beside the errors known, within limits.

    It is `most` where the points are too few to tell. Moments of what the neighbours leave, weighted by their own scatter.
    """
    told = neighbourly(x, y) if len(x) >= FEWEST_TOLD else None
    if told is None:
        return most
    residuals, weights = told
    around = np.arange(2, len(x) - 2)[:, None] + np.array((*NEIGHBOURS, 0))
    known, grown = np.sum((weights * sigma[around]) ** 2, axis=1), np.sum((weights * y[around]) ** 2, axis=1)
    square = most**2
    for _ in range(2 * PASSES):
        weight = grown / (known + square * grown) ** 2
        square = float(np.clip(weight @ (residuals**2 - known) / (weight @ grown), least**2, most**2))
    return float(np.sqrt(square))


def _unlikely(residuals: np.ndarray, variance: np.ndarray) -> float:
    """Give -2 ln L of normal residuals, up to a constant."""
    return float(np.sum(np.log(variance) + residuals**2 / variance))


def _line(squares: np.ndarray, size: np.ndarray) -> tuple[float, float]:
    """Fit squares = constant + slope size, neither below zero; a square scatters in proportion to what it should be."""
    expected = np.full(len(size), float(np.mean(squares)))
    constant, slope = float(np.mean(squares)), 0.0
    for _ in range(2 * PASSES):
        design = np.column_stack([np.ones_like(size), size]) / expected[:, None]
        constant, slope = np.linalg.lstsq(design, squares / expected, rcond=None)[0]
        if slope < 0:
            constant, slope = float(np.mean(squares)), 0.0
        elif constant < 0:
            constant, slope = 0.0, float(np.sum(squares / size) / len(size))
        expected = np.maximum(constant + slope * size, 1e-12 * float(np.max(squares)))
    return float(constant), float(slope)
