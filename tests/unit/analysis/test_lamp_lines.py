"""Lamp lines and the geometry behind them: what was put in comes back within its error, and what is not there is refused."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.lamp_lines import LINES, MERCURY, Visit, find_lines, fit_geometry
from labctl.analysis.spectrograph import Geometry, calibrated
from labctl.core.errors import AnalysisError
from labctl.core.photons import air_to_vacuum, energy_ev

NOMINAL = Geometry(320.0, 12.0, 1200.0)
TRUE = Geometry(319.2, 12.25, 1200.0, offset_nm=0.3)
CENTRES = (430.0, 515.0, 600.0, 515.0, 430.0)
PIXEL_UM, COLUMNS, FWHM_NM = 26.0, 1024, 0.146


def spectrum(displayed_nm: float, rng: np.random.Generator, geometry: Geometry = TRUE, lines=LINES, height: float = 4e4):
    """A lamp as the true geometry shows it, with shot and read noise: signal and sigma (columns,)."""
    axis = geometry.columns(displayed_nm, COLUMNS, PIXEL_UM)
    exact = sum(height * np.exp(-4 * np.log(2) * ((axis - line) / FWHM_NM) ** 2) for line in lines) + np.zeros(COLUMNS)
    sigma = np.sqrt(exact + 25.0)
    return exact + sigma * rng.standard_normal(COLUMNS), sigma


def visits(rng: np.random.Generator, geometry: Geometry = TRUE, scatter_nm: float = 0.0) -> list[Visit]:
    found = []
    for centre in CENTRES:
        moved = Geometry(geometry.focal_length_mm, geometry.half_angle_deg, 1200.0, geometry.offset_nm + scatter_nm * rng.normal())
        found.append(find_lines(centre, *spectrum(centre, rng, moved), NOMINAL, PIXEL_UM, FWHM_NM))
    return found


def test_the_green_line_of_mercury_has_the_energy_of_the_tables() -> None:
    assert energy_ev(air_to_vacuum(MERCURY[4])) == pytest.approx(2.26983, abs=1e-5)


def test_geometry_comes_back_within_its_errors_and_the_offset_exactly() -> None:
    pulls = []
    for seed in range(8):
        fit = fit_geometry(visits(np.random.default_rng(seed)), NOMINAL)
        pulls += [(found.value - true) / found.stderr for found, true in ((fit.focal_length, 319.2), (fit.half_angle, 12.25))]
        assert fit.offset.value == pytest.approx(0.3, abs=0.002)
    assert np.std(pulls) < 1.4
    assert abs(np.mean(pulls)) < 0.5


def test_a_drive_that_comes_back_badly_shows_in_the_repeatability_and_not_in_the_lines() -> None:
    fits = [fit_geometry(visits(np.random.default_rng(seed), scatter_nm=0.05), NOMINAL) for seed in range(100, 112)]
    assert np.mean([fit.repeatability.value for fit in fits]) == pytest.approx(0.05, rel=0.25)
    assert max(float(np.sqrt(np.mean(fit.residual_nm**2))) for fit in fits) < 0.003
    inside = [fit.offset.interval[0] < 0.3 < fit.offset.interval[1] for fit in fits]
    assert sum(inside) >= 10                      # of 12 intervals of 95 %; of 60 further seeds 59 held it


def test_lines_that_stand_too_near_to_each_other_are_left_out() -> None:
    found = find_lines(600.0, *spectrum(600.0, np.random.default_rng(1)), NOMINAL, PIXEL_UM, FWHM_NM)
    seen = {line.air_nm for line in found.lines}
    assert {597.46273, 597.55340}.isdisjoint(seen)
    assert {585.24879, 614.30626} <= seen


@pytest.mark.parametrize("kept", [0, 2])
def test_too_few_centres_are_refused(kept: int) -> None:
    some = [visit for visit in visits(np.random.default_rng(1)) if visit.displayed_nm in CENTRES[:kept]]
    with pytest.raises(AnalysisError, match="at 3 centres are needed"):
        fit_geometry(some, NOMINAL)


def test_a_dark_lamp_has_no_lines() -> None:
    rng = np.random.default_rng(1)
    assert find_lines(515.0, 5.0 * rng.standard_normal(COLUMNS), np.full(COLUMNS, 5.0), NOMINAL, PIXEL_UM, FWHM_NM).lines == ()


def test_a_calibration_speaks_of_the_gratings_it_has_seen() -> None:
    curve = {"grating": [2], "focal_length_mm": [319.0], "half_angle_deg": [12.1], "offset_nm": [0.2]}
    assert calibrated(curve, 1, NOMINAL) == NOMINAL
    assert calibrated(curve, 2, NOMINAL) == Geometry(319.0, 12.1, 1200.0, 0.2)
