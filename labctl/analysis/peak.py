"""The top of a spectrum of which nothing is known beforehand: its place and height with errors that hold.

The brightest pixel of a faint, broad line is where the noise was kindest: it lies a nanometre off and is too bright. Here the
spectrum is smoothed by a Gaussian no wider than it takes until one top is left that is not the noise's, or that has a real valley
between itself and the next one. Place and height are then linear in the counts, so their errors are known:

    place   where the first derivative of the smoothed spectrum vanishes, its error over the second derivative; and how far the top
            of a lopsided line moves when the spectrum is smoothed more
    height  S - s² S''/2, which gives back what smoothing by a Gaussian of standard deviation s took off the top
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.lineshape import FWHM_PER_SIGMA
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

VISIBLE = 5.0               # standard errors by which the top stands above the floor, and its curvature above nothing
APART = 4.0                 # standard errors by which another top is lower, or by which there is a valley before it
WIDER = 2.0 ** 0.5          # from one width to the next
WIDEST = 0.25               # of the spectrum that smoothing may take
REACH = 3.0                 # standard deviations to which the Gaussian is used: so near to the edge a top may lie


@dataclass(frozen=True)
class Peak:
    """Place in nm and height in the signal's unit of the top, and over how many nm (FWHM) the spectrum was smoothed for it."""

    place: Result
    height: Result
    smoothed_nm: float


def peak(wavelength_nm: np.ndarray, signal: np.ndarray, sigma: np.ndarray, instrument_nm: float = 0.0) -> Peak:
    """Find the top of a spectrum (pixels,), wavelengths ascending, errors above zero.

    No line is narrower than the instrument (FWHM). Raises AnalysisError where nothing stands out of the noise.
    """
    pixel = float(np.median(np.diff(wavelength_nm)))
    width = max(instrument_nm / pixel, 2.0)
    while width < WIDEST * len(signal):
        smooth = _Smooth(signal, sigma, width / FWHM_PER_SIGMA)
        top = smooth.top
        if top is not None and smooth.stands_out(top) and all(smooth.a_line(other, top) for other in smooth.rivals(top)):
            return _told(wavelength_nm, pixel, smooth, top, width, _Smooth(signal, sigma, WIDER * width / FWHM_PER_SIGMA))
        width *= WIDER
    raise AnalysisError("Nothing in the spectrum stands out of the noise. Expose longer, or look whether the sample is lit.")


class _Smooth:
    """A spectrum smoothed by a Gaussian of a width in pixels, with its first two derivatives and the errors of all three."""

    def __init__(self, signal: np.ndarray, sigma: np.ndarray, width: float) -> None:
        reach = int(np.ceil(REACH * width))
        x = np.arange(-reach, reach + 1.0)
        gauss = np.exp(-(x / width)**2 / 2)
        gauss /= gauss.sum()
        square = float(gauss @ x**2)                # less than the width's, cut off as it is
        slope, bend = x * gauss / square, (x**2 - square) * gauss
        bend *= 2 / float(bend @ x**2)
        self.inside = slice(reach, len(signal) - reach)
        crest = gauss - square * bend / 2
        self.level, self.level_error = _both(signal, sigma, gauss)
        self.slope, self.slope_error = _both(signal, sigma, slope)
        self.bend, self.bend_error = _both(signal, sigma, bend)
        self.crest, self.crest_error = _both(signal, sigma, crest)

    @property
    def top(self) -> int | None:
        """The highest place that is not at the edge; None where the spectrum is too short, or highest at its end."""
        level = self.level
        if len(level) < 3:
            return None
        best = int(np.argmax(level))
        return best if 0 < best < len(level) - 1 else None

    def place(self, top: int) -> float:
        """Give the pixel at which the slope vanishes next to a top."""
        return self.inside.start + top + float(np.clip(-self.slope[top] / self.bend[top], -1.0, 1.0))

    def stands_out(self, top: int) -> bool:
        """Tell whether height and curvature of the top are more than noise."""
        height = self.level[top] - np.median(self.level)
        return bool(height > VISIBLE * self.level_error[top] and -self.bend[top] > VISIBLE * self.bend_error[top])

    def rivals(self, top: int) -> list[int]:
        """Give the other tops that are not clearly lower."""
        level = self.level
        tops = np.flatnonzero((level[1:-1] >= level[:-2]) & (level[1:-1] > level[2:])) + 1
        near = level[top] - level[tops] < np.sqrt(2.0) * APART * self.level_error[top]
        return [int(other) for other in tops[near & (tops != top)]]

    def a_line(self, other: int, top: int) -> bool:
        """Tell whether another top is one for certain: there is a valley before it."""
        valley = self.level[min(top, other):max(top, other) + 1].min()
        return bool(self.level[other] - valley > np.sqrt(2.0) * APART * self.level_error[other])


def _both(signal: np.ndarray, sigma: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlate with a kernel where all of it has data; gives values and standard errors."""
    return (np.correlate(signal, kernel, "valid"), np.sqrt(np.correlate(sigma**2, kernel**2, "valid")))


def _told(wavelength_nm: np.ndarray, pixel: float, smooth: _Smooth, top: int, width: float, wider: _Smooth) -> Peak:
    smoothed = width * pixel
    name = f"top of the spectrum smoothed over {smoothed:.2g} nm"
    at = smooth.place(top)
    place = float(np.interp(at, np.arange(len(wavelength_nm)), wavelength_nm))
    stderr, note = float(smooth.slope_error[top] / abs(smooth.bend[top])) * pixel, ""
    if (next_top := wider.top) is not None and abs(further := wider.place(next_top) - at) < width:
        stderr = float(np.hypot(stderr, further * pixel))       # of a lopsided line the top moves with the smoothing
    if rivals := smooth.rivals(top):            # which of two lines is the higher one is then a matter of luck
        furthest = max(rivals, key=lambda other: abs(other - top))
        other = float(wavelength_nm[smooth.inside][furthest])
        stderr, note = float(np.hypot(stderr, (other - place) / 2)), f"the line at {other:.2f} nm is as high within its error"
    height = Result(float(smooth.crest[top]), float(smooth.crest_error[top]), "1/s", name)
    return Peak(Result(place, stderr, "nm", name, note=note), height, smoothed)
