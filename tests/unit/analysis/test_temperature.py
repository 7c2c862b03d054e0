"""Temperature series: slope of the energy and phonon broadening."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.temperature import energy_slope, phonon_broadening, phonon_number
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

KELVIN = np.array([4, 20, 40, 60, 80, 100, 130, 160, 200, 250, 300.0])
WIDTH = np.hypot(17.8, 90 * phonon_number(KELVIN, 18.0))


def test_phonon_number_at_room_temperature() -> None:
    assert phonon_number(np.array([300.0]), 18.0)[0] == pytest.approx(0.99378, abs=1e-4)
    assert phonon_number(np.array([0.0]), 18.0)[0] == pytest.approx(0)


def test_slope_of_the_energy(recover) -> None:
    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        energy = 2.386 + 1.7e-4 * (KELVIN - 300) + rng.normal(0, 3e-4, 11)
        fit = energy_slope(KELVIN, energy, np.full(11, 3e-4))
        return fit.slope, fit.energy

    recover(draw, 1.7e-4, 2.386).insist()


def test_phonon_energy_coupling_and_inhomogeneous_width(recover) -> None:
    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        fit = phonon_broadening(KELVIN, WIDTH + rng.normal(0, 0.3, 11), np.full(11, 0.3))
        return fit.inhomogeneous, fit.coupling, fit.phonon

    recover(draw, 17.8, 90.0, 18.0).insist()


def test_three_mev_of_phonon_energy_are_seen() -> None:
    moved = phonon_broadening(KELVIN, np.hypot(17.8, 90 * phonon_number(KELVIN, 21.0)), np.full(11, 0.3))
    assert moved.phonon.value == pytest.approx(21.0, abs=0.01)
    assert moved.curve(KELVIN)[-1] > 60


def test_hot_points_alone_do_not_tell_the_phonon_energy_but_the_coupling_with_it_given() -> None:
    rng = np.random.default_rng(1)
    hot = np.linspace(220, 300, 6)
    width = np.hypot(17.8, 90 * phonon_number(hot, 18.0)) + rng.normal(0, 1.0, 6)
    with pytest.raises(AnalysisError, match=r"not determined|cannot tell|did not settle|without effect"):
        phonon_broadening(hot, width, np.full(6, 1.0))
    given = phonon_broadening(hot, width, np.full(6, 1.0), phonon_mev=18.0)
    assert given.coupling.value == pytest.approx(90, abs=4 * given.coupling.stderr)
    assert "given" in given.phonon.estimator


def test_narrow_ranges_are_refused() -> None:
    with pytest.raises(AnalysisError, match="less than 20 K"):
        energy_slope(np.array([295, 300, 305.0]), np.array([2.38, 2.381, 2.382]))
    with pytest.raises(AnalysisError, match="3 temperatures"):
        phonon_broadening(KELVIN[:3], WIDTH[:3])
