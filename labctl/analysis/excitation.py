"""The maximum of an excitation spectrum (PLE), with its error, or the reason why the data do not show one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import error_scale
from labctl.core.errors import AnalysisError

FEWEST_POINTS = 4           # a parabola has three constants; one more point makes its error meaningful
CONFIDENCE = 2.0            # standard errors by which a fitted point must lie beyond the maximum


@dataclass(frozen=True)
class Maximum:
    """The vertex of the parabola through the top of a curve.

    `wavelength_nm` and `height` (unit of the curve) with their standard errors; `used` marks the fitted points in the order they
    were given. `reduced_chi2` is above 1 when the points scatter more than their errors say: both standard errors are then scaled
    up (not fully, see `error_scale`), while `propagated_nm` is the error of the wavelength before that.
    """

    wavelength_nm: float
    stderr_nm: float
    propagated_nm: float
    height: float
    height_stderr: float
    used: np.ndarray
    coefficients: tuple[float, float, float]      # of (wavelength - middle)**0, **1, **2
    middle_nm: float
    reduced_chi2: float
    covariance: np.ndarray                        # of the coefficients, scaled up like the standard errors

    def curve_error(self, wavelength_nm: np.ndarray) -> np.ndarray:
        """Give the standard error of the parabola itself at wavelengths in nm."""
        design = np.vander(wavelength_nm - self.middle_nm, 3, increasing=True)
        return np.sqrt(np.einsum("ij,jk,ik->i", design, self.covariance, design))

    def curve(self, wavelength_nm: np.ndarray) -> np.ndarray:
        """Give the fitted parabola at wavelengths in nm."""
        c0, c1, c2 = self.coefficients
        x = wavelength_nm - self.middle_nm
        return c0 + x * (c1 + x * c2)


def parabola_maximum(wavelength_nm: np.ndarray, rate: np.ndarray, sigma: np.ndarray, usable: np.ndarray | None = None,
                     *, above: float = 0.75) -> Maximum:
    """Fit a parabola through the neighbouring usable points above a fraction of the maximum, and give its vertex.

    All arrays are 1-D and of one length, in any order; `sigma` is the standard error of `rate`. The excitation resonance of a
    nanocrystal stands on the rising edge of the continuum, so only its top is symmetric enough for a parabola.
    Raises AnalysisError when fewer than 4 points remain, or when the fit's maximum is not enclosed: a fitted point must lie
    beyond it, on either side, by half a step and two standard errors. A maximum on the last point is none.
    """
    keep = np.ones(len(rate), dtype=bool) if usable is None else np.array(usable, dtype=bool)
    keep &= np.isfinite(rate) & np.isfinite(sigma) & (sigma > 0)
    top = _top(wavelength_nm, rate, keep, above)
    x, y, error = wavelength_nm[top], rate[top], sigma[top]
    if len(x) < FEWEST_POINTS:
        span = f" ({x.min():.2f} to {x.max():.2f} nm)" if len(x) else ""
        raise AnalysisError(
            f"Only {len(x)} neighbouring usable points lie above {above:.0%} of the maximum{span}; the parabola needs "
            f"{FEWEST_POINTS}. Use a smaller step, or a narrower pump band so that more points stay clear of the emission."
        )
    used = np.zeros(len(rate), dtype=bool)
    used[top] = True
    found = _vertex(x, y, error, used)
    _insist_on_both_flanks(found, x)
    return found


def _top(x: np.ndarray, y: np.ndarray, keep: np.ndarray, above: float) -> np.ndarray:
    """Give the indices of the usable neighbours of the highest point that stay above a fraction of it, ascending in x."""
    order = np.argsort(x, kind="stable")
    order = order[keep[order]]
    if not len(order) or y[order].max() <= 0:
        raise AnalysisError("No usable point of the excitation spectrum shows a positive signal, so it has no maximum.")
    high = y[order] > above * y[order].max()
    first = last = int(np.argmax(y[order]))
    while first > 0 and high[first - 1]:
        first -= 1
    while last < len(order) - 1 and high[last + 1]:
        last += 1
    return order[first : last + 1]


def _vertex(x: np.ndarray, y: np.ndarray, sigma: np.ndarray, used: np.ndarray) -> Maximum:
    """Fit the weighted parabola and propagate its covariance to the vertex (first order)."""
    middle = float(x.mean())
    design = np.vander(x - middle, 3, increasing=True)
    covariance = np.linalg.inv((design / sigma[:, None] ** 2).T @ design)
    c0, c1, c2 = covariance @ (design / sigma[:, None] ** 2).T @ y
    if c2 >= 0:
        raise AnalysisError(
            f"The {len(x)} highest points ({x.min():.2f} to {x.max():.2f} nm) do not bend downwards, so there is no maximum "
            "among them. Extend the scan, or use a narrower pump band so that more points stay clear of the emission."
        )
    chi2 = float(np.sum(((y - design @ (c0, c1, c2)) / sigma) ** 2) / (len(x) - 3))
    scale = error_scale(chi2, len(x) - 3)
    offset = -c1 / (2 * c2)
    slope = np.array([0.0, -1 / (2 * c2), c1 / (2 * c2**2)])
    height_slope = np.array([1.0, offset, offset**2])
    propagated = float(np.sqrt(slope @ covariance @ slope))
    height_propagated = float(np.sqrt(height_slope @ covariance @ height_slope))
    return Maximum(
        wavelength_nm=float(middle + offset), stderr_nm=float(scale * propagated), propagated_nm=propagated,
        height=float(c0 + offset * (c1 + offset * c2)), height_stderr=float(scale * height_propagated),
        used=used, coefficients=(float(c0), float(c1), float(c2)), middle_nm=middle, reduced_chi2=chi2,
        covariance=scale**2 * covariance,
    )


def _insist_on_both_flanks(found: Maximum, x: np.ndarray) -> None:
    """Refuse a vertex that is not clearly inside the fitted points: it would be an extrapolation.

    The margin takes the propagated error: scaled by the scatter of so few points it would refuse good scans by chance.
    """
    margin = 0.5 * float(np.median(np.diff(x))) + CONFIDENCE * found.propagated_nm
    beyond, short = x[-1] - found.wavelength_nm, found.wavelength_nm - x[0]
    for distance, end, side in ((beyond, x[-1], "beyond"), (short, x[0], "short of")):
        if distance < margin:
            raise AnalysisError(
                f"No usable point lies clearly {side} the maximum: the parabola peaks at {found.wavelength_nm:.2f} ± "
                f"{found.propagated_nm:.2f} nm and the last usable point is at {end:.2f} nm, but it must be {margin:.2f} nm away "
                "(half a step and two standard errors). Extend the scan to that side; where points were left out "
                "as pump_overlap, use a narrower pump band."
            )
