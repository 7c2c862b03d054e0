"""Bands and lines: centre, width and area come back in nm and in energy; what is not resolved is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import voigt_profile

from labctl.analysis.bands import two_bands
from labctl.analysis.lines import gaussian_line, half_maximum_width, per_ev, remove_instrument
from labctl.analysis.slopes import slope_above_noise
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

PIXELS = np.linspace(505.0, 555.0, 1024)


def line(height: float, centre: float, fwhm: float, offset: float = 20.0) -> np.ndarray:
    return height * np.exp(-4 * np.log(2) * ((PIXELS - centre) / fwhm) ** 2) + offset


def noisy(rng: np.random.Generator, spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    signal = rng.poisson(spectrum) + rng.normal(0, 4, spectrum.shape)
    return signal, np.sqrt(np.clip(spectrum, 0, None) + 16.0)


def test_line_is_unbiased_with_honest_errors(recover) -> None:
    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        fit = gaussian_line(PIXELS, *noisy(rng, line(400, 524.5, 5.0)), near_nm=524, half_range_nm=15)
        return fit.centre_nm, fit.centre_ev, fit.fwhm_nm, fit.area

    recover(draw, 524.5, 1239.841984 / 524.5, 5.0, 5.0 * 400 * np.sqrt(np.pi / np.log(16))).insist()


def test_width_in_energy_is_the_width_in_nm_times_the_jacobian() -> None:
    exact = line(400, 525.0, 0.5)
    fit = gaussian_line(PIXELS, exact, np.sqrt(exact))
    assert fit.fwhm_mev.value == pytest.approx(0.5 * 4.4984, rel=1e-3)
    assert fit.curve(PIXELS) == pytest.approx(exact, rel=1e-4)


def test_per_ev_keeps_the_integral() -> None:
    """The Jacobian moves no light: the integrals over nm and over eV are the same."""
    spectrum = line(400, 525.0, 20.0, offset=0)
    energy = 1239.841984 / PIXELS
    assert -np.trapezoid(per_ev(PIXELS, spectrum), energy) == pytest.approx(np.trapezoid(spectrum, PIXELS), rel=1e-5)


def test_instrument_is_removed_in_quadrature_and_said_so() -> None:
    """The 88 µm cavity of Sun 2024: 0.1690 nm reads 0.1712 nm through an instrument of 0.0278 nm."""
    pixels = np.arange(536.0, 538.0, 0.0156)
    exact = 1e4 * np.exp(-4 * np.log(2) * ((pixels - 537.0) / np.hypot(0.1690, 0.0278)) ** 2) + 5
    fit = gaussian_line(pixels, exact, np.sqrt(exact), instrument_fwhm_nm=0.0278)
    assert fit.read_fwhm_nm == pytest.approx(0.1712, abs=1e-4)
    assert fit.fwhm_nm.value == pytest.approx(0.1690, abs=1e-4)
    assert "instrument removed" in fit.fwhm_nm.estimator


def test_unresolved_line_is_refused() -> None:
    with pytest.raises(AnalysisError, match="not resolved"):
        remove_instrument(0.147, 0.002, 0.145)


def test_noise_has_no_line() -> None:
    rng = np.random.default_rng(2)
    with pytest.raises(AnalysisError, match=r"does not stand out|edge"):
        gaussian_line(PIXELS, rng.normal(0, 4, PIXELS.size), np.full(PIXELS.size, 4.0), near_nm=530, half_range_nm=5)


def test_range_without_pixels_is_refused() -> None:
    with pytest.raises(AnalysisError, match=r"0 pixels lie within the range around 600\.00 nm"):
        gaussian_line(PIXELS, line(400, 524.5, 5.0), near_nm=600, half_range_nm=2)


def test_half_maximum_width_of_any_shape() -> None:
    triangle = np.clip(1e5 * (1 - np.abs(PIXELS - 530) / 8), 0, None)
    width = half_maximum_width(PIXELS, triangle, np.full(PIXELS.size, 100.0))
    assert width.value == pytest.approx(8, abs=0.1)       # the mean of the top 2 % is 1 % below the apex
    assert 0 < (width.stderr or 0) < 0.05


def test_width_of_a_spectrum_cut_by_the_window_is_refused() -> None:
    with pytest.raises(AnalysisError, match="both sides"):
        half_maximum_width(PIXELS, line(400, 506, 10), np.full(PIXELS.size, 5.0))


# ------------------------------------------------------------------ two bands
ENERGY = 1239.841984 / np.linspace(500.0, 570.0, 500)
SHAPE = (2.345, 0.050, 0.030, 0.008)


def bands(fluence: float) -> np.ndarray:
    """Give the density of A (slope 1) and B (slope 2) of the 10 K spectra, per eV."""
    sigma, gamma = SHAPE[2] / 2.35482, SHAPE[3] / 2
    a = voigt_profile(ENERGY - SHAPE[0], sigma, gamma)
    b = voigt_profile(ENERGY - SHAPE[0] + SHAPE[1], sigma, gamma)
    return 4000 * fluence * a + 500 * fluence**2 * b + 100


def test_two_bands_are_told_apart(recover) -> None:
    exact = bands(8.0)

    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        fit = two_bands(ENERGY, rng.poisson(exact).astype(float), np.sqrt(exact))
        return fit.distance_mev, fit.centre_a_ev, fit.area_b

    recover(draw, 50.0, 2.345, 500 * 8.0**2, share=0.4).insist()


def test_slopes_of_exciton_and_biexciton() -> None:
    """With the shape of the brightest spectrum the areas follow fluence and fluence squared."""
    rng = np.random.default_rng(6)
    fluence = np.geomspace(1.2, 17.2, 10)
    spectra = [rng.poisson(bands(f)).astype(float) for f in fluence]
    shape = two_bands(ENERGY, spectra[-1], np.sqrt(bands(fluence[-1]))).shape
    fits = [two_bands(ENERGY, s, np.sqrt(bands(f)), shape=shape) for s, f in zip(spectra, fluence, strict=True)]
    for name, expected in (("area_a", 1.0), ("area_b", 2.0)):
        areas = [getattr(fit, name) for fit in fits]
        law = slope_above_noise(fluence, np.array([a.value for a in areas]), np.array([a.stderr for a in areas]))
        assert law.slopes[0].value == pytest.approx(expected, abs=0.05)


def test_single_band_is_not_split() -> None:
    rng = np.random.default_rng(7)
    exact = 4000 * voigt_profile(ENERGY - 2.345, 0.013, 0.004) + 100
    with pytest.raises(AnalysisError, match=r"does not stand out|cannot tell|did not settle"):
        two_bands(ENERGY, rng.poisson(exact).astype(float), np.sqrt(exact))
