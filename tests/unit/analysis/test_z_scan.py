"""Open-aperture z-scan: limits of the law, and cross-sections that come back from noisy scans."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.fitting import Fit
from labctl.analysis.z_scan import ZScan, _law, cross_section, open_aperture, peak_flux
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

PLACES = np.linspace(-2.0, 2.0, 41)


def noisy(strength, order, seed=0, noise=2e-3):
    clean = _law(PLACES, strength, 0.4, 0.1, 0.95, order)
    return clean + noise * np.random.default_rng(seed).normal(size=len(PLACES)), np.full(len(PLACES), noise)


class TestLaw:
    @pytest.mark.parametrize(("order", "weight"), [(2, np.sqrt(2.0) * 2.0), (3, np.sqrt(3.0) * 6.0)])
    def test_weak_absorption_is_that_of_a_thin_slab(self, order, weight):
        """T = 1 - q/(2 √2) for two photons and 1 - p²/(6 √3) for three."""
        strength = 1e-3
        lost = 1.0 - _law(np.zeros(1), strength, 1.0, 0.0, 1.0, order)[0]
        assert lost == pytest.approx(strength ** (order - 1) / weight, rel=2e-3)

    def test_far_from_the_focus_nothing_is_lost(self):
        assert _law(np.array([1e4]), 2.0, 1.0, 0.0, 1.0, 2)[0] == pytest.approx(1.0, abs=1e-6)


class TestFit:
    @pytest.mark.parametrize("order", [2, 3])
    @pytest.mark.parametrize("strength", [0.4, 1.5])
    def test_returns_what_went_in(self, order, strength):
        found = open_aperture(PLACES, *noisy(strength, order), order=order)
        results = found.strength, found.rayleigh, found.focus, found.baseline
        for result, truth in zip(results, (strength, 0.4, 0.1, 0.95), strict=True):
            assert abs(result.value - truth) < 4 * result.stderr

    def test_error_is_honest(self):
        pulls = []
        for seed in range(60):
            found = open_aperture(PLACES, *noisy(0.8, 2, seed), order=2).strength
            pulls.append((found.value - 0.8) / found.stderr)
        assert 0.7 < np.std(pulls) < 1.3

    def test_without_a_dip_it_refuses(self):
        flat = 1.0 + 2e-3 * np.random.default_rng(1).normal(size=len(PLACES))
        with pytest.raises(AnalysisError, match="stands out"):
            open_aperture(PLACES, flat, np.full(len(PLACES), 2e-3), order=2)

    def test_few_places_are_refused(self):
        with pytest.raises(AnalysisError, match="too few"):
            open_aperture(PLACES[:5], np.ones(5), order=3)


class TestCrossSection:
    @pytest.mark.parametrize(("order", "unit"), [(2, "cm4 s"), (3, "cm6 s2")])
    def test_undoes_the_definition(self, order, unit):
        sigma, column, flux = 3.0, 2.0, 0.5
        strength = sigma * column * flux if order == 2 else np.sqrt(2 * sigma * column) * flux
        one = Result(strength, 0.01 * strength, "1", "z")
        scan = ZScan(one, one, one, one, order, np.zeros(1), Fit(np.ones(4), np.eye(4), np.zeros(1), 1.0, 1))
        found = cross_section(scan, flux, density_cm3=column, path_cm=1.0, relative_flux_error=0.1)
        assert (found.value, found.unit) == (pytest.approx(sigma), unit)
        assert found.stderr == pytest.approx(0.01 * (order - 1) * sigma)
        assert found.systematic == pytest.approx(0.1 * (order - 1) * sigma)

    def test_peak_flux_of_a_gaussian_pulse(self):
        """Integrated over time and beam it gives the photons of the pulse."""
        times = np.linspace(-3e-13, 3e-13, 4001)
        course = peak_flux(1e-7, 1e-13, 2e-3, 970.0) * np.exp(-4 * np.log(2) * (times / 1e-13) ** 2)
        photons = np.trapezoid(course, times) * np.pi * (2e-3) ** 2 / 2
        assert photons == pytest.approx(1e-7 / (6.62607015e-34 * 2.99792458e8 / 970e-9), rel=1e-6)
