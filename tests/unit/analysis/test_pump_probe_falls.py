"""The fall of pairs of excitons beneath crystals that hold more of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from labctl.analysis import bleach
from labctl.analysis.pump_probe import falls
from labctl.analysis.series import Findings

PAIR_PS, SINGLE_PS, MEAN, MOST = 80.0, 3100.0, 1.2, 8
DELAYS = np.concatenate([np.arange(4.0, 61.0, 4.0), np.arange(72.0, 1000.0, 16.0)])


def cascade() -> np.ndarray:
    """Give the bleach of crystals that hold Poisson numbers of excitons and lose them one by one: two bleach as much as more do."""
    number = np.arange(MOST + 1)
    auger = number**2 * (number - 1) / 4.0 / PAIR_PS
    rate = np.where(number == 1, 1.0 / SINGLE_PS, auger)
    fall = np.diag(-rate) + np.diag(rate[1:], 1)
    filled = np.exp(-MEAN) * np.cumprod(np.concatenate([[1.0], MEAN / number[1:]]))
    return np.array([np.minimum(number, 2) @ expm(fall * delay) @ filled for delay in DELAYS])


def test_crystals_with_three_excitons_do_not_slow_the_fall_of_pairs():
    exact = cascade()
    rng = np.random.default_rng(5)
    series = bleach.Bleach(DELAYS, exact * (1.0 + 1e-3 * rng.normal(size=len(DELAYS))), 1e-3 * exact)
    found = Findings()
    falls(series, found)
    life = found.results["bleach_lifetime_fast"]
    assert life.value == pytest.approx(PAIR_PS, abs=2.5)
    assert "from" in life.estimator
    whole = bleach.fall(series, 2, constant=False).lifetimes[0]
    assert whole.value > life.value + 2.5
    assert (whole.goodness or 0.0) > 2.0 * (life.goodness or 0.0)
