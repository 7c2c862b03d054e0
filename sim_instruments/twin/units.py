"""Constants and conversions: energies in eV (always vacuum), wavelengths in nm, fluence in J/cm² per pulse, lengths in cm."""

from __future__ import annotations

from typing import Any

HC_EV_NM = 1239.841984
BOLTZMANN_EV_K = 8.617333e-5
ELECTRON_J = 1.602177e-19          # joule per electronvolt
LIGHT_CM_S = 2.99792458e10
FWHM_PER_SD = 2.354820             # of a Gaussian


def energy_ev(wavelength_nm: Any) -> Any:
    """Give the photon energy in eV of a wavelength in vacuum, or the wavelength of an energy: the formula is its own inverse."""
    return HC_EV_NM / wavelength_nm


def refractive_index(wavelength_nm: Any) -> Any:
    """Give the index of standard air (15 °C) at a wavelength in vacuum, after Ciddor's two-term dispersion formula."""
    square = (1000.0 / wavelength_nm) ** 2
    return 1.0 + 0.05792105 / (238.0185 - square) + 0.00167917 / (57.362 - square)


def vacuum_to_air(wavelength_nm: Any) -> Any:
    """Convert a wavelength in vacuum to the one in air, nm."""
    return wavelength_nm / refractive_index(wavelength_nm)


def air_to_vacuum(wavelength_nm: Any) -> Any:
    """Convert a wavelength in air to the one in vacuum, nm; two iterations of the inverse, good to 1e-9 nm."""
    vacuum = wavelength_nm
    for _ in range(3):
        vacuum = wavelength_nm * refractive_index(vacuum)
    return vacuum
