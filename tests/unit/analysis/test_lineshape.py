"""Pair and pedestal: areas, shapes and errors come back from spectra whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.lineshape import Shape, _columns, _slopes, average_shape, fit_free, fit_pair, window
from labctl.core.errors import AnalysisError

SPLITTING, INSTRUMENT = 2e-3, 0.64e-3
TRUE = Shape(pair_ev=2.3365, pair_fwhm_ev=1.1e-3, broad_ev=2.336, broad_fwhm_ev=17.8e-3)
PIXELS = np.linspace(527.65, 587.0, 1024)


def area_normalised(energy: np.ndarray, centre: float, fwhm: float) -> np.ndarray:
    return np.sqrt(4 * np.log(2) / np.pi) / fwhm * np.exp(-4 * np.log(2) * ((energy - centre) / fwhm) ** 2)


def exact(pair: float, broad: float = 6e4, shift: float = 0.0) -> np.ndarray:
    energy = 1239.841984 / PIXELS
    lines = 0.6 * area_normalised(energy, TRUE.pair_ev + shift - SPLITTING / 2, TRUE.pair_fwhm_ev)
    lines += 0.4 * area_normalised(energy, TRUE.pair_ev + shift + SPLITTING / 2, TRUE.pair_fwhm_ev)
    density = pair * lines + broad * area_normalised(energy, TRUE.broad_ev, TRUE.broad_fwhm_ev)
    return density * np.abs(np.gradient(energy)) + 3.0


def noisy(rng: np.random.Generator, spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    signal = rng.poisson(spectrum) + rng.normal(0, 5, spectrum.shape)
    return signal, np.sqrt(np.clip(signal, 0, None) + 25.0)


def cut(signal: np.ndarray, sigma: np.ndarray, low: float = 527.6):
    return window(PIXELS, signal, sigma, (low <= PIXELS) & (PIXELS <= 541.0))


def test_free_fit_needs_no_guess_and_finds_everything() -> None:
    signal = exact(1e5)
    fit = fit_free(cut(signal, np.sqrt(signal + 25)), SPLITTING, INSTRUMENT)
    assert fit.pair == pytest.approx(1e5, rel=1e-3)
    assert fit.broad == pytest.approx(6e4, rel=1e-2)
    assert fit.shape.pair_ev == pytest.approx(TRUE.pair_ev, abs=2e-6)
    assert fit.shape.broad_ev == pytest.approx(TRUE.broad_ev, abs=2e-5)
    assert fit.shape.pair_fwhm_ev == pytest.approx(TRUE.pair_fwhm_ev, rel=1e-2)


def test_area_is_right_for_a_pair_that_has_shifted() -> None:
    signal = exact(1e5, shift=0.8e-3)
    fit = fit_pair(cut(signal, np.sqrt(signal + 25)), SPLITTING, TRUE)
    assert fit.pair == pytest.approx(1e5, rel=2e-3)
    assert fit.shape.pair_ev - TRUE.pair_ev == pytest.approx(0.8e-3, abs=2e-5)


@pytest.mark.parametrize("constant", range(4))
def test_slopes_are_those_of_the_spectrum(constant: int) -> None:
    data, areas = cut(exact(1e5), np.ones(PIXELS.size)), np.array([3e4, 5e4, 6e4, 3.0])
    step = 1e-7 * np.eye(4)[constant]
    up, down = (_columns(data.energy, data.pixel_ev, TRUE.as_array() + sign * step, SPLITTING) @ areas for sign in (1.0, -1.0))
    lines = _columns(data.energy, data.pixel_ev, TRUE.as_array(), SPLITTING) * areas
    slope = _slopes(data, SPLITTING, TRUE.as_array(), lines)[:, constant]
    assert slope == pytest.approx((up - down) / 2e-7, rel=1e-4, abs=1e-5 * float(np.abs(slope).max()))


@pytest.mark.parametrize("pair", [5e4, 3e3])
def test_error_of_the_area_is_honest(pair: float) -> None:
    """Pulls have a mean near 0 and a width near 1, for a bright pair and for one that hardly stands out."""
    rng = np.random.default_rng(7)
    pulls = []
    for _ in range(90):
        fit = fit_pair(cut(*noisy(rng, exact(pair))), SPLITTING, TRUE)
        pulls.append((fit.pair - pair) / fit.pair_stderr)
    assert abs(np.mean(pulls)) < 0.35
    assert 0.85 < np.std(pulls) < 1.2


def test_a_spectrum_without_pair_gives_an_area_that_agrees_with_zero() -> None:
    rng = np.random.default_rng(8)
    pulls = [(fit := fit_pair(cut(*noisy(rng, exact(0.0))), SPLITTING, TRUE)).pair / fit.pair_stderr for _ in range(30)]
    assert abs(np.mean(pulls)) < 0.5
    assert np.max(np.abs(pulls)) < 5


def test_masking_the_blue_flank_does_not_shift_the_area() -> None:
    signal = exact(5e4)
    masked = fit_pair(cut(signal, np.sqrt(signal + 25), low=530.06), SPLITTING, TRUE)
    assert masked.pair == pytest.approx(5e4, rel=0.01)


def test_reduced_chi2_tells_a_wrong_model() -> None:
    rng = np.random.default_rng(9)
    right = fit_pair(cut(*noisy(rng, exact(1e5))), SPLITTING, TRUE)
    wrong = fit_pair(cut(*noisy(rng, exact(1e5))), 3.5e-3, TRUE)
    assert 0.7 < right.reduced_chi2 < 1.4
    assert wrong.reduced_chi2 > 3


def test_average_shape_weighs_and_reports_the_scatter() -> None:
    rng = np.random.default_rng(10)
    fits = [fit_free(cut(*noisy(rng, exact(1e5))), SPLITTING, INSTRUMENT) for _ in range(4)]
    shape, stderr = average_shape(fits)
    assert abs(shape.broad_ev - TRUE.broad_ev) < 4 * stderr
    assert 0 < stderr < 1e-4


def test_no_pair_is_refused_with_its_area() -> None:
    rng = np.random.default_rng(12)
    with pytest.raises(AnalysisError, match=r"No pair of lines 2\.00 meV apart is visible.*threshold"):
        fit_free(cut(*noisy(rng, exact(0.0))), SPLITTING, INSTRUMENT)


def test_window_outside_the_spectrum_is_refused_with_the_range() -> None:
    signal = exact(1e5)
    with pytest.raises(AnalysisError, match=r"Only 0 usable pixels .* covers 527\.65 to 587\.00 nm"):
        window(PIXELS, signal, np.sqrt(signal), PIXELS < 520.0)
