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

AROUND = 4                  # points on either side of a crossing through which a line is put
FEWEST_BENT = 5             # for which it is a parabola
FEWEST_DELAYS = 6           # a fall to a constant has three constants
SPREAD = (0.1, 1.0, 5.0)    # where the lifetimes of several exponentials begin, in thirds of the last delay
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


@dataclass(frozen=True)
class Fall:
    """A bleach that falls: a + Σ b e^(-t/τ), fitted to delays in ps after the pump. `lifetimes` are sorted, shortest first."""

    lifetimes: tuple[Result, ...]
    offset: float
    heights: tuple[float, ...]
    amplitude: Result           # at the pump, t = 0

    def at(self, delay_ps: np.ndarray) -> np.ndarray:
        """Give the bleach at delays, (delays,)."""
        return self.offset + sum((height * np.exp(-delay_ps / tau.value)
                                  for height, tau in zip(self.heights, self.lifetimes, strict=True)), np.zeros(len(delay_ps)))


def fall(course: Bleach, count: int = 1, *, constant: bool = True) -> Fall:
    """Fit `count` exponentials, with or without a constant, from the first delay after the pump; unweighted constants free.

    Raises AnalysisError with fewer than six delays, or when a lifetime is not known to half of itself.
    """
    after = course.x > 0
    if np.count_nonzero(after) < FEWEST_DELAYS:
        raise AnalysisError(f"{np.count_nonzero(after)} delays after the pump are too few for a lifetime; {FEWEST_DELAYS} are "
                            "needed.")
    time, seen, error = course.x[after], course.bleach[after], course.sigma[after]
    scale, high = float(time[-1]) / 3, float(seen[0])
    beginnings = np.array([0.5] if count == 1 else SPREAD[:count])
    start = [*([float(seen[-1])] if constant else []), *([high / count] * count), *beginnings]
    first = int(constant)

    def law(c: np.ndarray) -> np.ndarray:
        heights, lifetimes = c[first:first + count], scale * c[first + count:]
        return (c[0] if constant else 0.0) + np.exp(-time[:, None] / lifetimes) @ heights

    bounds = ([-np.inf] * (first + count) + [1e-4] * count, [np.inf] * (first + count) + [1e3] * count)
    fit = nonlinear_fit(law, start, seen, error, bounds=bounds, what="The decay of the bleach")
    order = np.argsort(fit.values[first + count:])
    values, errors = (scale * each[first + count:][order] for each in (fit.values, fit.stderr))
    if errors[0] > UNRESOLVED * values[0]:
        raise AnalysisError(f"The bleach does not fall clearly: {values[0]:.3g} ± {errors[0]:.2g} ps. Raise the fluence, or take "
                            "more blocks.")
    words = f"{'one exponential' if count == 1 else f'{count} exponentials'}{' and a constant' if constant else ''}"
    levels = slice(0, first + count)
    amplitude = Result(float(fit.values[levels].sum()), float(np.sqrt(max(fit.covariance[levels, levels].sum(), 0.0))), "1", words)
    return Fall(tuple(Result(float(value), float(each), "ps", words, goodness=fit.goodness)
                      for value, each in zip(values, errors, strict=True)),
                float(fit.values[0]) if constant else 0.0, tuple(fit.values[first:first + count][order].tolist()), amplitude)


def until_one_over_e(course: Fall, less: float) -> float:
    """Give the delay in ps, counted from the pump, at which what a fall is above a level has come down to 1/e.

    Raises AnalysisError where it is not above it at the pump, or never falls so far.
    """
    height, tau = course.heights[0], course.lifetimes[0].value
    above = course.offset + height - less
    share = (above / np.e + less - course.offset) / height
    if not (above > 0.0 and 0.0 < share < 1.0):
        raise AnalysisError(f"The bleach is {above + less:.3g} at the pump and {course.offset:.3g} in the end: what is above "
                            f"{less:g} does not fall to 1/e.")
    return float(-tau * np.log(share))


def crossing(series: Bleach, level: float) -> Result:
    """Give where a bleach passes a level for the last time, from a parabola through the points around; unit of x.

    The points are eight at most. A bleach by several photons bends so much that a straight line through them would lie a tenth
    beside. Of fewer than five points it is a straight line.
    """
    above = series.bleach > level
    turns = np.flatnonzero(above[1:] != above[:-1])
    if not len(turns):
        raise AnalysisError(f"The bleach does not pass {level:.3g}: it reaches {series.bleach.max():.3g}. Raise the fluence.")
    last = int(turns[-1])
    used = slice(max(last - AROUND + 1, 0), last + AROUND + 1)
    x, seen, error = series.x[used], series.bleach[used], series.sigma[used]
    middle, span = float(series.x[last:last + 2].mean()), float(np.ptp(x))
    order = 2 if len(x) >= FEWEST_BENT else 1
    constants, covariance = np.polyfit((x - middle) / span, seen, order, w=1 / error, cov="unscaled")
    roots = np.roots(constants - level * (np.arange(order + 1) == order))
    real = roots[np.abs(roots.imag) < 1e-9].real
    if not len(real):
        raise AnalysisError(f"The bleach touches {level:.3g} without passing it clearly. Take more blocks.")
    place = float(real[np.argmin(np.abs(real))])
    powers = place ** np.arange(order, -1, -1)
    slope = float(np.polyval(np.polyder(constants), place))
    stderr = float(np.sqrt(powers @ covariance @ powers)) / abs(slope)
    words = "parabola" if order == 2 else "straight line"
    return Result(middle + span * place, span * stderr, "", f"{words} through {len(x)} points")


def gain_band(wavelength_nm: np.ndarray, net: np.ndarray, sigma: np.ndarray) -> tuple[Result, Result]:
    """Give the edges in nm of the wavelengths where the net absorbance is negative by three standard errors, arrays (pixels,)."""
    gaining = wavelength_nm[net < -3.0 * sigma]
    if not len(gaining):
        raise AnalysisError("No wavelength shows net gain. Raise the fluence.")
    pixel = float(np.median(np.diff(wavelength_nm)))
    edges = (float(gaining.min()), float(gaining.max()))
    return tuple(Result(edge, pixel, "nm", "net absorption below zero by three standard errors") for edge in edges)    # type: ignore[return-value]
