"""Malus' law: both definitions of the papers, axes, and what the 180 deg repeats say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.analysis.polarization import Malus, angle_between, malus
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

ANGLES = np.linspace(0, 360, 25)


def law(p: float, axis_deg: float, mean: float = 500.0) -> np.ndarray:
    return mean * (1 + p * np.cos(2 * np.deg2rad(ANGLES - axis_deg)))


def noisy(rng: np.random.Generator, p: float, axis_deg: float) -> Malus:
    exact = law(p, axis_deg)
    return malus(ANGLES, rng.poisson(exact) + rng.normal(0, 5, 25), np.sqrt(exact + 25))


def test_both_definitions_of_the_first_line_of_ying() -> None:
    fit = malus(ANGLES, law(0.885, 25.0))
    assert fit.dolp.value == pytest.approx(88.5, abs=1e-6)
    assert fit.dolp_fit_coefficients.value == pytest.approx(87.8, abs=0.05)
    assert fit.axis.value == pytest.approx(25.0, abs=1e-6)


def test_definitions_follow_the_coefficients_as_the_paper_writes_them() -> None:
    b, a = 3.0, 17.0
    fit = malus(ANGLES, b + a * np.cos(np.deg2rad(ANGLES - 60)) ** 2)
    assert fit.dolp_fit_coefficients.value == pytest.approx(100 * (a - b) / (a + b))
    assert fit.extinction.value == pytest.approx(100 * (1 - b / (a + b)))


def test_whispering_gallery_line_of_sun() -> None:
    assert malus(ANGLES, law(0.8692, 0.0)).extinction.value == pytest.approx(93.0, abs=0.02)


def test_errors_are_honest(recover) -> None:
    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        fit = noisy(rng, 0.885, 25.0)
        return fit.dolp, fit.axis, fit.extinction

    recover(draw, 88.5, 25.0, 200 * 0.885 / 1.885).insist()


def test_angle_between_crossed_dipoles(recover) -> None:
    recover(lambda rng: angle_between(noisy(rng, 0.885, 25.0), noisy(rng, 0.985, 115.0)), 90.0).insist()


@given(st.floats(0.05, 1.0), st.floats(0.0, 179.99), st.floats(-90, 90))
def test_turning_the_zero_turns_the_axis_and_nothing_else(p: float, axis: float, zero: float) -> None:
    fit = malus(ANGLES + zero, law(p, axis))
    assert (fit.axis.value - axis - zero + 90) % 180 == pytest.approx(90, abs=1e-6)
    assert fit.dolp.value == pytest.approx(100 * p, abs=1e-6)


def test_repeats_tell_drift_from_noise() -> None:
    rng = np.random.default_rng(1)
    exact = law(0.6, 40)
    steady = malus(ANGLES, rng.poisson(exact).astype(float), np.sqrt(exact))
    bleaching = malus(ANGLES, exact * np.linspace(1, 0.8, 25), np.sqrt(exact))
    assert steady.repeats_chi2 < 1.8
    assert bleaching.repeats_chi2 > 1.9
    assert bleaching.repeats_drift == pytest.approx(-0.11, abs=0.02)


def test_half_a_turn_has_no_repeats() -> None:
    half = malus(ANGLES[:12], law(0.6, 40)[:12])
    assert half.repeats_chi2 is None
    assert half.repeats_drift is None


def test_unpolarised_light_has_no_axis() -> None:
    fit = noisy(np.random.default_rng(3), 0.0, 0.0)
    assert fit.dolp.value < 4 * fit.dolp.stderr
    assert fit.axis.stderr > 50
    with pytest.raises(AnalysisError, match="second line is not polarised"):
        angle_between(malus(ANGLES, law(0.9, 0)), fit)


def test_darkness_is_refused() -> None:
    with pytest.raises(AnalysisError, match="no light"):
        malus(ANGLES, np.random.default_rng(4).normal(0, 5, 25), np.full(25, 5.0))


def test_too_few_angles_are_refused() -> None:
    with pytest.raises(AnalysisError, match="fewer than 4 different angles"):
        malus(np.array([0, 90, 180, 270.0]), np.ones(4))
