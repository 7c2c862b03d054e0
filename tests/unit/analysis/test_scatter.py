"""Scattered pump light through an analyser: its axis, and the grating's answer, from data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.scatter import behind_fixed_polariser, behind_rotating_polariser, grating_response
from labctl.core.errors import AnalysisError

ANGLES = np.linspace(0.0, 360.0, 37)


def light(axis: float, degree: float = 0.998, contrast: float = 0.0, grating: float = 0.0, seed: int = 0):
    exact = 1e5 * (1 + degree * np.cos(2 * np.deg2rad(ANGLES - axis))) * grating_response(ANGLES, contrast, grating)
    sigma = np.sqrt(exact + 100.0)
    return ANGLES, exact + sigma * np.random.default_rng(seed).standard_normal(len(ANGLES)), sigma


def test_behind_a_fixed_polariser_it_is_malus_law() -> None:
    pulls = []
    for seed in range(30):
        found = behind_fixed_polariser(*light(163.0, seed=seed))
        pulls.append((found.axis.value - 163.0) / found.axis.stderr)
    assert np.std(pulls) < 1.5
    assert abs(np.mean(pulls)) < 0.6
    assert found.contrast is None


@pytest.mark.parametrize("grating", [5.0, 80.0, 160.0])
def test_behind_a_rotating_polariser_the_gratings_answer_is_told_from_the_pumps(grating: float) -> None:
    pulls = []
    for seed in range(12):
        found = behind_rotating_polariser(*light(163.0, 0.998, 0.35, grating, seed))
        assert found.contrast is not None
        assert found.grating_axis is not None
        pulls.append([(found.axis.value - 163.0) / found.axis.stderr, (found.contrast.value - 0.35) / found.contrast.stderr,
                      ((found.grating_axis.value - grating + 90) % 180 - 90) / found.grating_axis.stderr])
    assert np.abs(np.mean(pulls, axis=0)).max() < 1.0
    assert np.std(pulls, axis=0).max() < 1.8


def test_a_grating_that_answers_turns_the_axis_if_it_is_not_asked() -> None:
    wrong = behind_fixed_polariser(*light(163.0, 0.998, 0.35, 130.0))
    assert abs(wrong.axis.value - 163.0) > 3.0


def test_light_that_is_not_the_pumps_is_refused() -> None:
    with pytest.raises(AnalysisError, match=r"polarised to 4\d % only"):
        behind_fixed_polariser(*light(163.0, 0.45))


def test_too_few_angles_for_two_laws_are_refused() -> None:
    few = slice(0, 36, 6)
    with pytest.raises(AnalysisError, match="fewer than 8 different angles"):
        behind_rotating_polariser(*(each[few] for each in light(163.0)))
