"""The sample model against published landmarks: regression values ("fitted"), never evidence of physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim_instruments.twin import light
from sim_instruments.twin.excitation import excitations, one_photon_cm2
from sim_instruments.twin.resonance import Pump, emission
from sim_instruments.twin.units import FWHM_PER_SD, energy_ev

T = 4.0
FLUX_SCALE_NM = 526.0              # constant photon flux: 50 µW at this wavelength
INSTRUMENT_NM, EDGE_NM = 0.145, 530.2


@pytest.fixture(scope="module")
def emitted(ying, fluence):
    """Give the emission for a power, pump wavelength and band."""
    def emit(power_w, wavelength_nm, band_nm=None, sample=ying):
        if band_nm is None:
            return emission(Pump.monochromatic(wavelength_nm, fluence(power_w)), sample, T)
        nodes, weights = light.gaussian_nodes(wavelength_nm, band_nm)
        return emission(Pump(nodes, fluence(power_w) * weights, 10e-12), sample, T)
    return emit


def pair(emission_):
    return sum(line.photons for line in emission_.lines)


def shifted(sample, volts):
    return replace(sample, lines=replace(sample.lines, stokes_shift_ev=sample.lines.stokes_shift_ev + volts))


class TestExcitation:
    def test_resonant_over_off_resonant_cross_section(self, ying):
        ratio = one_photon_cm2(energy_ev(526.0), ying, T) / one_photon_cm2(energy_ev(495.0), ying, T)
        assert ratio == pytest.approx(1.356, abs=0.0005)

    @pytest.mark.parametrize(("power_w", "wavelength_nm", "expected"), [
        (15e-6, 495.0, 0.110), (50e-6, 495.0, 0.366), (50e-6, 526.0, 0.528)])
    def test_excitations_per_nanocrystal(self, ying, fluence, power_w, wavelength_nm, expected):
        found = excitations(fluence(power_w), wavelength_nm, ying, pulse_s=10e-12, temperature_k=T).sum()
        assert found == pytest.approx(expected, abs=0.0005)

    def test_band_average_of_a_narrow_band_is_monochromatic(self, ying, fluence):
        nodes, weights = light.gaussian_nodes(526.0, 0.01)
        band = excitations(fluence(50e-6) * weights, nodes, ying, pulse_s=10e-12, temperature_k=T).sum()
        alone = excitations(fluence(50e-6), 526.0, ying, pulse_s=10e-12, temperature_k=T).sum()
        assert band == pytest.approx(alone, rel=1e-5)

    @pytest.mark.parametrize(("wavelength_nm", "exponent"), [(526.0, 1), (800.0, 2), (1500.0, 3)])
    def test_order_of_absorption(self, ying, wavelength_nm, exponent):
        one, two = (excitations(level, wavelength_nm, ying, pulse_s=1e-13, temperature_k=T).sum() for level in (1e-5, 2e-5))
        assert np.log2(two / one) == pytest.approx(exponent, abs=1e-6)

    def test_cross_section_at_400_nm_is_the_record_s(self, ying):
        assert one_photon_cm2(3.09960, ying, T) == pytest.approx(2.5e-14)


class TestThreshold:
    """Powers and estimator of the regression value 13.977 µW: kink of the light within 1 nm of the pair, relative weights."""

    POWERS_UW = np.array([*range(2, 21, 2), *range(25, 46, 5)], dtype=float)

    @staticmethod
    def kink(x, y):
        """Least squares of a + bx + c max(0, x − x0) with weights 1/y, x0 on a grid of 600."""
        best = (np.inf, np.nan)
        for corner in np.linspace(x[1], x[-2], 600):
            columns = np.column_stack([np.ones_like(x), x, np.maximum(0.0, x - corner)]) / y[:, None]
            coefficients = np.linalg.lstsq(columns, np.ones_like(x), rcond=None)[0]
            best = min(best, (float(np.sum((columns @ coefficients - 1.0) ** 2)), corner))
        return best[1]

    def band_light(self, emitted, sample):
        """Integrate 529.75 to 531.75 nm as a spectrograph of 0.159 nm sees it."""
        grid = np.linspace(524.0, 541.0, 1024)
        inside = np.abs(grid - 530.75) < 1.0
        signals = []
        for power in self.POWERS_UW:
            light_ = emitted(power * 1e-6, 495.0, sample=sample)
            density = np.interp(grid, light_.wavelength_nm, light_.continuum)
            for line in light_.lines:
                sd = np.hypot(line.fwhm_nm, 0.159) / FWHM_PER_SD
                density = density + line.photons * np.exp(-(((grid - line.centre_nm) / sd) ** 2) / 2) / sd / np.sqrt(2 * np.pi)
            signals.append(density[inside].sum())
        return np.array(signals)

    def test_regression_value(self, emitted, ying):
        assert self.kink(self.POWERS_UW, self.band_light(emitted, ying)) == pytest.approx(13.977, abs=0.001)

    @pytest.mark.parametrize(("quality", "threshold_uw"), [(1500.0, 16.0), (1900.0, 12.7)])
    def test_moves_with_the_loss_of_the_modes(self, emitted, ying, quality, threshold_uw):
        sample = replace(ying, cavity=replace(ying.cavity, quality=quality))
        assert self.kink(self.POWERS_UW, self.band_light(emitted, sample)) == pytest.approx(threshold_uw, abs=0.4)

    def test_stimulated_light_saturates_by_heating(self, emitted):
        powers = np.array([20, 30, 40, 50, 60, 70, 80]) * 1e-6
        assert powers[np.argmax([pair(emitted(power, 495.0)) for power in powers])] == 70e-6


class TestResonantAgainstOffResonant:
    def test_tenfold_stimulated_light(self, emitted):
        assert pair(emitted(50e-6, 526.0)) / pair(emitted(50e-6, 495.0)) == pytest.approx(9.7, abs=0.1)

    def test_spontaneous_light_rises_far_less(self, emitted):
        on, off = emitted(50e-6, 526.0), emitted(50e-6, 495.0)
        assert on.continuum.sum() / off.continuum.sum() == pytest.approx(1.28, abs=0.01)

    def test_polarisation_falls_off_resonance(self, emitted):
        on, off = emitted(50e-6, 526.7), emitted(50e-6, 495.0)
        assert on.lines[0].polarisation.degree == pytest.approx(0.885, abs=0.002)
        assert off.lines[0].polarisation.degree == pytest.approx(0.885 * 0.88, abs=0.001)
        assert off.polarisation.degree == pytest.approx(0.25, abs=0.001)

    def test_lines_shift_to_the_red_towards_resonance(self, emitted):
        red = energy_ev(emitted(50e-6, 526.7).lines[0].centre_nm) - energy_ev(emitted(50e-6, 502.0).lines[0].centre_nm)
        assert -1e-3 < red < -5e-5


def excitation_spectrum(emitted, sample, wavelengths, band_nm):
    return np.array([pair(emitted(50e-6 * FLUX_SCALE_NM / nm, nm, band_nm, sample)) for nm in wavelengths])


def parabola_maximum(wavelength, curve):
    """Vertex of a parabola through the contiguous points above 75 % of the maximum."""
    top = int(np.argmax(curve))
    low, high = top, top
    while low > 0 and curve[low - 1] > 0.75 * curve[top]:
        low -= 1
    while high < len(curve) - 1 and curve[high + 1] > 0.75 * curve[top]:
        high += 1
    assert high > top, "no point beyond the maximum"
    bend, slope, _ = np.polyfit(wavelength[low:high + 1] - 526.0, curve[low:high + 1], 2)
    return 526.0 - slope / (2 * bend)


class TestExcitationSpectrum:
    """Constant photon flux; nothing in the record names the maximum, it follows from absorption, coupling and heating."""

    @pytest.mark.parametrize(("stokes_up_ev", "band_nm", "expected_nm"), [
        (0.0, None, 526.51), (0.0, 1.5, 526.43), (0.0, 1.75, 526.41), (0.0, 2.0, 526.37),
        (0.003, 1.75, 525.74), (0.005, 1.75, 525.29), (0.005, None, 525.40)])
    def test_true_maximum(self, emitted, ying, stokes_up_ev, band_nm, expected_nm):
        fine = np.arange(expected_nm - 0.3, expected_nm + 0.3, 0.01)
        curve = excitation_spectrum(emitted, shifted(ying, stokes_up_ev), fine, band_nm)
        assert fine[np.argmax(curve)] == pytest.approx(expected_nm, abs=0.011)

    @pytest.mark.parametrize(("stokes_up_ev", "band_nm", "expected_nm"), [
        (0.0, 1.75, 526.38), (0.003, 1.75, 525.67), (0.005, 1.75, 525.20), (0.0, None, 526.49), (0.005, None, 525.36)])
    def test_what_a_scan_in_half_nanometres_reports(self, emitted, ying, stokes_up_ev, band_nm, expected_nm):
        usable = np.arange(520.0, EDGE_NM - 1.5 * (band_nm or 1.75) - 3 * INSTRUMENT_NM, 0.5)
        curve = excitation_spectrum(emitted, shifted(ying, stokes_up_ev), usable, band_nm)
        assert parabola_maximum(usable, curve) == pytest.approx(expected_nm, abs=0.03)

    def test_a_band_of_2_nm_leaves_no_point_beyond_the_maximum(self, emitted, ying):
        usable = np.arange(500.0, EDGE_NM - 1.5 * 2.0 - 3 * INSTRUMENT_NM, 0.5)
        curve = excitation_spectrum(emitted, ying, usable, 2.0)
        assert np.argmax(curve) == len(curve) - 1

    def test_moves_one_to_one_with_the_stokes_shift(self, emitted, ying):
        fine = np.arange(525.0, 527.0, 0.01)
        tops = [fine[np.argmax(excitation_spectrum(emitted, shifted(ying, up), fine, 1.75))] for up in (0.0, 0.005)]
        assert (energy_ev(tops[1]) - energy_ev(tops[0])) / 0.005 == pytest.approx(1.03, abs=0.08)


class TestExtremes:
    @pytest.mark.parametrize("power_w", [0.0, 1e-15, 1e-2, 1e3])
    def test_stays_finite_and_non_negative(self, emitted, power_w):
        found = emitted(power_w, 526.0)
        assert np.all(np.isfinite(found.continuum))
        assert np.all(found.continuum >= 0)
        assert all(np.isfinite(line.photons) and line.photons >= 0 for line in found.lines)

    def test_no_pump_no_light(self, emitted):
        dark = emitted(0.0, 526.0)
        assert pair(dark) == 0
        assert not dark.continuum.any()
