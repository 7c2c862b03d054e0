"""The CCD: statistics, limits and flaws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim_instruments.twin.detection import Chip, dark_rate_e_s
from sim_instruments.twin.elements import CcdReadout

FVB = CcdReadout(rows=(0, 255), exposure_s=0.0, gain_e_per_count=1.0, read_noise_e=0.0, temperature_c=-120.0)


@pytest.fixture
def chip():
    return Chip(1024, 256, 1, "ccd", ideal=True)


@pytest.fixture
def draw():
    return np.random.default_rng(11)


def electrons(chip, level, readout, draw, frames=1):
    """Give the electrons of frames taken at a flat level, bias removed."""
    light = np.full(chip.columns, float(level))
    counts = np.array([chip.expose(light, readout, draw) for _ in range(frames)]).astype(float)
    return (counts - 300.0) * readout.gain_e_per_count


class TestNoise:
    @pytest.mark.parametrize("level", [3.0, 200.0, 9_000.0, 20_000.0, 40_000.0])
    def test_shot_noise_variance_is_the_mean(self, chip, draw, level):
        seen = electrons(chip, level, FVB, draw, frames=20)
        assert seen.mean() == pytest.approx(level, rel=0.01)
        assert seen.var() / seen.mean() == pytest.approx(1.0, abs=0.06)

    def test_read_noise(self, chip, draw):
        seen = electrons(chip, 0.0, replace(FVB, read_noise_e=22.0), draw, frames=10)
        assert seen.std() == pytest.approx(22.0, rel=0.03)

    def test_gain_does_not_move_the_electrons(self, chip, draw):
        means = [electrons(chip, 20_000.0, replace(FVB, gain_e_per_count=gain), draw, frames=5).mean() for gain in (10.0, 5.0, 2.5)]
        assert np.allclose(means, means[0], rtol=2e-3)

    def test_binned_rows_are_read_once(self, chip, draw):
        image = replace(FVB, mode="image", read_noise_e=10.0, binning=(1, 256))
        seen = electrons(chip, 0.0, image, draw, frames=10)
        assert seen.std() == pytest.approx(10.0, rel=0.05)


class TestDark:
    @pytest.mark.parametrize(("temperature", "rate"), [(-80.0, 0.002), (-60.0, 0.017), (-40.0, 0.14), (20.0, 86.0)])
    def test_dark_current(self, temperature, rate):
        assert dark_rate_e_s(temperature) == pytest.approx(rate, rel=0.02)

    def test_grows_with_rows_and_time(self, chip, draw):
        warm = replace(FVB, temperature_c=-20.0, exposure_s=1.0)
        expected = dark_rate_e_s(-20.0)
        assert np.median(electrons(chip, 0.0, warm, draw, 5)) == pytest.approx(256 * expected, rel=0.05)
        assert np.median(electrons(chip, 0.0, replace(warm, rows=(100, 109), exposure_s=10.0), draw, 5)) == pytest.approx(
            100 * expected, rel=0.05)

    def test_cosmics_come_at_their_rate(self, chip, draw):
        long = replace(FVB, exposure_s=100.0)
        hits = sum(int(np.count_nonzero(electrons(chip, 0.0, long, draw)[0, 0] > 500)) for _ in range(60))
        assert 60 * 4.4 * 0.8 < hits < 60 * 4.4 * 1.4       # some reach two columns

    def test_hot_pixels_stay_where_they_are(self, draw):
        chip = Chip(1024, 256, 1, "ccd")
        warm = replace(FVB, mode="image", temperature_c=0.0, exposure_s=20.0)
        first, second = (electrons(chip, 0.0, warm, draw)[0] for _ in range(2))
        hot = first > 5 * np.median(first)
        assert 100 < hot.sum() < 2000
        assert np.median(second[hot]) > 5 * np.median(first)


class TestLimits:
    def test_converter_clips(self, chip, draw):
        assert chip.expose(np.full(1024, 2e5), FVB, draw).max() == 65535

    def test_register_holds_a_million(self, chip, draw):
        seen = electrons(chip, 1e8, replace(FVB, gain_e_per_count=20.0), draw)
        assert np.all(np.abs(seen - 1e6) < 1e4)

    def test_one_percent_compression_at_80_percent_of_the_well(self, chip, draw):
        level = 0.8 * 300e3 / chip.profile.max()
        peak = chip.rows // 2
        single = electrons(chip, level, replace(FVB, rows=(peak, peak), gain_e_per_count=10.0), draw, 5).mean()
        assert 0.985 < single / (level * chip.profile[peak]) < 0.999

    def test_full_pixels_bloom_along_their_column(self, chip, draw):
        light = np.zeros(1024)
        light[500] = 2e7
        image = chip.expose(light, replace(FVB, mode="image", gain_e_per_count=10.0), draw).astype(float)[:, 500] - 300
        assert image.max() * 10 == pytest.approx(300e3, rel=0.02)
        assert image.sum() * 10 == pytest.approx(2e7, rel=0.02)
        assert np.count_nonzero(image > 25_000) > 60
        assert chip.expose(light, replace(FVB, mode="image"), draw)[:, 510].max() < 5000

    def test_spectrum_is_twelve_rows_high(self, chip, draw):
        image = electrons(chip, 1e5, replace(FVB, mode="image"), draw)[0].mean(axis=1)
        assert np.count_nonzero(image > image.max() / 2) == pytest.approx(12, abs=1)

    def test_track_collects_what_it_covers(self, chip, draw):
        whole = electrons(chip, 1e4, FVB, draw, 5).mean()
        track = electrons(chip, 1e4, replace(FVB, mode="tracks", tracks=((118, 137),)), draw, 5).mean()
        assert track / whole == pytest.approx(0.95, abs=0.02)

    def test_image_shapes(self, chip, draw):
        image = replace(FVB, mode="image", rows=(10, 109), binning=(4, 5), columns=(100, 899))
        assert chip.expose(np.zeros(1024), image, draw).shape == (20, 200)


class TestFlaws:
    def test_are_frozen_by_the_bench_seed(self):
        one, again, other = (Chip(64, 32, seed, "ccd") for seed in (1, 1, 2))
        assert np.array_equal(one.flat, again.flat)
        assert not np.array_equal(one.flat, other.flat)
        assert np.std(one.flat) == pytest.approx(0.004, rel=0.1)

    def test_ideal_has_none(self, chip):
        assert np.all(chip.flat == 1.0)
        assert not chip.pattern.any()
