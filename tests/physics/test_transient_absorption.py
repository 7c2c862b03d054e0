"""Transient absorption of the cavity sample: onset and life of net gain, conservation, and the bleach that the model misses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from sim_instruments.twin.excitation import Pump, excitations
from sim_instruments.twin.populations import poisson, total_rates
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.transient import later, relative_bleach

T = 300.0


@pytest.fixture(scope="module")
def sun():
    return load_sample("sun2024")


def pump(fluence_mj):
    return Pump.monochromatic(1500.0, fluence_mj * 1e-3, 75e-15)


def onset(sample, delay_s):
    return brentq(lambda level: relative_bleach(pump(level), 537.0, delay_s, sample, T) - 1.0, 0.5, 6.0)


class TestFall:
    def test_nobody_is_lost(self, sun):
        assert later(poisson(2.0), 40e-12, sun.kinetics).sum() == pytest.approx(1.0)

    def test_at_once_nothing_has_happened(self, sun):
        assert later(poisson(2.0), 0.0, sun.kinetics) == pytest.approx(poisson(2.0))

    def test_one_exciton_fades_with_its_lifetime(self, sun):
        single = np.eye(15)[1]
        assert later(single, 6e-9, sun.kinetics)[1] == pytest.approx(np.exp(-6e-9 * total_rates(sun.kinetics)[1]))

    def test_two_excitons_become_one_within_the_auger_time(self, sun):
        pair = np.eye(15)[2]
        assert later(pair, 30e-12, sun.kinetics)[2] == pytest.approx(np.exp(-1.0), rel=0.05)
        assert later(pair, 300e-12, sun.kinetics)[1] == pytest.approx(0.95, abs=0.05)


class TestGain:
    def test_onset_at_537_nm(self, sun):
        """Fitted: 2.2 ± 0.25 mJ/cm2 is claimed; with 0.58 excitations, not the 1.5 that the paper states (a conflict in it)."""
        assert onset(sun, 0.0) == pytest.approx(2.061, abs=0.002)
        assert 1.95 <= onset(sun, 5e-12) <= 2.45
        mean = excitations(onset(sun, 0.0) * 1e-3, 1500.0, sun, pulse_s=75e-15, temperature_k=T).sum()
        assert mean == pytest.approx(0.58, abs=0.01)

    def test_gain_lives_18_ps_a_tenth_above_its_onset(self, sun):
        """The claim, 18 ± 4 ps, names no fluence: the life grows from nothing at the onset to 50 ps at 3 mJ/cm2."""
        lives = [brentq(lambda delay, level=level: relative_bleach(pump(level), 537.0, delay * 1e-12, sun, T) - 1.0, 0.0, 200.0)
                 for level in (2.2, 2.4, 3.0)]
        assert lives[0] < 18.0 < lives[1]
        assert lives[2] == pytest.approx(50.0, abs=2.0)

    def test_unpumped_sample_absorbs(self, sun):
        assert relative_bleach(pump(0.0), 537.0, 5e-12, sun, T) == pytest.approx(0.0)

    @pytest.mark.xfail(reason="1.54 at 4 mJ/cm2; needs induced absorption at 525 nm that leaves 537 nm alone", strict=True)
    def test_bleach_at_525_nm_saturates_below_transparency(self, sun):
        assert max(relative_bleach(pump(level), 525.0, 5e-12, sun, T) for level in (2.0, 3.0, 4.0)) < 1.0
