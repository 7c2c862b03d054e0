"""Absorption cross-section from the saturation of the late emission: the share of dots that absorbed at least one photon.

    PL(t_d) = A (1 - P0) = A (1 - exp(-σ F/hν))                    Poisson statistics of absorption, ⟨N⟩ = σ F/hν

taken so late that every excited dot is down to one exciton. Taken earlier the cascade is not over: at 400 ps with an Auger
lifetime of 105 ps it returns a cross-section 13 % too small (2.17e-14 for 2.50e-14 cm²), at 1 ns and later 4 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import Fit, clean, nonlinear_fit
from labctl.core.errors import AnalysisError
from labctl.core.photons import photon_energy_j
from labctl.core.plan import Result

FEWEST_POINTS = 4           # one more than amplitude and cross-section need to show the bend
UNRESOLVED = 0.3            # relative error from which the data show no saturation
PASSES = 3                  # of the weights, which contain the slope of the curve


@dataclass(frozen=True)
class Occupancy:
    """Cross-section in cm², emission of all dots excited (unit of the signal), and the mean occupancy at each fluence."""

    cross_section: Result
    amplitude: Result
    mean_occupancy: np.ndarray
    residuals: np.ndarray
    pump_nm: float
    fit: Fit                    # amplitude, and the rise over the fluence `unit_j_cm2`
    unit_j_cm2: float

    def curve_error(self, fluence_j_cm2: np.ndarray) -> np.ndarray:
        """Give the standard error of the fitted emission itself at fluences in J/cm²."""
        return self.fit.curve_error(lambda c: c[0] * -np.expm1(-c[1] * fluence_j_cm2 / self.unit_j_cm2))

    def curve(self, fluence_j_cm2: np.ndarray) -> np.ndarray:
        """Give the fitted emission at fluences in J/cm²."""
        return self.amplitude.value * -np.expm1(-mean_occupancy(fluence_j_cm2, self.cross_section.value, self.pump_nm))


def mean_occupancy(fluence_j_cm2: np.ndarray, cross_section_cm2: float, pump_nm: float) -> np.ndarray:
    """Give ⟨N⟩ = σ F/hν, photons absorbed per dot and pulse, for a pump of vacuum wavelength `pump_nm`."""
    return cross_section_cm2 * np.asarray(fluence_j_cm2, dtype=float) / photon_energy_j(pump_nm)


def cross_section(fluence_j_cm2: np.ndarray, signal: np.ndarray, sigma: np.ndarray | None = None, *, pump_nm: float,
                  relative_fluence: float = 0.0, fluence_scale_error: float = 0.0) -> Occupancy:
    """Fit A (1 - exp(-σ F/hν)) to the late emission against fluence; arrays (n,), fluence in J/cm² per pulse, any order.

    `relative_fluence` is the error of the fluence from point to point, `fluence_scale_error` the one common to all (spot size,
    power calibration): it becomes the systematic error. Raises AnalysisError when the curve shows no saturation, since amplitude
    and cross-section then cannot be told apart.
    """
    fluence, seen, error = clean(fluence_j_cm2, signal, sigma)
    if len(np.unique(fluence)) < FEWEST_POINTS:
        raise AnalysisError(f"{len(np.unique(fluence))} fluences are too few for a saturation curve; {FEWEST_POINTS} are needed.")
    unit = float(np.median(fluence))

    def model(constants: np.ndarray) -> np.ndarray:
        amplitude, rise = constants
        return amplitude * -np.expm1(-rise * fluence / unit)

    what = "The saturation curve"
    bounds = ([0.0, 1e-6], [np.inf, 1e6])
    weights = None if sigma is None else error
    fit = nonlinear_fit(model, [float(seen.max()), 1.0], seen, weights, bounds=bounds, what=what)
    for _ in range(PASSES if relative_fluence > 0 and sigma is not None else 0):
        slope = fit.values[0] * fit.values[1] * np.exp(-fit.values[1] * fluence / unit) * fluence / unit
        fit = nonlinear_fit(model, fit.values, seen, np.hypot(error, slope * relative_fluence), bounds=bounds, what=what)
    if fit.stderr[1] > UNRESOLVED * fit.values[1]:
        raise AnalysisError(
            f"The emission shows no clear saturation up to {fluence.max() * 1e6:.4g} µJ/cm² (cross-section ± "
            f"{100 * fit.stderr[1] / fit.values[1]:.0f} %). Raise the fluence until the emission bends, or expose longer."
        )
    to_cm2 = photon_energy_j(pump_nm) / unit
    value = float(fit.values[1] * to_cm2)
    name = "1 - P0 (Poisson) against fluence"
    found = Result(value, float(fit.stderr[1] * to_cm2), "cm2", name, value * fluence_scale_error, goodness=fit.goodness)
    amplitude = Result(float(fit.values[0]), float(fit.stderr[0]), "signal", name, goodness=fit.goodness)
    return Occupancy(found, amplitude, mean_occupancy(np.asarray(fluence_j_cm2), value, pump_nm), fit.residuals, pump_nm,
                     fit, unit)
