"""From raw counts to electrons per second, and their standard error. Pure functions on arrays.

Signal = (counts - dark of the same exposure) × gain / effective exposure. Variance of one light frame in electrons: shot noise of
the signal (Poisson), plus that of the dark frame (read-out noise and dark current), plus that of the mean dark frame subtracted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.core.errors import AnalysisError

SAME_EXPOSURE = 1e-6      # relative difference below which two granted exposures are one


@dataclass(frozen=True)
class Camera:
    """What was granted at every point: exposures in s, gain in electrons per count, read noise in electrons."""

    exposure_s: np.ndarray
    effective_exposure_s: np.ndarray
    gain: np.ndarray
    read_noise: np.ndarray


def matching_dark(exposure_s: float, dark: np.ndarray, dark_exposure_s: np.ndarray) -> np.ndarray:
    """Give the dark frames (frames, pixels) of the same exposure; raises AnalysisError when there is none."""
    same = np.isclose(dark_exposure_s, exposure_s, rtol=SAME_EXPOSURE, atol=0.0)
    if not same.any():
        had = ", ".join(f"{value:g} s" for value in np.unique(dark_exposure_s)) or "none at all"
        raise AnalysisError(f"There is no dark frame of {exposure_s:g} s to subtract (dark frames in this run: {had}). "
                            "Raw counts hold the camera's offset; take a dark frame with every exposure that is used.")
    return dark[same]


def electrons_per_second(counts: np.ndarray, camera: Camera, dark: np.ndarray, dark_exposure_s: np.ndarray) -> np.ndarray:
    """Give (points, pixels) of electrons per second from counts of that shape and dark frames (frames, pixels)."""
    rate = np.empty(counts.shape, dtype=float)
    for rows, frames in _by_exposure(camera, dark, dark_exposure_s):
        net = counts[rows] - frames.mean(axis=0)
        rate[rows] = net * _column(camera.gain[rows] / camera.effective_exposure_s[rows], counts)
    return rate


def standard_error(counts: np.ndarray, camera: Camera, dark: np.ndarray, dark_exposure_s: np.ndarray) -> np.ndarray:
    """Give the standard error of `electrons_per_second`, same shape."""
    error = np.empty(counts.shape, dtype=float)
    for rows, frames in _by_exposure(camera, dark, dark_exposure_s):
        gain = _column(camera.gain[rows], counts)
        light = np.maximum((counts[rows] - frames.mean(axis=0)) * gain, 0.0)
        frame = np.maximum(_column(camera.read_noise[rows], counts) ** 2, _frame_variance(frames) * gain**2)
        variance = light + frame * (1.0 + 1.0 / len(frames))
        error[rows] = np.sqrt(variance) / _column(camera.effective_exposure_s[rows], counts)
    return error


def _by_exposure(camera: Camera, dark: np.ndarray, dark_exposure_s: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.flatnonzero(camera.exposure_s == exposure), matching_dark(float(exposure), dark, dark_exposure_s))
            for exposure in np.unique(camera.exposure_s)]


def _frame_variance(frames: np.ndarray) -> float:
    """Estimate the variance of one dark frame in counts² from the scatter between frames, 0 from a single one.

    The median over pixels keeps cosmic rays out; for k degrees of freedom it lies at k (1 - 2/9k)³ / k of the mean
    (Wilson and Hilferty, Proc. Natl. Acad. Sci. 17, 684 (1931)).
    """
    degrees = len(frames) - 1
    if degrees < 1:
        return 0.0
    median = float(np.median(frames.astype(float).var(axis=0, ddof=1)))
    return median / (1.0 - 2.0 / (9.0 * degrees)) ** 3


def _column(per_point: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return per_point.reshape((-1,) + (1,) * (counts.ndim - 1))
