"""What a camera does in the dark and how straight it answers to light.

    dark     mean(t) = bias + D t/gain;    variance of the difference of two frames = 2 (read noise² + D t)/gain²
    light    counts/exposure is constant below saturation

Columns that were binned on the chip count as one pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import linear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

FEWEST_EXPOSURES = 3
PRECISE = 0.02              # largest relative error of a rate that can speak about linearity
BRIGHT = 0.3                # of the brightest pixel, from which a pixel counts
OUTLIER = 5.0               # standard deviations from which a pixel is hot, or hit
BLOCK = 16                  # pixels whose median counts where single ones are noise
MEDIAN_ERROR = 1.2533       # standard error of a median of normal numbers over that of their mean
MEDIAN_TO_SD = 1.4826       # standard deviation of a normal distribution over its median absolute deviation


@dataclass(frozen=True)
class DarkBehaviour:
    """Bias in counts, dark current in electrons per second, read noise in electrons, and the exposures behind them."""

    bias: Result
    dark_current: Result
    read_noise: Result
    exposure_s: np.ndarray
    mean_counts: np.ndarray
    mean_error: np.ndarray


def dark_behaviour(exposure_s: Sequence[float] | np.ndarray, frames: np.ndarray, gain_e_per_count: float) -> DarkBehaviour:
    """Fit bias, dark current and read noise to dark frames (n, pixels) of exposures (n,), at least two of each exposure.

    Levels are medians over pixels and the noise comes from differences of frames of one exposure by their median absolute
    deviation, so hot pixels and cosmic rays do not count. Raises AnalysisError with fewer than three exposures or single frames.
    """
    exposure = np.asarray(exposure_s, dtype=float)
    each = np.unique(exposure)
    groups = [frames[exposure == value].astype(float) for value in each]
    if len(each) < FEWEST_EXPOSURES or any(len(group) < 2 for group in groups):
        raise AnalysisError(f"{len(each)} exposures with {min(map(len, groups))} frames each: bias, dark current and read noise "
                            f"need {FEWEST_EXPOSURES} exposures with 2 frames.")
    noise = np.array([frame_noise(group) for group in groups])
    level = np.array([np.median(group.mean(axis=0)) for group in groups])
    pixels = frames.shape[1]
    error = MEDIAN_ERROR * noise / np.sqrt([len(group) * pixels for group in groups])
    line = linear_fit(np.column_stack([np.ones(len(each)), each]), level, error, what="The dark level against exposure")
    variance = linear_fit(np.column_stack([np.ones(len(each)), each]), noise**2,
                          2 * noise**2 / np.sqrt([pixels * (len(group) - 1) for group in groups]), what="The dark noise")
    read = float(np.sqrt(max(variance.values[0], 0.0)))
    name = "straight line through dark level against exposure"
    return DarkBehaviour(
        bias=Result(float(line.values[0]), float(line.stderr[0]), "counts", name, goodness=line.goodness),
        dark_current=Result(float(line.values[1]) * gain_e_per_count, float(line.stderr[1]) * gain_e_per_count, "1/s", name,
                            note="electrons per second and pixel (binned column)", goodness=line.goodness),
        read_noise=Result(read * gain_e_per_count, float(variance.stderr[0]) / max(2 * read, 1e-9) * gain_e_per_count, "1",
                          "variance between dark frames, extrapolated to no exposure", note="electrons per pixel (binned column)"),
        exposure_s=each, mean_counts=level, mean_error=error)


def frame_noise(group: np.ndarray) -> float:
    """Give the standard deviation of a frame in counts, from differences of neighbouring frames; cosmic rays do not count.

    The median deviation only says what to leave out: of whole counts it is itself a whole number of them.
    """
    difference = np.diff(group, axis=0) - np.median(np.diff(group, axis=0))
    rough = max(MEDIAN_TO_SD * float(np.median(np.abs(difference))), 1.0)
    return float(np.std(difference[np.abs(difference) < OUTLIER * rough]) / np.sqrt(2.0))


def in_the_dark(frames: np.ndarray, gain_e_per_count: float) -> dict[str, Result]:
    """Give `dark_level` (counts) and `read_noise` (electrons) of dark frames (n, pixels) of one exposure, at least two."""
    frames = frames.astype(float)
    noise, middle = frame_noise(frames), float(np.median(frames))
    usual = frames[np.abs(frames - middle) < OUTLIER * max(float(np.median(np.abs(frames - middle))) * MEDIAN_TO_SD, 1.0)]
    electrons, error = noise * gain_e_per_count, noise / np.sqrt(usual.size)
    return {"dark_level": Result(float(usual.mean()), error, "counts", "mean of the dark pixels, hot ones left out"),
            "read_noise": Result(electrons, electrons / np.sqrt(2.0 * frames[1:].size), "1", "differences of dark frames",
                                 note="electrons per pixel (binned column), dark current included")}


@dataclass(frozen=True)
class Linearity:
    """Largest departure from proportionality in %, the rate of the straight part, and the departure of every point in %."""

    departure: Result
    rate: Result
    departures: np.ndarray
    errors: np.ndarray


def bright_pixels(spectra: np.ndarray) -> np.ndarray:
    """Mark the pixels (pixels,) of spectra (n, pixels) that stay above 30 % of the brightest in the median spectrum.

    The median, smoothed over three pixels, keeps single hits of cosmic rays out.
    """
    middle = np.median(spectra, axis=0)
    smooth = np.median(np.stack([np.roll(middle, -1), middle, np.roll(middle, 1)]), axis=0)
    return (smooth > BRIGHT * smooth.max()) & (middle > 0)


def rates(spectra: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the rate in the bright pixels of every spectrum and its standard error, (n,), from spectra of one shape (n, pixels).

    The median over pixels of what a spectrum is of the median spectrum: a cosmic ray changes one pixel and not the rate.
    """
    lit = bright_pixels(spectra)
    shape = np.median(spectra[:, lit], axis=0)
    share = np.median(spectra[:, lit] / shape, axis=1)
    error = MEDIAN_ERROR * np.sqrt(((sigma[:, lit] / shape) ** 2).mean(axis=1) / np.count_nonzero(lit))
    return share * shape.sum(), error * shape.sum()


def faint_rates(spectra: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the rate of every spectrum (n, pixels) and its standard error, (n,), where single spectra hardly stand out of the noise.

    What each has of the mean spectrum, in blocks of neighbouring pixels whose medians leave cosmic rays out.
    """
    whole = spectra.shape[1] // BLOCK * BLOCK
    blocks = np.median(spectra[:, :whole].reshape(len(spectra), -1, BLOCK), axis=2)
    errors = MEDIAN_ERROR * np.sqrt((sigma[:, :whole] ** 2).reshape(len(spectra), -1, BLOCK).sum(axis=2)) / BLOCK
    shape = np.clip(blocks.mean(axis=0), 0.0, None)
    if not shape.any():
        return blocks.sum(axis=1) * BLOCK, np.sqrt((errors**2).sum(axis=1)) * BLOCK
    weight = shape * shape.sum() / (shape @ shape) * BLOCK
    return blocks @ weight, np.sqrt(errors**2 @ weight**2)


def linearity(rate: np.ndarray, sigma: np.ndarray, usable: np.ndarray) -> Linearity:
    """Judge rates (n,) of one light at several exposures; saturated points are not `usable`.

    The departure is the largest |rate/median - 1| among the usable points known to 2 %; the median, because one exposure that
    departs must not drag along what it is compared with. Raises AnalysisError with fewer than three such points or without light.
    """
    good = usable & np.isfinite(rate) & (sigma > 0) & (sigma < PRECISE * np.abs(rate))
    if np.count_nonzero(good) < FEWEST_EXPOSURES:
        raise AnalysisError(f"{np.count_nonzero(good)} exposures are neither saturated nor lost in noise; linearity needs "
                            f"{FEWEST_EXPOSURES}. Change the light or the range of exposures.")
    middle = float(np.median(rate[good]))
    stderr = float(MEDIAN_ERROR * np.median(sigma[good]) / np.sqrt(np.count_nonzero(good)))
    departures, errors = 100 * (rate / middle - 1.0), 100 * sigma / middle
    worst = int(np.flatnonzero(good)[np.argmax(np.abs(departures[good]))])
    return Linearity(
        departure=Result(abs(float(departures[worst])), float(errors[worst]), "%", "largest departure from the median rate"),
        rate=Result(middle, stderr, "1/s", "median over exposures"), departures=departures, errors=errors)
