"""Samples at the papers' edges: mixed halides, dots in a capillary, dots in toluene. Their thresholds mean nothing."""

from __future__ import annotations

import numpy as np
import pytest

from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump, one_photon_cm2
from sim_instruments.twin.modes import comb
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.units import energy_ev

T = 300.0


@pytest.mark.parametrize(("name", "low", "high"), [("wang2015_brcl", 440.0, 495.0), ("wang2015_ibr", 610.0, 700.0)])
def test_mixed_halides_amplify_in_the_blue_and_in_the_red(name, low, high):
    """Predicted from the composition; amplified light stands 40 to 50 meV below the spontaneous, as in the bromide."""
    sample = load_sample(name)
    light = [emission(Pump.monochromatic(400.0, fluence, 1e-13), sample, T) for fluence in (1e-6, 30e-6)]
    spontaneous, amplified = (float(each.wavelength_nm[np.argmax(each.continuum)]) for each in light)
    assert low <= amplified <= high
    assert energy_ev(spontaneous) - energy_ev(amplified) == pytest.approx(45e-3, abs=6e-3)


class TestCapillary:
    @staticmethod
    def lines(fluence_uj):
        light = emission(Pump.monochromatic(400.0, fluence_uj * 1e-6, 5e-9), load_sample("wang2015_capillary"), T)
        return np.array([line.photons for line in light.lines]), np.trapezoid(light.continuum, light.wavelength_nm)

    def test_modes_are_evenly_spaced(self):
        wavelengths = comb(load_sample("wang2015_capillary")).wavelength_nm
        spacing = np.diff(wavelengths)
        assert len(wavelengths) >= 5
        assert spacing.std() / spacing.mean() < 0.1
        assert np.mean(wavelengths[:-1] * wavelengths[1:] / (np.pi * 50e3 * spacing)) == pytest.approx(1.8, abs=0.01)

    def test_lases_under_long_pulses(self):
        """Above threshold the modes outshine the rest; a nanosecond pulse gives no more photons than excitations."""
        weak, strong = self.lines(100.0), self.lines(1000.0)
        assert weak[0].sum() < 1e-3 * weak[1]
        assert strong[0].sum() > strong[1]
        assert strong[0].sum() < 2.5e-14 * 1e-3 / (energy_ev(400.0) * 1.602177e-19)

    def test_of_two_fluences_the_higher_gives_more(self):
        totals = [self.lines(fluence)[0].sum() for fluence in (100.0, 300.0, 600.0, 1000.0, 2000.0)]
        assert totals == sorted(totals)


class TestToluene:
    def test_absorption_has_two_maxima(self):
        """507 nm returns what was typed in; the box of 9.2 nm puts the second near 470 nm (predicted)."""
        wavelength = np.linspace(440.0, 540.0, 2001)
        seen = one_photon_cm2(energy_ev(wavelength), load_sample("sun2024_toluene"), T)
        inner = seen[1:-1]
        maxima = wavelength[1:-1][(inner > seen[:-2]) & (inner >= seen[2:])]
        assert maxima == pytest.approx([470.8, 506.8], abs=0.2)

    def test_emission(self):
        light = emission(Pump.monochromatic(405.0, 1e-8, 1e-13), load_sample("sun2024_toluene"), T)
        assert light.wavelength_nm[np.argmax(light.continuum)] == pytest.approx(525.0, abs=1.0)

    def test_second_transition_is_off_elsewhere(self):
        assert load_sample("sun2024").absorption.second_weight == 0.0
