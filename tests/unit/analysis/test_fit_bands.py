"""Bands of fitted lines: over many draws of the noise, the line scatters as much as its band says."""

from __future__ import annotations

import numpy as np

from labctl.analysis.excitation import parabola_maximum
from labctl.analysis.polarization import malus

DRAWS = 400


def test_the_band_of_the_parabola_is_the_scatter_of_the_parabola():
    rng = np.random.default_rng(7)
    x, sigma = np.linspace(520.0, 530.0, 9), np.full(9, 2.0)
    truth = 1000.0 - 8.0 * (x - 525.2) ** 2
    fine = np.linspace(520.0, 530.0, 21)
    fits = [parabola_maximum(x, truth + rng.normal(0.0, 2.0, 9), sigma) for _ in range(DRAWS)]
    scatter = np.std([fit.curve(fine) for fit in fits], axis=0)
    band = np.mean([fit.curve_error(fine) for fit in fits], axis=0)
    np.testing.assert_allclose(band, scatter, rtol=0.25)        # the errors are scaled up where χ² is by chance above 1


def test_the_band_of_malus_law_is_the_scatter_of_the_law():
    rng = np.random.default_rng(8)
    angle, sigma = np.linspace(0.0, 350.0, 36), np.full(36, 3.0)
    truth = 100.0 + 60.0 * np.cos(np.deg2rad(2 * (angle - 20.0)))
    fine = np.arange(0.0, 180.0, 10.0)
    fits = [malus(angle, truth + rng.normal(0.0, 3.0, 36), sigma) for _ in range(DRAWS)]
    scatter = np.std([fit.curve(fine) for fit in fits], axis=0)
    band = np.mean([fit.curve_error(fine) for fit in fits], axis=0)
    np.testing.assert_allclose(band, scatter, rtol=0.15)
