"""Open-aperture z-scan: the cross-section of two or three photons from what a focused pulse loses in a thin cuvette.

    T(z) = ∫ ln(1 + q e^(-t²)) dt / (√π q)                       two photons, q = ρ σ₂ L φ
    T(z) = ∫ arsinh(p e^(-t²)) dt / (√π p)                       three, p = √(2 ρ σ₃ L) φ,      φ = φ₀/(1 + (z - z₀)²/z_R²)

φ₀ is the peak photon flux (1/cm² s) on the axis in the focus of a beam Gaussian in space and time; M. Sheik-Bahae et al., IEEE
J. Quantum Electron. 26, 760 (1990), for any absorption. σ counts absorbed photons: dφ/dx = -ρ σ_k φ^k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import Fit, clean, nonlinear_fit
from labctl.core.errors import AnalysisError
from labctl.core.photons import photon_energy_j
from labctl.core.plan import Result

NODES, REACH = 48, 6.0      # of the integral over the pulse, in its 1/e half-widths
VISIBLE = 5.0               # standard errors by which the dip must exceed zero
LOWEST = 3                  # points whose mean is the bottom of the dip
FEWEST_PLACES = 8           # the law has four constants


@dataclass(frozen=True)
class ZScan:
    """Strength of absorption in the focus (q or p), Rayleigh length and place of the focus in cm, transmission far from it."""

    strength: Result
    rayleigh: Result
    focus: Result
    baseline: Result
    order: int
    residuals: np.ndarray
    fit: Fit

    def curve_error(self, place_cm: np.ndarray) -> np.ndarray:
        """Give the standard error of the law itself at places in cm."""
        return self.fit.curve_error(lambda c: _law(place_cm, c[0], c[1], c[2], c[3], self.order))

    def curve(self, place_cm: np.ndarray) -> np.ndarray:
        """Give the fitted transmission at places in cm."""
        return _law(place_cm, self.strength.value, self.rayleigh.value, self.focus.value, self.baseline.value, self.order)


def open_aperture(place_cm: np.ndarray, transmission: np.ndarray, sigma: np.ndarray | None = None, *, order: int) -> ZScan:
    """Fit the dip of the transmission around the focus; arrays (places,), places of the cuvette in cm, any order.

    Raises AnalysisError with fewer than 8 places, when no dip stands out, or when the scan does not reach past the focus.
    """
    if order not in (2, 3):
        raise ValueError(f"order is {order}; two or three photons can be fitted")
    place, seen, error = clean(place_cm, transmission, sigma)
    if len(np.unique(place)) < FEWEST_PLACES:
        raise AnalysisError(f"{len(np.unique(place))} places are too few for a z-scan; {FEWEST_PLACES} are needed.")
    far = float(np.percentile(seen, 90))
    lowest = float(np.sort(seen)[:LOWEST].mean())
    noise = (float(np.median(error)) if sigma is not None else float(np.std(np.diff(seen))) / np.sqrt(2.0)) / np.sqrt(LOWEST)
    if float(np.median(seen)) - lowest < VISIBLE * noise:
        raise AnalysisError(
            f"No nonlinear absorption stands out: the lowest transmission is {lowest:.4g}, elsewhere it is {far:.4g} "
            f"± {noise:.2g}. Raise the pulse energy, or use a denser solution."
        )
    depth = 1.0 - lowest / far
    half = place[seen < far * (1.0 - depth / 2.0)]
    span = float(np.ptp(place))
    start = [3.0 * depth, max(float(np.ptp(half)) / 2.0, span / len(place)), float(place[np.argmin(seen)]), far]
    fit = nonlinear_fit(lambda c: _law(place, c[0], c[1], c[2], c[3], order), start, seen, None if sigma is None else error,
                        bounds=([0.0, 1e-3 * span, float(place.min()), 0.0], [1e3, 10.0 * span, float(place.max()), np.inf]),
                        what="The z-scan")
    strength, rayleigh, focus, baseline = (
        Result(float(value), float(stderr), unit, "open-aperture z-scan", goodness=fit.goodness)
        for value, stderr, unit in zip(fit.values, fit.stderr, ("1", "cm", "cm", "1"), strict=True))
    return ZScan(strength, rayleigh, focus, baseline, order, fit.residuals, fit)


def peak_flux(pulse_j: float, pulse_s: float, waist_cm: float, pump_nm: float) -> float:
    """Give the peak photon flux in 1/(cm² s) on the axis: pulse FWHM in s, 1/e² radius in cm, wavelength in nm (vacuum)."""
    peak_fluence = 2.0 * pulse_j / (np.pi * waist_cm**2) / photon_energy_j(pump_nm)
    return float(peak_fluence * 2.0 * np.sqrt(np.log(2.0) / np.pi) / pulse_s)


def cross_section(scan: ZScan, flux: float, *, density_cm3: float, path_cm: float, relative_flux_error: float = 0.0) -> Result:
    """Give σ₂ in cm⁴ s or σ₃ in cm⁶ s²; the error of the peak flux (spot, energy, pulse) is systematic."""
    per_flux = scan.strength.value / flux
    relative = (scan.strength.stderr or 0.0) / scan.strength.value
    column = density_cm3 * path_cm
    if scan.order == 2:
        value, unit = per_flux / column, "cm4 s"
    else:
        value, unit, relative = per_flux**2 / (2.0 * column), "cm6 s2", 2.0 * relative
    systematic = value * (scan.order - 1) * relative_flux_error
    return Result(value, value * relative, unit, scan.strength.estimator, systematic, goodness=scan.strength.goodness)


def _law(place: np.ndarray, strength: float, rayleigh: float, focus: float, baseline: float, order: int) -> np.ndarray:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    local = np.maximum(strength / (1.0 + ((np.asarray(place, dtype=float) - focus) / rayleigh) ** 2), 1e-9)
    course = local[:, None] * np.exp(-((REACH * nodes) ** 2))
    logarithm = np.log1p(course) if order == 2 else np.arcsinh(course)
    return baseline * REACH * (logarithm @ weights) / (np.sqrt(np.pi) * local)
