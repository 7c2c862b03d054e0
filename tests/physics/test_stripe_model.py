"""The stripe against published landmarks (regression values, "fitted"), and how its observables follow the sample's constants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq, curve_fit

from labctl.analysis.threshold import kink, series
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.film import occupation
from sim_instruments.twin.gain import modal_gain
from sim_instruments.twin.populations import poisson, yields
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.stripe import effective_length_cm
from sim_instruments.twin.units import energy_ev

ROOM_K = 300.0
WANG_NM, QIN_NM = np.linspace(470.0, 580.0, 1024), np.linspace(480.0, 580.0, 1024)
WANG_UJ = np.array([3, 6, 9, 12, 14, 16, 18, *range(20, 27), 28, 30, 33, 36, 40], dtype=float)
QIN_UJ = {0.0: np.linspace(6.0, 105.0, 24), 20.0: np.linspace(4.0, 62.0, 24)}
QIN_LAST = 0.989740 * (1.0 - np.exp(-((20.0 / 8.0) ** 2)))     # charged fraction at 20 V


@pytest.fixture(scope="module")
def wang():
    return load_sample("wang2015")


@pytest.fixture(scope="module")
def qin():
    return load_sample(Path(__file__).parent / "records" / "qin2021_as_specified.toml")


def altered(sample, section, **values):
    """Give the sample with constants of one section replaced."""
    return replace(sample, **{section: replace(getattr(sample, section), **values)})


def charged(sample, fraction):
    return altered(sample, "kinetics", charged_fraction=fraction)


def light(sample, fluence_uj, grid=WANG_NM):
    """Give the spectrum per nm."""
    emitted = emission(Pump.monochromatic(400.0, fluence_uj * 1e-6, 1e-13), sample, ROOM_K)
    return np.interp(grid, emitted.wavelength_nm, emitted.continuum, left=0.0, right=0.0)


def threshold(sample, fluences, grid=WANG_NM):
    """Give the kink of the whole light in µJ/cm², weighted as counting noise would."""
    total = 1e6 * np.array([light(sample, fluence, grid).sum() for fluence in fluences])
    return kink(series(fluences, total, np.sqrt(total))).threshold.value


def centre_ev(sample, fluence_uj, half_nm=None):
    """Give the centre of a Gaussian fitted to the light in nm, in eV."""
    signal = light(sample, fluence_uj)
    top = WANG_NM[np.argmax(signal)]
    near = np.abs(WANG_NM - top) <= (half_nm or np.inf)
    found, _ = curve_fit(lambda x, height, centre, sd, floor: height * np.exp(-(((x - centre) / sd) ** 2) / 2) + floor,
                         WANG_NM[near], signal[near], p0=[signal.max(), top, 8.0 if half_nm is None else 2.0, 0.0])
    return energy_ev(found[1])


def spe_ev(sample):
    return centre_ev(sample, 1.0)


def ase_ev(sample):
    return centre_ev(sample, 30.0, 4.0)


def stripe_series(sample):
    """Give lengths in cm and the amplified light of a variable stripe length, free of its spontaneous pedestal."""
    def at(length_cm, fluence_uj):
        return light(altered(sample, "stripe", length_cm=length_cm), fluence_uj)
    lengths, pedestal = np.linspace(0.005, 0.15, 30), at(0.02, 4.0)
    blue, band = (WANG_NM >= 498) & (WANG_NM <= 507), (WANG_NM >= 515) & (WANG_NM <= 535)
    spectra = [at(length, 57.0) for length in lengths]
    return lengths, np.array([(seen - pedestal * seen[blue].sum() / pedestal[blue].sum())[band].sum() for seen in spectra])


def read_gain(sample):
    """Give the gain in cm⁻¹ that the short part of the series reads."""
    lengths, signal = stripe_series(sample)
    short = lengths <= 0.052
    found, _ = curve_fit(lambda x, seed, gain: seed * np.expm1(gain * x) / gain, lengths[short], signal[short],
                         p0=[signal[0] / lengths[0], 100.0], sigma=signal[short])
    return found[1]


def peak_gain(sample):
    """Give the true maximum of the net gain at 57 µJ/cm²."""
    filled = occupation(Pump.monochromatic(400.0, 57e-6, 1e-13), sample, ROOM_K)
    return modal_gain(np.linspace(2.2, 2.5, 3001), filled, sample, temperature_k=ROOM_K).max()


class TestRegression:
    def test_threshold_of_the_film(self, wang):
        assert threshold(wang, WANG_UJ) == pytest.approx(23.279, abs=0.0005)

    @pytest.mark.parametrize(("volts", "fraction", "expected"), [(0.0, 0.0, 65.082), (20.0, QIN_LAST, 37.111)])
    def test_threshold_falls_with_charge(self, qin, volts, fraction, expected):
        assert threshold(charged(qin, fraction), QIN_UJ[volts], QIN_NM) == pytest.approx(expected, abs=0.0005)

    def test_lines_of_the_film(self, wang):
        assert 1239.841984 / spe_ev(wang) == pytest.approx(514.5, abs=0.3)
        assert 1239.841984 / ase_ev(wang) == pytest.approx(524.4, abs=0.3)

    def test_small_crystals_emit_in_the_blue(self):
        small = load_sample("wang2015_5p5nm")
        assert 1239.841984 / spe_ev(small) == pytest.approx(490.0, abs=0.5)

    def test_variable_stripe_length_reads_less_than_the_gain(self, wang):
        assert read_gain(wang) == pytest.approx(100.4, abs=0.5)
        assert peak_gain(wang) == pytest.approx(153.8, abs=0.1)


class TestGainOfTheChargedFilm:
    """Material gain, losses aside, of evenly excited crystals: what transient absorption sees."""

    @staticmethod
    def gain(sample, mean, wavelength_nm):
        return modal_gain(energy_ev(wavelength_nm), poisson(mean), sample, temperature_k=ROOM_K, loss_cm=0.0)

    @pytest.mark.parametrize(("fraction", "expected"), [(0.0, 1.0107), (QIN_LAST, 0.5463)])
    def test_onset(self, qin, fraction, expected):
        onset = brentq(lambda mean: float(self.gain(charged(qin, fraction), mean, 537.0)), 0.05, 4.0)
        assert onset == pytest.approx(expected, abs=5e-4)

    def test_charge_shifts_the_peak_to_the_blue(self, qin):
        grid = np.linspace(525.0, 550.0, 2501)
        peaks = [grid[np.argmax(self.gain(charged(qin, fraction), mean, grid))] for fraction, mean in ((0.0, 1.2), (QIN_LAST, 0.7))]
        assert peaks[1] - peaks[0] == pytest.approx(-1.9, abs=0.05)


class TestMetamorphic:
    """Change one constant by a known amount: the observable moves by a known amount."""

    def test_threshold_counts_absorbed_photons(self, wang):
        assert threshold(altered(wang, "absorption", cross_section_400_cm2=2.75e-14), WANG_UJ / 1.1) / threshold(wang, WANG_UJ) == \
            pytest.approx(1 / 1.1, abs=0.002)

    def test_loss(self, wang):
        lossy = altered(wang, "gain", loss_cm=wang.gain.loss_cm + 10.0)
        assert read_gain(lossy) - read_gain(wang) == pytest.approx(-6.9, abs=1.5)
        assert peak_gain(lossy) - peak_gain(wang) == pytest.approx(-10.0, abs=1e-9)
        assert threshold(lossy, WANG_UJ) - threshold(wang, WANG_UJ) == pytest.approx(2.05, abs=0.5)

    def test_strength_of_the_gain(self, wang):
        strong = altered(wang, "gain", strength_cm=wang.gain.strength_cm * 1.1)
        assert read_gain(strong) / read_gain(wang) == pytest.approx(1.084, abs=0.02)
        assert threshold(strong, WANG_UJ) / threshold(wang, WANG_UJ) == pytest.approx(0.96, abs=0.02)

    def test_biexciton_shift(self, wang):
        bound = altered(wang, "lines", biexciton_shift_ev=wang.lines.biexciton_shift_ev + 0.005)
        assert (ase_ev(bound) - ase_ev(wang)) / 0.005 == pytest.approx(-0.70, abs=0.1)
        assert (spe_ev(bound) - spe_ev(wang)) / 0.005 == pytest.approx(0.0, abs=0.05)

    def test_emission_energy(self, wang):
        blue = altered(wang, "lines", emission_ev=wang.lines.emission_ev + 0.005)
        assert (ase_ev(blue) - ase_ev(wang)) / 0.005 == pytest.approx(1.0, abs=0.05)
        assert (spe_ev(blue) - spe_ev(wang)) / 0.005 == pytest.approx(1.0, abs=0.05)
        assert threshold(blue, WANG_UJ) == pytest.approx(threshold(wang, WANG_UJ), abs=0.2)

    def test_stokes_shift(self, wang):
        apart = altered(wang, "lines", stokes_shift_ev=wang.lines.stokes_shift_ev + 0.005)
        assert threshold(apart, WANG_UJ) - threshold(wang, WANG_UJ) == pytest.approx(-1.5, abs=0.4)
        assert ase_ev(apart) - ase_ev(wang) == pytest.approx(1.8e-3, abs=0.3e-3)

    def test_light_lost_at_the_electrode(self, qin):
        clear = altered(qin, "absorption", transmission=qin.absorption.transmission * 1.1)
        before = [threshold(charged(qin, part), QIN_UJ[volts], QIN_NM) for volts, part in ((0.0, 0.0), (20.0, QIN_LAST))]
        after = [threshold(charged(clear, part), QIN_UJ[volts], QIN_NM) for volts, part in ((0.0, 0.0), (20.0, QIN_LAST))]
        assert after[0] / before[0] == pytest.approx(0.905, abs=0.02)
        assert after[1] / before[1] == pytest.approx(0.902, abs=0.02)
        assert after[1] / after[0] == pytest.approx(before[1] / before[0], abs=0.01)

    @pytest.mark.parametrize(("largest", "rise"), [(0.90, 1.9), (0.80, 4.5)])
    def test_less_charge(self, qin, largest, rise):
        full = threshold(charged(qin, QIN_LAST), QIN_UJ[20.0], QIN_NM)
        less = threshold(charged(qin, QIN_LAST * largest / 0.989740), QIN_UJ[20.0], QIN_NM)
        assert less - full == pytest.approx(rise, abs=0.8)


class TestLimits:
    @pytest.mark.parametrize("name", ["wang2015", "wang2015_solution", "wang2015_5p5nm", "qin2021"])
    @pytest.mark.parametrize("fluence_uj", [0.0, 1e-12, 1.0, 1e6])
    @pytest.mark.parametrize("active", [0.0, 0.3, 1.0])
    def test_finite_and_not_negative(self, name, fluence_uj, active):
        emitted = emission(Pump.monochromatic(400.0, fluence_uj * 1e-6, 1e-13), load_sample(name), ROOM_K, active)
        assert np.all(np.isfinite(emitted.continuum))
        assert np.all(emitted.continuum >= 0.0)
        assert emitted.continuum.any() == (fluence_uj > 0.0 and active > 0.0)

    def test_weak_pumping_is_linear(self, wang):
        one, two = light(wang, 1e-4), light(wang, 2e-4)
        assert np.allclose(two, 2.0 * one, rtol=1e-3)

    def test_without_gain_decay_the_whole_stripe_amplifies(self, wang):
        assert effective_length_cm(wang.stripe, 0.0) == wang.stripe.length_cm

    def test_gain_lives_as_long_as_its_state_of_charge(self, qin):
        lengths = [effective_length_cm(qin.stripe, part) for part in (0.0, 0.5, 1.0)]
        assert lengths == sorted(lengths)
        assert lengths[0] == pytest.approx(24e-12 * 2.99792458e10 / 2.0 * (1.0 - np.exp(-0.4 / 0.359751)), rel=1e-5)

    def test_energy_is_conserved(self, qin):
        """A stripe gives no more photons than were put into its crystals, amplified light and all."""
        pump = Pump.monochromatic(400.0, 500e-6, 1e-13)
        quiet = altered(qin, "gain", spontaneous_factor=0.0)
        emitted = emission(pump, quiet, ROOM_K)
        assert np.trapezoid(emitted.continuum, emitted.wavelength_nm) / effective_length_cm(qin.stripe, 0.0) < 2.0

    def test_film_is_filled_through_its_depth(self, wang):
        deep = altered(wang, "absorption", optical_density_400=3.0)
        pump = Pump.monochromatic(400.0, 20e-6, 1e-13)
        assert occupation(pump, deep, ROOM_K)[0] > occupation(pump, wang, ROOM_K)[0]
        assert occupation(pump, deep, ROOM_K).sum() == pytest.approx(1.0)
        long_wave = Pump.monochromatic(1500.0, 20e-3, 1e-13)
        assert np.array_equal(occupation(long_wave, deep, ROOM_K), occupation(long_wave, wang, ROOM_K))


class TestPulsesOfNanoseconds:
    def test_bands_rise_with_slopes_one_and_two(self):
        """Below one excitation per lifetime; the exciton's slope bends first, as its state is pumped on."""
        cold = load_sample("wang2015_10k")
        fluences = np.geomspace(1.2e-6, 17.2e-6, 10)
        amounts = [yields(occupation(Pump.monochromatic(400.0, fluence, 5e-9), cold, 10.0), 5e-9, cold.kinetics)
                   for fluence in fluences]
        slopes = [np.polyfit(np.log(fluences), np.log([getattr(each, line) for each in amounts]), 1)[0]
                  for line in ("exciton", "biexciton")]
        assert slopes == pytest.approx([0.98, 1.98], abs=0.01)
