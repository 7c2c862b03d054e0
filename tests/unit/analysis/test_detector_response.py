"""The response of grating and camera: what was put in comes back within its error, and a lamp that is not there is refused."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.detector_response import Window, correction, detector_response, mean_without_hits, planck_photons, stored
from labctl.analysis.spectrograph import Geometry
from labctl.core.errors import AnalysisError

COLUMNS, COLOUR_K = 1024, 2856.0
GEOMETRY = Geometry(320.0, 12.0, 1200.0)


def true_response(air_nm):
    return np.exp(-((air_nm - 540.0) ** 2) / (2 * 120.0**2))


def windows(rng: np.random.Generator, level: float = 1e6, uneven: float = 0.01, centres=(500.0, 548.0, 596.0), drift: float = 0.0):
    """The lamp, which drifts, at some centres, on a chip whose columns differ; gives the windows and the unevenness."""
    flat = uneven * rng.standard_normal(COLUMNS)
    found = []
    for number, centre in enumerate(centres):
        axis = GEOMETRY.columns(centre, COLUMNS, 26.0)
        light = planck_photons(axis, COLOUR_K)
        light = light / planck_photons(np.array(600.0), COLOUR_K) * (1.0 + number * drift)
        exact = level * light * np.gradient(axis) / 0.06 * true_response(axis) * np.exp(flat)
        sigma = np.sqrt(exact)
        found.append(Window(axis, exact + sigma * rng.standard_normal(COLUMNS), sigma))
    return found, flat


@pytest.mark.parametrize("drift", [0.0, 0.02])
def test_response_and_unevenness_come_back_though_the_lamp_drifts(drift) -> None:
    made, flat = windows(np.random.default_rng(1), drift=drift)
    found = detector_response(made, COLOUR_K)
    assert found.drift == pytest.approx(drift * np.std([0, 1, 2]), abs=5e-4)
    grid = found.grid_nm
    relative = found(grid) / (true_response(grid) / true_response(grid).max())
    assert np.abs(relative / np.median(relative) - 1.0).max() < 0.003
    assert found.scatter == pytest.approx(0.01, rel=0.1)
    assert np.std(found.columns - (flat - flat.mean())) < 0.001


def test_unevenness_below_the_noise_is_left_out() -> None:
    made, _ = windows(np.random.default_rng(2), level=1e4, uneven=0.0)
    found = detector_response(made, COLOUR_K)
    assert np.std(found.columns) < 0.2 * 0.01 / np.sqrt(3)       # of the noise of a column in three windows


def test_a_correction_is_given_where_it_was_measured_and_nowhere_else() -> None:
    made, _ = windows(np.random.default_rng(3))
    curve = stored({1: detector_response(made, COLOUR_K)})
    inside = GEOMETRY.columns(550.0, COLUMNS, 26.0)
    assert correction(curve, 1, inside) is not None
    assert correction(curve, 2, inside) is None
    assert correction(curve, 1, GEOMETRY.columns(650.0, COLUMNS, 26.0)) is None
    assert correction(curve, 1, inside[::2]) is None


def test_hits_of_cosmic_rays_are_left_out_of_the_mean() -> None:
    signal = 1e4 + np.random.default_rng(4).normal(0.0, 100.0, (6, COLUMNS))
    signal[2, 500] += 5e3
    mean, error = mean_without_hits(signal, np.full(signal.shape, 100.0))
    assert abs(mean[500] - 1e4) < 5 * error[500]
    assert error[500] == pytest.approx(100.0 / np.sqrt(5))


@pytest.mark.parametrize(("level", "centres", "text"), [
    (1e6, (548.0,), "Measure 2 centres"), (1e6, (450.0, 600.0), "overlap by less than 10%"),
    (30.0, (500.0, 548.0), "Is it the white one"),
])
def test_what_cannot_be_told_is_refused(level, centres, text) -> None:
    made, _ = windows(np.random.default_rng(5), level=level, centres=centres)
    with pytest.raises(AnalysisError, match=text):
        detector_response(made, COLOUR_K)
