"""A line at an edge: found without the pull of the edge, honest about its error, and silent where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labctl.analysis.edge import line_at_edge
from labctl.core.errors import AnalysisError

LINE_EV, SD_EV = 2.5564, 0.0467
ENERGY = np.linspace(2.48, 2.64, 30)


def spectrum(height: float, step: float, away_ev: float, energy: np.ndarray = ENERGY) -> np.ndarray:
    """Give a line and an edge that begins so far above it."""
    edge = np.array([math.erfc((LINE_EV + away_ev - each) / (math.sqrt(2.0) * SD_EV)) for each in energy])
    return 1e4 * (height * np.exp(-((energy - LINE_EV) ** 2) / (2.0 * SD_EV**2)) + step / 2.0 * edge)


def test_an_edge_does_not_pull_the_line_but_the_highest_place():
    seen = spectrum(0.55, 0.45, 0.0)
    found = line_at_edge(ENERGY, seen, 0.01 * seen)
    fine = np.linspace(2.48, 2.64, 20001)
    assert found.line_ev.value == pytest.approx(LINE_EV, abs=1e-5)
    assert found.highest_ev.value == pytest.approx(fine[np.argmax(spectrum(0.55, 0.45, 0.0, fine))], abs=1e-5)
    assert found.highest_ev.value - LINE_EV > 0.01
    assert found.edge_ev.stderr is None
    assert found.curve(ENERGY) == pytest.approx(seen, rel=1e-4)


def test_an_edge_of_its_own_is_found_where_the_data_tell_it():
    seen = spectrum(0.6, 0.9, 0.11)
    found = line_at_edge(ENERGY, seen, 0.002 * seen)
    assert found.line_ev.value == pytest.approx(LINE_EV, abs=1e-4)
    assert found.edge_ev.value == pytest.approx(0.11, abs=1e-3)
    assert (found.edge_ev.stderr or 0.0) > 0.0


def test_order_and_scale_do_not_matter():
    seen = spectrum(0.55, 0.45, 0.0)
    one, other = (line_at_edge(*(each[::turn] for each in (ENERGY, scale * seen, 0.01 * scale * seen))).line_ev
                  for turn, scale in ((1, 1.0), (-1, 1e-30)))
    assert other.value == pytest.approx(one.value, abs=1e-6)
    assert other.stderr == pytest.approx(one.stderr, rel=1e-3)


def test_a_step_without_a_line_is_refused():
    seen = spectrum(0.0, 1.0, 0.0)
    with pytest.raises(AnalysisError, match="line"):
        line_at_edge(ENERGY, seen * (1.0 + 0.01 * np.random.default_rng(3).normal(size=len(ENERGY))), 0.01 * seen + 10.0)


def test_too_few_points_are_refused():
    with pytest.raises(AnalysisError, match="8 are needed"):
        line_at_edge(ENERGY[:7], spectrum(0.5, 0.5, 0.0)[:7], np.ones(7))
