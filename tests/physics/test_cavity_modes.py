"""Where the modes of a cavity stand, how long light stays in them, and what is dealt anew for every spot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim_instruments.twin.modes import comb, mode_loss_cm, random_modes, ring_wavelengths, spot_stream
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.units import LIGHT_CM_S, energy_ev


@pytest.fixture(scope="module")
def sun():
    return load_sample("sun2024")


@pytest.fixture(scope="module")
def xiong():
    return load_sample("xiong2022_oam")


def spacing(sample):
    return float(np.mean(np.diff(comb(sample).wavelength_nm)))


class TestWhisperingGallery:
    def test_every_mode_fits_a_whole_number_of_times_around(self, sun):
        turns = np.pi * 88e3 * 1.46 / comb(sun).wavelength_nm - sun.ring.phase
        assert turns == pytest.approx(np.rint(turns), abs=1e-9)
        assert np.all(np.diff(turns) == pytest.approx(-1.0))

    def test_modes_of_88_um(self, sun):
        wavelength = comb(sun).wavelength_nm
        assert len(wavelength) == 34
        assert np.all(np.abs(wavelength - 535.0) <= 12.0)
        assert 523.0 <= wavelength[0] < 523.0 + spacing(sun)        # none is missing at the ends
        assert 547.0 - spacing(sun) < wavelength[-1] <= 547.0

    def test_spacing_is_that_of_the_circumference(self, sun):
        wavelength = comb(sun).wavelength_nm
        expected = wavelength[:-1] * wavelength[1:] / (np.pi * 88e3 * 1.46)
        assert np.diff(wavelength) == pytest.approx(expected, rel=1e-9)
        assert np.interp(537.0, wavelength[:-1], np.diff(wavelength)) == pytest.approx(0.714, abs=0.002)

    def test_index_or_diameter_shift_the_spacing(self, sun):
        denser = replace(sun, cavity=replace(sun.cavity, index=1.50))
        wider = replace(sun, ring=replace(sun.ring, diameter_um=88 * 1.5 / 1.46))
        assert spacing(denser) - spacing(sun) == pytest.approx(-0.0186, abs=0.003)
        assert spacing(wider) == pytest.approx(spacing(denser), rel=1e-12)

    def test_index_from_spacing_against_diameter(self):
        samples = [load_sample(name) for name in ("sun2024_d15", "sun2024_d33", "sun2024", "sun2024_d125")]
        inverse = np.array([1 / (np.pi * sample.ring.diameter_um * 1e3) for sample in samples])
        gaps = []
        for sample in samples:
            near = ring_wavelengths(sample.cavity, replace(sample.ring, reach_nm=12.0))
            gaps.append(np.mean(np.diff(near) / (near[1:] * near[:-1])))
        assert 1.0 / np.polyfit(inverse, gaps, 1)[0] == pytest.approx(1.46, abs=0.001)

    def test_small_cavity_has_one_mode_where_it_was_measured(self):
        single = comb(load_sample("sun2024_d15"))
        assert single.wavelength_nm == pytest.approx([537.6], abs=1e-5)
        assert single.slot_ev == pytest.approx(1.24 * energy_ev(537.6) / 537.6, rel=1e-3)

    def test_spacing_of_the_small_cavity(self):
        small = load_sample("sun2024_d15")
        assert np.diff(ring_wavelengths(small.cavity, replace(small.ring, reach_nm=6.0))) == pytest.approx([4.2, 4.2], abs=0.04)

    @pytest.mark.parametrize(("name", "quality"), [("sun2024_d15", 2829.0), ("sun2024", 3164.8), ("sun2024_d125", 3335.0)])
    def test_quality_grows_with_the_diameter(self, name, quality):
        modes = comb(load_sample(name))
        assert modes.wavelength_nm / modes.fwhm_nm == pytest.approx(quality)

    def test_a_better_cavity_has_narrower_lines(self, sun):
        better = comb(replace(sun, cavity=replace(sun.cavity, quality=sun.cavity.quality + 500)))
        assert np.interp(535.0, comb(sun).wavelength_nm, comb(sun).fwhm_nm) == pytest.approx(0.1690, abs=1e-4)
        assert better.wavelength_nm / better.fwhm_nm - comb(sun).wavelength_nm / comb(sun).fwhm_nm == pytest.approx(500.0)

    def test_light_stays_for_the_gain_time(self, sun):
        assert comb(sun).length_cm == pytest.approx(0.370, abs=5e-4)
        assert comb(sun).length_cm * 1.46 / LIGHT_CM_S == pytest.approx(18e-12)

    def test_loss_is_the_decay_of_the_mode(self, sun):
        """Energy decays as exp(−ωt/Q), and light travels c/n: α = ω n/(Q c)."""
        omega = 2 * np.pi * LIGHT_CM_S / 535e-7
        assert mode_loss_cm(535.0, 3000.0, sun.cavity) == pytest.approx(omega * 1.46 / (3000.0 * LIGHT_CM_S))

    def test_bending_adds_to_the_loss(self):
        small = load_sample("sun2024_d15")
        straight = replace(small, cavity=replace(small.cavity, bending_loss_cm=0.0))
        assert comb(small).loss_cm - comb(straight).loss_cm == pytest.approx([231.0])

    def test_one_mode_alone_needs_a_slot(self):
        small = load_sample("sun2024_d15")
        with pytest.raises(ValueError, match="w_m"):
            comb(replace(small, cavity=replace(small.cavity, slot_ev=None)))


class TestRandomModes:
    def test_a_spot_keeps_its_modes(self, xiong):
        assert comb(xiong, 3).wavelength_nm.tolist() == comb(replace(xiong, title="again"), 3).wavelength_nm.tolist()

    def test_every_spot_has_its_own(self, xiong):
        assert not np.intersect1d(comb(xiong, 3).wavelength_nm, comb(xiong, 4).wavelength_nm).size

    def test_another_sample_of_the_kind_is_disordered_differently(self, xiong):
        other = replace(xiong, disorder=replace(xiong.disorder, seed=1.0))
        assert not np.intersect1d(comb(xiong).wavelength_nm, comb(other).wavelength_nm).size

    def test_shots_on_a_spot_differ_in_weight_only(self, xiong):
        first, second = comb(xiong, 3, shot=0), comb(xiong, 3, shot=1)
        assert first.wavelength_nm.tolist() == second.wavelength_nm.tolist()
        assert first.loss_cm.tolist() == second.loss_cm.tolist()
        assert not np.intersect1d(first.weight, second.weight).size

    def test_they_stand_on_the_red_side_of_the_band(self, xiong):
        for spot in range(20):
            wavelength = comb(xiong, spot).wavelength_nm
            assert len(wavelength) == 26
            assert np.all((wavelength >= 524.0) & (wavelength <= 540.0))

    def test_statistics_over_many_spots(self, xiong):
        drawn = [random_modes(xiong.disorder, 990.0, spot_stream(xiong.disorder, spot)) for spot in range(400)]
        wavelength, quality, weight = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
        assert wavelength.mean() == pytest.approx(532.0, abs=0.2)
        assert wavelength.std() == pytest.approx(16 / np.sqrt(12), rel=0.02)
        assert np.log(quality / 990.0).mean() == pytest.approx(-0.0144, abs=0.005)
        assert np.log(quality).std() == pytest.approx(0.12, rel=0.03)
        assert weight.mean() == pytest.approx(1.0, abs=0.04)
        assert weight.std() == pytest.approx(1.0, abs=0.06)

    def test_spacings_have_no_common_period(self, xiong):
        gaps = np.concatenate([np.diff(comb(xiong, spot).wavelength_nm) for spot in range(12)])
        assert gaps.std() / gaps.mean() > 0.3


def test_a_sample_without_cavity_has_no_modes():
    with pytest.raises(ValueError, match=r"no \[cavity\]"):
        comb(load_sample("wang2015"))
