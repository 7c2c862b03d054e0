"""A rotating half-wave plate before a polariser: the law, and the calibrated curve in both directions.

With the plate's retardance exact only at its design wavelength (first-order plate, standard Jones calculus):

    P(λ, θ) = A(λ) [e(λ) + (1 - e(λ)) cos²(2 (θ - θ0))],    e(λ) = e_p + (1 - e_p) cos²(π λ_d / 2 λ)

A is the highest power, θ0 the angle that gives it (modulo 90 deg), e the ratio of lowest to highest power, e_p the extinction of
the polariser and λ_d the design wavelength of the plate. `curve` is the mapping stored in a calibration of model "half_wave_plate":
`wavelength_nm`, `maximum_w`, `minimum_ratio` (equally long, wavelengths ascending) and `offset_deg`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from labctl.core.errors import AnalysisError

MODEL = "half_wave_plate"


def minimum_ratio(wavelength_nm: Any, extinction: float, design_nm: float) -> Any:
    """Give e(λ), the lowest over the highest power, of a polariser of given extinction behind a plate for `design_nm`."""
    return extinction + (1 - extinction) * np.cos(np.pi * design_nm / (2 * np.asarray(wavelength_nm, dtype=float))) ** 2


def reach(curve: Mapping[str, Any], wavelength_nm: Any) -> tuple[Any, Any]:
    """Give the lowest and highest power in W at the pick-off head, at vacuum wavelengths in nm (scalar or array).

    Cubic splines through the calibrated wavelengths. Raises AnalysisError outside their range.
    """
    known = np.asarray(curve["wavelength_nm"], dtype=float)
    wanted = np.asarray(wavelength_nm, dtype=float)
    margin = 1e-6
    if np.any(wanted < known[0] - margin) or np.any(wanted > known[-1] + margin):
        outside = wanted.flat[int(np.argmax((wanted < known[0] - margin) | (wanted > known[-1] + margin)))]
        raise AnalysisError(
            f"The power calibration covers {known[0]:g} to {known[-1]:g} nm, not {outside:g} nm. "
            "Run power_calibration over the wanted range."
        )
    splines = _splines(tuple(known), tuple(curve["maximum_w"]), tuple(curve["minimum_ratio"]))
    highest, ratio = (spline(wanted) for spline in splines)
    if np.ndim(wavelength_nm) == 0:
        return float(highest * ratio), float(highest)
    return highest * ratio, highest


@lru_cache(maxsize=16)
def _splines(known_nm: tuple[float, ...], maximum_w: tuple[float, ...], ratio: tuple[float, ...]) -> tuple[Any, Any]:
    """Give the splines of highest power and ratio; one calibration is asked thousands of times."""
    from scipy.interpolate import CubicSpline  # half a second, which benches without a calibration need not wait for

    return CubicSpline(known_nm, np.array(maximum_w)), CubicSpline(known_nm, np.array(ratio))


def transmission(curve: Mapping[str, Any], wavelength_nm: Any, angle_deg: Any) -> Any:
    """Give the power in W at the pick-off head for a wavelength (nm, vacuum) and a plate angle (deg)."""
    lowest, highest = reach(curve, wavelength_nm)
    turn = np.deg2rad(np.asarray(angle_deg, dtype=float) - float(curve["offset_deg"]))
    power = lowest + (highest - lowest) * np.cos(2 * turn) ** 2
    return float(power) if np.ndim(power) == 0 else power


def angle_for(curve: Mapping[str, Any], wavelength_nm: Any, power_w: Any) -> Any:
    """Give the plate angle in deg for a power in W at the pick-off head.

    The branch is θ0 to θ0 + 45 deg with θ0 taken in [0, 90): more angle is less power, and no mount is asked for a negative angle.
    Raises AnalysisError when a power lies outside what can be reached, naming both.
    """
    lowest, highest = (np.asarray(limit) for limit in reach(curve, wavelength_nm))
    power = np.asarray(power_w, dtype=float)
    fraction = (power - lowest) / (highest - lowest)
    bad = ~((fraction >= -1e-9) & (fraction <= 1 + 1e-9))
    if np.any(bad):
        which = int(np.argmax(bad))
        everywhere = np.broadcast_arrays(power, lowest, highest, np.asarray(wavelength_nm, dtype=float))
        asked, low, high, at = (values.flat[which] for values in everywhere)
        raise AnalysisError(
            f"{asked * 1e6:.4g} µW at the pick-off cannot be reached at {at:g} nm: the attenuator gives {low * 1e6:.4g} to "
            f"{high * 1e6:.4g} µW there."
        )
    angle = float(curve["offset_deg"]) % 90.0 + np.rad2deg(np.arccos(np.sqrt(np.clip(fraction, 0.0, 1.0)))) / 2
    return float(angle) if np.ndim(angle) == 0 else angle
