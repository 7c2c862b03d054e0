"""What a time-correlated histogram should look like: instrument response, periodic excitation, dead time.

Excited every T, a population of lifetime τ is seen as the periodic density p(t) = e^(-t/τ)/(τ (1 - e^(-T/τ))), 0 <= t < T, and
the histogram as the cyclic convolution of p with the instrument response (IRF). The measured IRF is taken as straight
between its bins, for which the convolution is exact at any bin width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from labctl.core.errors import AnalysisError

SERIES_BELOW = 1e-3         # bin over lifetime from which the weights of the recursion are taken from their series
PEAK_REACH = 10.0           # widths of the IRF beyond which its bins count as background
FEWEST_IRF_COUNTS = 1000.0  # below it the noise of the IRF is that of the result


@dataclass(frozen=True)
class Timing:
    """The clockwork of a histogram: bin width and repetition period in ps; for pile-up also dead time (ps) and sync pulses counted.

    `pulses` = repetition rate × live time; 0 leaves pile-up out of the model.
    """

    bin_ps: float
    period_ps: float
    dead_time_ps: float = 0.0
    pulses: float = 0.0


@dataclass(frozen=True)
class Response:
    """An instrument response on the bins of the histogram: share of light per bin, sum 1, background removed."""

    shape: np.ndarray
    bin_ps: float

    @property
    def centroid_ps(self) -> float:
        """Give its mean time in ps from the middle of the first bin."""
        return float(self.shape @ np.arange(len(self.shape))) * self.bin_ps

    @property
    def fwhm_ps(self) -> float:
        """Give its full width at half maximum in ps, by straight lines between bins."""
        half = self.shape.max() / 2
        above = np.flatnonzero(self.shape > half)
        first, last = int(above[0]), int(above[-1])
        left = right = 0.0
        if first > 0:
            left = (self.shape[first] - half) / (self.shape[first] - self.shape[first - 1])
        if last < len(self.shape) - 1:
            right = (self.shape[last] - half) / (self.shape[last] - self.shape[last + 1])
        return float(last - first + left + right) * self.bin_ps

    def moved(self, shift_ps: float, stretch: float = 1.0) -> Response:
        """Give the response `shift_ps` later and `stretch` times wider about its centroid, straight between bins."""
        time = np.arange(len(self.shape)) * self.bin_ps
        middle = self.centroid_ps
        shape = np.interp((time - shift_ps - middle) / stretch + middle, time, self.shape, left=0.0, right=0.0)
        return Response(shape / shape.sum(), self.bin_ps)


def response(counts: np.ndarray, timing: Timing) -> Response:
    """Turn a measured IRF histogram (bins,) into a response: the mean of the bins far from the peak is its background.

    Raises AnalysisError when it holds fewer than 1000 counts above background, or when its peak is not narrower than a tenth of
    the histogram.
    """
    counts = np.asarray(counts, dtype=float)
    rough = Response(counts / counts.sum() if counts.sum() > 0 else counts, timing.bin_ps)
    if counts.sum() <= 0:
        raise AnalysisError("The instrument response holds no counts. Is the spectrograph on the pump line?")
    width = max(rough.fwhm_ps / timing.bin_ps, 1.0)
    distance = np.abs(np.arange(len(counts)) - int(np.argmax(counts)))
    far = np.minimum(distance, len(counts) - distance) > PEAK_REACH * width
    background = float(counts[far].mean()) if np.any(far) else 0.0
    shape = np.where(far, 0.0, counts - background)
    if shape.sum() < FEWEST_IRF_COUNTS:
        raise AnalysisError(
            f"The instrument response holds {shape.sum():.0f} counts above its background; {FEWEST_IRF_COUNTS:.0f} are needed. "
            "Take it longer."
        )
    if width > len(counts) / 10:
        raise AnalysisError(
            f"The instrument response is {rough.fwhm_ps:.0f} ps wide, more than a tenth of the histogram: that is a decay or room "
            "light, not the pump."
        )
    return Response(shape / shape.sum(), timing.bin_ps)


def decay(irf: Response, lifetime_ps: float, timing: Timing, shift_ps: float = 0.0) -> np.ndarray:
    """Give the histogram of one exponential behind the response, wrapped at the period, (bins,); it sums to 1 over a period.

    `shift_ps` delays the decay with respect to the IRF by any fraction of a bin (the colour and rate shifts of the detector), as
    long as the IRF stays inside the histogram. Straight lines between bins widen the IRF by bin²/6 (variance): a fit reads a
    lifetime short by bin²/12τ, 0.03 ps for 49 ps in bins of 4 ps.
    """
    whole = int(np.ceil(shift_ps / timing.bin_ps))
    part = whole - shift_ps / timing.bin_ps                   # 0 <= part < 1: bins by which each bin has to age further
    shape = _whole_bins_later(irf.shape, whole)
    step = timing.bin_ps / lifetime_ps
    first, second = _weights(step)
    causal = lfilter([first, second], [1.0, -np.exp(-step)], shape)
    ages = np.arange(len(shape)) * timing.bin_ps
    # Light of all earlier pulses: what is left of it at t = 0, decaying through the whole histogram.
    missing = -np.expm1(-timing.period_ps / lifetime_ps)
    left = float(np.exp(-(timing.period_ps - ages) / lifetime_ps) @ shape) * step / missing
    periodic = np.asarray(causal) + left * np.exp(-ages / lifetime_ps)
    if part == 0.0:
        return periodic
    first, second = _weights(part * step)
    following = np.append(shape[1:], 0.0)
    return periodic * np.exp(-part * step) + first * (shape + part * (following - shape)) + second * shape


def _whole_bins_later(shape: np.ndarray, bins: int) -> np.ndarray:
    """Move a response by whole bins; what leaves the histogram is lost."""
    moved = np.zeros_like(shape)
    if bins >= 0:
        moved[bins:] = shape[: len(shape) - bins]
    else:
        moved[:bins] = shape[-bins:]
    return moved


def _weights(step: float) -> tuple[float, float]:
    """Give the weights of this and the last bin for an IRF straight between them: ∫ h(u) e^-(t-u)/τ du/τ over one bin."""
    if step < SERIES_BELOW:
        return step / 2 - step**2 / 6, step / 2 - step**2 / 3
    lost = -np.expm1(-step)
    return 1.0 - lost / step, lost / step - (1.0 - lost)


def live_share(counts: np.ndarray, timing: Timing) -> np.ndarray:
    """Give the share of incident light that each bin recorded, (bins,), from the recorded counts themselves.

    A detector dead for t_d after each count records m(t) = μ(t) [1 - ∫ m over the preceding t_d], m counts per pulse and time,
    exact for a non-extended dead time and periodic in T; with t_d about T this is Coates' correction of first-photon pile-up
    (J. Phys. E 1, 878 (1968)). m is what was measured, so the share needs no model. Returns ones without pulses or dead time.
    Raises AnalysisError when the detector was dead more than 80 % of the time somewhere.
    """
    if timing.pulses <= 0 or timing.dead_time_ps <= 0:
        return np.ones(len(counts))
    recorded = np.asarray(counts, dtype=float) / timing.pulses
    whole, rest = divmod(timing.dead_time_ps, timing.period_ps)
    total = float(recorded.sum())
    # Recorded before time t within one period, at the edges of the bins; flat from the end of the histogram to the period.
    edges = np.append(np.arange(len(counts) + 1) * timing.bin_ps, max(timing.period_ps, (len(counts) + 1e-9) * timing.bin_ps))
    before = np.append(np.concatenate([[0.0], np.cumsum(recorded)]), total)
    now = (np.arange(len(counts)) + 0.5) * timing.bin_ps
    then = now - rest
    preceding = np.interp(now, edges, before) - np.where(
        then >= 0, np.interp(then, edges, before), np.interp(then + timing.period_ps, edges, before) - total,
    )
    share = 1.0 - whole * total - preceding
    if share.min() < 0.2:
        raise AnalysisError(
            f"The detector was dead for up to {1 - share.min():.0%} of the time ({total:.3g} counts per pulse): such a histogram "
            "cannot be corrected. Dim the detection, never the pump, to 5 % of the sync rate."
        )
    return share
