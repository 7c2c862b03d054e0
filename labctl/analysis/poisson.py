"""Maximum likelihood for counts: a sum of shapes with a few shape constants, Poisson noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from labctl.analysis.fitting import Fit, inverse_of_normal
from labctl.core.errors import AnalysisError

SMALLEST = 0.02             # counts: an expectation below it (noise of the response may make it negative) is taken for this
FINE = 1e-5                 # step of the numerical derivatives, in units of the shape constants
FILLED = 5 * SMALLEST        # counts: expectations from which a bin enters χ²


@dataclass(frozen=True)
class Shapes:
    """A model Σ amplitude × column: `columns(constants)` gives (bins, k), all constants being of order 1.

    `start` are the first constants with their `low` and `high`; amplitudes are never negative.
    """

    columns: Callable[[np.ndarray], np.ndarray]
    start: np.ndarray
    low: np.ndarray
    high: np.ndarray


def fit_counts(counts: np.ndarray, model: Shapes, amplitudes: np.ndarray, *, what: str = "The fit") -> Fit:
    """Maximise the Poisson likelihood of counts (bins,); the constants come first in the result, then the amplitudes.

    The sum of squared deviance residuals 2 (m - n + n ln(n/m)) is -2 ln L up to a constant (Baker and Cousins, Nucl. Instrum.
    Methods 221, 437 (1984)). The covariance is the inverse Fisher information; it is not enlarged by a poor fit, which the
    goodness (Pearson's χ² per degree of freedom, 1 at any count level) tells. `residuals` are Pearson's, data minus model.
    """
    split = len(model.start)
    scale = np.concatenate([np.ones(split), np.maximum(np.abs(amplitudes), 1e-3 * np.abs(amplitudes).max())])

    def expected(values: np.ndarray) -> np.ndarray:
        return np.maximum(model.columns(values[:split]) @ (values[split:] * scale[split:]), SMALLEST)

    def residuals(values: np.ndarray) -> np.ndarray:
        return _deviance(counts, expected(values))[0]

    def jacobian(values: np.ndarray) -> np.ndarray:
        mean = expected(values)
        return (_deviance(counts, mean)[1] * (mean > SMALLEST))[:, None] * _slopes(model, values * scale) * scale

    low = np.concatenate([model.low, np.zeros(len(amplitudes))])
    high = np.concatenate([model.high, np.full(len(amplitudes), np.inf)])
    first = np.clip(np.concatenate([model.start, amplitudes]) / scale, low + 1e-9, high - 1e-9)
    found = least_squares(residuals, first, jac=jacobian, bounds=(low, high), x_scale="jac", max_nfev=100)  # type: ignore[arg-type]
    if not found.success:
        raise AnalysisError(f"{what} did not settle after {found.nfev} trials. Try fewer components, or look at the histogram.")
    mean = expected(found.x)
    values = found.x * scale
    covariance = inverse_of_normal(_slopes(model, values) * (mean > SMALLEST)[:, None] / np.sqrt(mean)[:, None], what)
    pearson = (counts - mean) / np.sqrt(mean)
    freedom = len(counts) - len(values)
    # Where the expectation was raised to the smallest one, empty bins would make any fit look good.
    filled = mean > FILLED
    goodness = float(np.sum(pearson[filled] ** 2) / max(np.count_nonzero(filled) - len(values), 1))
    return Fit(values, covariance, pearson, goodness, freedom)


def deviance(counts: np.ndarray, mean: np.ndarray) -> float:
    """Give -2 ln of the Poisson likelihood of counts (bins,) at expectations (bins,), relative to a perfect model."""
    return float(np.sum(_deviance(counts, np.maximum(mean, SMALLEST))[0] ** 2))


def _deviance(counts: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the signed deviance residuals (model minus data) and their derivative with respect to the expectation."""
    filled = counts > 0
    logarithm = np.where(filled, counts * np.log(np.where(filled, counts, 1.0) / mean), 0.0)
    size = np.sqrt(np.maximum(2 * (mean - counts + logarithm), 0.0))
    residual = np.sign(mean - counts) * size
    near = size < 1e-4
    slope = np.where(near, 1 / np.sqrt(mean), (1 - counts / mean) / np.where(near, 1.0, residual))
    return residual, slope


def _slopes(model: Shapes, values: np.ndarray) -> np.ndarray:
    """Give the derivative of the expectation with respect to constants and amplitudes, (bins, constants + k)."""
    split = len(model.start)
    constants, amplitudes = values[:split], values[split:]
    columns = [model.columns(constants)]
    for index in range(split):
        step = np.zeros(split)
        step[index] = FINE
        rise = (model.columns(constants + step) - model.columns(constants - step)) @ amplitudes / (2 * FINE)
        columns.insert(index, rise[:, None])
    return np.hstack(columns)
