"""Transient absorption from blocks of frames with and without pump: bleach, its course, transparency and gain.

    Δα d = -ln(I_pumped / I_unpumped),    α₀ d = -ln(I_unpumped / I_blank),    -Δα/α₀ = 1 at transparency, above it net gain

d is the length that the probe crosses; it cancels in the ratio, which needs a blank without sample. The light that the pumped
sample emits itself is subtracted beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import nonlinear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

AROUND = 4                  # points on either side of a crossing through which a straight line is put
FEWEST_DELAYS = 6           # a fall to a constant has three constants
UNRESOLVED = 0.5            # relative error from which a lifetime is none


@dataclass(frozen=True)
class Bleach:
    """-Δα d against delay in ps or fluence in J/cm², with its standard error, arrays (points,)."""

    x: np.ndarray
    bleach: np.ndarray
    sigma: np.ndarray


def band_bleach(pumped: np.ndarray, unpumped: np.ndarray, noise: tuple[np.ndarray, np.ndarray],
                inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give -Δα d in a band for pairs of frames (pairs, pixels), their errors `noise` alike, `inside` a mask of pixels.

    Raises AnalysisError where the probe's light in the band is not clearly above zero.
    """
    light = [frames[:, inside].sum(axis=1) for frames in (pumped, unpumped)]
    error = [np.sqrt((sigma[:, inside] ** 2).sum(axis=1)) for sigma in noise]
    if np.any(light[0] < 10 * error[0]) or np.any(light[1] < 10 * error[1]):
        raise AnalysisError("The probe's light in the band is lost in noise. Is its wheel open, and the band within the spectra?")
    return np.log(light[0] / light[1]), np.hypot(error[0] / light[0], error[1] / light[1])


def averaged(x: np.ndarray, bleach: np.ndarray, sigma: np.ndarray) -> Bleach:
    """Average the blocks of each x; the error is that of their scatter where that is larger."""
    places, index = np.unique(x, return_inverse=True)
    count = np.bincount(index)
    mean = np.bincount(index, weights=bleach) / count
    stated = np.sqrt(np.bincount(index, weights=sigma**2)) / count
    scatter = np.sqrt(np.bincount(index, weights=(bleach - mean[index]) ** 2) / np.maximum(count - 1, 1) / count)
    return Bleach(places, mean, np.where(count > 3, np.maximum(stated, scatter), stated))


def fall(course: Bleach) -> tuple[Result, np.ndarray]:
    """Fit a + b e^(-t/τ) to a bleach against delay in ps, from the first delay after the pump; gives τ in ps and the constants."""
    after = course.x > 0
    if np.count_nonzero(after) < FEWEST_DELAYS:
        raise AnalysisError(f"{np.count_nonzero(after)} delays after the pump are too few for a lifetime; {FEWEST_DELAYS} are "
                            "needed.")
    time, seen, error = course.x[after], course.bleach[after], course.sigma[after]
    scale = float(time[-1]) / 3
    start = [float(seen[-1]), float(seen[0] - seen[-1]), 0.5]
    fit = nonlinear_fit(lambda c: c[0] + c[1] * np.exp(-time / (scale * c[2])), start, seen, error,
                        bounds=([-np.inf, -np.inf, 1e-4], [np.inf, np.inf, 1e3]), what="The decay of the bleach")
    if fit.stderr[2] > UNRESOLVED * fit.values[2]:
        raise AnalysisError(f"The bleach does not fall clearly: {scale * fit.values[2]:.3g} ± {scale * fit.stderr[2]:.2g} ps. "
                            "Raise the fluence, or take more blocks.")
    tau = Result(scale * float(fit.values[2]), scale * float(fit.stderr[2]), "ps", "one exponential and a constant",
                 goodness=fit.goodness)
    return tau, fit.values * np.array([1.0, 1.0, scale])


def crossing(series: Bleach, level: float) -> Result:
    """Give where a bleach passes a level for the last time, from a straight line through the points around; unit of x."""
    above = series.bleach > level
    turns = np.flatnonzero(above[1:] != above[:-1])
    if not len(turns):
        raise AnalysisError(f"The bleach does not pass {level:.3g}: it reaches {series.bleach.max():.3g}. Raise the fluence.")
    used = slice(max(int(turns[-1]) - AROUND + 1, 0), int(turns[-1]) + AROUND + 1)
    (slope, offset), covariance = np.polyfit(series.x[used], series.bleach[used], 1, w=1 / series.sigma[used], cov="unscaled")
    place = (level - offset) / slope
    stderr = float(np.sqrt(covariance[1, 1] + 2 * place * covariance[0, 1] + place**2 * covariance[0, 0]) / abs(slope))
    return Result(float(place), stderr, "", f"straight line through {used.stop - used.start} points")


def gain_band(wavelength_nm: np.ndarray, net: np.ndarray, sigma: np.ndarray) -> tuple[Result, Result]:
    """Give the edges in nm of the wavelengths where the net absorbance is negative by three standard errors, arrays (pixels,)."""
    gaining = wavelength_nm[net < -3.0 * sigma]
    if not len(gaining):
        raise AnalysisError("No wavelength shows net gain. Raise the fluence.")
    pixel = float(np.median(np.diff(wavelength_nm)))
    edges = (float(gaining.min()), float(gaining.max()))
    return tuple(Result(edge, pixel, "nm", "net absorption below zero by three standard errors") for edge in edges)    # type: ignore[return-value]
