"""What a person reads off a spectrum on the screen: peak, centre, width, sum. No model, no error: a fit says what is true.

Arrays are 1-D and of one length; x may ascend or descend. NaN stands for what does not exist, and for pixels without data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMOOTH = 3                  # pixels of the median that keeps a cosmic ray from being the peak
FLOOR_PERCENT = 10.0        # of the pixels lie below what is taken for the floor of a spectrum
STANDS_OUT = 6.0            # scatters of neighbouring pixels by which a peak rises above the floor


@dataclass(frozen=True)
class ReadOff:
    """Numbers of one spectrum in the units of its axes; `centroid` and `fwhm` are those of the peak above the floor."""

    peak: float
    height: float
    centroid: float
    fwhm: float


NOTHING = ReadOff(float("nan"), float("nan"), float("nan"), float("nan"))


def read_off(x: np.ndarray, y: np.ndarray) -> ReadOff:
    """Give peak, centroid and full width at half maximum; all NaN when nothing stands out of the scatter.

    The centroid is that of what lies above a fifth of the height, in one piece with the peak; the width runs between straight
    lines through the pixels about half of it.
    """
    good = np.isfinite(y)
    if np.count_nonzero(good) < 2 * SMOOTH:
        return NOTHING
    x, y = np.asarray(x, dtype=float)[good], np.asarray(y, dtype=float)[good]
    smooth = smoothed(y)
    floor = float(np.percentile(smooth, FLOOR_PERCENT))
    top = _highest(y, int(np.argmax(smooth)))
    height = float(smooth[top]) - floor
    scatter = float(np.median(np.abs(np.diff(y)))) / 0.6745 / np.sqrt(2.0)      # of one pixel, for Gaussian noise
    if height <= STANDS_OUT * scatter or height <= 0.0:
        return NOTHING
    above = smooth - floor
    low, high = _around(above, top, 0.2 * height)
    weight = above[low:high + 1]
    centroid = float(np.average(x[low:high + 1], weights=weight))
    return ReadOff(float(x[top]), height + floor, centroid, _width(x, above, top, height / 2))


def smoothed(y: np.ndarray) -> np.ndarray:
    """Give the median of every pixel and its two neighbours along the last axis (..., n >= 2); at an end the lower one of two.

    Inside the same as `scipy.signal.medfilt`, whose package takes a second to load: no window waits that long for a spectrum.
    """
    ends = np.minimum(y[..., [0, -2]], y[..., [1, -1]])
    return np.concatenate([ends[..., :1], _middle(y), ends[..., 1:]], axis=-1)


def brightest(array: np.ndarray) -> float:
    """Give the highest level of an array of pixels (..., n), of which two of three neighbours tell: a cosmic ray is but one."""
    return float((array if array.shape[-1] < SMOOTH else _middle(array)).max())


def _middle(array: np.ndarray) -> np.ndarray:
    """Give the middle one of every three neighbours, (..., n - 2)."""
    first, second, third = array[..., :-2], array[..., 1:-1], array[..., 2:]
    return np.maximum(np.minimum(first, second), np.minimum(np.maximum(first, second), third))


def _highest(y: np.ndarray, near: int) -> int:
    """Give the highest pixel next to the one that the median found, which lies up to a pixel beside it."""
    first = max(near - 1, 0)
    return first + int(np.argmax(y[first:near + 2]))


def _around(above: np.ndarray, top: int, level: float) -> tuple[int, int]:
    """Give first and last pixel of the piece around the peak that stays above a level."""
    below = np.flatnonzero(above <= level)
    left, right = below[below < top], below[below > top]
    return (int(left[-1]) + 1 if len(left) else 0), (int(right[0]) - 1 if len(right) else len(above) - 1)


def _width(x: np.ndarray, above: np.ndarray, top: int, half: float) -> float:
    low, high = _around(above, top, half)
    if low == 0 or high == len(above) - 1:
        return float("nan")                 # the spectrum ends before the line does
    ends = []
    for inside, outside in ((low, low - 1), (high, high + 1)):
        share = (above[inside] - half) / (above[inside] - above[outside])
        ends.append(x[inside] + share * (x[outside] - x[inside]))
    return float(abs(ends[1] - ends[0]))


def inside(x: np.ndarray, y: np.ndarray, low: float, high: float) -> float:
    """Give the sum of what lies between two places."""
    return float(np.nansum(y[(x >= min(low, high)) & (x <= max(low, high))]))
