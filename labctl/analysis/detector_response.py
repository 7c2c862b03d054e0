"""How many electrons a photon makes, from column to column: the relative response of grating and camera, from a lamp that is known.

    R(λ) = electrons per column / (photons of the lamp per nm × nm per column)

Only ratios mean anything. What changes gently with the wavelength (grating, camera, optics) is a polynomial through all windows;
what stays with the column wherever the grating stands is the chip's own unevenness, taken as far as it stands out of the noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from labctl.analysis.camera import MEDIAN_TO_SD
from labctl.analysis.fitting import Fit, linear_fit
from labctl.analysis.glue import LEAST_OVERLAP
from labctl.core.errors import AnalysisError
from labctl.core.photons import air_to_vacuum

MODEL = "relative_response"
KELVIN_NM = 1.438776877e7       # second radiation constant hc/k, nm K (CODATA 2018)
DEGREE = 5                      # of the polynomial of ln R: coatings and blazes bend no faster over a few hundred nm
FEWEST_WINDOWS = 2              # at one alone, column and wavelength cannot be told apart
LEAST_LIGHT = 20.0              # standard errors by which a column stands out, or it tells nothing
DEFECT = 6.0                    # standard deviations from which a column is no part of the unevenness
HIT = 5.0                       # standard errors above the median from which a reading is a cosmic ray
GRID_NM = 1.0                   # in which the curve is kept


def planck_photons(air_nm: np.ndarray, colour_k: float) -> np.ndarray:
    """Give the photons per nm of a black body, relative: λ⁻⁴/(exp(hc/λkT) − 1); a lamp's certificate states its colour."""
    vacuum = np.asarray(air_to_vacuum(air_nm))
    return vacuum**-4.0 / np.expm1(KELVIN_NM / (vacuum * colour_k))


@dataclass(frozen=True)
class Window:
    """The lamp at one centre: wavelengths in air (nm), electrons per second and their errors, all (columns,)."""

    air_nm: np.ndarray
    signal: np.ndarray
    sigma: np.ndarray


@dataclass(frozen=True)
class DetectorResponse:
    """Relative response over a range of wavelengths (air, nm), 1 at its highest, and the unevenness of the columns.

    `scatter` is that unevenness (relative sd) with its noise taken out, `drift` the standard deviation of the lamp's level from
    window to window, told by where they overlap.
    """

    low_nm: float
    high_nm: float
    fit: Fit
    columns: np.ndarray
    scatter: float
    drift: float

    def _design(self, air_nm: np.ndarray) -> np.ndarray:
        """Give the polynomials, with naught for the levels of the windows."""
        curve = _design(air_nm, self.low_nm, self.high_nm)
        return np.column_stack([curve, np.zeros((len(curve), len(self.fit.values) - curve.shape[1]))])

    def __call__(self, air_nm: np.ndarray) -> np.ndarray:
        """Give the relative response at wavelengths, 1 where it is highest."""
        return np.exp(self._design(air_nm) @ self.fit.values - self._highest)

    def relative_error(self, air_nm: np.ndarray) -> np.ndarray:
        """Give its relative standard error."""
        return np.array([self.fit.error_of(row) for row in self._design(air_nm)])

    @property
    def grid_nm(self) -> np.ndarray:
        """Wavelengths at which the curve is kept."""
        return np.linspace(self.low_nm, self.high_nm, max(int((self.high_nm - self.low_nm) / GRID_NM), 2) + 1)

    @property
    def _highest(self) -> float:
        return float((self._design(self.grid_nm) @ self.fit.values).max())


def mean_without_hits(signal: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average repeated spectra (n, columns) of a steady light; what lies far above the median of its column is a cosmic ray."""
    good = signal - np.median(signal, axis=0) < HIT * sigma
    number = good.sum(axis=0)
    return np.where(good, signal, 0.0).sum(axis=0) / number, np.sqrt(np.where(good, sigma**2, 0.0).sum(axis=0)) / number


def detector_response(windows: Sequence[Window], colour_k: float) -> DetectorResponse:
    """Fit the response to windows of one grating under a lamp of known colour.

    Raises AnalysisError with fewer than two windows, where they do not overlap, or where the lamp is too faint.
    """
    if len(windows) < FEWEST_WINDOWS:
        raise AnalysisError(f"{len(windows)} centre: the unevenness of the chip and the response of the grating cannot be told "
                            f"apart. Measure {FEWEST_WINDOWS} centres.")
    faint = min(float(np.median(window.signal / window.sigma)) for window in windows)
    if not faint > LEAST_LIGHT or any(np.any(window.signal <= 0.0) for window in windows):
        raise AnalysisError(f"The lamp stands out of the noise by {faint:.1f} standard errors only. Is it the white one, lit and "
                            "in place? Expose longer.")
    ordered = sorted(windows, key=lambda window: float(window.air_nm[0]))
    for left, right in pairwise(ordered):
        if left.air_nm[-1] - right.air_nm[0] < LEAST_OVERLAP * np.ptp(right.air_nm):
            raise AnalysisError(
                f"The windows ending at {left.air_nm[-1]:.1f} nm and beginning at {right.air_nm[0]:.1f} nm overlap by less than "
                f"{LEAST_OVERLAP:.0%}: a drift of the lamp would pass for response. Choose more centres.")
    low = min(float(window.air_nm.min()) for window in windows)
    high = max(float(window.air_nm.max()) for window in windows)
    place = np.concatenate([window.air_nm for window in windows])
    photons = np.concatenate([planck_photons(window.air_nm, colour_k) * np.gradient(window.air_nm) for window in windows])
    signal, sigma = (np.concatenate([getattr(window, name) for window in windows]) for name in ("signal", "sigma"))
    logarithm, error = np.log(signal / photons), sigma / signal
    columns, uneven = np.zeros(len(windows[0].air_nm)), 0.0
    which = np.repeat(np.arange(len(windows)), len(columns))
    design = np.column_stack([_design(place, low, high), *(which == number for number in range(1, len(windows)))])
    fit = linear_fit(design, logarithm, error, what="The response")
    for _ in range(2):
        left = (logarithm - design @ fit.values).reshape(len(windows), -1)
        columns, uneven = _columns(left, error.reshape(len(windows), -1))
        fit = linear_fit(design, logarithm - np.tile(columns, len(windows)), error, what="The response")
    return DetectorResponse(low, high, fit, columns, uneven, float(np.std([0.0, *fit.values[DEGREE + 1:]])))


def _columns(left: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, float]:
    """Give the unevenness of the columns, drawn towards none by what of it is noise, and its standard deviation.

    A column far off the others is left as it is: a cosmic ray on a dark frame looks like that.
    """
    weight = error**-2.0
    mean = (weight * left).sum(axis=0) / weight.sum(axis=0)
    noise = float(np.mean(1.0 / weight.sum(axis=0)))
    typical = MEDIAN_TO_SD * float(np.median(np.abs(mean - np.median(mean))))
    kept = np.where(np.abs(mean - np.median(mean)) < DEFECT * typical, mean - np.median(mean), 0.0)
    real = max(float(np.var(kept)) - noise, 0.0)
    return (kept - kept.mean()) * real / (real + noise), float(np.sqrt(real))


def _design(air_nm: np.ndarray, low: float, high: float) -> np.ndarray:
    return chebyshev.chebvander((2.0 * np.asarray(air_nm) - low - high) / (high - low), DEGREE)


def stored(found: Mapping[int, DetectorResponse]) -> dict[str, Any]:
    """Give the responses of gratings as the curve of a calibration."""
    return {
        "grating": list(found), "wavelength_nm": [each.grid_nm.tolist() for each in found.values()],
        "response": [np.round(each(each.grid_nm), 6).tolist() for each in found.values()],
        "relative_error": [np.round(each.relative_error(each.grid_nm), 7).tolist() for each in found.values()],
        "columns": [np.round(each.columns, 6).tolist() for each in found.values()],
    }


def correction(curve: Mapping[str, Any], grating: int, air_nm: np.ndarray) -> np.ndarray | None:
    """Give what a stored response divides a spectrum by, (columns,); None where it was not measured for all of its wavelengths."""
    gratings = [int(number) for number in curve["grating"]]
    if grating not in gratings:
        return None
    place = gratings.index(grating)
    known, columns = np.asarray(curve["wavelength_nm"][place]), np.asarray(curve["columns"][place])
    if air_nm[0] < known[0] or air_nm[-1] > known[-1] or len(columns) != len(air_nm):
        return None
    return np.interp(air_nm, known, curve["response"][place]) * np.exp(columns)
