"""Emission against temperature: the slope of its energy, and the broadening by optical phonons.

The energy is E(T) = E0 + a (T - T0), near-linear in lead halide perovskites. The width (FWHM) joins the inhomogeneous one and that
of the optical phonons in quadrature: W(T)² = W_inh² + (G_LO n_LO)², n_LO = 1/(exp(E_LO/kT) - 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import clean, linear_fit, nonlinear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

BOLTZMANN_MEV_K = 8.617333e-2
UNRESOLVED = 0.5            # relative error from which coupling or phonon energy count as unknown
FEWEST_TEMPERATURES = 4
LARGEST_EXPONENT = 500.0    # E/kT from which no phonon is left


@dataclass(frozen=True)
class EnergySlope:
    """Slope in eV/K and energy in eV at the reference temperature; `residuals` in standard errors, or eV without stated ones."""

    slope: Result
    energy: Result
    reference_k: float
    residuals: np.ndarray


def energy_slope(temperature_k: np.ndarray, energy_ev: np.ndarray, sigma_ev: np.ndarray | None = None, *,
                 reference_k: float = 300.0) -> EnergySlope:
    """Fit a straight line to the emission energy; arrays (temperatures,), of the *sample*, after soaking.

    Raises AnalysisError when the temperatures span less than 20 K.
    """
    temperature, energy, error = clean(temperature_k, energy_ev, sigma_ev)
    if not len(temperature) or np.ptp(temperature) < 20:
        raise AnalysisError("The temperatures span less than 20 K: too little for the slope of the energy.")
    design = np.column_stack([np.ones_like(temperature), temperature - reference_k])
    fit = linear_fit(design, energy, None if sigma_ev is None else error, what="The line of energy against temperature")
    at, slope = (Result(float(fit.values[i]), float(fit.stderr[i]), unit, "straight line of energy against temperature",
                        goodness=fit.goodness) for i, unit in enumerate(("eV", "eV/K")))
    return EnergySlope(slope, at, reference_k, fit.residuals)


@dataclass(frozen=True)
class Broadening:
    """Inhomogeneous width, coupling G_LO and phonon energy E_LO, all in meV."""

    inhomogeneous: Result
    coupling: Result
    phonon: Result
    residuals: np.ndarray

    def curve(self, temperature_k: np.ndarray) -> np.ndarray:
        """Give the fitted width in meV at temperatures in K."""
        return _width(temperature_k, np.array([self.inhomogeneous.value, self.coupling.value, self.phonon.value]))


def phonon_number(temperature_k: np.ndarray, phonon_mev: float) -> np.ndarray:
    """Give the Bose occupation of a phonon; 0.99378 for 18 meV at 300 K."""
    kelvin = np.maximum(np.asarray(temperature_k, dtype=float), phonon_mev / (BOLTZMANN_MEV_K * LARGEST_EXPONENT))
    return 1 / np.expm1(phonon_mev / (BOLTZMANN_MEV_K * kelvin))


def _width(temperature_k: np.ndarray, constants: np.ndarray) -> np.ndarray:
    inhomogeneous, coupling, phonon = constants
    return np.hypot(inhomogeneous, coupling * phonon_number(temperature_k, phonon))


def phonon_broadening(temperature_k: np.ndarray, fwhm_mev: np.ndarray, sigma_mev: np.ndarray | None = None, *,
                      phonon_mev: float | None = None) -> Broadening:
    """Fit the width against temperature; arrays (temperatures,), FWHM in meV with the instrument removed.

    Above about 100 K coupling and phonon energy only enter as G/E, so both need cold points too; `phonon_mev` keeps it fixed.
    Raises AnalysisError with fewer than 4 temperatures or when a free constant is not determined within 50 %.
    """
    temperature, width, error = clean(temperature_k, fwhm_mev, sigma_mev)
    if len(np.unique(temperature)) < FEWEST_TEMPERATURES:
        raise AnalysisError(
            f"{len(np.unique(temperature))} temperatures are too few for the broadening; {FEWEST_TEMPERATURES} are needed."
        )
    guess = 18.0 if phonon_mev is None else phonon_mev
    hottest = float(phonon_number(temperature.max(), guess))
    start = [float(width.min()), float(width.max()) / hottest, guess]
    free = 3 if phonon_mev is None else 2

    def model(constants: np.ndarray) -> np.ndarray:
        return _width(temperature, constants if phonon_mev is None else np.append(constants, phonon_mev))

    fit = nonlinear_fit(model, start[:free], width, None if sigma_mev is None else error, what="The broadening",
                        bounds=([0.0, 0.0, 1.0][:free], [np.inf, np.inf, 200.0][:free]))
    values = fit.values if phonon_mev is None else np.append(fit.values, phonon_mev)
    for index, name in ((1, "The coupling"), (2, "The phonon energy"))[: free - 1]:
        if fit.stderr[index] > UNRESOLVED * values[index]:
            raise AnalysisError(
                f"{name} is not determined: {values[index]:.3g} ± {fit.stderr[index]:.2g} meV between {temperature.min():.0f} and "
                f"{temperature.max():.0f} K. Add temperatures at the other end, or fix the phonon energy."
            )
    errors = [*map(float, fit.stderr), *([0.0] if phonon_mev is not None else [])]
    name = "widths in quadrature against temperature" + ("" if phonon_mev is None else ", phonon energy given")
    found = [Result(float(value), error, "meV", name, goodness=fit.goodness) for value, error in zip(values, errors, strict=True)]
    return Broadening(found[0], found[1], found[2], fit.residuals)
