"""What a power calibration gives: results of the plate's law, the transmission of the whole path, and the curves to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labctl.analysis.attenuator_fit import PlateFit, PlateLaw, significant
from labctl.core.plan import Problem, Result
from labctl.core.reduction import CurveData

GAUSSIAN_AREA = 1.0645          # area of a Gaussian over (peak × FWHM), sqrt(π / 4 ln 2)
UNITS = {"wavelength_nm": "nm", "maximum_w": "W", "minimum_ratio": "1", "offset_deg": "deg", "extinction": "1",
         "plate_wavelength_nm": "nm"}


def stored(fits: Sequence[PlateFit], law: PlateLaw) -> dict[str, Any]:
    """Give what a calibration keeps, in `UNITS`; the lowest powers follow the law, not single noisy readings."""
    wavelength = np.array([fit.wavelength_nm for fit in fits])
    return {"wavelength_nm": wavelength, "maximum_w": np.array([fit.maximum_w for fit in fits]),
            "minimum_ratio": law.minimum_ratio(wavelength), "offset_deg": law.offset_deg, "extinction": law.extinction,
            "plate_wavelength_nm": law.design_nm}


def law_results(law: PlateLaw) -> dict[str, Result]:
    """Give `offset_deg`, `extinction` and `plate_wavelength_nm`."""
    return {
        "offset_deg": Result(law.offset_deg, law.offset_stderr_deg, "deg", "first harmonic of 4θ, mean over wavelengths",
                             note="angle of highest transmission, modulo 90 deg"),
        "extinction": Result(law.extinction, law.extinction_stderr, "1", "plate and polariser law over wavelength",
                             note="lowest over highest power of the polariser alone"),
        "plate_wavelength_nm": Result(law.design_nm, law.design_stderr_nm, "nm", "plate and polariser law over wavelength",
                                      note="vacuum wavelength at which the plate is exactly half-wave"),
    }


def transmission(constants: Mapping[str, Any], fits: Sequence[PlateFit]) -> tuple[dict[str, Result], list[Problem]]:
    """Estimate the highest transmission of the attenuator at the middle wavelength.

    It is (highest pick-off reading / nominal pick-off fraction) over (data-sheet spectral density × bandwidth × 1.0645), so it
    compares the whole path with its data sheets: source power, filter peak and pick-off enter in full. It tells a misaligned beam
    from a good one; it is not a measurement of plate and polariser alone, and its systematic error (the pick-off's) is large.
    """
    needed = ("pickoff.fraction", "pickoff.uncertainty", "source.spectral_density_w_nm", "pump.bandwidth")
    missing = [name for name in needed if name not in constants]
    if missing:
        text = f"not estimated: the bench states no {', '.join(missing)}."
        return {}, [Problem("transmission", text, "warning")]
    fraction, uncertainty, density, bandwidth = (float(constants[name]) for name in needed)
    wavelengths = np.array([fit.wavelength_nm for fit in fits])
    middle = fits[int(np.argmin(np.abs(wavelengths - wavelengths.mean())))]
    incident = density * bandwidth * GAUSSIAN_AREA
    value = middle.maximum_w / fraction / incident
    stderr = middle.maximum_stderr_w / fraction / incident
    result = Result(value, stderr, "1", f"highest reading at {middle.wavelength_nm:g} nm over nominal source power",
                    systematic=value * uncertainty, note="source, filter and pick-off at their data-sheet values")
    return {"transmission": result}, []


def power_curve(fit: PlateFit, angle: np.ndarray, power: np.ndarray) -> CurveData:
    """Give the readings at one wavelength against the angle in deg, with the fit."""
    smooth = np.linspace(angle.min(), angle.max(), 181)
    return CurveData(
        x_name="attenuator.angle", x=angle, y=power, unit="W", label=f"{fit.wavelength_nm:g} nm", used=significant(power),
        left_out="below 20 × the noise", fit_x=smooth, fit_y=fit.power(smooth),
    )


def ratio_curve(fits: Sequence[PlateFit], law: PlateLaw) -> CurveData:
    """Give lowest over highest power against the wavelength, with the law."""
    wavelength = np.array([fit.wavelength_nm for fit in fits])
    smooth = np.linspace(wavelength[0], wavelength[-1], 201)
    return CurveData(
        x_name="pump.wavelength", x=wavelength, y=np.array([fit.minimum_ratio for fit in fits]), unit="1",
        label="Lowest / highest power", sigma=np.array([fit.minimum_ratio_stderr for fit in fits]),
        fit_x=smooth, fit_y=law.minimum_ratio(smooth),
    )
