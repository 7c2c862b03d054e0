"""Cosmic-ray hits: spikes narrower than any line an instrument can draw.

A spectrograph spreads every line over its instrument function, two pixels wide or more. A particle that crosses the chip leaves its
charge in one or two pixels (the idea of the Laplacian edge detection of van Dokkum, PASP 113, 1420 (2001), in one dimension).

Two looks at the same thing, by how much is known. `hits` judges raw frames one by one while they are taken, at once and without
knowing the instrument's width. `spikes` judges a series afterwards, with the error of every pixel and the width of the instrument:
wherever the centre of a line falls between two columns, the weaker of the two neighbours of its highest pixel holds at least
exp(-8 ln 2/w²) of that pixel, w the FWHM in pixels. It is the more careful one, and sees hits on dark frames too, which point
downwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SIGMAS = 8.0            # standard errors by which a spike stands above its surroundings
FOOT = 0.04             # of its height, two pixels away; a Gaussian line of 2.2 pixels (FWHM) still has 0.1 there
FOOT_AT = 2             # pixels from the peak, where what it stands on is looked at
AROUND = 5              # where the spectrum beneath a spike is looked at, in pixels from it
SHARE = 0.3             # of what the weaker neighbour of a line holds: below it the peak is no line
TAIL = 0.35             # of a hit: the most that spills into the neighbouring column
SURE = 3.0              # standard errors by which the neighbour has to stay below


def hits(frame: np.ndarray, *, gain_e_per_count: float = 1.0, read_noise_e: float = 0.0, offset: float = 0.0,
         before: np.ndarray | None = None) -> np.ndarray:
    """Give the pixels (indices along the last axis; along the flattened frame of an image) that a particle has hit.

    `frame` in counts, (pixels,) or (..., pixels), `offset` its bias level. `before` is the previous frame of the same kind: what is
    a spike there too is a line or a hot pixel. Hits on neighbouring pixels count as one, at the higher of them. Hits that drown in
    the shot noise, or stand on a narrow bright line, are not found.
    """
    flat = np.asarray(frame).ravel()
    found = _in_frame(flat, gain_e_per_count, read_noise_e, offset)
    if len(found) and before is not None and np.shape(before) == np.shape(frame):
        found = found[~np.isin(found, _in_frame(np.asarray(before).ravel(), gain_e_per_count, read_noise_e, offset))]
    return found


def _in_frame(flat: np.ndarray, gain: float, read_noise_e: float, offset: float) -> np.ndarray:
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


def spikes(signal: np.ndarray, sigma: np.ndarray, fwhm_pixels: float) -> np.ndarray:
    """Mark the pixels (points, pixels) that a cosmic ray hit, and those it spilled into; negative ones come from dark frames."""
    left, right = signal[:, :-2 * FOOT_AT], signal[:, 2 * FOOT_AT:]
    slope = (left + right) / 2.0                    # beneath a peak it cancels
    below = np.minimum(left, right)                 # a hole lies below both sides, or it is only the foot of a line
    sharp = _sharper(signal, slope, sigma, fwhm_pixels) | _sharper(-signal, -below, sigma, fwhm_pixels)
    hit = sharp.copy()
    hit[:, 1:] |= sharp[:, :-1]
    hit[:, :-1] |= sharp[:, 1:]
    return hit


def _sharper(signal: np.ndarray, base: np.ndarray, sigma: np.ndarray, fwhm_pixels: float) -> np.ndarray:
    """Mark the peaks above `base` (points, pixels less two feet) whose weaker neighbour holds less than that of a line would."""
    expected = SHARE * np.exp(-8.0 * np.log(2.0) / max(fwhm_pixels, 1.0) ** 2)
    inner = slice(FOOT_AT, -FOOT_AT)
    height = signal[:, inner] - base
    before, after = slice(FOOT_AT - 1, -FOOT_AT - 1), slice(FOOT_AT + 1, signal.shape[1] - FOOT_AT + 1)
    left, right = signal[:, before] - base, signal[:, after] - base
    stronger = np.maximum(left, right)
    weaker = np.minimum(left + SURE * sigma[:, before], right + SURE * sigma[:, after])
    sharp = np.zeros(signal.shape, dtype=bool)
    sharp[:, inner] = (stronger < TAIL * height) & (height > SIGMAS * sigma[:, inner]) & (weaker < expected * height)
    return sharp


def without_spikes(signal: np.ndarray, sigma: np.ndarray, fwhm_pixels: float) -> tuple[np.ndarray, np.ndarray]:
    """Bridge the pixels that a cosmic ray hit by straight lines; gives the spectra and the number of hits in each, (points,).

    Arrays (points, pixels). A bridged pixel keeps its standard error, so a fit gives it no weight it does not have.
    """
    hit = spikes(signal, sigma, fwhm_pixels)
    clean, place = signal.copy(), np.arange(signal.shape[1])
    for row in np.flatnonzero(hit.any(axis=1)):
        good = ~hit[row]
        clean[row] = np.interp(place, place[good], signal[row, good])
    begins = hit & ~np.pad(hit, ((0, 0), (1, 0)))[:, :-1]
    return clean, begins.sum(axis=1)
