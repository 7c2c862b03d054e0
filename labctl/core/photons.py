"""Light: wavelength and energy, air and vacuum, fluence and photon flux. Pure functions on floats and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

HC_EV_NM = 1239.841984          # h c / e, CODATA 2018, in eV nm
PLANCK_J_S = 6.62607015e-34     # exact (SI)
LIGHT_SPEED_M_S = 299792458.0   # exact (SI)


def refractive_index_of_air(vacuum_nm: Any) -> Any:
    """Give n of standard air (15 °C, 101325 Pa, 450 ppm CO2) at a vacuum wavelength in nm.

    Ciddor's two-term form, Appl. Opt. 35, 1566 (1996); good to 1e-8 from 230 to 1690 nm.
    """
    s2 = (1000.0 / np.asarray(vacuum_nm, dtype=float)) ** 2
    return 1.0 + 0.05792105 / (238.0185 - s2) + 0.00167917 / (57.362 - s2)


def vacuum_to_air(vacuum_nm: Any) -> Any:
    """Convert a vacuum wavelength (nm) to the one an instrument scaled in air shows (nm)."""
    return vacuum_nm / refractive_index_of_air(vacuum_nm)


def air_to_vacuum(air_nm: Any) -> Any:
    """Convert a wavelength in air (nm) to vacuum (nm); two iterations leave less than 1e-9 nm."""
    vacuum = np.asarray(air_nm, dtype=float)
    for _ in range(3):
        vacuum = air_nm * refractive_index_of_air(vacuum)
    return vacuum if np.ndim(air_nm) else float(vacuum)


def energy_ev(vacuum_nm: Any) -> Any:
    """Give the photon energy in eV of a vacuum wavelength in nm."""
    return HC_EV_NM / vacuum_nm


def wavelength_nm(energy: Any) -> Any:
    """Give the vacuum wavelength in nm of a photon energy in eV."""
    return HC_EV_NM / energy


def photon_energy_j(vacuum_nm: Any) -> Any:
    """Give the photon energy in joule of a vacuum wavelength in nm."""
    return PLANCK_J_S * LIGHT_SPEED_M_S / (vacuum_nm * 1e-9)


def spot_area_cm2(diameter_um: float, definition: str) -> float:
    """Give the area by which power is divided to get the fluence a paper would print, in cm².

    `definition` is "disc" (mean over a disc of that diameter), "1/e2" (peak of a Gaussian of that 1/e² diameter) or "fwhm"
    (peak of a Gaussian of that FWHM). Peak fluence of a Gaussian is 2 P / (f π w²), w the 1/e² radius.
    """
    diameter_cm = diameter_um * 1e-4
    if definition == "disc":
        return float(np.pi * diameter_cm**2 / 4)
    if definition == "1/e2":
        return float(np.pi * (diameter_cm / 2) ** 2 / 2)
    if definition == "fwhm":
        radius = diameter_cm / np.sqrt(2 * np.log(2))
        return float(np.pi * radius**2 / 2)
    raise ValueError(f"spot definition is {definition!r}; it must be 'disc', '1/e2' or 'fwhm'")


def fluence_j_cm2(power_w: Any, repetition_rate_hz: float, area_cm2: float) -> Any:
    """Give the fluence per pulse in J/cm² of an average power."""
    return power_w / repetition_rate_hz / area_cm2
