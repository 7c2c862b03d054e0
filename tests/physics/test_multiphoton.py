"""Excitation by two and three photons: the pulse's compression, the resonances, and what is left far from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim_instruments.twin import excitation
from sim_instruments.twin.cavity import emission
from sim_instruments.twin.excitation import Pump, excitations, multiphoton, photon_fluence_cm2
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.units import energy_ev

T = 300.0


@pytest.fixture(scope="module")
def sun():
    return load_sample("sun2024")


def mean_excitations(sample, fluence_j_cm2, wavelength_nm, pulse_s=75e-15):
    return float(excitations(fluence_j_cm2, wavelength_nm, sample, pulse_s=pulse_s, temperature_k=T).sum())


class TestPulse:
    @pytest.mark.parametrize(("order", "wavelength_nm"), [(2, 970.0), (3, 1500.0)])
    def test_excitation_is_the_integral_over_a_gaussian_pulse(self, sun, order, wavelength_nm):
        """Photons are absorbed at the rate σ_k I^k, k of them make one excitation."""
        pulse_s, fluence = 75e-15, 1e-3
        time = np.linspace(-6 * pulse_s, 6 * pulse_s, 20001)
        shape = np.exp(-4 * np.log(2) * (time / pulse_s) ** 2)
        flux = photon_fluence_cm2(fluence, wavelength_nm, sun) * shape / np.trapezoid(shape, time)
        expected = float(multiphoton(energy_ev(wavelength_nm), order, sun)) / order * np.trapezoid(flux**order, time)
        assert mean_excitations(sun, fluence, wavelength_nm) == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize(("order", "wavelength_nm"), [(2, 970.0), (3, 1500.0)])
    def test_power_laws_in_fluence_and_duration(self, sun, order, wavelength_nm):
        plain = mean_excitations(sun, 1e-3, wavelength_nm)
        assert mean_excitations(sun, 2e-3, wavelength_nm) / plain == pytest.approx(2.0**order)
        assert mean_excitations(sun, 1e-3, wavelength_nm, 150e-15) / plain == pytest.approx(0.5 ** (order - 1))

    def test_a_pulse_of_many_colours_adds_up(self, sun):
        """The order counts photons of the whole pulse, however finely its band is divided."""
        divided = excitations(np.full(10, 1e-4), np.full(10, 1500.0), sun, pulse_s=75e-15, temperature_k=T)
        assert divided.sum() == pytest.approx(mean_excitations(sun, 1e-3, 1500.0))


class TestResonances:
    @pytest.mark.parametrize(("order", "range_nm", "expected_nm"), [(2, (750.0, 1070.0), 970.0), (3, (1300.0, 1650.0), 1500.0)])
    def test_excitation_is_easiest_on_resonance(self, sun, order, range_nm, expected_nm):
        wavelength = np.arange(range_nm[0], range_nm[1], 1.0)
        strength = multiphoton(energy_ev(wavelength), order, sun)
        assert wavelength[np.argmax(strength)] == pytest.approx(expected_nm, abs=10.0)

    def test_published_cross_sections_on_resonance(self, sun):
        assert multiphoton(energy_ev(970.0), 2, sun) == pytest.approx(1.88e-44)
        assert multiphoton(energy_ev(1500.0), 3, sun) == pytest.approx(5.10e-75)

    @pytest.mark.parametrize(("name", "expected"), [("xiong2022_oam", 1.100e-43), ("xiong2022_ola", 1.076e-42)])
    def test_effective_cross_section_at_800_nm(self, name, expected):
        assert multiphoton(energy_ev(800.0), 2, load_sample(name)) == pytest.approx(expected, rel=1e-3)

    def test_stronger_cross_section_lowers_the_fluence_by_the_root(self, sun):
        stronger = replace(sun, absorption=replace(sun.absorption, three_photon_cm6_s2=1.331 * 5.10e-75))
        assert mean_excitations(stronger, 1e-3 / 1.1, 1500.0) == pytest.approx(mean_excitations(sun, 1e-3, 1500.0))


def needed_mj(sample, wavelength_nm, order):
    """Fluence that excites as much as the second break of the 1500 nm curve."""
    wanted = mean_excitations(sample, 3.1353e-3, 1500.0)
    return (wanted / mean_excitations(sample, 1e-3, wavelength_nm)) ** (1 / order)


class TestFloor:
    """Below the resonances some absorption remains; without it thresholds diverge within a few tens of nanometres."""

    @pytest.mark.parametrize(("wavelength_nm", "order", "without_mj", "with_mj"), [
        (1050.0, 2, 83.0, 9.4), (1070.0, 2, 733.0, 9.2), (1600.0, 3, 48.5, 13.6), (1650.0, 3, 1006.0, 13.2)])
    def test_thresholds_stay_finite(self, sun, monkeypatch, wavelength_nm, order, without_mj, with_mj):
        assert needed_mj(sun, wavelength_nm, order) == pytest.approx(with_mj, rel=0.01)
        monkeypatch.setattr(excitation, "MULTIPHOTON_FLOOR", 0.0)
        assert needed_mj(sun, wavelength_nm, order) == pytest.approx(without_mj, rel=0.01)

    @pytest.mark.parametrize("wavelength_nm", [800.0, 970.0, 1500.0, 1550.0])
    def test_nothing_changes_where_the_resonances_reach(self, sun, monkeypatch, wavelength_nm):
        order = 2 if wavelength_nm < 1000.0 else 3
        with_floor = needed_mj(sun, wavelength_nm, order)
        monkeypatch.setattr(excitation, "MULTIPHOTON_FLOOR", 0.0)
        assert needed_mj(sun, wavelength_nm, order) == with_floor


def test_light_below_threshold_follows_the_order(sun):
    """Spontaneous light of single excitons: slope 2 under 970 nm, 3 under 1500 nm, 1 under 400 nm."""
    for wavelength_nm, start, expected in ((400.0, 1e-8, 1.0), (970.0, 2e-5, 2.0), (1500.0, 3e-4, 3.0)):
        light = [emission(Pump.monochromatic(wavelength_nm, level, 75e-15, gaussian=True), sun, T).continuum.sum()
                 for level in (start, 1.3 * start)]
        assert np.log(light[1] / light[0]) / np.log(1.3) == pytest.approx(expected, abs=0.01)
