"""Transient absorption: onset and life of net gain, conservation, and the bleach that the model misses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq, curve_fit

from sim_instruments.twin.excitation import Pump, excitations
from sim_instruments.twin.populations import poisson, total_rates, trion_lifetime_s
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.transient import absorption_change, later, later_charged, probed_gain, relative_bleach

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


class TestChargedFilm:
    """Qin's film, probed as the paper does it; `N` excitations per crystal, 4 ps to 1 ns."""

    CHARGED = 0.98783            # at 20 V

    @staticmethod
    def film(charged, crowding_per_s=0.0):
        film = load_sample("qin2021")
        return replace(film, kinetics=replace(film.kinetics, charged_fraction=charged, trion_crowding_per_s=crowding_per_s))

    @staticmethod
    def trace(film, mean, probe_nm):
        times = np.linspace(4.0, 1000.0, 120)
        return times, np.array([float(absorption_change(poisson(mean), probe_nm, time * 1e-12, film, T)) for time in times])

    def test_trion_shows_in_the_bleach(self):
        """Recovered: an input, 290 ps; the rest is the neutral part."""
        times, bleach = self.trace(self.film(self.CHARGED), 0.06, 518.0)
        found, _ = curve_fit(lambda t, a, tau, b: a * np.exp(-t / tau) + b, times, bleach, p0=[bleach[0], 200.0, 0.0])
        assert found[1] == pytest.approx(290.0, abs=3.0)

    def test_charge_halves_the_bleach(self):
        """Predicted by Pauli blocking, as a sign: one of the two channels of the bleach is filled before the pump comes."""
        ratio = self.trace(self.film(self.CHARGED), 0.06, 518.0)[1][0] / self.trace(self.film(0.0), 0.06, 518.0)[1][0]
        assert 0.4 < ratio < 0.8

    def test_biexciton_shows_above_threshold(self):
        """Recovered: 80 ps, beside the exciton's 3.1 ns."""
        times, bleach = self.trace(self.film(0.0), 1.2, 537.0)
        found, _ = curve_fit(lambda t, a, tau, b: a * np.exp(-t / tau) + b * np.exp(-t / 3100.0), times, bleach,
                             p0=[bleach[0], 60.0, 10.0])
        assert 72.0 <= found[1] <= 88.0

    def test_gain_of_biexcitons_is_over_in_25_ps(self):
        """Predicted: 24 ps is claimed."""
        film = self.film(0.0)
        end = brentq(lambda ps: float(probed_gain(poisson(1.2), 537.0, ps * 1e-12, film, T)), 1.0, 200.0)
        assert end == pytest.approx(25.0, abs=1.5)

    @pytest.mark.parametrize(("crowding_per_s", "expected"), [(0.0, 271.0), (1.2e9, 219.0)])
    def test_crowding_shortens_the_gain_of_trions(self, crowding_per_s, expected):
        """Fitted: 220 ps is claimed at 0.7 excitations, where a trion's own 290 ps would read 271."""
        times, bleach = self.trace(self.film(self.CHARGED, crowding_per_s), 0.7, 537.0)
        found, _ = curve_fit(lambda t, a, tau: a * np.exp(-t / tau), times, bleach, p0=[bleach[0], 200.0])
        assert found[1] == pytest.approx(expected, abs=2.0)

    def test_crowding_needs_a_crowd(self):
        crowded = self.film(1.0, 1.2e9).kinetics
        assert trion_lifetime_s(poisson(0.0), crowded) == crowded.trion_lifetime_s
        lives = [trion_lifetime_s(poisson(mean), crowded) for mean in (0.06, 0.7, 3.0)]
        assert lives == sorted(lives, reverse=True)

    def test_charged_crystals_are_not_lost(self):
        film = self.film(1.0)
        assert later_charged(poisson(2.0), 50e-12, film.kinetics).sum() == pytest.approx(1.0)
        single = np.eye(15)[1]
        assert later_charged(single, 290e-12, film.kinetics)[1] == pytest.approx(np.exp(-1.0))
