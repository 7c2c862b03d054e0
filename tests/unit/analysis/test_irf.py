"""A stored instrument response: width and place with honest errors, and the same histogram when it is recalled."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis import irf
from labctl.analysis.decay_model import Timing, response
from labctl.core.calibration import Calibration
from labctl.core.errors import AnalysisError

BINS, TIMING = 3000, Timing(4.0, 12.82e3)
FWHM_PS, CENTRE_PS = 180.0, 4000.0


def histogram(seed: int, counts: float = 2e5, background: float = 0.5) -> np.ndarray:
    time = np.arange(BINS) * TIMING.bin_ps
    shape = np.exp(-4 * np.log(2) * ((time - CENTRE_PS) / FWHM_PS) ** 2)
    return np.random.default_rng(seed).poisson(counts * shape / shape.sum() + background).astype(float)


def stored(counts: np.ndarray) -> Calibration:
    around = {"pump.wavelength": (490.0, 500.0)}
    return Calibration("irf", irf.MODEL, irf.kept(counts, TIMING), around, {}, "2026-01-01T00:00:00+00:00")


def test_width_and_position_come_back_within_their_errors() -> None:
    widths, places = [], []
    for seed in range(40):
        found = response(histogram(seed), TIMING)
        width, place = irf.width(found, 2e5), irf.position(found, 2e5)
        widths.append((width.value - FWHM_PS, width.stderr))
        places.append((place.value - CENTRE_PS) / place.stderr)
    off, errors = np.array(widths).T
    assert abs(off.mean()) < 0.01 * FWHM_PS
    assert np.std(off) == pytest.approx(errors.mean(), rel=0.4)
    assert np.std(places) < 1.5


def test_it_is_recalled_as_it_was_but_for_the_noise_beside_the_peak() -> None:
    counts = histogram(1)
    back = irf.recalled(stored(counts), BINS, TIMING.bin_ps)
    peak = int(CENTRE_PS / TIMING.bin_ps)
    assert np.array_equal(back[peak - 100:peak + 100], counts[peak - 100:peak + 100])
    assert back[:400].mean() == pytest.approx(0.5, abs=0.1)
    assert response(back, TIMING).fwhm_ps == pytest.approx(response(counts, TIMING).fwhm_ps, rel=1e-3)


@pytest.mark.parametrize(("bins", "bin_ps"), [(BINS // 2, 4.0), (BINS, 8.0)])
def test_a_counter_that_was_set_up_otherwise_is_refused(bins, bin_ps) -> None:
    with pytest.raises(AnalysisError, match="Take the response again"):
        irf.recalled(stored(histogram(1)), bins, bin_ps)
