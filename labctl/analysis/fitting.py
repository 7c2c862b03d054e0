"""Least squares with honest errors: what every estimator of this package shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from labctl.core.errors import AnalysisError

TRUST = 3.0                 # degrees of freedom for which the stated errors count: few points scatter widely by chance alone
CONFIDENCE = 0.95           # of every interval
STEP = 1e-3                 # of the standard error of a constant: the step by which a law is differentiated
SINGULAR = 1e12             # condition of the scaled normal matrix from which a constant is not determined by the data


@dataclass(frozen=True)
class Fit:
    """The constants of a fit (k,), their covariance (k, k), and how well the model describes the points.

    `residuals` are in standard errors, data minus model. `reduced_chi2` is NaN where the points came without errors. `freedom` is
    the number of points less the number of constants.
    """

    values: np.ndarray
    covariance: np.ndarray
    residuals: np.ndarray
    reduced_chi2: float
    freedom: int
    errors_known: bool = True

    @property
    def stderr(self) -> np.ndarray:
        """Give the standard errors of the constants, (k,)."""
        return np.sqrt(np.diag(self.covariance))

    def line_error(self, design: np.ndarray) -> np.ndarray:
        """Give the standard error of the fitted line of a linear fit, (n,), where its design matrix is (n, k)."""
        return np.sqrt(np.einsum("ij,jk,ik->i", design, self.covariance, design))

    @property
    def goodness(self) -> float | None:
        """Give the reduced χ², None where the points came without errors."""
        return self.reduced_chi2 if self.errors_known else None

    def error_of(self, gradient: Sequence[float] | np.ndarray) -> float:
        """Propagate to a quantity with this gradient (k,) with respect to the constants, first order."""
        slope = np.asarray(gradient, dtype=float)
        return float(np.sqrt(max(slope @ self.covariance @ slope, 0.0)))

    def curve_error(self, law: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Give the standard error (n,) of the curve that `law` makes of the constants, first order: the band around a fit."""
        slopes = []
        for step in np.diag(STEP * self.stderr):
            moved = law(self.values + step) - law(self.values - step)
            slopes.append(moved / (2.0 * step.sum()) if step.any() else np.zeros_like(moved))     # a constant that was held
        return self.line_error(np.column_stack(slopes))

    @property
    def quantile(self) -> float:
        """Give by how many standard errors the 95 % interval reaches to each side.

        Student's where the errors were taken from the scatter of the points.
        """
        return quantile(None if self.errors_known else self.freedom)


def gradient(function: Callable[[np.ndarray], float], fit: Fit) -> np.ndarray:
    """Differentiate a number derived from the constants, at the fit, (k,)."""
    slope = np.zeros(len(fit.values))
    for index, error in enumerate(fit.stderr):
        if error == 0:           # a constant that was held
            continue
        step = np.zeros(len(fit.values))
        step[index] = STEP * error
        slope[index] = (function(fit.values + step) - function(fit.values - step)) / (2.0 * STEP * error)
    return slope


def quantile(freedom: int | None) -> float:
    """Give the two-sided 95 % quantile of Student's distribution, or of the normal one when `freedom` is None."""
    if freedom is None:
        return 1.959964
    from scipy.special import stdtrit  # a second with scipy.stats, which nobody wants to wait for who fits nothing

    return float(stdtrit(freedom, 0.5 + CONFIDENCE / 2))


def error_scale(reduced_chi2: float, freedom: int) -> float:
    """Give the factor on stated errors when the points scatter more than they say, at least 1.

    The stated errors count as TRUST degrees of freedom, so that three points in a row by chance do not decide.
    """
    return float(np.sqrt(max((reduced_chi2 * freedom + TRUST) / (freedom + TRUST), 1.0)))


def linear_fit(design: np.ndarray, y: np.ndarray, sigma: np.ndarray | None = None, *, what: str = "The fit") -> Fit:
    """Solve y = design @ constants by weighted least squares.

    `design` is (n, k), `y` and `sigma` (n,); without `sigma` all points weigh alike and their scatter gives the errors. Stated
    errors are enlarged when the points scatter more than they say. Raises AnalysisError, beginning with `what`, when there are
    fewer points than constants need or when the points do not determine the constants.
    """
    n, k = design.shape
    _enough(n, k, sigma is not None, what)
    weight = np.ones(n) if sigma is None else 1.0 / sigma
    scaled = design * weight[:, None]
    size = np.linalg.norm(scaled, axis=0)
    size[size == 0] = 1.0
    unit = scaled / size
    normal = unit.T @ unit
    _insist_on_condition(normal, n, what)
    inverse = np.linalg.inv(normal)
    values = inverse @ unit.T @ (y * weight) / size
    residuals = y * weight - scaled @ values
    return _fit(values, inverse / np.outer(size, size), residuals, sigma is not None)


def nonlinear_fit(model: Callable[[np.ndarray], np.ndarray], start: Sequence[float] | np.ndarray, y: np.ndarray,
                  sigma: np.ndarray | None = None, *, bounds: tuple[Sequence[float], Sequence[float]] | None = None,
                  what: str = "The fit") -> Fit:
    """Solve y = model(constants) by weighted least squares from `start`, within (lower, upper) bounds.

    Errors as in `linear_fit`, from the Jacobian at the solution. Raises AnalysisError, beginning with `what`, when there are too
    few points, when the search does not end, or when a constant has no effect on the model.
    """
    weight = np.ones(len(y)) if sigma is None else 1.0 / sigma
    _enough(len(y), len(start), sigma is not None, what)
    limits = bounds or ([-np.inf] * len(start), [np.inf] * len(start))
    from scipy.optimize import least_squares  # as above

    found = least_squares(lambda values: (y - model(values)) * weight, np.asarray(start, dtype=float), bounds=limits, x_scale="jac")
    if not found.success:
        raise AnalysisError(f"{what} did not settle after {found.nfev} trials. Look at the data: the model may not describe them.")
    return _fit(found.x, inverse_of_normal(found.jac, what), found.fun, sigma is not None)


def inverse_of_normal(jacobian: np.ndarray, what: str) -> np.ndarray:
    """Give the inverse of JᵀJ for a Jacobian (n, k) in standard errors; AnalysisError when a constant is not determined."""
    size = np.linalg.norm(jacobian, axis=0)
    if np.any(size == 0):
        raise AnalysisError(f"{what} has a constant without effect on the data, so its value is unknown.")
    unit = jacobian / size
    normal = unit.T @ unit
    _insist_on_condition(normal, len(jacobian), what)
    return np.linalg.inv(normal) / np.outer(size, size)


def _insist_on_condition(normal: np.ndarray, points: int, what: str) -> None:
    if np.linalg.cond(normal) > SINGULAR:
        raise AnalysisError(f"{what} cannot tell its constants apart from these {points} points. Measure over a wider range.")


def _fit(values: np.ndarray, covariance: np.ndarray, residuals: np.ndarray, errors_known: bool) -> Fit:
    freedom = len(residuals) - len(values)
    chi2 = float(residuals @ residuals / freedom) if freedom else 1.0
    scale = error_scale(chi2, freedom) ** 2 if errors_known else chi2
    return Fit(values, covariance * scale, residuals, chi2 if errors_known and freedom else float("nan"), freedom, errors_known)


def _enough(points: int, constants: int, errors_known: bool, what: str) -> None:
    needed = constants if errors_known else constants + 1
    if points < needed:
        raise AnalysisError(f"{what} has {constants} constants and needs at least {needed} points; there are {points}.")


def clean(*arrays: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """Give the arrays as float, 1-D, without the points at which any of them is not finite; absent ones become ones."""
    given = [np.asarray(a, dtype=float) for a in arrays if a is not None]
    length = {a.shape for a in given}
    if len(length) != 1 or given[0].ndim != 1:
        raise ValueError(f"arrays of one length are needed, not {[a.shape for a in given]}")
    finite = np.all([np.isfinite(a) for a in given], axis=0)
    blank = np.ones(len(given[0]))
    return tuple((blank if a is None else np.asarray(a, dtype=float))[finite] for a in arrays)
