"""Cosmic rays in a series of spectra: peaks sharper than the instrument can draw a line, bridged before anything is fitted.

`labctl.analysis.cosmic` looks at raw frames one by one while they are taken; here the width of the instrument and the error of
every pixel are known, and hits on a dark frame, which point downwards, count as well. A line is as wide as the instrument's
response, so wherever its centre falls between two columns, the weaker of the two neighbours of its highest pixel holds at least
exp(-8 ln 2/w²) of that pixel, w the instrument's FWHM in pixels. A cosmic ray hits one column and spills little into one neighbour.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

HIGH = 8.0                  # standard errors above its surroundings from which a pixel is suspected
SURROUNDINGS = 15           # pixels over which the median is taken
SHARE = 0.5                 # of what the weaker neighbour of a line holds: below it the peak is no line
SURE = 2.0                  # standard errors by which the neighbour has to stay below


def spikes(signal: np.ndarray, sigma: np.ndarray, fwhm_pixels: float) -> np.ndarray:
    """Mark the pixels (points, pixels) that a cosmic ray hit, and those it spilled into; negative ones come from dark frames."""
    excess = signal - median_filter(signal, size=(1, SURROUNDINGS), mode="nearest")
    sharp = _sharper(excess, sigma, fwhm_pixels) | _sharper(-excess, sigma, fwhm_pixels)
    hit = sharp.copy()
    hit[:, 1:] |= sharp[:, :-1]
    hit[:, :-1] |= sharp[:, 1:]
    return hit


def _sharper(excess: np.ndarray, sigma: np.ndarray, fwhm_pixels: float) -> np.ndarray:
    expected = SHARE * np.exp(-8.0 * np.log(2.0) / max(fwhm_pixels, 1.0) ** 2)
    padded, noise = np.pad(excess, ((0, 0), (1, 1)), mode="edge"), np.pad(sigma, ((0, 0), (1, 1)), mode="edge")
    weaker = np.minimum(padded[:, :-2] + SURE * noise[:, :-2], padded[:, 2:] + SURE * noise[:, 2:])
    highest = excess >= np.maximum(padded[:, :-2], padded[:, 2:])
    return highest & (excess > HIGH * sigma) & (weaker < expected * excess)


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
