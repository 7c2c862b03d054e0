"""What the pump light meets on its way: source spectrum, filter lines, half-wave plate, pick-off, objective.

Wavelengths in vacuum nm, powers in W. Figures without another source are assumptions that a data sheet replaces.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erfc

from sim_instruments.twin.units import FWHM_PER_SD, LIGHT_CM_S

SINC_FWHM = 0.8859                 # FWHM of sinc²(x) in units of x
GRATING_WING = 1e-6                # level of a double grating filter far from its line
VARIA_EDGE_NM = 1.0                # unverified
VARIA_LEAK = 1e-5                  # unverified
OBJECTIVE_MAXIMUM = 0.25           # fraction of the power behind the pick-off that reaches the sample


def supercontinuum_w_nm(wavelength_nm: Any) -> Any:
    """Give the spectral power of the source before the filter: 1.104 mW/nm at 495 nm, 1.434 at 517.5, nothing useful below 465."""
    bump = 1.0 + 0.35 * np.exp(-((wavelength_nm - 530.0) ** 2) / (2.0 * 40.0**2))
    ripple = 1.0 + 0.08 * np.sin(wavelength_nm / 7.3)
    return 1e-3 * bump * ripple / (1.0 + np.exp(-(wavelength_nm - 465.0) / 9.0))


def grating_line(wavelength_nm: Any, centre_nm: float, fwhm_nm: float) -> Any:
    """Give the transmission of a grating filter: Gaussian with wings of 1e-6."""
    distance = wavelength_nm - centre_nm
    return np.exp(-4.0 * np.log(2.0) * (distance / fwhm_nm) ** 2) + GRATING_WING / (1.0 + (distance / (4.0 * fwhm_nm)) ** 2)


def acousto_optic_line(wavelength_nm: Any, centre_nm: float, fwhm_nm: float) -> Any:
    """Give the transmission of an acousto-optic line: sinc², lobes of 4.7 % (unapodised; unverified)."""
    return np.sinc(SINC_FWHM * (wavelength_nm - centre_nm) / fwhm_nm) ** 2


def edge_pair(wavelength_nm: Any, lower_nm: float, upper_nm: float) -> Any:
    """Give the transmission between two sliding edge filters."""
    rising = erfc((lower_nm - wavelength_nm) / (1.41 * VARIA_EDGE_NM))
    falling = erfc((wavelength_nm - upper_nm) / (1.41 * VARIA_EDGE_NM))
    return 0.25 * rising * falling + VARIA_LEAK


def short_pass(wavelength_nm: Any, edge_nm: float, blocking: float) -> Any:
    """Give the transmission of a short-pass: 1 up to the edge, `blocking` beyond."""
    return np.where(np.asarray(wavelength_nm) <= edge_nm, 1.0, blocking)


def long_pass(wavelength_nm: Any, edge_nm: float, width_nm: float, blocking: float) -> Any:
    """Give the transmission of a detection long-pass whose edge is `width_nm` wide (10-90 %)."""
    sd = width_nm / 2.563
    return blocking + (1.0 - blocking) * erfc((edge_nm - np.asarray(wavelength_nm)) / (np.sqrt(2.0) * sd)) / 2.0


def half_wave_plate(wavelength_nm: Any, angle_deg: float, *, offset_deg: float, transmission: float, extinction: float,
                    plate_wavelength_nm: float) -> Any:
    """Give the transmission of a rotating half-wave plate before a polariser.

    T = T0 [e + (1−e)(1 − sin²(2(θ−θ0)) sin²(π λ_d/2λ))]: the plate is exact only at its design wavelength λ_d, so the minimum is
    e + cos²(π λ_d/2λ).
    """
    turn = np.sin(2.0 * np.radians(angle_deg - offset_deg)) ** 2
    retardation = np.sin(np.pi * plate_wavelength_nm / (2.0 * wavelength_nm)) ** 2
    return transmission * (extinction + (1.0 - extinction) * (1.0 - turn * retardation))


def pick_off_fraction(wavelength_nm: Any, fraction: float, slope: float) -> Any:
    """Give the fraction of the beam that the pick-off sends to the head: a straight line near 515 nm, bounded far from there."""
    return fraction * np.minimum(np.maximum(1.0 + slope * (wavelength_nm - 515.0) / 100.0, 0.5), 2.0)


def objective_transmission(wavelength_nm: Any) -> Any:
    """Give the transmission from behind the pick-off to the sample."""
    return OBJECTIVE_MAXIMUM * (1.0 - 0.2 * ((wavelength_nm - 515.0) / 100.0) ** 2)


def transform_limit_nm(wavelength_nm: float, pulse_s: float) -> float:
    """Give the FWHM of the spectrum of a Gaussian pulse without chirp: Δν τ = 2 ln 2/π."""
    return 2.0 * np.log(2.0) / np.pi * (wavelength_nm * 1e-7) ** 2 / (LIGHT_CM_S * pulse_s) * 1e7


def gaussian_nodes(centre_nm: float, fwhm_nm: float) -> tuple[np.ndarray, np.ndarray]:
    """Give 15 Gauss-Hermite nodes and weights (sum 1) of a Gaussian pump line."""
    nodes, weights = np.polynomial.hermite.hermgauss(15)
    return centre_nm + np.sqrt(2.0) * nodes * fwhm_nm / FWHM_PER_SD, weights / weights.sum()
