"""Cross-section from saturation: recovered with honest errors, or refused where nothing saturates."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.occupancy import cross_section, mean_occupancy
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

FLUENCE = np.array([0.8, 1.5, 3, 4.5, 7, 11.5, 18, 25, 40, 57, 80]) * 1e-6
PUMP_NM, SIGMA_CM2 = 400.0, 2.5e-14


def emission(fluence: np.ndarray, amplitude: float = 2e4) -> np.ndarray:
    photons = fluence / (6.62607015e-34 * 299792458.0 / (PUMP_NM * 1e-9))
    return amplitude * (1 - np.exp(-SIGMA_CM2 * photons))


def test_cross_section_and_amplitude_are_recovered(recover) -> None:
    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        seen = rng.poisson(emission(FLUENCE * (1 + 0.01 * rng.normal(size=11)))).astype(float)
        fit = cross_section(FLUENCE, seen, np.sqrt(seen), pump_nm=PUMP_NM, relative_fluence=0.01)
        return fit.cross_section, fit.amplitude

    recover(draw, SIGMA_CM2, 2e4).insist()


def test_occupancy_is_photons_absorbed_per_pulse() -> None:
    """1 µJ/cm² of 400 nm is 2.01e12 photons/cm²."""
    assert mean_occupancy(np.array([1e-6]), SIGMA_CM2, PUMP_NM)[0] == pytest.approx(2.0137e12 * SIGMA_CM2, rel=1e-3)
    exact = emission(FLUENCE)
    fit = cross_section(FLUENCE, exact, 0.01 * exact, pump_nm=PUMP_NM)
    assert fit.mean_occupancy[-1] == pytest.approx(4.03, abs=0.02)
    assert fit.curve(FLUENCE) == pytest.approx(exact, rel=1e-3)


def test_common_error_of_the_fluence_is_systematic() -> None:
    exact = emission(FLUENCE)
    fit = cross_section(FLUENCE, exact, 0.01 * exact, pump_nm=PUMP_NM, fluence_scale_error=0.12)
    assert fit.cross_section.systematic == pytest.approx(0.12 * SIGMA_CM2, rel=0.01)


def test_unsaturated_series_is_refused_with_its_largest_fluence() -> None:
    low = FLUENCE[:4] / 3
    rng = np.random.default_rng(2)
    seen = rng.poisson(emission(low)).astype(float)
    with pytest.raises(AnalysisError, match=r"no clear saturation up to 1\.5 µJ/cm²|cannot tell|did not settle"):
        cross_section(low, seen, np.sqrt(seen), pump_nm=PUMP_NM)


def test_too_few_fluences_are_refused() -> None:
    with pytest.raises(AnalysisError, match="3 fluences"):
        cross_section(FLUENCE[:3], emission(FLUENCE[:3]), pump_nm=PUMP_NM)
