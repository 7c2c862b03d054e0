"""The twin's blade: what it leaves of a Gaussian spot and of a disc, against numbers that can be had otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from sim_instruments.twin.blade import cleared


@pytest.mark.parametrize("shape", ["gaussian", "disc"])
def test_it_goes_from_nothing_to_everything_and_halves_the_light_in_the_middle(shape: str) -> None:
    left = [cleared(float(edge), shape) for edge in np.linspace(-3.0, 3.0, 61)]
    assert left[0] == pytest.approx(0.0, abs=1e-8)
    assert left[-1] == pytest.approx(1.0, abs=1e-8)
    assert left[30] == pytest.approx(0.5)
    assert np.all(np.diff(left) >= 0.0)


@pytest.mark.parametrize(("shape", "profile"), [
    ("gaussian", lambda u: np.sqrt(2.0 / np.pi) * np.exp(-2.0 * u**2)),               # a line integral of exp(-2 r²), per radius
    ("disc", lambda u: 2.0 / np.pi * np.sqrt(np.clip(1.0 - u**2, 0.0, None))),
])
def test_it_is_the_integral_of_the_spot(shape: str, profile) -> None:
    fine = np.linspace(-4.0, 0.4, 40_001)
    assert cleared(0.4, shape) == pytest.approx(float(np.trapezoid(profile(fine), fine)), abs=1e-5)
