"""Cosmic-ray hits are found where they are, and lines are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.cosmic import hits

PIXELS = np.arange(2048)
CAMERA = {"gain_e_per_count": 1.0, "read_noise_e": 4.0, "offset": 300.0}


def frame(random, signal):
    return (300 + random.poisson(signal + 5) + random.normal(0, 4, signal.shape)).astype("u4")


@pytest.mark.parametrize("fwhm", [3.0, 5.0, 20.0, 200.0])
@pytest.mark.parametrize("height", [0, 50, 500, 40000])
def test_lines_are_no_hits(fwhm, height):
    random = np.random.default_rng(11)
    found = [len(hits(frame(random, height * np.exp(-4 * np.log(2) * ((PIXELS - random.uniform(20, 2000)) / fwhm) ** 2)), **CAMERA))
             for _ in range(40)]
    assert sum(found) == 0


def test_hits_on_a_broad_line_are_found_where_they_are():
    """Measured: 977 of 1000 of 300 to 3000 electrons, a fifth of them in the next pixel; the faintest are lost in the noise."""
    random = np.random.default_rng(12)
    line = 3000 * np.exp(-0.5 * ((PIXELS - 900) / 60) ** 2)
    found = wrong = 0
    for _ in range(200):
        hit, where = frame(random, line), int(random.integers(10, 2030))
        energy = random.uniform(300, 3000)
        hit[where] += int(0.8 * energy)
        hit[where + 1] += int(0.2 * energy)
        at = hits(hit, **CAMERA)
        found += where in at
        wrong += len(set(at) - {where})
    assert found > 185
    assert wrong == 0


def test_what_stood_there_before_is_no_hit():
    random = np.random.default_rng(13)
    first, second = frame(random, np.zeros(2048)), frame(random, np.zeros(2048))
    first[100] = second[100] = 2000
    second[500] = 2000
    assert list(hits(second, before=first, **CAMERA)) == [500]
    assert list(hits(second, before=first[:100], **CAMERA)) == [100, 500], "a frame of another length is no comparison"


def test_short_frames_are_left_alone():
    assert len(hits(np.array([1, 900, 1]))) == 0
