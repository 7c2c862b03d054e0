"""How fast the emission follows a switched voltage: the 10-90 % time of an edge, with the error of the clock.

Two estimators: the crossing times of a monotone curve through the frames, which assumes nothing about the shape but contains the
exposure, and an exponential averaged over each exposure, whose 10-90 % time is ln 9 τ = 2.197 τ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import clean, nonlinear_fit
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

TEN_TO_NINETY = float(np.log(9.0))   # of an exponential, in its time constants
MOST_TIMING_ERROR = 0.3     # share of the response time from which the clock decides, not the sample
SIGNIFICANT = 5.0           # standard errors by which the levels before and after must differ
SLOPE_REACH = 0.08          # of the edge's height, on either side of a crossing, over which its slope is taken
LEVEL_SHARE = 0.2           # of the frames at either end that give the levels


@dataclass(frozen=True)
class Edge:
    """The frames around one switching, or of many folded onto one time base.

    `time_s` is the middle of each frame after the edge of the voltage (negative before), `exposure_s` its length; `jitter_s` is the
    standard deviation of a frame's time with respect to the voltage. Arrays (frames,).
    """

    time_s: np.ndarray
    signal: np.ndarray
    sigma: np.ndarray | None
    exposure_s: float
    jitter_s: float = 0.0


def fold(time_s: np.ndarray, edges_s: np.ndarray, before_s: float, after_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Fold frames onto one time base; gives the indices of the frames (m,) and their times after the nearest edge (m,), sorted.

    `edges_s` are the moments at which the voltage went the same way; frames from `before_s` before to `after_s` after each count.
    """
    index, late = [], []
    for moment in edges_s:
        near = np.flatnonzero((time_s >= moment - before_s) & (time_s <= moment + after_s))
        index.append(near)
        late.append(time_s[near] - moment)
    frames, times = np.concatenate(index), np.concatenate(late)
    order = np.argsort(times, kind="stable")
    return frames[order], times[order]


def crossing_time(edge: Edge) -> Result:
    """Give the 10-90 % time in s between the crossings of a monotone curve through the frames (pool adjacent violators).

    The levels are the means of the first and last fifth of the frames. Statistical error: noise over slope at both crossings, the
    noise averaged over the frames pooled there; systematic: the clock (`timing_error`). Raises AnalysisError when the levels do
    not differ, when no frame lies between 10 and 90 %, or when the timing error exceeds 30 % of the time.
    """
    time, level = _normalised(edge)
    curve = _monotone(level.height)
    low, high = (float(np.interp(share, *_steps(curve, time))) for share in (0.1, 0.9))
    inside = (curve > 0.1) & (curve < 0.9)
    if not np.any(inside):
        raise AnalysisError(
            f"No frame lies between 10 and 90 % of the edge: it is faster than the frames, {edge.exposure_s * 1e3:.3g} ms each. "
            "Use shorter frames or fold more cycles."
        )
    value = high - low
    spacing = float(np.ptp(time)) / (len(time) - 1)
    error = float(np.linalg.norm([_crossing_error(curve, time, share, level.noise, spacing) for share in (0.1, 0.9)]))
    return _judged(value, error, timing_error(edge, len(time)), "10-90 % crossings of a monotone curve")


def _crossing_error(curve: np.ndarray, time: np.ndarray, share: float, noise: float, spacing: float) -> float:
    """Give the error of one crossing in s: the curve's noise over its slope there.

    A monotone fit pools as many frames as lie within its own noise, which makes its error 0.825 (σ² slope × spacing)^(1/3) in
    large samples (Brunk 1970), never more than that of a single frame.
    """
    near = np.interp([share - SLOPE_REACH, share + SLOPE_REACH], *_steps(curve, time))
    slope = 2 * SLOPE_REACH / max(float(near[1] - near[0]), spacing / 4)
    pooled = min(0.825 * (noise**2 * slope * spacing) ** (1 / 3), noise)
    return float(pooled / slope)


def exponential_time(edge: Edge) -> Result:
    """Give ln 9 τ in s of an exponential from the edge on, averaged over each exposure, levels and start free.

    Raises AnalysisError as `crossing_time` does.
    """
    time, level = _normalised(edge)
    after = time[-1] - max(time[0], 0.0)
    start = [0.0, 1.0, 0.0, max(0.1 * after, edge.exposure_s / 4)]

    def model(constants: np.ndarray) -> np.ndarray:
        first, rise, begin, tau = constants
        ends = (time + edge.exposure_s / 2 - begin, time - edge.exposure_s / 2 - begin)
        late, early = (np.clip(end, 0.0, None) for end in ends)
        # Mean over the exposure of 1 - exp(-t/τ), which is 0 before the edge.
        lit = (late - early) + tau * (np.exp(-late / tau) - np.exp(-early / tau))
        return first + rise * lit / edge.exposure_s

    noise = None if edge.sigma is None else np.full(len(time), level.noise)
    reach = float(np.ptp(time))
    fit = nonlinear_fit(model, start, level.height, noise, what="The exponential edge",
                        bounds=([-1.0, 0.2, -reach, 1e-3 * edge.exposure_s], [1.0, 3.0, reach, 10 * reach]))
    value, error = TEN_TO_NINETY * float(fit.values[3]), TEN_TO_NINETY * float(fit.stderr[3])
    return _judged(value, error, timing_error(edge, len(time)), "exponential averaged over the exposure, ln 9 τ", fit.goodness)


def timing_error(edge: Edge, frames: int) -> float:
    """Give the error in s of a difference of two crossing times that comes from the clock.

    A frame says when within its exposure only on average, sd exposure/sqrt(12), and when the frame was within its jitter. Frames of
    folded cycles that fall at different moments after the edge average the first: it is taken from the typical distance of frames
    where that is shorter than the exposure.
    """
    spacing = float(np.ptp(edge.time_s)) / max(frames - 1, 1)
    grain = min(spacing, edge.exposure_s) / np.sqrt(12.0)
    return float(np.sqrt(2) * np.hypot(grain, edge.jitter_s))


@dataclass(frozen=True)
class _Level:
    """The edge between 0 (before) and 1 (after), and the noise of a frame on this scale."""

    height: np.ndarray
    noise: float


def _normalised(edge: Edge) -> tuple[np.ndarray, _Level]:
    time, signal, error = clean(edge.time_s, edge.signal, edge.sigma)
    order = np.argsort(time, kind="stable")
    time, signal, error = time[order], signal[order], error[order]
    count = int(LEVEL_SHARE * len(time))
    if count < 3:
        raise AnalysisError(f"{len(time)} frames are too few for an edge; 15 are needed.")
    before, after = signal[:count], signal[-count:]
    noise = float(np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / 2)) if edge.sigma is None else float(np.median(error))
    step = float(after.mean() - before.mean())
    if abs(step) < SIGNIFICANT * noise * np.sqrt(2 / count):
        raise AnalysisError(
            f"The emission before ({before.mean():.4g}) and after the edge ({after.mean():.4g}) do not differ clearly, the noise "
            f"of a frame being {noise:.2g}. Is the sample charged at all? Fold more cycles."
        )
    return time, _Level((signal - before.mean()) / step, noise / abs(step))


def _monotone(height: np.ndarray) -> np.ndarray:
    """Give the rising curve nearest to the points: neighbours in the wrong order become their mean, until none are left."""
    sums: list[float] = []
    sizes: list[int] = []
    for value in height.tolist():
        sums.append(value)
        sizes.append(1)
        while len(sums) > 1 and sums[-2] / sizes[-2] >= sums[-1] / sizes[-1]:
            last, size = sums.pop(), sizes.pop()
            sums[-1] += last
            sizes[-1] += size
    return np.repeat(np.array(sums) / np.array(sizes), sizes)


def _steps(curve: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the levels of the curve and the mean time of each, for reading time against level."""
    levels, index = np.unique(curve, return_inverse=True)
    return levels, np.bincount(index, weights=time) / np.bincount(index)


def _judged(value: float, stderr: float, clock: float, estimator: str, goodness: float | None = None) -> Result:
    if clock > MOST_TIMING_ERROR * value:
        raise AnalysisError(
            f"The response time of {value * 1e3:.3g} ms is uncertain by {clock * 1e3:.3g} ms from the clock alone, more than "
            f"{MOST_TIMING_ERROR:.0%}. Use shorter frames, a hardware trigger, or more cycles."
        )
    return Result(value, stderr, "s", estimator, clock, goodness=goodness)
