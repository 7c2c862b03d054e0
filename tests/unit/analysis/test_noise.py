"""Errors of points that came without any: by the scatter around a fit, or from neighbour to neighbour."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis import noise

X = np.linspace(500, 530, 61)
HEIGHT = 1e4 / (1 + ((X - 526) / 4) ** 2) + 2e3         # an excitation spectrum: a resonance on a floor


@pytest.mark.parametrize(("power", "share"), [(0.0, 40.0), (0.5, 1.0), (1.0, 0.01)], ids=["equal", "counts", "proportional"])
def test_law_is_recognised(power: float, share: float) -> None:
    true = share * HEIGHT**power
    ratios = []
    for seed in range(20):
        found = noise.noise_of(np.random.default_rng(seed).normal(0, true), HEIGHT)
        assert found is not None
        ratios.append(found.sigma(HEIGHT) / true)
    assert np.all(np.abs(np.mean(ratios, axis=0) - 1) < 0.15)


@pytest.mark.parametrize("relative", [0.002, 0.005])
def test_scatter_beside_known_errors_is_told_by_the_curve_itself(relative: float) -> None:
    known = 0.001 * HEIGHT
    draws = [np.random.default_rng(seed).normal(HEIGHT, np.hypot(known, relative * HEIGHT)) for seed in range(20)]
    found = [noise.relative_scatter(X, seen, known, least=0.001, most=0.01) for seen in draws]
    assert np.mean(found) == pytest.approx(relative, rel=0.2)


def test_few_points_tell_nothing() -> None:
    assert noise.relative_scatter(X[:10], HEIGHT[:10], HEIGHT[:10], least=0.001, most=0.01) == 0.01
    assert noise.noise_of(np.zeros(5), np.ones(5)) is None
    assert noise.neighbourly(np.array([1.0, 2, 2, 3, 4, 5]), np.ones(6)) is None
