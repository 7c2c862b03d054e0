"""How light fades after a pulse, and what a photon counter makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import curve_fit

from sim_instruments.twin import counting, decay
from sim_instruments.twin.counting import Response
from sim_instruments.twin.decay import Decay
from sim_instruments.twin.populations import poisson, radiative_rates, total_rates, yields
from sim_instruments.twin.sample import load_sample

PHOTON_400_J = 3.09960 * 1.602177e-19
TRPL_UJ = np.array([0.8, 1.5, 3.0, 4.5, 7.0, 11.5, 18.0, 25.0, 40.0, 57.0, 80.0])


def single(lifetime_s, photons=1.0):
    return Decay(np.array([photons / lifetime_s]), np.array([lifetime_s]))


@pytest.fixture(scope="module")
def solution():
    return load_sample("wang2015_solution")


def mean_excitations(sample, fluence_uj):
    return sample.absorption.cross_section_400_cm2 * fluence_uj * 1e-6 / PHOTON_400_J


def read_cross_section(sample, delay_s):
    """Fit PL(delay) = A (1 − e^{−σ F/hν}) as the paper does; gives σ in 1e-14 cm²."""
    light = [decay.neutral(poisson(mean_excitations(sample, fluence)), sample.kinetics).at(np.array([delay_s]))[0]
             for fluence in TRPL_UJ]
    found, _ = curve_fit(lambda x, top, sigma: -top * np.expm1(-sigma * 1e-14 * x * 1e-6 / PHOTON_400_J),
                         TRPL_UJ, light / max(light), p0=[1.0, 2.5])
    return found[1]


class TestCascade:
    def test_obeys_the_rate_equations(self, solution):
        kinetics, start = solution.kinetics, poisson(3.0)[1:11]
        start = np.append(start[:-1], 1.0 - poisson(3.0)[:10].sum())
        leaving, times = total_rates(kinetics)[1:11], np.array([1e-12, 5e-11, 4e-10, 5e-9])

        def change(_, state):
            return -leaving * state + np.append(leaving[1:] * state[1:], 0.0)
        exact = solve_ivp(change, (0.0, times[-1]), start, t_eval=times, rtol=1e-9, atol=1e-12, method="LSODA")
        expected = radiative_rates(kinetics)[1:11] @ exact.y
        assert decay.neutral(poisson(3.0), kinetics).at(times) == pytest.approx(expected, rel=1e-5)

    def test_all_light_of_it_is_the_time_integrated_light(self, solution):
        amounts = yields(poisson(0.8), 1e-13, solution.kinetics)
        assert decay.neutral(poisson(0.8), solution.kinetics).photons == pytest.approx(amounts.total, rel=1e-6)

    def test_weak_light_fades_with_the_exciton(self, solution):
        faint = decay.neutral(poisson(1e-6), solution.kinetics).at(np.array([0.0, 3.6e-9]))
        assert faint[1] / faint[0] == pytest.approx(np.exp(-1.0), rel=1e-4)

    def test_light_is_never_negative(self, solution):
        times = np.linspace(0.0, 20e-9, 2001)
        assert decay.neutral(poisson(8.0), solution.kinetics).at(times).min() >= 0.0

    def test_nothing_before_the_pulse(self, solution):
        assert decay.neutral(poisson(1.0), solution.kinetics).at(np.array([-1e-12]))[0] == 0.0

    @pytest.mark.parametrize(("delay_s", "expected"), [(0.4e-9, 2.17), (1e-9, 2.40)])
    def test_cross_section_from_saturation_under_reads(self, solution, delay_s, expected):
        """For a true 2.50e-14 cm²: the cascade is not over."""
        plain = replace(solution, absorption=replace(solution.absorption, cross_section_400_cm2=2.5e-14))
        assert read_cross_section(plain, delay_s) == pytest.approx(expected, abs=0.03)

    def test_cross_section_metamorphic(self, solution):
        larger = replace(solution, absorption=replace(solution.absorption, cross_section_400_cm2=2.88e-14 * 1.1))
        moved = read_cross_section(larger, 0.4e-9) - read_cross_section(solution, 0.4e-9)
        assert moved / 0.288 == pytest.approx(0.844, abs=0.06)


class TestChargedFilm:
    def test_mixes_exciton_and_trion(self):
        qin = load_sample("qin2021").kinetics
        half = decay.charged(poisson(0.05), replace(qin, charged_fraction=0.5, trion_crowding_per_s=0.0))
        rate = qin.quantum_yield / qin.exciton_lifetime_s
        assert half.lifetimes_s == pytest.approx([3.1e-9, 290e-12])
        assert half.rates[1] / half.rates[0] == pytest.approx(2.0)
        assert half.photons == pytest.approx(-np.expm1(-0.05) * 0.5 * rate * (3.1e-9 + 2 * 290e-12))

    def test_fades_faster_and_shines_less_with_charge(self):
        qin = load_sample("qin2021").kinetics
        found = [decay.charged(poisson(0.05), replace(qin, charged_fraction=part)) for part in (0.0, 0.5, 0.99)]
        photons = [each.photons for each in found]
        means = [each.rates @ each.lifetimes_s**2 / each.photons for each in found]
        assert photons == sorted(photons, reverse=True)
        assert means == sorted(means, reverse=True)


class TestIncident:
    @pytest.mark.parametrize("lifetime_s", [1e-12, 49e-12, 3.1e-9, 100e-9])
    @pytest.mark.parametrize("period_s", [12.8e-9, 1e-6])
    @pytest.mark.parametrize("tail", [0.0, 0.06])
    def test_every_photon_arrives_in_some_period(self, lifetime_s, period_s, tail):
        edges = np.linspace(0.0, period_s, 801)
        found = counting.incident(edges, single(lifetime_s), Response(180e-12, tail), period_s, start_s=1e-9, rate_hz=0.0)
        assert found.sum() == pytest.approx(1.0, abs=1e-9)
        assert found.min() > -1e-12

    def test_is_the_convolution_of_decay_and_response(self):
        fine = np.linspace(-5e-9, 20e-9, 25_001)
        step = fine[1] - fine[0]
        gauss = np.exp(-((fine / (180e-12 / 2.35482)) ** 2) / 2)
        plain = np.convolve(gauss / gauss.sum(), single(500e-12).at(np.arange(0, 10e-9, step)))[:len(fine)]
        edges = np.linspace(-1e-9, 4e-9, 101)
        expected = np.interp(edges, fine, np.cumsum(plain) * step)
        found = counting.incident(edges, single(500e-12), Response(180e-12), 1e-6, start_s=0.0, rate_hz=0.0)
        assert np.cumsum(found) == pytest.approx(expected[1:] - expected[0], abs=2e-3)

    def test_earlier_pulses_wrap_around(self):
        edges = np.linspace(0.0, 12.8e-9, 257)
        found = counting.incident(edges, single(16.9e-9), Response(50e-12), 12.8e-9, start_s=2e-9, rate_hz=0.0)
        before, after = found[0], found[-1]
        assert before == pytest.approx(after * np.exp(-12.8e-9 / 256 / 16.9e-9), rel=1e-3)

    def test_rises_later_in_the_red_and_at_high_rates(self):
        assert counting.arrival_s(531.0, 0.0) - counting.arrival_s(495.0, 0.0) == pytest.approx(20e-12, rel=2e-3)
        assert counting.arrival_s(495.0, 1e6) == pytest.approx(10e-12)
        assert Response(100e-12).sd_s(1e6) == pytest.approx(1.01 * Response(100e-12).sd_s(0.0))


class TestDeadTime:
    EDGES = np.linspace(0.0, 100e-9, 513)

    def recorded(self, light, dead_s):
        return counting.recorded(light, counting.dead_time(self.EDGES, dead_s))

    def light(self, photons, lifetime_s=3.1e-9):
        return photons * counting.incident(self.EDGES, single(lifetime_s), Response(180e-12), 100e-9, start_s=2e-9, rate_hz=0.0)

    def test_few_photons_are_all_recorded(self):
        assert self.recorded(self.light(1e-6), 95e-9) == pytest.approx(self.light(1e-6), rel=1e-5)

    @settings(max_examples=40, deadline=None)
    @given(photons=st.floats(1e-3, 20.0), dead_ns=st.floats(1.0, 900.0))
    def test_flat_light_is_recorded_by_the_formula(self, photons, dead_ns):
        flat = np.full(512, photons / 512)
        found = self.recorded(flat, dead_ns * 1e-9).sum()
        assert found == pytest.approx(photons / (1.0 + photons * dead_ns / 100.0), rel=1e-6)

    def test_a_dead_time_of_one_period_records_the_first_photon_only(self):
        """Coates' formula: what is recorded at t is what comes at t, where nothing came in the period before it."""
        found = self.recorded(self.light(0.5), 100e-9)
        assert found == pytest.approx(self.light(0.5) * (1.0 - found.sum()), rel=1e-6)

    def test_shapes_survive_when_dead_for_whole_periods(self):
        long_dead = self.recorded(self.light(0.5), 400e-9)
        assert long_dead / long_dead.sum() == pytest.approx(self.light(1.0), rel=1e-5, abs=1e-12)

    @settings(max_examples=30, deadline=None)
    @given(photons=st.floats(1e-3, 3.0), dead_ns=st.floats(1.0, 500.0), lifetime_ns=st.floats(2.0, 50.0))
    def test_never_more_than_came_nor_than_fits(self, photons, dead_ns, lifetime_ns):
        light = self.light(photons, lifetime_ns * 1e-9)
        found = self.recorded(light, dead_ns * 1e-9)
        assert np.all(found >= -1e-12)
        assert np.all(found <= light + 1e-12)
        assert found.sum() * dead_ns / 100.0 <= 1.0 + 1e-6 or dead_ns < 100.0

    @pytest.mark.parametrize(("period_s", "photons", "dead_s"), [(12.8e-9, 0.2, 95e-9), (100e-9, 0.5, 95e-9), (100e-9, 2.0, 30e-9)])
    def test_against_a_monte_carlo(self, period_s, photons, dead_s):
        edges, draw, pulses = np.linspace(0.0, period_s, 65), np.random.default_rng(5), 40_000
        light = photons * counting.incident(edges, single(3.1e-9), Response(180e-12), period_s, start_s=1e-9, rate_hz=0.0)
        numbers = draw.poisson(light.sum(), pulses)
        times = np.repeat(np.arange(pulses), numbers) * period_s + draw.choice(64, numbers.sum(), p=light / light.sum()) * edges[1]
        times = np.sort(times + draw.random(len(times)) * edges[1])
        kept, last = [], -1.0
        for time in times:
            if time - last >= dead_s:
                kept.append(time)
                last = time
        seen = np.histogram(np.mod(kept, period_s), edges)[0]
        fine = np.linspace(0.0, period_s, 64 * 16 + 1)
        dead = counting.dead_time(fine, dead_s)
        expected = pulses * counting.recorded(np.repeat(light / 16, 16), dead).reshape(64, 16).sum(axis=1)
        assert seen.sum() == pytest.approx(expected.sum(), abs=4 * np.sqrt(expected.sum()))
        assert np.mean((seen - expected) ** 2 / np.maximum(expected, 1.0)) < 2.0
