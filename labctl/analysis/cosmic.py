"""Cosmic-ray hits: spikes narrower than any line an instrument can draw.

A spectrograph spreads every line over its instrument function, two pixels wide or more. A particle that crosses the chip leaves its
charge in one or two pixels (the idea of the Laplacian edge detection of van Dokkum, PASP 113, 1420 (2001), in one dimension).
"""

from __future__ import annotations

from typing import Any

import numpy as np

SIGMAS = 8.0            # how far a spike stands above the noise
FOOT = 0.04             # of its height, two pixels away; a Gaussian line of 2.2 pixels (FWHM) still has 0.1 there
FOOT_AT = 2             # pixels from the peak
AROUND = 5              # where the spectrum beneath a spike is looked at, in pixels from it


def hits(frame: np.ndarray, *, gain_e_per_count: float = 1.0, read_noise_e: float = 0.0, offset: float = 0.0,
         before: np.ndarray | None = None) -> np.ndarray:
    """Give the pixels (indices along the last axis; along the flattened frame of an image) that a particle has hit.

    `frame` in counts, (pixels,) or (..., pixels), `offset` its bias level. `before` is the previous frame of the same kind: what is
    a spike there too is a line or a hot pixel. Hits on neighbouring pixels count as one, at the higher of them. Hits that drown in
    the shot noise, or stand on a narrow bright line, are not found.
    """
    flat = np.asarray(frame).ravel()
    found = _spikes(flat, gain_e_per_count, read_noise_e, offset)
    if len(found) and before is not None and np.shape(before) == np.shape(frame):
        found = found[~np.isin(found, _spikes(np.asarray(before).ravel(), gain_e_per_count, read_noise_e, offset))]
    return found


def _spikes(flat: np.ndarray, gain: float, read_noise_e: float, offset: float) -> np.ndarray:
    """Give the pixels that stand above what lies around them and whose foot is no wider than a line's may be."""
    if len(flat) < 2 * AROUND + 1:
        return np.empty(0, dtype=int)
    counts = flat.astype(np.float32)
    near = 0.5 * (counts[AROUND - FOOT_AT:-AROUND - FOOT_AT] + counts[AROUND + FOOT_AT:len(counts) - AROUND + FOOT_AT])
    height = counts[AROUND:-AROUND] - near
    if height.max() <= (faintest := SIGMAS * 1.25 * float(_noise(near.min(), offset, gain, read_noise_e))):
        return np.empty(0, dtype=int)       # as nearly always
    candidates = np.flatnonzero(height > faintest)
    at, near = candidates + AROUND, near[candidates]
    base = 0.5 * (counts[at - AROUND] + counts[at + AROUND])        # the mean of both sides: a slope beneath the spike cancels
    noise = _noise(near, offset, gain, read_noise_e)
    above = counts[at] - base
    narrow = (near - base <= FOOT * above) & (counts[at] - near > SIGMAS * 1.25 * noise)
    highest = (counts[at] >= counts[at - 1]) & (counts[at] > counts[at + 1])
    return at[narrow & highest]


def _noise(counts: Any, offset: float, gain: float, read_noise_e: float) -> Any:
    """Give the noise of pixels in counts."""
    return np.sqrt(read_noise_e**2 + np.maximum(counts - offset, 1.0) * gain) / gain
