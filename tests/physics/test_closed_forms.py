"""Where the model has an exact answer, it must give it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from sim_instruments.twin import light
from sim_instruments.twin.amplifier import amplify, saturated_length
from sim_instruments.twin.excitation import emission_fwhm_ev, exciton_ev
from sim_instruments.twin.gain import modal_gain
from sim_instruments.twin.populations import poisson, shares, steady, total_rates, yields
from sim_instruments.twin.spectra import Emission, NarrowLine, Polarisation, line_shape, per_nm
from sim_instruments.twin.spectrograph import Analyser, Geometry, passed, photons_per_column, window
from sim_instruments.twin.units import air_to_vacuum, energy_ev, vacuum_to_air

T = 4.0


class TestUnits:
    def test_mercury_line(self):
        assert air_to_vacuum(546.074) == pytest.approx(546.2258, abs=2e-4)
        assert energy_ev(air_to_vacuum(546.074)) == pytest.approx(2.26983, abs=5e-6)

    def test_air_and_vacuum_are_inverse(self):
        wavelength = np.linspace(350.0, 1600.0, 50)
        assert np.allclose(vacuum_to_air(air_to_vacuum(wavelength)), wavelength, atol=1e-9)


class TestPopulations:
    @pytest.mark.parametrize("mean", [0.0, 1e-9, 0.1, 3.0, 50.0, 1e6])
    def test_shares_add_up(self, mean):
        assert poisson(mean).sum() == pytest.approx(1.0)

    def test_mean_is_kept(self):
        assert poisson(2.0) @ np.arange(15) == pytest.approx(2.0, abs=1e-6)

    def test_steady_state_balances(self, ying):
        occupation = steady(0.3, 5e-9, ying.kinetics)
        flow_up, flow_down = occupation[:-1] * 0.3 / 5e-9, occupation[1:] * total_rates(ying.kinetics)[1:]
        assert np.allclose(flow_up, flow_down)

    def test_long_pulses_pump_steadily(self, ying):
        assert np.array_equal(shares(0.3, 5e-9, ying.kinetics), steady(0.3, 5e-9, ying.kinetics))

    def test_weak_pumping_gives_one_photon_per_excitation_times_yield(self, ying):
        amounts = yields(poisson(1e-6), 1e-11, ying.kinetics)
        assert amounts.exciton == pytest.approx(1e-6 * ying.kinetics.quantum_yield, rel=1e-5)
        assert amounts.biexciton < 1e-11


class TestGain:
    @pytest.fixture
    def coincident(self, ying):
        """All lines on one energy, all widths equal, no loss."""
        lines = replace(ying.lines, stokes_shift_ev=0.0, biexciton_shift_ev=0.0, trion_shift_ev=0.0, relative_absorption_width=1.0)
        return replace(ying, lines=lines, gain=replace(ying.gain, cascade=False))

    @pytest.mark.parametrize(("charged", "transparent_at"), [(0.0, 1.146), (1.0, 0.583)])
    def test_transparency(self, coincident, charged, transparent_at):
        sample = replace(coincident, kinetics=replace(coincident.kinetics, charged_fraction=charged))

        def gain(mean):
            return modal_gain(exciton_ev(sample.lines, T), poisson(mean), sample, temperature_k=T)
        assert brentq(gain, 0.1, 3.0) == pytest.approx(transparent_at, abs=5e-4)

    def test_unpumped_medium_absorbs_with_full_strength(self, coincident):
        energy = exciton_ev(coincident.lines, T)
        assert modal_gain(energy, poisson(0.0), coincident, temperature_k=T) == pytest.approx(-coincident.gain.strength_cm)


class TestAmplifier:
    @pytest.mark.parametrize("gain", [-200.0, -1e-12, 0.0, 50.0])
    def test_unsaturated(self, gain):
        got = amplify(np.array([gain]), np.array([1e-12]), 0.05, 1e9)
        exact = 1e-12 * (np.expm1(gain * 0.05) / gain if abs(gain) > 1e-9 else 0.05)
        assert got == pytest.approx(exact, rel=1e-4)

    def test_single_line_obeys_its_differential_equation(self):
        gain, source, saturation, length = 100.0, 1e-6, 2e-4, 0.3
        exact = solve_ivp(lambda x, level: (gain * level + source) / (1 + level / saturation), (0.0, length), [0.0], rtol=1e-9,
                          atol=1e-15)
        got = amplify(np.array([gain]), np.array([source]), length, saturation)[0]
        assert got == pytest.approx(exact.y[0, -1], rel=0.03)      # 40 points along the medium: good to 3 %

    def test_saturated_growth_extracts_no_more_than_is_stored(self):
        got = amplify(np.array([5000.0, 4000.0]), np.array([1e-3, 1e-3]), 0.7, 2e-4)
        assert got.sum() < 5000.0 * 2e-4 * 0.7 * 1.001

    def test_saturation_shortens_the_medium(self):
        gain, source = np.array([100.0]), np.array([1e-3])
        assert saturated_length(gain, source, 0.3, 1e-4) < saturated_length(gain, source, 0.3, 1e-2) < 0.3

    def test_two_modes_compete(self):
        alone = amplify(np.array([80.0]), np.array([1e-5]), 0.5, 1e-4)[0]
        first, second = amplify(np.array([80.0, 90.0]), np.array([1e-5, 1e-5]), 0.5, 1e-4)
        assert first < alone
        assert second > first

    def test_nothing_in_nothing_out(self):
        assert not amplify(np.array([100.0]), np.array([0.0]), 1.0, 1.0).any()


class TestLineShapes:
    @pytest.mark.parametrize("homogeneous", [0.0, 0.008])
    def test_unit_area(self, ying, homogeneous):
        lines = replace(ying.lines, homogeneous_fwhm_ev=homogeneous)
        energy = np.linspace(0.3, 4.3, 400_001)
        area = np.trapezoid(line_shape(energy, 2.336, lines, T), energy)
        assert area == pytest.approx(1.0, abs=3e-3 if homogeneous else 1e-9)

    def test_area_survives_the_change_to_wavelength(self, ying):
        energy, wavelength = np.linspace(2.0, 2.7, 20_001), np.linspace(460.0, 620.0, 20_001)
        over_energy = np.trapezoid(line_shape(energy, 2.336, ying.lines, T), energy)
        over_wavelength = np.trapezoid(per_nm(line_shape(energy_ev(wavelength), 2.336, ying.lines, T), wavelength), wavelength)
        assert over_wavelength == pytest.approx(over_energy, rel=1e-6)

    def test_phonons_broaden(self, ying):
        assert emission_fwhm_ev(ying.lines, 4.0) == pytest.approx(0.0178, abs=1e-6)
        assert emission_fwhm_ev(ying.lines, 300.0) == pytest.approx(np.hypot(0.0178, 0.090 * 0.99378), rel=1e-4)


class TestPumpOptics:
    def test_supercontinuum_landmarks(self):
        assert light.supercontinuum_w_nm(495.0) == pytest.approx(1.104e-3, abs=5e-7)
        assert light.supercontinuum_w_nm(517.5) == pytest.approx(1.434e-3, abs=5e-7)

    @pytest.mark.parametrize("shape", [light.grating_line, light.acousto_optic_line])
    def test_filter_is_half_open_at_half_its_bandwidth(self, shape):
        assert shape(520.0, 520.0, 1.75) == pytest.approx(1.0, abs=1e-5)
        assert shape(np.array([519.125, 520.875]), 520.0, 1.75) == pytest.approx(0.5, abs=1e-3)

    def test_lobes_of_the_acousto_optic_filter(self):
        far = np.linspace(522.2, 523.5, 500)
        assert light.acousto_optic_line(far, 520.0, 1.75).max() == pytest.approx(0.047, abs=5e-4)

    def test_plate_minimum_follows_the_wavelength(self):
        plate = {"offset_deg": 1.0, "transmission": 1.0, "extinction": 0.0, "plate_wavelength_nm": 513.0}
        assert light.half_wave_plate(495.0, 46.0, **plate) == pytest.approx(3.3e-3, abs=5e-5)
        assert light.half_wave_plate(531.0, 46.0, **plate) == pytest.approx(2.8e-3, abs=5e-5)
        assert light.half_wave_plate(513.0, 1.0, **plate) == pytest.approx(1.0)


def modulation(signal):
    """Turn the analyser once round and fit c0 + c1 cos 2θ + c2 sin 2θ; gives degree and angle of polarisation."""
    angles = np.arange(0.0, 360.0, 5.0)
    double = 2 * np.radians(angles)
    columns = np.column_stack([np.ones_like(angles), np.cos(double), np.sin(double)])
    parts = np.linalg.lstsq(columns, np.array([signal(angle) for angle in angles]), rcond=None)[0]
    return np.hypot(parts[1], parts[2]) / parts[0], np.degrees(np.arctan2(parts[2], parts[1])) / 2


class TestSpectrograph:
    GEOMETRY = Geometry(320.0, 12.0, 1024, 26.0)

    def test_window_of_the_bench(self):
        seen = window(self.GEOMETRY, 1200.0, 557.0, 50.0)
        air = vacuum_to_air(seen.wavelength_nm)
        assert air[0] == pytest.approx(527.5, abs=0.3)
        assert air[-1] == pytest.approx(586.0, abs=0.3)

    def test_dispersion_and_instrument_width(self):
        seen = window(self.GEOMETRY, 1200.0, 531.0, 50.0)
        assert seen.step_nm[512] == pytest.approx(0.0585, abs=5e-4)
        assert seen.fwhm_nm[512] == pytest.approx(0.146, abs=1e-3)

    def test_centre_stands_in_the_middle(self):
        seen = window(self.GEOMETRY, 1200.0, 557.0, 50.0)
        assert vacuum_to_air(seen.wavelength_nm[511:513]).mean() == pytest.approx(557.0, abs=1e-4)

    def test_photons_are_conserved(self):
        grid = np.arange(500.0, 620.0, 0.05)
        continuum = np.exp(-(((grid - 550.0) / 4.0) ** 2))
        lines = (NarrowLine(556.0, 0.2, 0.7, Polarisation()), NarrowLine(556.5, 0.0, 0.3, Polarisation()))
        seen = window(self.GEOMETRY, 1200.0, 557.0, 50.0)
        columns = photons_per_column(Emission(grid, continuum, Polarisation(), lines), seen, None, 0.0)
        total = np.trapezoid(continuum, grid) + 1.0
        assert columns.sum() * 1.35 == pytest.approx(total, rel=1e-4)

    def test_lines_appear_with_the_instrument_s_width(self):
        seen = window(self.GEOMETRY, 1200.0, 557.0, 50.0)
        line = NarrowLine(seen.wavelength_nm[512], 0.0, 1.0, Polarisation())
        columns = photons_per_column(Emission(seen.wavelength_nm, np.zeros(1024), Polarisation(), (line,)), seen, None, 0.0)
        mean = columns @ seen.wavelength_nm / columns.sum()
        spread = np.sqrt(columns @ (seen.wavelength_nm - mean) ** 2 / columns.sum()) * 2.35482
        assert spread == pytest.approx(seen.fwhm_nm[512], rel=0.01)

    def test_malus(self):
        degree, angle = modulation(lambda angle: passed(Polarisation(0.885, 25.0), Analyser(angle, 0.0, 0.0), 0.0))
        assert degree == pytest.approx(0.885, abs=1e-9)
        assert angle == pytest.approx(25.0)

    @pytest.mark.parametrize(("line_deg", "apparent"), [(0.0, 1.07), (45.0, 0.95)])
    def test_grating_falsifies_polarisation_measured_with_a_bare_polariser(self, line_deg, apparent):
        degree, _ = modulation(lambda angle: passed(Polarisation(0.885, line_deg), Analyser(angle, angle, 0.0), 0.0))
        assert degree == pytest.approx(apparent, abs=0.02)
