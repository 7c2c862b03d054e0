"""The ratio of two heads: known curves come back, darkness is refused."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.pickoff import ratio_curve
from labctl.core.errors import AnalysisError


def two_heads(wavelengths: int, repeats: int, noise: float = 1e-3, seed: int = 1):
    nm = np.tile(np.linspace(480.0, 570.0, wavelengths), repeats)
    exact = 6.0 * (1 + 0.2 * (nm - 525.0) / 100.0 - 0.3 * ((nm - 525.0) / 100.0) ** 2)
    reading = np.full(len(nm), 8e-6)
    return nm, reading, reading * exact * (1 + noise * np.random.default_rng(seed).standard_normal(len(nm))), exact


def test_a_bent_curve_comes_back_within_its_errors() -> None:
    pulls = []
    for seed in range(40):
        nm, pickoff, sample, exact = two_heads(10, 2, seed=seed)
        curve = ratio_curve(nm, pickoff, sample)
        pulls.append(((curve(nm) - exact) / curve.stderr(nm))[[0, 4, 9]])
    assert 0.7 < np.std(pulls) < 1.35
    slope, error = curve.slope_per_nm
    assert abs(slope - 2e-3) < 4 * error


def test_one_wavelength_has_a_ratio_and_no_slope() -> None:
    nm, pickoff, sample, exact = two_heads(1, 8)
    curve = ratio_curve(nm, pickoff, sample)
    assert curve(nm[:1])[0] == pytest.approx(exact[0], rel=2e-3)
    assert curve.slope_per_nm == (0.0, 0.0)


@pytest.mark.parametrize("which", ["pick-off head", "head at the sample"])
def test_a_head_beside_the_beam_is_refused(which: str) -> None:
    nm, pickoff, sample, _ = two_heads(4, 3)
    dark = np.abs(np.random.default_rng(2).normal(0.0, 1e-9, len(nm))) + 1e-12
    with pytest.raises(AnalysisError, match=f"The {which} saw no steady light"):
        ratio_curve(nm, dark if which == "pick-off head" else pickoff, dark if which == "head at the sample" else sample)


def test_two_points_at_one_wavelength_are_the_least() -> None:
    nm, pickoff, sample, _ = two_heads(1, 1)
    with pytest.raises(AnalysisError, match="needs at least 2 points"):
        ratio_curve(nm, pickoff, sample)
