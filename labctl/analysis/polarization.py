"""Malus' law by linear least squares: degree of polarisation by two definitions, axis, and the check of the 180 deg repeats.

    I(θ) = c0 + c1 cos 2θ + c2 sin 2θ = B + A cos²(θ - θ0),    R = hypot(c1, c2),  A = 2 R,  B = c0 - R,  2 θ0 = atan2(c2, c1)

The usual degree of polarisation is p = A/(A + 2 B) = R/c0. Ying (2021) writes I = I_min + I_max cos²(θ - θ0) and
DOLP = (I_max - I_min)/(I_max + I_min) with these coefficients, so that its I_max is the modulation A: (A - B)/(A + B) =
(3 p - 1)/(1 + p). For p = 0.885 they are 88.5 and 87.8 %. Sun (2024) quotes 1 - I_perp/I_par = A/(A + B) = 2 p/(1 + p).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import Fit, clean, linear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

REPEAT_DEG = 0.5            # two angles are repeats of each other when they differ by 180 deg within this
UNKNOWN_AXIS_DEG = 180.0 / np.sqrt(12.0)     # standard deviation of an angle of which nothing is known
SIGNIFICANT = 3.0           # standard errors of the modulation from which it has an axis


@dataclass(frozen=True)
class Malus:
    """Degree of polarisation in % (usual and Ying's definition), extinction 1 - I_perp/I_par in %, axis in deg (0-180).

    `repeats_chi2` is the mean squared difference of points 180 deg apart over their variance, about 1 when nothing drifted; None
    without such pairs. `repeats_drift` is their mean relative difference (second half turn less first).
    """

    dolp: Result
    dolp_fit_coefficients: Result
    extinction: Result
    axis: Result
    repeats_chi2: float | None
    repeats_drift: float | None
    coefficients: tuple[float, float, float]
    residuals: np.ndarray
    fit: Fit | None = None

    def curve_error(self, angle_deg: np.ndarray) -> np.ndarray | None:
        """Give the standard error of the fitted law itself at analyser angles in deg."""
        return None if self.fit is None else self.fit.line_error(_design(angle_deg))

    def curve(self, angle_deg: np.ndarray) -> np.ndarray:
        """Give the fitted law at analyser angles in deg."""
        return _design(angle_deg) @ np.array(self.coefficients)


def malus(angle_deg: np.ndarray, intensity: np.ndarray, sigma: np.ndarray | None = None) -> Malus:
    """Fit Malus' law to intensities at analyser angles in the laboratory's frame; arrays (n,), any order.

    An axis is always given; without a significant modulation its error is 52 deg, that of an unknown angle, and its note says so.
    Raises AnalysisError with fewer than 4 angles, angles that do not determine the law, or a mean intensity of zero.
    """
    angle, seen, error = clean(angle_deg, intensity, sigma)
    if len(np.unique(np.round(angle % 180.0, 3))) < 4:
        raise AnalysisError(f"Malus' law has 3 constants; {len(angle)} points at fewer than 4 different angles cannot test it.")
    fit = linear_fit(_design(angle), seen, None if sigma is None else error, what="Malus' law")
    if fit.values[0] < SIGNIFICANT * fit.stderr[0]:
        raise AnalysisError(
            f"The mean intensity is {fit.values[0]:.3g} ± {fit.stderr[0]:.2g}: there is no light whose polarisation could be told."
        )
    chi2, drift = repeats(angle, seen, None if sigma is None else error)
    return _describe(fit, chi2, drift)


def _design(angle_deg: np.ndarray) -> np.ndarray:
    turn = np.deg2rad(2 * np.asarray(angle_deg, dtype=float))
    return np.column_stack([np.ones_like(turn), np.cos(turn), np.sin(turn)])


def _describe(fit: Fit, chi2: float | None, drift: float | None) -> Malus:
    """Turn the linear constants into the quantities that papers quote, errors to first order."""
    c0, c1, c2 = map(float, fit.values)
    swing = float(np.hypot(c1, c2))
    along = np.array([0.0, c1 / swing, c2 / swing]) if swing > 0 else np.array([0.0, 1.0, 0.0])
    across = np.array([0.0, -along[2], along[1]])
    mean = np.array([1.0, 0.0, 0.0])
    p = swing / c0
    p_error = fit.error_of(along / c0 - mean * swing / c0**2)
    axis_error = float(np.rad2deg(fit.error_of(across)) / (2 * swing)) if swing > 0 else UNKNOWN_AXIS_DEG
    determined = swing > SIGNIFICANT * fit.error_of(along)
    return Malus(
        dolp=Result(100 * p, 100 * p_error, "%", "Malus, usual definition R/c0", goodness=fit.goodness),
        dolp_fit_coefficients=Result(100 * (3 * p - 1) / (1 + p), 100 * p_error * 4 / (1 + p) ** 2, "%",
                                     "Malus, (Imax-Imin)/(Imax+Imin) of the fit coefficients", goodness=fit.goodness),
        extinction=Result(100 * 2 * p / (1 + p), 100 * p_error * 2 / (1 + p) ** 2, "%", "Malus, 1 - I_perp/I_par",
                          goodness=fit.goodness),
        axis=Result(float(np.rad2deg(np.arctan2(c2, c1)) / 2) % 180.0, min(axis_error, UNKNOWN_AXIS_DEG) if determined
                    else UNKNOWN_AXIS_DEG, "deg", "Malus", note="" if determined else "not polarised: the axis is undetermined",
                    goodness=fit.goodness),
        repeats_chi2=chi2, repeats_drift=drift, coefficients=(c0, c1, c2), residuals=fit.residuals, fit=fit,
    )


def repeats(angle_deg: np.ndarray, intensity: np.ndarray, sigma: np.ndarray | None) -> tuple[float | None, float | None]:
    """Compare points 180 deg apart; gives their mean squared pull (None without errors) and the mean relative drift.

    The analyser shows the same at θ and θ + 180 deg; a difference is drift, bleaching, or a beam that wanders with the optic.
    """
    pairs = [(i, j) for i, a in enumerate(angle_deg) for j, b in enumerate(angle_deg) if abs(b - a - 180.0) < REPEAT_DEG]
    if not pairs:
        return None, None
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    difference = intensity[second] - intensity[first]
    drift = float(np.sum(difference) / np.sum(intensity[first] + intensity[second]) * 2)
    if sigma is None:
        return None, drift
    return float(np.mean(difference**2 / (sigma[first] ** 2 + sigma[second] ** 2))), drift


def angle_between(first: Malus, second: Malus) -> Result:
    """Give the angle from the first axis to the second in deg, in [0, 180); both were fitted to independent data.

    A common error of the analyser's zero cancels. Raises AnalysisError when one of the two has no axis.
    """
    for which, fit in (("first", first), ("second", second)):
        if fit.axis.note:
            raise AnalysisError(f"The {which} line is {fit.axis.note}; its angle to the other cannot be told.")
    stderr = float(np.hypot(first.axis.stderr or 0.0, second.axis.stderr or 0.0))
    return Result((second.axis.value - first.axis.value) % 180.0, stderr, "deg", "difference of the Malus phases")
