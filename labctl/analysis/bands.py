"""Two overlapping bands of one shape: exciton (A) and biexciton (B), fitted as Voigt profiles in energy (Wang 2015).

Multiply a spectrum per nm by λ²/(h c) first (`lines.per_ev`): bands symmetric in energy are not so in wavelength.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import voigt_profile

from labctl.analysis.fitting import Fit, clean, linear_fit, nonlinear_fit
from labctl.analysis.lines import VISIBLE
from labctl.analysis.lineshape import FWHM_PER_SIGMA
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result


@dataclass(frozen=True)
class TwoBands:
    """Two Voigt bands of one shape in energy: A at the higher energy, B below it; areas in the unit of density times eV.

    `shape`: energy of A (eV), distance (eV), Gaussian and Lorentzian FWHM (eV).
    """

    area_a: Result
    area_b: Result
    centre_a_ev: Result
    distance_mev: Result
    shape: tuple[float, float, float, float]
    offset: float
    residuals: np.ndarray

    def curve(self, energy: np.ndarray) -> np.ndarray:
        """Give the sum of both bands and the offset, per eV, at energies in eV."""
        columns = _bands(energy, np.array(self.shape))
        return columns @ np.array([self.area_a.value, self.area_b.value, self.offset])


def _bands(energy: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Give the unit-area bands A and B, and a constant, (pixels, 3)."""
    centre, distance, gauss, lorentz = shape
    sigma, gamma = gauss / FWHM_PER_SIGMA, lorentz / 2
    return np.column_stack([
        voigt_profile(energy - centre, sigma, gamma), voigt_profile(energy - centre + distance, sigma, gamma), np.ones_like(energy),
    ])


def two_bands(energy: np.ndarray, density: np.ndarray, sigma: np.ndarray, *, distance_ev: float = 0.05,
              shape: tuple[float, float, float, float] | None = None) -> TwoBands:
    """Fit two Voigt bands of common shape and an offset to a spectrum per eV.

    Arrays (pixels,), energies in eV, any order. `distance_ev` is where the search for the distance begins. With `shape` (from a
    bright spectrum of the same series) only areas and offset are fitted, which is linear and cannot go astray where B is weak.
    Raises AnalysisError when A does not stand out, or when the free fit cannot place B.
    """
    energy, density, sigma = clean(energy, density, sigma)
    if shape is not None:
        fit = linear_fit(_bands(energy, np.array(shape)), density, sigma, what="The fit of two bands")
        fixed = replace(fit, values=np.concatenate([fit.values, shape]), covariance=np.pad(fit.covariance, (0, 4)))
        return _two_bands(fixed, "two Voigt bands in energy, shape from the bright spectra")
    return _two_bands(_free(energy, density, sigma, distance_ev), "two Voigt bands in energy")


def _free(energy: np.ndarray, density: np.ndarray, sigma: np.ndarray, distance_ev: float) -> Fit:
    """Fit areas, offset and shape, from the best of several starts: the maximum may be A or B, and the bands broad or narrow."""
    top = float(energy[np.argmax(density)])
    span = float(np.ptp(energy))

    def start(shape: np.ndarray) -> tuple[float, np.ndarray]:
        fit = linear_fit(_bands(energy, shape), density, sigma, what="The fit of two bands")
        return float(fit.residuals @ fit.residuals), np.concatenate([fit.values, shape])

    shapes = [np.array([centre, share * distance_ev, width * distance_ev, 0.2 * distance_ev])
              for centre in (top, min(top + distance_ev, float(energy.max())))
              for share in (0.7, 1.0, 1.4) for width in (0.3, 0.6, 1.2)]
    bounds = ([-np.inf] * 3 + [energy.min(), 0.2 * distance_ev, 1e-4, 0.0],
              [np.inf] * 3 + [energy.max(), 3 * distance_ev, span, span])
    best = nonlinear_fit(lambda c: _bands(energy, c[3:]) @ c[:3], min(map(start, shapes), key=lambda found: found[0])[1], density,
                         sigma, bounds=bounds, what="The fit of two bands")
    for index, name in enumerate("AB"):
        if best.values[index] < VISIBLE * best.stderr[index]:
            raise AnalysisError(
                f"Band {name} does not stand out: its area is {best.values[index]:.3g} ± {best.stderr[index]:.2g}. Take the shape "
                "from a spectrum at higher fluence, where both bands are strong."
            )
    return best


def _two_bands(fit: Fit, estimator: str) -> TwoBands:
    """Name the constants: areas of A and B, offset, then the shape."""
    def result(index: int, unit: str, factor: float = 1.0) -> Result:
        return Result(float(fit.values[index] * factor), float(fit.stderr[index] * factor), unit, estimator, goodness=fit.goodness)

    shape = tuple(map(float, fit.values[3:]))
    return TwoBands(
        area_a=result(0, "signal eV"), area_b=result(1, "signal eV"), centre_a_ev=result(3, "eV"),
        distance_mev=result(4, "meV", 1e3), shape=(shape[0], shape[1], shape[2], shape[3]), offset=float(fit.values[2]),
        residuals=fit.residuals,
    )
