"""Step and glue: spectra of neighbouring windows of the spectrograph joined into one.

Where two windows overlap, the second is brought to the height of the first by the factor that the overlap asks for, and both are
averaged by their errors. A factor far from 1 says that the lamp drifted, or that the response was not corrected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

LEAST_OVERLAP = 0.10        # share of the narrower window that neighbours must have in common
FEWEST_PIXELS = 5           # in the overlap


@dataclass(frozen=True)
class Window:
    """One window: wavelengths in nm ascending, signal per nm (response corrected) and its standard error, all (pixels,)."""

    wavelength_nm: np.ndarray
    signal: np.ndarray
    sigma: np.ndarray


@dataclass(frozen=True)
class Glued:
    """The joined spectrum on the pixels of the first window and whatever the later ones add, with the factor of each overlap."""

    wavelength_nm: np.ndarray
    signal: np.ndarray
    sigma: np.ndarray
    factors: tuple[Result, ...]


def glue(windows: Sequence[Window], *, scaled: bool = True) -> Glued:
    """Join windows in rising order of wavelength; with `scaled` each is multiplied by its factor, else the factors are only told.

    Raises AnalysisError when there is nothing to join, when neighbours overlap by less than 10 %, or when the overlap is dark, so
    that no factor can be told.
    """
    if len(windows) < 2:
        raise AnalysisError(f"{len(windows)} window is nothing to join; measure neighbouring ones with 10 % overlap.")
    ordered = sorted(windows, key=lambda window: float(window.wavelength_nm[0]))
    joined, factors = ordered[0], []
    for window in ordered[1:]:
        factor = _factor(joined, window)
        factors.append(factor)
        joined = _join(joined, window, factor.value if scaled else 1.0)
    return Glued(joined.wavelength_nm, joined.signal, joined.sigma, tuple(factors))


def _factor(left: Window, right: Window) -> Result:
    """Give what the right window has to be multiplied by: ratio of the light in the overlap, weighted by the errors."""
    low, high = float(right.wavelength_nm[0]), float(left.wavelength_nm[-1])
    width = min(float(np.ptp(left.wavelength_nm)), float(np.ptp(right.wavelength_nm)))
    inside = (left.wavelength_nm >= low) & (left.wavelength_nm <= high)
    if high - low < LEAST_OVERLAP * width or np.count_nonzero(inside) < FEWEST_PIXELS:
        raise AnalysisError(
            f"The windows ending at {high:.2f} nm and beginning at {low:.2f} nm have {max(high - low, 0.0):.2f} nm in common; "
            f"{LEAST_OVERLAP:.0%} of a window, {LEAST_OVERLAP * width:.2f} nm, are needed. Choose centres closer together."
        )
    place = left.wavelength_nm[inside]
    here, here_error = left.signal[inside], left.sigma[inside]
    there, there_error = np.interp(place, right.wavelength_nm, right.signal), np.interp(place, right.wavelength_nm, right.sigma)
    factor = 1.0
    for _ in range(3):           # errors in both: the weight contains the factor
        weight = 1.0 / (here_error**2 + (factor * there_error) ** 2)
        power = float(weight @ there**2) - float(weight @ there_error**2)        # noise squared is no light
        if power <= 0:
            raise AnalysisError(f"The overlap from {low:.2f} to {high:.2f} nm is dark: its factor cannot be told. Expose longer.")
        factor = float(weight @ (here * there)) / power
    stderr = float(1.0 / np.sqrt(power))
    chi2 = float(weight @ (here - factor * there) ** 2 / (len(place) - 1))
    return Result(factor, stderr, "1", f"ratio of the light from {low:.1f} to {high:.1f} nm", goodness=chi2)


def _join(left: Window, right: Window, factor: float) -> Window:
    """Average in the overlap on the pixels of the left window, then go on with those of the right."""
    signal, sigma = left.signal.copy(), left.sigma.copy()
    inside = left.wavelength_nm >= right.wavelength_nm[0]
    place = left.wavelength_nm[inside]
    there = factor * np.interp(place, right.wavelength_nm, right.signal)
    error = factor * np.interp(place, right.wavelength_nm, right.sigma)
    weights = np.array([sigma[inside] ** -2.0, error**-2.0])
    signal[inside] = (weights[0] * signal[inside] + weights[1] * there) / weights.sum(axis=0)
    sigma[inside] = weights.sum(axis=0) ** -0.5
    beyond = right.wavelength_nm > left.wavelength_nm[-1]
    return Window(np.concatenate([left.wavelength_nm, right.wavelength_nm[beyond]]),
                  np.concatenate([signal, factor * right.signal[beyond]]), np.concatenate([sigma, factor * right.sigma[beyond]]))
