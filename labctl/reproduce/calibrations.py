"""The calibrations that a user would take first, by bench. They are taken once and hold for every experiment on that bench."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.reproduce.plan import Step

FILTER_FROM_NM = 465.5


def _tunable(bench: str) -> tuple[Step, ...]:
    """Give the calibrations over the range of a supercontinuum behind its filter, from the filter's blue end."""
    blue = {"first_wavelength": FILTER_FROM_NM}
    return Step("power_calibration", bench, blue), Step("pickoff_calibration", bench, blue)


def _fixed(bench: str) -> tuple[Step, ...]:
    """Give the calibrations of a source of one wavelength; the pick-off's are the bench's defaults."""
    return Step("power_calibration", bench, {"wavelengths": 5}), Step("pickoff_calibration", bench)


def _parametric(bench: str, first_nm: float, last_nm: float) -> tuple[Step, ...]:
    """Give the calibrations over the range of a parametric amplifier."""
    ends = {"first_wavelength": first_nm, "last_wavelength": last_nm}
    return (Step("power_calibration", bench, {"wavelengths": 5, **ends}),
            Step("pickoff_calibration", bench, {"wavelengths": 5, "repeats": 4, **ends}))


CALIBRATIONS: Mapping[str, tuple[Step, ...]] = {
    "ying2021": _tunable("ying2021"), "ying2021-polarization": _tunable("ying2021-polarization"),
    "ying2021-trpl": _tunable("ying2021-trpl"), "ying2021-cryostat": _tunable("ying2021-cryostat"),
    "ying2021-calibration": (),                     # what is measured there is the calibration
    "wang2015": _fixed("wang2015"), "wang2015-10k": _fixed("wang2015-10k"), "wang2015-trpl": _fixed("wang2015-trpl"),
    "qin2021": _fixed("qin2021"), "qin2021-trpl": _fixed("qin2021-trpl"),
    "qin2021-insulated": _fixed("qin2021-insulated"), "qin2021-response": _fixed("qin2021-response"),
    "qin2021-probe": _fixed("qin2021-probe"),
    "xiong2022": _fixed("xiong2022"), "xiong2022-trpl": _fixed("xiong2022-trpl"),
    "sun2024": _parametric("sun2024", 1455.0, 1545.0), "sun2024-970": _parametric("sun2024-970", 941.0, 999.0),
    "sun2024-probe": _fixed("sun2024-probe"),
    "sun2024-zscan": _fixed("sun2024-zscan"), "sun2024-zscan-1500": _fixed("sun2024-zscan-1500"),
}
