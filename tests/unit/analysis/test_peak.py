"""The top of a spectrum: place and height scatter by what is stated, whatever the line's width; the dark has none."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.peak import peak
from labctl.core.errors import AnalysisError

NM = np.linspace(525, 545, 1024)
READ_NOISE, INSTRUMENT_NM = 10.0, 0.06


def line(height: float, centre: float, fwhm: float) -> np.ndarray:
    return height * np.exp(-4 * np.log(2) * ((NM - centre) / fwhm) ** 2)


def seen(light: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.poisson(light) + rng.normal(0, READ_NOISE, len(light)), np.sqrt(light + READ_NOISE**2)


@pytest.mark.parametrize(("height", "fwhm"), [(30, 4.0), (300, 4.0), (300, 0.2), (3000, 0.2)])
def test_errors_are_those_of_many_draws(height: float, fwhm: float) -> None:
    found = [peak(NM, *seen(line(height, 533, fwhm), seed), INSTRUMENT_NM) for seed in range(60)]
    for truth, results in ((533.0, [one.place for one in found]), (height, [one.height for one in found])):
        values, stated = np.array([one.value for one in results]), np.sqrt(np.mean([(one.stderr or 0.0) ** 2 for one in results]))
        assert 0.7 < values.std(ddof=1) / stated < 1.4         # 60 draws: ± 9 %
        assert abs(values.mean() - truth) < 4 * stated / np.sqrt(60)


def test_brightest_pixel_would_be_wrong() -> None:
    """Of a faint broad line it lies a nanometre off: what is smoothed lies ten times closer."""
    draws = [seen(line(30, 533, 4.0), seed) for seed in range(40)]
    brightest = np.std([NM[np.argmax(signal)] for signal, _ in draws])
    assert brightest > 5 * np.std([peak(NM, *draw, INSTRUMENT_NM).place.value for draw in draws])


def test_one_of_two_equal_lines_says_so() -> None:
    found = peak(NM, *seen(line(1000, 530, 0.3) + line(1000, 534, 0.3), 1), INSTRUMENT_NM).place
    assert "as high within its error" in found.note
    assert found.stderr == pytest.approx(2.0, abs=0.1)


def test_the_dark_has_no_top() -> None:
    for seed in range(20):
        with pytest.raises(AnalysisError, match="Nothing in the spectrum stands out"):
            peak(NM, *seen(np.zeros(len(NM)), seed), INSTRUMENT_NM)
