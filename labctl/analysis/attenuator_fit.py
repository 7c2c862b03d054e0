"""Fit the half-wave plate attenuator from measured powers: one wavelength at a time, then all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import curve_fit

from labctl.analysis.attenuator import minimum_ratio
from labctl.core.errors import AnalysisError

READING_NOISE = 0.005       # relative noise of a power reading, 1 standard deviation
DARK_NOISE_W = 10e-9        # noise of a reading without light, 1 standard deviation
WORST_CONDITION = 1e5       # of the scaled normal matrix: beyond it angle and power trade against each other
NOISE_MULTIPLE = 20.0       # only readings above this multiple of the dark noise enter a fit


@dataclass(frozen=True)
class PlateFit:
    """One wavelength: highest power (W), lowest over highest, angle of the highest (deg), each with its standard error."""

    wavelength_nm: float
    maximum_w: float
    maximum_stderr_w: float
    minimum_ratio: float
    minimum_ratio_stderr: float
    offset_deg: float
    offset_stderr_deg: float
    reduced_chi2: float
    residuals: tuple[float, ...]      # relative, one per point that entered

    def power(self, angle_deg: np.ndarray) -> np.ndarray:
        """Give the fitted power in W at angles in deg."""
        share = np.cos(2 * np.deg2rad(angle_deg - self.offset_deg)) ** 2
        return self.maximum_w * (self.minimum_ratio + (1 - self.minimum_ratio) * share)


@dataclass(frozen=True)
class PlateLaw:
    """All wavelengths together: common offset (deg), extinction of the polariser, design wavelength of the plate (nm)."""

    offset_deg: float
    offset_stderr_deg: float
    extinction: float
    extinction_stderr: float
    design_nm: float
    design_stderr_nm: float
    reduced_chi2: float

    def minimum_ratio(self, wavelength_nm: np.ndarray) -> np.ndarray:
        """Give the ratio of lowest to highest power at vacuum wavelengths in nm."""
        return minimum_ratio(wavelength_nm, self.extinction, self.design_nm)


def significant(power_w: np.ndarray) -> np.ndarray:
    """Mark the readings far enough above the noise to enter a fit."""
    return np.isfinite(power_w) & (power_w > NOISE_MULTIPLE * DARK_NOISE_W)


def fit_plate(wavelength_nm: float, angle_deg: np.ndarray, power_w: np.ndarray) -> PlateFit:
    """Fit one wavelength: P = c0 + c1 cos 4θ + c2 sin 4θ is linear, so the result needs no start values.

    Weights: 0.5 % reading noise and 10 nW. Raises AnalysisError when too few readings stand above the noise or when turning the
    plate does not change the power.
    """
    use = significant(power_w)
    if np.count_nonzero(use) < 5:
        raise AnalysisError(
            f"At {wavelength_nm:g} nm only {np.count_nonzero(use)} readings exceed {NOISE_MULTIPLE * DARK_NOISE_W * 1e9:.0f} nW "
            "(20 × the noise); 5 are needed. Is the emission on, and is the beam on the power meter?"
        )
    angle, power = np.deg2rad(angle_deg[use]), power_w[use]
    sigma = np.hypot(READING_NOISE * power, DARK_NOISE_W)
    design = np.column_stack([np.ones_like(angle), np.cos(4 * angle), np.sin(4 * angle)])
    normal = (design / sigma[:, None] ** 2).T @ design
    size = np.sqrt(np.diag(normal))
    if np.linalg.cond(normal / np.outer(size, size)) > WORST_CONDITION:
        raise AnalysisError(
            f"At {wavelength_nm:g} nm the angles do not cover the 90 deg over which the power repeats. Scan 0 to 90 deg."
        )
    covariance = np.linalg.inv(normal)
    c = covariance @ (design / sigma[:, None] ** 2).T @ power
    left = power - design @ c
    chi2 = float(np.sum((left / sigma) ** 2) / max(len(power) - 3, 1))
    return _plate(wavelength_nm, c, covariance * max(chi2, 1.0), chi2, tuple(left / power))


def _plate(wavelength_nm: float, c: np.ndarray, covariance: np.ndarray, chi2: float, residuals: tuple[float, ...]) -> PlateFit:
    """Turn the linear constants into highest power, ratio and offset, with first-order errors."""
    swing = float(np.hypot(c[1], c[2]))
    unit = np.array([0.0, c[1] / swing, c[2] / swing]) if swing > 0 else np.zeros(3)
    swing_stderr = float(np.sqrt(unit @ covariance @ unit))
    if swing < 5 * swing_stderr or swing < 0.05 * c[0]:
        raise AnalysisError(
            f"At {wavelength_nm:g} nm turning the attenuator changes the power by only ± {swing * 1e6:.3g} µW around "
            f"{c[0] * 1e6:.3g} µW. Does the plate turn, and is the polariser in the beam?"
        )
    highest, lowest = c[0] + swing, c[0] - swing
    constant = np.array([1.0, 0.0, 0.0])
    to_highest = constant + unit
    to_ratio = (constant - unit) / highest - lowest / highest**2 * to_highest
    to_offset = np.array([0.0, -c[2], c[1]]) / swing**2 / 4
    return PlateFit(
        wavelength_nm=wavelength_nm, maximum_w=float(highest),
        maximum_stderr_w=float(np.sqrt(to_highest @ covariance @ to_highest)),
        minimum_ratio=float(lowest / highest), minimum_ratio_stderr=float(np.sqrt(to_ratio @ covariance @ to_ratio)),
        offset_deg=float(np.rad2deg(np.arctan2(c[2], c[1]) / 4)),
        offset_stderr_deg=float(np.rad2deg(np.sqrt(to_offset @ covariance @ to_offset))), reduced_chi2=chi2, residuals=residuals,
    )


def fit_law(plates: Sequence[PlateFit]) -> PlateLaw:
    """Join the wavelengths: one offset (weighted mean modulo 90 deg), extinction and design wavelength by least squares.

    Standard errors are the larger of the propagated ones and the scatter between wavelengths. Needs 5 wavelengths.
    """
    if len(plates) < 5:
        raise AnalysisError(f"The attenuator was measured at {len(plates)} wavelengths; the law of plate and polariser needs 5.")
    offset, offset_stderr = _common_offset(plates)
    wavelength = np.array([p.wavelength_nm for p in plates])
    ratio = np.array([p.minimum_ratio for p in plates])
    sigma = np.array([p.minimum_ratio_stderr for p in plates])
    start = (1e-3, float(wavelength[np.argmin(ratio)]))
    best, covariance = curve_fit(minimum_ratio, wavelength, ratio, p0=start, sigma=sigma, absolute_sigma=True,
                                 bounds=([0.0, 0.7 * wavelength[0]], [0.5, 1.3 * wavelength[-1]]), x_scale=[1e-3, 1.0])
    chi2 = float(np.sum(((ratio - minimum_ratio(wavelength, *best)) / sigma) ** 2) / (len(plates) - 2))
    stderr = np.sqrt(np.diag(covariance) * max(chi2, 1.0))
    return PlateLaw(offset, offset_stderr, float(best[0]), float(stderr[0]), float(best[1]), float(stderr[1]), chi2)


def _common_offset(plates: Sequence[PlateFit]) -> tuple[float, float]:
    """Give the weighted mean of the offsets, in [-45, 45) deg, and its standard error; offsets repeat every 90 deg."""
    first = plates[0].offset_deg
    offsets = np.array([first + (p.offset_deg - first + 45.0) % 90.0 - 45.0 for p in plates])
    weights = np.array([p.offset_stderr_deg for p in plates]) ** -2.0
    mean = float(np.sum(weights * offsets) / weights.sum())
    scatter = np.sqrt(np.sum(weights * (offsets - mean) ** 2) / weights.sum() / (len(plates) - 1))
    return (mean + 45.0) % 90.0 - 45.0, float(max(scatter, 1.0 / np.sqrt(weights.sum())))
