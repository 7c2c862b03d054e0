"""The band around a fitted line is as wide as the lines of repeated measurements scatter."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis import gain, occupancy, places, slopes, threshold, z_scan
from labctl.analysis.fitting import linear_fit

TIMES = 60
AGREES = 0.35               # relative: the scatter of 60 lines is known to 9 %, and laws bend


def laws():
    """Give by name: places, a true curve, the error of a point, and what fits such a curve and gives line and band."""
    stripes = np.linspace(0.01, 0.08, 15)
    pump = np.linspace(5.0, 60.0, 24)
    place = np.linspace(-1.0, 1.0, 41)
    fluence = np.geomspace(1e-6, 4e-5, 16)
    return {
        "gain": (stripes, 100.0 / 30.0 * np.expm1(30.0 * stripes), 0.1,
                 lambda y, s: gain.stripe_gain(stripes, y, s, window_cm=0.08)),
        "kink": (pump, 10.0 + 0.5 * pump + 20.0 * np.clip(pump - 25.0, 0.0, None), 5.0,
                 lambda y, s: threshold.kink(threshold.series(pump, y, s))),
        "power law": (pump, 3.0 * pump**1.2, 2.0, lambda y, s: slopes.slope(pump, y, s)),
        "focus": (place, 100.0 / (1.0 + (place / 0.3) ** 2) + 5.0, 2.0, lambda y, s: places.focus(place, y, s)),
        "edge": (place, 50.0 * (1.0 - np.tanh(place / 0.2)), 0.5, lambda y, s: places.knife_edge(place, y, s)),
        "z-scan": (place, 1.0 - 0.2 / (1.0 + (place / 0.2) ** 2), 0.005, lambda y, s: z_scan.open_aperture(place, y, s, order=2)),
        "occupancy": (fluence, 1e4 * -np.expm1(-fluence / 1e-5), 100.0,
                      lambda y, s: occupancy.cross_section(fluence, y, s, pump_nm=400.0)),
    }


@pytest.mark.parametrize("name", laws())
def test_is_as_wide_as_lines_scatter(name):
    x, truth, noise, fit = laws()[name]
    rng = np.random.default_rng(7)
    sigma = np.full(len(x), noise)
    fits = [fit(truth + noise * rng.standard_normal(len(x)), sigma) for _ in range(TIMES)]
    scatter = np.std([found.curve(x) for found in fits], axis=0, ddof=1)
    told = np.mean([found.curve_error(x) for found in fits], axis=0)
    assert np.median(told / scatter) == pytest.approx(1.0, rel=AGREES)


def test_of_a_linear_law_it_is_exact():
    design = np.column_stack([np.ones(9), np.arange(9.0)])
    fit = linear_fit(design, np.arange(9.0) ** 1.1, np.full(9, 0.3))
    np.testing.assert_allclose(fit.curve_error(lambda constants: design @ constants), fit.line_error(design), rtol=1e-6)


def test_other_estimators_of_a_threshold_have_no_band():
    pump = np.linspace(5.0, 60.0, 24)
    data = threshold.series(pump, 10.0 + 0.5 * pump + 20.0 * np.clip(pump - 25.0, 0.0, None), np.full(24, 5.0))
    assert threshold.intercept(data).curve_error(pump) is None
