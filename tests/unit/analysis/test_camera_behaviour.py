"""Dark frames and exposure ladders whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.camera import bright_pixels, dark_behaviour, faint_rates, linearity, rates
from labctl.core.errors import AnalysisError

BIAS, CURRENT, READ, GAIN = 300.0, 4.0, 6.0, 1.4     # counts, e/s, e, e/count


def frames(draw, exposures, pixels=800):
    """Dark frames with read noise, dark current, and a cosmic ray in every fourth."""
    made = []
    for number, exposure in enumerate(exposures):
        frame = BIAS + (draw.poisson(CURRENT * exposure, pixels) + draw.normal(0.0, READ, pixels)) / GAIN
        if number % 4 == 0:
            frame[draw.integers(pixels)] += 2000.0
        made.append(np.round(frame))
    return np.array(made)


def test_dark_constants_come_back_within_their_errors() -> None:
    exposures = np.repeat([0.1, 1.0, 5.0, 20.0], 4)
    found = dark_behaviour(exposures, frames(np.random.default_rng(1), exposures), GAIN)
    assert found.bias.value == pytest.approx(BIAS, abs=5 * found.bias.stderr + 0.5)      # counts are whole numbers
    assert found.dark_current.value == pytest.approx(CURRENT, rel=0.05)
    assert found.read_noise.value == pytest.approx(READ, rel=0.08)


def test_single_frames_are_refused() -> None:
    with pytest.raises(AnalysisError, match="3 exposures with 2 frames"):
        dark_behaviour([0.1, 1.0, 5.0], np.full((3, 10), 300.0), GAIN)


def test_departure_is_found_and_saturation_left_out() -> None:
    exposure = np.geomspace(0.1, 10.0, 7)
    rate = np.full(7, 1e4)
    rate[5] *= 1.03
    rate[6] *= 0.5
    usable = np.arange(7) < 6
    found = linearity(rate, np.full(7, 20.0) / np.sqrt(exposure), usable)
    assert found.departure.value == pytest.approx(3.0, abs=1.2)
    with pytest.raises(AnalysisError, match="neither saturated nor lost in noise"):
        linearity(rate, np.full(7, 5e3), usable)


def test_bright_pixels_do_not_follow_a_cosmic_ray() -> None:
    spectra = np.full((5, 100), 1.0)
    spectra[:, 40:50] = 50.0
    spectra[2, 80] = 1e5
    assert np.flatnonzero(bright_pixels(spectra)).tolist() == list(range(40, 50))


def test_rates_do_not_follow_a_cosmic_ray() -> None:
    draw = np.random.default_rng(5)
    exact = np.outer([1.0, 2.0, 4.0, 8.0], 1e3 * np.exp(-((np.arange(200) - 100) ** 2) / 800.0))
    seen = draw.poisson(exact).astype(float)
    seen[1, 100] += 3e4
    found, error = rates(seen, np.sqrt(np.maximum(exact, 1.0)))
    assert found / found[0] == pytest.approx([1.0, 2.0, 4.0, 8.0], rel=0.02)
    assert error[0] / found[0] == pytest.approx(0.006, rel=0.5)


def test_faint_light_is_compared_where_single_pixels_are_noise() -> None:
    rng = np.random.default_rng(7)
    shape = 20.0 * np.exp(-(((np.arange(1024) - 500.0) / 150.0) ** 2))
    true = rng.uniform(0.5, 1.5, 60)
    spectra = true[:, None] * shape + rng.normal(0.0, 40.0, (60, 1024))
    spectra[3, 700] += 5000.0                                  # a cosmic ray
    light, error = faint_rates(spectra, np.full(spectra.shape, 40.0))
    pulls = (light / light.mean() - true / true.mean()) / (error / light.mean())
    assert 0.7 < np.std(pulls) < 1.4
    assert abs(pulls[3]) < 4.0


def test_a_pixel_without_light_among_bright_ones_does_not_count() -> None:
    """The median spectrum of a noisy scan may be exactly zero in a pixel between bright ones: the rate is that of the others."""
    spectra = np.outer([1.0, 2.0, 1.0, 1.0], [1, 1, 10, 10, 0, 10, 10, 1, 1])
    found, error = rates(spectra, np.ones_like(spectra))
    assert found / found[0] == pytest.approx([1, 2, 1, 1])
    assert np.all(np.isfinite(error))
