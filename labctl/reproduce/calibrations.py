"""The calibrations that a user would take first, by bench. They are taken once and hold for every experiment on that bench."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl.reproduce.plan import Step


def _power(bench: str, **values: Any) -> Step:
    return Step("power_calibration", bench, values)


def _fixed(bench: str, wavelength_nm: float, half_nm: float = 2.0) -> tuple[Step, ...]:
    """Give the calibration near the one wavelength of an amplifier."""
    ends = {"first_wavelength": wavelength_nm - half_nm, "last_wavelength": wavelength_nm + half_nm}
    return (_power(bench, wavelengths=5, angles=9, **ends),)


CALIBRATIONS: Mapping[str, tuple[Step, ...]] = {
    "ying2021": (_power("ying2021"),),
    "ying2021-polarization": (_power("ying2021-polarization", first_wavelength=490.0, last_wavelength=530.0),),
    "ying2021-trpl": (_power("ying2021-trpl", first_wavelength=490.0, last_wavelength=530.0),),
    "ying2021-cryostat": (_power("ying2021-cryostat"),),
    "wang2015": _fixed("wang2015", 400.0),
    "wang2015-10k": _fixed("wang2015-10k", 400.0),
    "qin2021": _fixed("qin2021", 400.0),
    "qin2021-trpl": _fixed("qin2021-trpl", 400.0),
    "xiong2022": _fixed("xiong2022", 800.0),
    "sun2024": (_power("sun2024"),),
    "sun2024-970": (_power("sun2024-970"),),
}
