"""Cosmic rays are told from lines by their sharpness, not by their height."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.cosmic import spikes, without_spikes

PIXELS = np.arange(400)


def frame(centre: float, fwhm: float, height: float, rng: np.random.Generator) -> np.ndarray:
    exact = 100.0 + height * np.exp(-4 * np.log(2) * ((PIXELS - centre) / fwhm) ** 2)
    return rng.poisson(exact) + rng.normal(0.0, 10.0, len(PIXELS))


def errors(spectra: np.ndarray) -> np.ndarray:
    return np.sqrt(np.clip(spectra, 0, None) + 100.0)


@pytest.mark.parametrize("fwhm", [1.8, 2.5, 6.0])
def test_a_line_is_no_cosmic_ray_wherever_it_falls_and_however_high(fwhm: float) -> None:
    rng = np.random.default_rng(1)
    spectra = np.array([frame(200.0 + shift, fwhm, height, rng) for shift in np.linspace(0, 1, 21) for height in (300, 3e4)])
    assert not spikes(spectra, errors(spectra), fwhm).any()


def test_a_hit_is_bridged_and_the_rest_is_left_alone() -> None:
    rng = np.random.default_rng(2)
    spectra = frame(200.0, 2.5, 5e3, rng)[None]
    hit = spectra.copy()
    hit[0, 300] += 3000.0
    hit[0, 301] += 500.0
    clean, number = without_spikes(hit, errors(hit), 2.5)
    assert number.tolist() == [1]
    assert clean[0, 300] == pytest.approx(100.0, abs=50.0)
    assert np.array_equal(np.delete(clean, range(299, 302)), np.delete(hit, range(299, 302)))


def test_a_hit_on_the_dark_frame_is_bridged_too() -> None:
    rng = np.random.default_rng(3)
    hit = frame(200.0, 2.5, 5e3, rng)[None]
    hit[0, 50] -= 1500.0
    clean, number = without_spikes(hit, errors(hit), 2.5)
    assert number.tolist() == [1]
    assert clean[0, 50] == pytest.approx(100.0, abs=50.0)
