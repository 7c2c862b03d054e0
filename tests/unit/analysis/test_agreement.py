"""Spectra against expected ones: a common factor is free, a point that differs is found, a cosmic ray is not."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.agreement import agreement
from labctl.core.errors import AnalysisError

POINTS, PIXELS = 20, 400


@pytest.fixture
def expected():
    """Lines on 400 pixels that grow from point to point, electrons."""
    x = np.arange(PIXELS)
    return np.linspace(0.2, 1.0, POINTS)[:, None] * 2e4 * np.exp(-0.5 * ((x - 200) / 12.0) ** 2)


def noisy(light, seed, read=8.0):
    draw = np.random.default_rng(seed)
    return draw.poisson(light) + read * draw.normal(size=light.shape), np.sqrt(light + read**2)


@pytest.mark.parametrize("factor", [1.0, 0.3, 4.0])
def test_the_same_light_agrees_whatever_the_common_factor(expected, factor):
    found = agreement(*noisy(factor * expected, 1), *noisy(expected, 2))
    assert found.factor == pytest.approx(factor, rel=0.01)
    assert np.all((found.chi2 > 0.5) & (found.chi2 < 1.3))
    assert not found.differs.any()


def test_a_point_that_differs_is_found_and_no_other(expected):
    changed = expected.copy()
    changed[7] *= 0.6
    changed[12] = np.roll(changed[12], 6)
    found = agreement(*noisy(changed, 1), *noisy(expected, 2))
    assert list(np.flatnonzero(found.differs)) == [7, 12]


def test_a_cosmic_ray_is_no_difference(expected):
    measured, sigma = noisy(expected, 1)
    measured[3, 50:52] += 3e4
    assert not agreement(measured, sigma, *noisy(expected, 2)).differs.any()


def test_five_per_cent_of_the_model_are_forgiven_thirty_are_not(expected):
    for share, differs in ((1.05, False), (1.3, True)):
        changed = expected.copy()
        changed[-1] *= share
        assert agreement(*noisy(changed, 1), *noisy(expected, 2)).differs[-1] == differs


def test_other_shapes_and_darkness_are_refused(expected):
    with pytest.raises(AnalysisError, match="shape"):
        agreement(*noisy(expected, 1), *noisy(expected[:, :-1], 2))
    with pytest.raises(AnalysisError, match="no light was expected"):
        agreement(*noisy(expected, 1), *noisy(0.0 * expected, 2))
