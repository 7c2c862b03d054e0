"""Focus and knife edge: what was put in comes back, and what is not there is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erfc

from labctl.analysis.places import best_place, evenness, focus, knife_edge
from labctl.core.errors import AnalysisError

Z = np.linspace(-0.02, 0.02, 21)


def emission(z, centre=0.003, depth=0.004):
    return 5e4 / (1 + ((z - centre) / depth) ** 2) + 800.0


def blade(x, centre=1.5, radius=12.0, falling=True):
    return 2e-3 * 0.5 * erfc((1 if falling else -1) * np.sqrt(2) * (x - centre) / radius)


def test_focus_comes_back_within_its_error() -> None:
    draw = np.random.default_rng(1)
    pulls = []
    for _ in range(40):
        seen = draw.poisson(emission(Z)).astype(float)
        found = focus(Z, seen, np.sqrt(seen))
        pulls.append((found.position.value - 0.003) / found.position.stderr)
        assert found.depth.value == pytest.approx(0.004, abs=5 * found.depth.stderr)
    assert abs(np.mean(pulls)) < 0.6
    assert 0.6 < np.std(pulls) < 1.5


def test_focus_outside_the_range_says_where_it_lies() -> None:
    exact = emission(Z, centre=0.03)
    with pytest.raises(AnalysisError, match=r"outside -0\.02 to 0\.02 mm, towards 0\.0"):
        focus(Z, exact, np.sqrt(exact))


def test_no_focus_in_noise() -> None:
    flat = np.random.default_rng(2).poisson(1000.0, len(Z)).astype(float)
    with pytest.raises(AnalysisError, match="The focus"):
        focus(Z, flat, np.sqrt(flat))


@pytest.mark.parametrize("falling", [True, False])
def test_knife_edge_gives_the_diameter_in_either_direction(falling) -> None:
    x = np.linspace(-30.0, 30.0, 31)
    draw = np.random.default_rng(3)
    seen = blade(x, falling=falling) + draw.normal(0.0, 4e-6, len(x))
    found = knife_edge(x, seen, np.full(len(x), 4e-6))
    assert found.diameter.value == pytest.approx(24.0, abs=4 * found.diameter.stderr)
    assert found.diameter.stderr < 0.2
    assert found.centre.value == pytest.approx(1.5, abs=4 * found.centre.stderr)
    assert found.curve(x) == pytest.approx(blade(x, falling=falling), abs=2e-5)


def test_an_edge_that_was_not_crossed_is_refused() -> None:
    x = np.linspace(20.0, 60.0, 21)
    with pytest.raises(AnalysisError, match="The knife edge"):
        knife_edge(x, blade(x) + np.random.default_rng(4).normal(0.0, 4e-6, len(x)), np.full(len(x), 4e-6))


def test_an_even_place_is_chosen_over_a_bright_speck() -> None:
    light = np.random.default_rng(1).normal(100.0, 1.0, (7, 9))
    light[1:4, 5:8] += 30.0
    light[5, 2] += 200.0
    assert np.unravel_index(best_place(light, even=False), light.shape) == (5, 2)
    assert np.unravel_index(best_place(light, even=True), light.shape) == (2, 6)
    around = evenness(light)
    assert around[2, 6] < 0.02 < around[5, 2]
