"""Open-aperture z-scan: what a focused pulse loses to two or three photons on its way through a solution. For validation only."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim_instruments.twin.excitation import multiphoton, photon_order
from sim_instruments.twin.record import Sample
from sim_instruments.twin.units import ELECTRON_J, energy_ev

PULSE_NODES = 64                   # of the integral over the pulse, in its 1/e half-widths out to 6


def rayleigh_cm(waist_cm: float, wavelength_nm: float) -> float:
    """Give the distance from the focus at which the beam's area has doubled: π w₀²/λ."""
    return float(np.pi * waist_cm**2 / (wavelength_nm * 1e-7))


def transmission(place_cm: Any, pulse_j: float, sample: Sample, *, wavelength_nm: float, pulse_s: float, waist_cm: float,
                 temperature_k: float) -> np.ndarray:
    """Give the transmitted part of the pulse energy with the cuvette at places behind the focus, linear losses aside.

    Photon flux φ: dφ/dx = −ρ σ_k φ^k, exact for each time and radius of a Gaussian beam and pulse (`pulse_s` FWHM, `waist_cm` 1/e²
    radius at the focus). Two photons: T = ∫ ln(1 + q e^{−t²}) dt/(√π q), q = ρ σ₂ φ₀ L; three: ∫ ln(√(1 + p² e^{−2t²}) + p e^{−t²})
    dt/(√π p), p² = 2 ρ σ₃ φ₀² L. Valid for a cuvette much shorter than the Rayleigh length. ValueError if one photon is enough.
    """
    cuvette = sample.cuvette
    if cuvette is None:
        raise ValueError(f"sample {sample.name} has no [cuvette]")
    photon_ev = float(energy_ev(wavelength_nm))
    order = photon_order(photon_ev, sample, temperature_k)
    if order == 1:
        raise ValueError(f"one photon of {wavelength_nm:g} nm is enough to excite {sample.name}: there is nothing to scan")
    spread = 1.0 + (np.asarray(place_cm, dtype=float) / rayleigh_cm(waist_cm, wavelength_nm)) ** 2
    fluence = 2.0 * pulse_j / (np.pi * waist_cm**2 * spread) / (photon_ev * ELECTRON_J)
    flux = fluence * 2.0 * np.sqrt(np.log(2.0) / np.pi) / pulse_s
    loss = cuvette.density_cm3 * cuvette.path_cm * float(multiphoton(photon_ev, order, sample))
    strength = loss * flux if order == 2 else np.sqrt(2.0 * loss) * flux
    return _through(strength, order)


def _through(strength: np.ndarray, order: int) -> np.ndarray:
    nodes, weights = np.polynomial.legendre.leggauss(PULSE_NODES)
    course = np.exp(-((6.0 * nodes) ** 2))
    seen = np.maximum(strength, 1e-9)[..., None] * course
    logarithm = np.log1p(seen) if order == 2 else np.arcsinh(seen)
    return 6.0 * (logarithm @ weights) / (np.sqrt(np.pi) * np.maximum(strength, 1e-9))
