"""An amplifier set by hand as the pump: what reaches the sample, and exposures of few pulses."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.clock import VirtualClock
from sim_instruments.twin.elements import CcdReadout
from sim_instruments.twin.light import transform_limit_nm
from sim_instruments.twin.path import PathError
from sim_instruments.twin.pulses import light_factor, shots_factor
from sim_instruments.twin.twin import PathItem, Twin

WAIST_CM = 50e-4


@pytest.fixture
def amplifier():
    """Build an ideal bench with an amplifier at 1 kHz on a Gaussian spot of 100 µm."""
    def make(*, sample="sun2024", laser=None, spot=None) -> Twin:
        path = [
            PathItem("laser", "opa", {"wavelength_nm": 1500.0, "pulse_energy_j": 2e-7, "pulse_s": 75e-15, **(laser or {})}),
            PathItem("attenuator", "wave_plate_attenuator", {"achromatic": True}), PathItem("power_meter", "pick_off"),
            PathItem("shutter", "shutter"),
            PathItem("sample", "sample", {"spot_diameter_um": 100.0, "spot_shape": "gaussian", "lens": 0.9, **(spot or {})}),
            PathItem("spectrograph", "spectrograph", {"focal_length_mm": 750.0, "half_angle_deg": 6.55, "slit_um": 20.0,
                                                      "gratings": [[1800.0, "500NM"]], "centre_nm": 537.0}),
            PathItem("ccd", "camera")]
        twin = Twin(path, sample=sample, clock=VirtualClock(), bench_seed=5, ideal=True)
        twin.element("shutter").opening.move(1.0)
        return twin
    return make


def frame(twin, seconds=1.0):
    camera = twin.element("ccd")
    gate = camera.open_gate()
    twin.clock.wait(seconds)
    return camera.read_out(gate, CcdReadout(rows=(0, 255), exposure_s=seconds, gain_e_per_count=2.5, read_noise_e=4.0,
                                            temperature_c=-60.0))[0].astype(float)


class TestLight:
    def test_power_is_energy_times_rate(self, amplifier):
        assert amplifier().power_at_sample_now() == pytest.approx(2e-7 * 1e3 * 0.93 * 0.96 * 0.9, rel=1e-4)

    def test_fluence_is_the_peak_of_the_gaussian(self, amplifier):
        """2E/(π w²)."""
        twin = amplifier()
        pulse_j = twin.power_at_sample_now() / 1e3
        assert twin.fluence_now() == pytest.approx(2 * pulse_j / (np.pi * WAIST_CM**2))

    def test_a_disc_of_that_size_has_half_the_fluence(self, amplifier):
        assert amplifier(spot={"spot_shape": "disc"}).fluence_now() == pytest.approx(amplifier().fluence_now() / 2)

    @pytest.mark.parametrize("wavelength_nm", [400.0, 800.0, 970.0, 1500.0])
    def test_an_achromatic_plate_extinguishes_every_wavelength(self, amplifier, wavelength_nm):
        twin = amplifier(laser={"wavelength_nm": wavelength_nm})
        most = twin.power_at_sample_now()
        twin.element("attenuator").angle.move(45.0)
        assert twin.power_at_sample_now() / most == pytest.approx(1e-3, rel=1e-3)

    def test_pulses_without_chirp_have_the_band_they_need(self):
        assert transform_limit_nm(800.0, 35e-15) == pytest.approx(26.9, abs=0.1)
        assert transform_limit_nm(1500.0, 75e-15) == pytest.approx(44.1, abs=0.1)

    def test_half_the_pulses_half_the_power_same_fluence(self, amplifier):
        twin = amplifier()
        power, level = twin.power_at_sample_now(), twin.fluence_now()
        twin.element("laser").repetition_rate_hz = 500.0
        assert twin.power_at_sample_now() == pytest.approx(power / 2)
        assert twin.fluence_now() == pytest.approx(level)

    def test_only_one_source(self, amplifier):
        item = PathItem("laser", "opa", {"wavelength": 800.0})
        with pytest.raises(PathError, match="wavelength_nm"):
            Twin([item], sample="sun2024", clock=VirtualClock())

    def test_no_source(self):
        with pytest.raises(PathError, match="supercontinuum or opa"):
            Twin([PathItem("shutter", "shutter")], sample="sun2024", clock=VirtualClock())


class TestSpectra:
    def test_modes_stand_out_of_the_frame(self, amplifier):
        counts = frame(amplifier())
        peaks = np.flatnonzero((counts[1:-1] > counts[:-2]) & (counts[1:-1] >= counts[2:]) & (counts[1:-1] > 0.5 * counts.max()))
        gaps = np.diff(peaks)
        assert np.median(gaps[gaps > 10]) * 0.0156 == pytest.approx(0.712, abs=0.02)

    def test_no_pump_light_between_the_modes(self, amplifier):
        twin = amplifier(laser={"pulse_energy_j": 1e-9})
        assert frame(twin).mean() == pytest.approx(300.0, abs=3.0)

    def test_another_spot_has_other_spikes(self, amplifier):
        laser = {"wavelength_nm": 800.0, "pulse_s": 35e-15, "pulse_energy_j": 2e-8}
        here, there = (frame(amplifier(sample="xiong2022_ola", laser=laser, spot={"spot": spot})) for spot in (0, 1))
        assert np.corrcoef(here, there)[0, 1] < 0.8
        assert here.max() > 3000.0


class TestFewPulses:
    def test_light_that_rises_steeply_scatters_more(self):
        """One pulse of 1 % jitter, light ~ E^5: 5 %."""
        draw = np.random.default_rng(1)
        steep = [light_factor(1.0, draw, lambda energy: np.array([energy**5])) for _ in range(4000)]
        single = np.array([float(np.asarray(value).item()) for value in steep])
        lit = single[single > 0.0]
        assert lit.std() / lit.mean() == pytest.approx(0.05, rel=0.05)

    def test_the_mean_rises_with_the_curvature(self):
        """⟨E^5⟩ = 1 + 10·1e-4."""
        draw = np.random.default_rng(2)
        steep = [float(np.asarray(light_factor(150.0, draw, lambda energy: np.array([energy**5]))).item()) for _ in range(6000)]
        assert np.mean(steep) == pytest.approx(1.001, abs=2e-4)

    def test_scatter_falls_with_the_number_of_pulses(self):
        draw = np.random.default_rng(3)
        many = np.array([light_factor(1e4, draw) for _ in range(4000)])
        assert many.std() == pytest.approx(1e-4, rel=0.15)
        assert many.mean() == pytest.approx(1.0, abs=1e-4)

    @pytest.mark.parametrize("expected", [0.3, 1.5, 10.4])
    def test_free_running_gates_hold_a_pulse_more_or_less(self, expected):
        draw = np.random.default_rng(4)
        numbers = np.array([float(np.asarray(light_factor(expected, draw, lambda energy: np.ones(1))).item()) for _ in range(4000)])
        assert set(np.rint(numbers * expected)) <= {np.floor(expected), np.ceil(expected)}
        assert numbers.mean() == pytest.approx(1.0, abs=0.06 / min(expected, 1.0))

    def test_dark_columns_stay_dark(self):
        factor = light_factor(5.0, np.random.default_rng(5), lambda energy: np.array([0.0, energy]))
        assert np.all(np.isfinite(factor))

    def test_short_exposures_of_a_laser_scatter_more_than_their_pump(self, amplifier, tmp_path):
        """Ten pulses between the break points: 5.6 times the 0.3 % by which the pump scatters."""
        bright = tmp_path / "bright.toml"
        bright.write_text('schema = 1\nbased_on = "sun2024"\n[detected]\n'
                          'I_ref = {value = 3e6, unit = "1/s", source = "test", evidence = "assumed"}\n', encoding="utf-8")
        twin = amplifier(sample=bright, laser={"pulse_energy_j": 1.4e-7})
        assert 2.2e-3 < twin.fluence_now() < 3.1e-3
        light = np.array([np.sum(frame(twin, 0.01) - 300.0) for _ in range(80)])
        assert 0.011 < light.std() / light.mean() < 0.025


class TestShots:
    """The random modes of a scattering film weigh differently in every shot."""

    @pytest.fixture
    def random_laser(self, amplifier):
        return amplifier(sample="xiong2022_oam", laser={"wavelength_nm": 800.0, "pulse_energy_j": 3e-8, "pulse_s": 35e-15})

    def test_two_shots_differ_and_two_seconds_do_not(self, random_laser):
        def likeness(seconds):
            one, two = (frame(random_laser, seconds) for _ in range(2))
            return np.corrcoef(one, two)[0, 1]
        assert likeness(2.0) > 0.99 > 0.9 > likeness(1e-3)

    def test_shots_of_a_point_repeat(self, amplifier):
        frames = []
        for _ in range(2):
            twin = amplifier(sample="xiong2022_oam", laser={"wavelength_nm": 800.0, "pulse_energy_j": 3e-8, "pulse_s": 35e-15})
            twin.point(7, 3)
            frames.append(frame(twin, 5e-3))
        assert np.array_equal(*frames)

    def test_a_cavity_with_modes_of_its_own_is_left_alone(self):
        calls = []
        def spectrum(energy, shot):
            calls.append(shot)
            return np.array([energy, 0.0])
        factor = shots_factor(10.0, np.random.default_rng(1), spectrum)
        assert factor[0] == pytest.approx(1.0, abs=0.05)
        assert factor[1] == 0.0
        assert calls[0] is None
        assert len(set(calls)) == 11
