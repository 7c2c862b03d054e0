"""Variable stripe length: gain, saturation length and the pedestal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from labctl.analysis.gain import stripe_gain, subtract_pedestal
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

LENGTH = np.linspace(0.005, 0.15, 30)


def law(length: np.ndarray, gain: float, spontaneous: float = 2e4) -> np.ndarray:
    return spontaneous / gain * np.expm1(gain * length)


def saturating(gain: float, strength: float, spontaneous: float = 2e4) -> np.ndarray:
    """Give the solution of dI/dx = g I/(1 + I/I_sat) + s with I_sat = `strength`."""
    solved = solve_ivp(lambda x, i: gain * i / (1 + i / strength) + spontaneous, (0, 0.15), [0.0], t_eval=LENGTH, rtol=1e-8)
    return solved.y[0]


def noisy(rng: np.random.Generator, exact: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sigma = np.sqrt(exact + 100)
    return exact + rng.normal(0, sigma), sigma


def test_gain_and_spontaneous_emission_are_recovered(recover) -> None:
    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        fit = stripe_gain(LENGTH, *noisy(rng, law(LENGTH, 100.0)), window_cm=0.052)
        return fit.gain, fit.spontaneous

    recover(draw, 100.0, 2e4).insist()


def test_without_gain_the_law_is_a_straight_line_and_refused() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(AnalysisError, match="No gain"):
        stripe_gain(LENGTH, *noisy(rng, 2e5 * LENGTH), window_cm=0.1)


def test_window_ends_before_saturation_and_the_gain_reads_low() -> None:
    """Saturation begins early, so the method under-reads: 154 reads about 100 cm-1 in the twin's film."""
    exact = saturating(154.0, strength=2e4 / 154 * 60)
    fit = stripe_gain(LENGTH, exact, 0.01 * exact)
    assert 80 < fit.gain.value < 150
    assert fit.saturation_length is not None
    assert fit.window_cm == pytest.approx(0.8 * fit.saturation_length.value, rel=0.1)
    assert fit.used.tolist() == (fit.window_cm >= LENGTH).tolist()
    at = np.interp(fit.saturation_length.value, LENGTH, exact)
    assert at == pytest.approx(fit.curve(np.array([fit.saturation_length.value]))[0] / 2, rel=0.05)


def test_saturation_length_is_where_the_data_are_half_of_the_law() -> None:
    exact = law(LENGTH, 100.0)
    cut = np.where(LENGTH < 0.07, exact, exact * 0.5 ** ((LENGTH - 0.06) / 0.01))
    fit = stripe_gain(LENGTH, cut, 0.01 * cut, window_cm=0.055)
    assert fit.saturation_length is not None
    assert fit.saturation_length.value == pytest.approx(0.07, abs=0.004)
    assert fit.depletion_time is not None
    assert fit.depletion_time.value == pytest.approx(2.1 * fit.saturation_length.value / 0.0299792458)


def test_unsaturated_stripes_have_no_saturation_length() -> None:
    exact = law(LENGTH, 20.0)
    fit = stripe_gain(LENGTH, exact, 0.01 * exact)
    assert fit.saturation_length is None
    assert fit.depletion_time is None
    assert fit.gain.value == pytest.approx(20, abs=0.2)


def test_error_of_the_length_is_systematic() -> None:
    exact = law(LENGTH, 100.0)
    fit = stripe_gain(LENGTH, exact, 0.01 * exact, window_cm=0.052, length_error_cm=0.002)
    assert fit.gain.systematic > fit.gain.stderr


def test_pedestal_hides_the_gain_until_it_is_subtracted() -> None:
    wavelength = np.linspace(490, 550, 300)
    spontaneous = np.exp(-4 * np.log(2) * ((wavelength - 514.5) / 23) ** 2)
    amplified = np.exp(-4 * np.log(2) * ((wavelength - 524.5) / 5) ** 2)
    spectra = law(LENGTH, 100.0)[:, None] * amplified + 3e6 * LENGTH[:, None] * spontaneous
    band, blue = (wavelength > 515) & (wavelength < 535), (wavelength > 498) & (wavelength < 507)
    clean = subtract_pedestal(spectra, spontaneous, blue)
    raw_sum, clean_sum = spectra[:, band].sum(axis=1), clean[:, band].sum(axis=1)
    assert stripe_gain(LENGTH, clean_sum, 0.01 * clean_sum, window_cm=0.052).gain.value == pytest.approx(100, abs=1)
    assert stripe_gain(LENGTH, raw_sum, 0.01 * raw_sum, window_cm=0.052).gain.value < 50


def test_dark_pedestal_and_too_few_stripes_are_refused() -> None:
    with pytest.raises(AnalysisError, match="no light on the blue side"):
        subtract_pedestal(np.ones((2, 10)), np.zeros(10), np.arange(10) < 3)
    with pytest.raises(AnalysisError, match="3 stripes are not longer"):
        stripe_gain(LENGTH, law(LENGTH, 100.0), window_cm=0.017)
