"""Lifetimes, phonons and bands: the analysis a user would run returns what the sample's record says, and moves with it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy.optimize import curve_fit

from labctl.analysis.bands import two_bands
from labctl.analysis.decay import fit_decay
from labctl.analysis.decay_model import Response as Measured
from labctl.analysis.decay_model import Timing
from labctl.analysis.occupancy import cross_section
from labctl.analysis.temperature import energy_slope, phonon_broadening
from sim_instruments.twin import counting, decay
from sim_instruments.twin.counting import Response
from sim_instruments.twin.decay import Decay
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump, emission_fwhm_ev, exciton_ev
from sim_instruments.twin.film import occupation
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.units import energy_ev

PROMPT = Decay(np.array([1e13]), np.array([1e-13]))
FAST, SLOW = (12.8e-9, 800), (1e-6, 62_500)        # period in s, bins of 16 ps
DEAD_S = 95e-9


def histogram(fading, period_s, bins, photons, *, seed=0, wavelength_nm=495.0, rate_hz=0.0, irf_s=180e-12, per_pulse=0.0):
    """Count photons of a decay; `per_pulse` of them bend it by dead time."""
    edges = np.linspace(0.0, period_s, bins + 1)
    start = 1e-9 + counting.arrival_s(wavelength_nm, rate_hz)
    light = counting.incident(edges, fading, Response(irf_s), period_s, start_s=start, rate_hz=rate_hz) / fading.photons
    if per_pulse:
        light = counting.recorded(light * per_pulse, counting.dead_time(edges, DEAD_S)) / per_pulse
    return np.random.default_rng(seed).poisson(light * photons).astype(float)


@lru_cache
def response(period_s, bins, irf_s=180e-12):
    counts = histogram(PROMPT, period_s, bins, 1e8, seed=99, irf_s=irf_s)
    return Measured(counts / counts.sum(), 16.0)


def read(fading, period_s=12.8e-9, bins=800, photons=1e6, *, shift_ps=None, components=1, irf_s=180e-12, window=None, **light):
    """Fit a histogram; gives the result in ps. `window` keeps the first bins only."""
    counts = histogram(fading, period_s, bins, photons, irf_s=irf_s, **light)
    irf, keep = response(period_s, bins, irf_s), slice(0, window or bins)
    kept = Measured(irf.shape[keep] / irf.shape[keep].sum(), 16.0)
    return fit_decay(counts[keep], kept, Timing(16.0, period_s * 1e12), shift_ps=shift_ps, components=components, systematics=False)


def single(lifetime_s):
    return Decay(np.array([1.0 / lifetime_s]), np.array([lifetime_s]))


def auger_ps(lifetime_ps):
    """Read the fast component of the dots in solution, for a biexciton lifetime in ps."""
    sample, times = load_sample("wang2015_solution"), np.arange(0.0, 6e-9, 1e-11)
    kinetics = replace(sample.kinetics, biexciton_lifetime_s=lifetime_ps * 1e-12)
    strong, weak = (decay.neutral(occupation(Pump.monochromatic(400.0, fluence, 1e-13), sample, 300.0), kinetics).at(times)
                    for fluence in (18e-6, 3e-6))
    late, fitted = times > 0.9e-9, (times >= 0.06e-9) & (times <= 0.6e-9)
    extra = strong - weak * strong[late].sum() / weak[late].sum()
    found, _ = curve_fit(lambda x, top, life: top * np.exp(-x / life), 1e12 * times[fitted], extra[fitted] / extra.max(),
                         p0=[1.0, 100.0])
    return found[1]


class TestFeedbackSample:
    @pytest.mark.parametrize(("lifetime_ps", "tolerance"), [(49.0, 2.0), (60.0, 2.0), (268.0, 6.0), (300.0, 6.0)])
    def test_free_shift_returns_the_lifetime(self, lifetime_ps, tolerance):
        found = read(single(lifetime_ps * 1e-12), wavelength_nm=531.0)
        assert found.lifetime.value == pytest.approx(lifetime_ps, abs=tolerance)

    @pytest.mark.parametrize(("wavelength_nm", "expected"), [(495.0, 49.0), (531.0, 63.3)])
    def test_a_fixed_shift_takes_the_colour_for_lifetime(self, wavelength_nm, expected):
        """By Poisson likelihood; least squares weighted with the counts reads 61.6 ps."""
        found = read(single(49e-12), wavelength_nm=wavelength_nm, shift_ps=0.0)
        assert found.lifetime.value == pytest.approx(expected, abs=1.5)

    @pytest.mark.parametrize("fraction", [0.3, 0.8])
    def test_lines_fade_with_the_biexciton_and_the_rest_with_the_exciton(self, fraction):
        ying = load_sample("ying2021").kinetics
        mixed = Decay(np.array([fraction / ying.biexciton_lifetime_s, (1.0 - fraction) / ying.exciton_lifetime_s]),
                      np.array([ying.biexciton_lifetime_s, ying.exciton_lifetime_s]))
        found = read(mixed, components=2, photons=3e6)
        assert [each.value for each in found.lifetimes] == pytest.approx([49.0, 268.0], rel=0.05)


class TestDotsInSolution:
    @pytest.mark.parametrize(("name", "expected_ns"), [("wang2015_solution", 3.6), ("wang2015", 3.1)])
    def test_weak_pumping_shows_the_exciton(self, name, expected_ns):
        sample = load_sample(name)
        filled = occupation(Pump.monochromatic(400.0, 0.05e-6, 1e-13), sample, 300.0)
        found = read(decay.neutral(filled, sample.kinetics), *SLOW, photons=1e6, irf_s=50e-12, window=2000)
        assert found.lifetimes[-1].value / 1e3 == pytest.approx(expected_ns, rel=0.03)

    def test_auger_component_as_the_paper_reads_it(self):
        """What 18 µJ/cm² shows beyond 3 µJ/cm² (made equal beyond 0.9 ns), one exponential from 0.06 to 0.6 ns."""
        assert auger_ps(105.0) == pytest.approx(103.1, abs=0.5)
        assert (auger_ps(126.0) - auger_ps(105.0)) / 21.0 == pytest.approx(0.95, abs=0.1)

    def test_slow_component_follows_the_exciton(self):
        sample = load_sample("wang2015_solution")
        found = []
        for lifetime_s in (3.6e-9, 4.0e-9):
            kinetics = replace(sample.kinetics, exciton_lifetime_s=lifetime_s)
            filled = occupation(Pump.monochromatic(400.0, 0.05e-6, 1e-13), sample, 300.0)
            found.append(read(decay.neutral(filled, kinetics), *SLOW, irf_s=50e-12, window=2000).lifetime.value / 1e3)
        assert (found[1] - found[0]) / 0.4 == pytest.approx(0.99, abs=0.03)

    def test_cross_section_as_the_paper_reads_it(self):
        """Below the true 2.88e-14 cm², because the cascade is not over at 0.4 ns."""
        sample = load_sample("wang2015_solution")
        fluences = np.array([0.8, 1.5, 3.0, 4.5, 7.0, 11.5, 18.0, 25.0, 40.0, 57.0, 80.0]) * 1e-6
        fades = [decay.neutral(occupation(Pump.monochromatic(400.0, fluence, 1e-13), sample, 300.0), sample.kinetics)
                 for fluence in fluences]
        late = np.array([fading.at(np.linspace(0.36e-9, 0.44e-9, 9)).mean() for fading in fades])
        counts = np.random.default_rng(4).poisson(2e4 * late / late.max()).astype(float)
        found = cross_section(fluences, counts, np.sqrt(counts), pump_nm=400.0)
        assert found.cross_section.value == pytest.approx(2.48e-14, abs=0.1e-14)


class TestPileUp:
    def test_unmodelled_pile_up_shortens(self):
        """0.2 photons per pulse at 10 MHz, dead for 95 ns: close to counting first photons only."""
        plain, bent = (read(single(3.1e-9), 100e-9, 6250, per_pulse=amount) for amount in (0.0, 0.2))
        assert plain.lifetime.value == pytest.approx(3100.0, rel=0.01)
        assert bent.lifetime.value / 1e3 == pytest.approx(2.94, abs=0.05)


class TestTemperatureSeries:
    @pytest.mark.parametrize(("slope", "phonon_ev"), [(1.7e-4, 0.018), (2.2e-4, 0.018), (1.7e-4, 0.021)])
    def test_returns_slope_and_phonon_energy(self, slope, phonon_ev):
        wang = load_sample("wang2015")
        lines = replace(wang.lines, thermal_shift_ev_k=slope, phonon_energy_ev=phonon_ev)
        kelvin = np.array([10.0, 40.0, 70.0, 100.0, 140.0, 180.0, 220.0, 260.0, 300.0])
        draw = np.random.default_rng(2)
        energies = [exciton_ev(lines, each) + 2e-5 * draw.normal() for each in kelvin]
        widths = [1e3 * emission_fwhm_ev(lines, each) * (1 + 1e-3 * draw.normal()) for each in kelvin]
        assert energy_slope(kelvin, np.array(energies)).slope.value == pytest.approx(slope, abs=3e-6)
        assert phonon_broadening(kelvin, np.array(widths)).phonon.value == pytest.approx(1e3 * phonon_ev, abs=1.0)


class TestBandsAtTenKelvin:
    @pytest.mark.parametrize("binding_ev", [0.050, 0.055])
    def test_distance_is_the_biexciton_s_shift(self, binding_ev):
        cold = load_sample("wang2015_10k")
        cold = replace(cold, lines=replace(cold.lines, biexciton_shift_ev=binding_ev))
        emitted = emission(Pump.monochromatic(400.0, 17.2e-6, 5e-9), cold, 10.0)
        wavelength = np.linspace(500.0, 570.0, 1024)
        counts = np.interp(wavelength, emitted.wavelength_nm, emitted.continuum)
        counts = np.random.default_rng(1).poisson(counts / counts.max() * 4e6).astype(float)
        per_ev = wavelength**2 / 1239.841984
        found = two_bands(energy_ev(wavelength), counts * per_ev, np.sqrt(counts + 16.0) * per_ev)
        assert found.distance_mev.value == pytest.approx(1e3 * binding_ev, abs=1.0)
