"""Cosmic rays in a series of spectra: peaks sharper than the instrument can draw a line, bridged before anything is fitted.

`labctl.analysis.cosmic` looks at raw frames one by one while they are taken; here the width of the instrument and the error of
every pixel are known, and hits on a dark frame, which point downwards, count as well. A line is as wide as the instrument's
response, so wherever its centre falls between two columns, the weaker of the two neighbours of its highest pixel holds at least
exp(-8 ln 2/w²) of that pixel, w the instrument's FWHM in pixels. A cosmic ray hits one column and spills little into one neighbour.
"""

from __future__ import annotations

import numpy as np

HIGH = 8.0                  # standard errors above its surroundings from which a pixel is suspected
FOOT = 2                    # pixels to either side whose mean is what a peak stands on
SHARE = 0.3                 # of what the weaker neighbour of a line holds: below it the peak is no line
TAIL = 0.35                 # of a hit: the most that spills into the neighbouring column
SURE = 3.0                  # standard errors by which the neighbour has to stay below


def spikes(signal: np.ndarray, sigma: np.ndarray, fwhm_pixels: float) -> np.ndarray:
    """Mark the pixels (points, pixels) that a cosmic ray hit, and those it spilled into; negative ones come from dark frames."""
    left, right = signal[:, :-2 * FOOT], signal[:, 2 * FOOT:]
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
    inner = slice(FOOT, -FOOT)
    height = signal[:, inner] - base
    left, right = signal[:, FOOT - 1:-FOOT - 1] - base, signal[:, FOOT + 1:signal.shape[1] - FOOT + 1] - base
    stronger = np.maximum(left, right)
    weaker = np.minimum(left + SURE * sigma[:, FOOT - 1:-FOOT - 1], right + SURE * sigma[:, FOOT + 1:signal.shape[1] - FOOT + 1])
    sharp = np.zeros(signal.shape, dtype=bool)
    sharp[:, inner] = (stronger < TAIL * height) & (height > HIGH * sigma[:, inner]) & (weaker < expected * height)
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
