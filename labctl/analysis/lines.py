"""Emission bands and lines: centre and width, in nm and in energy.

A spectrum per nm becomes one per eV with the Jacobian, S_E = S_λ λ²/(h c); at 525 nm 1 nm is 4.5 meV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import Fit, clean, nonlinear_fit
from labctl.core.errors import AnalysisError
from labctl.core.photons import HC_EV_NM, energy_ev
from labctl.core.plan import Result

VISIBLE = 5.0               # a line counts as seen when its height exceeds this many standard errors
FEWEST_POINTS = 6           # a Gaussian on an offset has four constants


def per_ev(wavelength_nm: np.ndarray, per_nm: np.ndarray) -> np.ndarray:
    """Turn a spectral density per nm into one per eV; wavelengths in nm (vacuum), the order of the points is kept."""
    return per_nm * wavelength_nm**2 / HC_EV_NM


def remove_instrument(fwhm: float, stderr: float, instrument_fwhm: float) -> tuple[float, float]:
    """Subtract the instrument's width in quadrature; gives width and standard error, in the unit given.

    Exact for Gaussians. Raises AnalysisError when the line is not clearly broader than the instrument.
    """
    if fwhm - 2 * stderr <= instrument_fwhm:
        raise AnalysisError(
            f"The line reads {fwhm:.4g} ± {stderr:.2g} wide and the instrument is {instrument_fwhm:.4g} wide: its own width is not "
            "resolved. Use a narrower slit or a finer grating."
        )
    width = float(np.sqrt(fwhm**2 - instrument_fwhm**2))
    return width, float(stderr * fwhm / width)


@dataclass(frozen=True)
class Line:
    """One Gaussian line on an offset; `fwhm_nm` and `fwhm_mev` have the instrument removed when its width was given.

    `height` and `area` are in the unit of the signal and that times nm. `constants`: height, centre, raw FWHM (nm), offset.
    """

    centre_nm: Result
    centre_ev: Result
    fwhm_nm: Result
    fwhm_mev: Result
    height: Result
    area: Result
    constants: tuple[float, float, float, float]
    residuals: np.ndarray

    @property
    def read_fwhm_nm(self) -> float:
        """Give the width in nm as read, instrument included."""
        return self.constants[2]

    def curve(self, wavelength_nm: np.ndarray) -> np.ndarray:
        """Give the fitted line at wavelengths in nm."""
        return _gaussian(wavelength_nm, np.array(self.constants))


def _gaussian(wavelength: np.ndarray, constants: np.ndarray) -> np.ndarray:
    height, centre, fwhm, offset = constants
    return height * np.exp(-4 * np.log(2) * ((wavelength - centre) / fwhm) ** 2) + offset


def gaussian_line(wavelength_nm: np.ndarray, signal: np.ndarray, sigma: np.ndarray | None = None, *,
                  near_nm: float | None = None, half_range_nm: float | None = None, instrument_fwhm_nm: float = 0.0) -> Line:
    """Fit A exp(-4 ln 2 (λ - λ0)²/fwhm²) + c within ± `half_range_nm` of `near_nm`, by default of the highest point.

    Arrays (pixels,), wavelengths in nm (vacuum, else the energies are wrong); `signal` is a density per nm or counts of equal
    pixels. Raises AnalysisError when the range holds too few points, when the line does not stand out, when its centre leaves
    the range, or when it is no broader than the instrument.
    """
    wavelength, signal, error = clean(wavelength_nm, signal, sigma)
    wavelength, signal, error = _range(wavelength, signal, error, near_nm, half_range_nm)
    start = _start(wavelength, signal)
    low, high = float(wavelength.min()), float(wavelength.max())
    step = (high - low) / (len(wavelength) - 1)
    bounds = ([0.0, low, 0.5 * step, -np.inf], [np.inf, high, 4 * (high - low), np.inf])
    what = f"The line near {start[1]:.2f} nm"
    fit = nonlinear_fit(lambda c: _gaussian(wavelength, c), np.clip(start, bounds[0], bounds[1]), signal,
                        None if sigma is None else error, bounds=bounds, what=what)
    if fit.values[0] < VISIBLE * fit.stderr[0]:
        raise AnalysisError(f"{what} does not stand out: its height is {fit.values[0]:.3g} ± {fit.stderr[0]:.2g}. Expose longer.")
    if not low + step < fit.values[1] < high - step:
        raise AnalysisError(f"{what} has its centre at the edge of {low:.2f} to {high:.2f} nm. Shift the fitted range.")
    return _line(fit, instrument_fwhm_nm)


def _range(wavelength: np.ndarray, signal: np.ndarray, error: np.ndarray, near: float | None,
           half: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    centre = float(wavelength[np.argmax(signal)]) if near is None else near
    inside = np.ones(len(wavelength), dtype=bool) if half is None else np.abs(wavelength - centre) <= half
    if np.count_nonzero(inside) < FEWEST_POINTS:
        raise AnalysisError(
            f"{np.count_nonzero(inside)} pixels lie within the range around {centre:.2f} nm; a Gaussian on an offset needs "
            f"{FEWEST_POINTS}. Widen the range or use a finer grating."
        )
    return wavelength[inside], signal[inside], error[inside]


def _start(wavelength: np.ndarray, signal: np.ndarray) -> list[float]:
    """Guess height, centre, width and offset from the points above half of the maximum."""
    offset = float(np.min(signal))
    height = float(np.max(signal)) - offset
    above = wavelength[signal > offset + height / 2]
    step = abs(float(wavelength[-1] - wavelength[0])) / (len(wavelength) - 1)
    return [height, float(wavelength[np.argmax(signal)]), max(float(np.ptp(above)), 2 * step), offset]


def _line(fit: Fit, instrument_fwhm_nm: float) -> Line:
    height, centre, read, offset = map(float, fit.values)
    error = fit.stderr
    name = "Gaussian" if instrument_fwhm_nm == 0 else "Gaussian, instrument removed in quadrature"
    width, width_error = remove_instrument(read, float(error[2]), instrument_fwhm_nm) if instrument_fwhm_nm else (read, error[2])
    mev_per_nm = 1e3 * energy_ev(centre) / centre
    unit_area = float(np.sqrt(np.pi / (4 * np.log(2))))

    def result(value: float, stderr: float, unit: str, estimator: str = "Gaussian") -> Result:
        return Result(float(value), float(stderr), unit, estimator, goodness=fit.goodness)

    return Line(
        centre_nm=result(centre, error[1], "nm"), centre_ev=result(energy_ev(centre), error[1] * mev_per_nm / 1e3, "eV"),
        fwhm_nm=result(width, width_error, "nm", name), fwhm_mev=result(width * mev_per_nm, width_error * mev_per_nm, "meV", name),
        height=result(height, error[0], "signal"),
        area=result(unit_area * height * read, unit_area * fit.error_of([read, 0, height, 0]), "signal nm"),
        constants=(height, centre, read, offset), residuals=fit.residuals,
    )


def half_maximum_width(wavelength_nm: np.ndarray, signal: np.ndarray, sigma: np.ndarray, *, baseline: float = 0.0) -> Result:
    """Give the full width at half of the maximum of a whole spectrum in nm, by straight lines between pixels.

    Arrays (pixels,), wavelengths ascending. The maximum is the mean of the pixels within 2 % of the highest, so that one noisy
    pixel does not set it. The error comes from the noise at the four pixels of the two crossings and of the maximum; the
    outermost crossings count. Raises AnalysisError when the spectrum does not fall below half on both sides.
    """
    wavelength, height, error = clean(wavelength_nm, signal, sigma)
    height = height - baseline
    near_top = height > 0.98 * height.max()
    top, top_error = float(height[near_top].mean()), float(np.sqrt(np.sum(error[near_top] ** 2)) / np.count_nonzero(near_top))
    above = np.flatnonzero(height > top / 2)
    first, last = int(above[0]), int(above[-1])
    if first == 0 or last == len(height) - 1:
        raise AnalysisError(
            f"The spectrum from {wavelength[0]:.2f} to {wavelength[-1]:.2f} nm does not fall below half of its maximum on both "
            "sides. Move the spectrograph's centre or use a coarser grating."
        )
    places, variance = [], 0.0
    for outside, inside in ((first - 1, first), (last + 1, last)):
        rise = (height[inside] - height[outside]) / (wavelength[inside] - wavelength[outside])
        places.append(wavelength[outside] + (top / 2 - height[outside]) / rise)
        variance += (error[inside] ** 2 + top_error**2 / 4) / rise**2
    return Result(float(places[1] - places[0]), float(np.sqrt(variance)), "nm", "width at half maximum of the whole spectrum")
