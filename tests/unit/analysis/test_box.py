"""The box with infinite walls."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import constants

from labctl.analysis.box import CONFINEMENT_EV_NM2, Box, P, S


def test_its_constant_is_that_of_a_free_electron():
    joules = (constants.hbar * np.pi) ** 2 / (2.0 * constants.m_e)
    assert pytest.approx(joules / constants.e * 1e18, rel=1e-6) == CONFINEMENT_EV_NM2


def test_a_large_box_has_the_gap_of_the_bulk_and_the_lighter_particle_rises_more():
    assert Box(2.25, 0.15, 0.14, 1e6).transition_ev(S, S) == pytest.approx(2.25)
    box = Box(2.25, 0.15, 0.14, 9.2)
    assert box.transition_ev(S, P) > box.transition_ev(P, S) > box.transition_ev(S, S)
