"""Numbers of a decay as the counts that they were: normalised, averaged and background-free ones are brought back.

Fits of decays compare counts by Poisson's law, variance = counts. Numbers v that are no counts any more have variance = c + φ v
with φ and c of their own: (v + c/φ)/φ are counts again. Where only a factor and a background were taken, v still comes in steps
of φ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labctl.core.plan import Result

NOISE_BLOCK = 24            # neighbouring bins by which noise is compared with height
PASSES = 6
MOST_COUNTS = 1e7           # in the highest bin of made-up counts: a noiseless curve would make infinitely many
PEDESTAL = 30.0             # times the height by which made-up counts are raised where the noise does not grow with the height
STEEP = 0.05                # share of the top from which on, up to it and as far behind, second differences are no noise
FEWEST_LEVELS = 8           # different numbers in which steps are looked for
OFF_STEP = 0.1              # of a step by which a number may miss it
AGREES = 1.6                # factor between the step and the count that the noise tells


@dataclass(frozen=True)
class Counted:
    """Counts (n,), how much of the numbers given is one count, the counts that were added to all, and what was done in words."""

    counts: np.ndarray
    per_count: float = 1.0
    pedestal: float = 0.0
    note: str = ""

    def back(self, counts: np.ndarray) -> np.ndarray:
        """Give counts as the numbers that they were."""
        return (counts - self.pedestal) * self.per_count

    def result(self, one: Result, *, height: bool = False) -> Result:
        """Give an amplitude, or a `height` above zero, in the unit of the numbers."""
        if not self.note:
            return one
        value = (one.value - self.pedestal * height) * self.per_count
        stderr = None if one.stderr is None else one.stderr * self.per_count
        return replace(one, value=value, stderr=stderr, unit="signal", systematic=None, interval=None)

    def label(self, title: str) -> str:
        """Name the numbers."""
        return title or "Signal" if self.note else "Counts"


def as_counts(values: np.ndarray) -> Counted:
    """Give whole counts; of normalised, averaged or background-free numbers those counts that would scatter as they do."""
    if np.all(values >= 0) and np.all(values == np.round(values)) and values.max() > 1:
        return Counted(values)
    slope, constant = _noise(values)
    top = float(values.max())
    if (step := _step(values)) is not None and slope / AGREES < step < slope * AGREES:
        return _stepped(values, step)
    equal = slope <= top / MOST_COUNTS or constant / slope > top
    if equal:
        constant = max(constant, 0.0)
        slope = max(constant / (PEDESTAL * top), top / MOST_COUNTS)
    pedestal = max(constant, 0.0) / slope**2
    counts = np.round(np.clip(values / slope + pedestal, 0, None))
    told = "their noise does not grow as counts' does, so that errors and goodness are estimates" if equal else (
        f"by their noise {slope:.3g} of them is one count, to which errors and goodness refer")
    return Counted(counts, slope, pedestal, f"the numbers are no counts: {told}")


def _stepped(values: np.ndarray, step: float) -> Counted:
    """Give the counts of numbers that come in steps of one count; what was subtracted is told by their noise."""
    lowest = float(values.min())
    rest = lowest / step - np.round(lowest / step)          # a background that was no whole number of counts
    if lowest >= 0 and abs(rest) < OFF_STEP:
        pedestal = 0.0
    else:
        _, constant = _noise(values, step)
        pedestal = max(np.round(constant / step**2 + rest) - rest, -lowest / step)
    counts = np.round(values / step + pedestal)
    taken = f", after {pedestal:.4g} counts were subtracted" if pedestal else ""
    return Counted(counts, step, float(pedestal), f"the numbers come in steps of {step:.4g}, which is one count{taken}")


def _step(values: np.ndarray) -> float | None:
    """Find the one step in whole multiples of which all numbers (n,) differ; None when there is none."""
    levels = np.unique(values)
    if len(levels) < FEWEST_LEVELS:
        return None
    above = levels - levels[0]
    gaps = np.diff(levels)
    step = float(gaps[gaps > 1e-9 * above[-1]].min(initial=np.inf))
    reach = 8.0
    while np.isfinite(step):                # the lowest levels tell the step, the higher ones tell it better
        near = above <= reach * step
        whole = np.round(above[near] / step)
        if np.any(np.abs(above[near] / step - whole) > OFF_STEP):
            return None
        if whole.any():
            step = float(whole @ above[near] / (whole @ whole))
        if near.all():
            return step
        reach *= 4.0
    return None


def _noise(values: np.ndarray, slope: float | None = None) -> tuple[float, float]:
    """Fit variance = c + φ height to blocks of neighbours, from second differences, which no slope disturbs; gives φ and c.

    With `slope` φ is known.
    """
    second = (values[2:] - 2 * values[1:-1] + values[:-2]) / np.sqrt(6.0)
    blocks = max(len(second) // NOISE_BLOCK, 1)
    used = blocks * NOISE_BLOCK if len(second) >= NOISE_BLOCK else len(second)
    variance = np.mean(second[:used].reshape(blocks, -1) ** 2, axis=1)
    height = np.mean(values[1:-1][:used].reshape(blocks, -1), axis=1)
    calm = _calm(values, blocks, used // blocks)
    seen, level = variance[calm], height[calm]
    expected, constant, found = np.ones(len(seen)), 0.0, slope or 0.0
    for _ in range(PASSES):              # a variance scatters in proportion to itself: weights from the fit, not from the scatter
        weight = 1 / expected
        if slope is None:
            design = np.column_stack([np.ones(len(seen)), level])
            constant, found = np.linalg.lstsq(design * weight[:, None], seen * weight, rcond=None)[0]
        else:
            constant = float(np.sum((seen - slope * level) * weight**2) / np.sum(weight**2))
        line = constant + found * level
        expected = np.maximum(line, 1e-3 * max(float(line.max()), 1e-300))
    return float(found), float(constant)


def _calm(values: np.ndarray, blocks: int, length: int) -> np.ndarray:
    """Mark the blocks in which nothing rises steeply: the edge of the pulse is no noise."""
    calm = np.ones(blocks, dtype=bool)
    if blocks <= 4:
        return calm
    peak = int(np.argmax(values))
    below = np.flatnonzero(values[:peak] < STEEP * values[peak])
    first = int(below[-1]) if len(below) else 0
    last = peak + (peak - first)
    calm[max(first // length - 1, 0):last // length + 1] = False
    return calm if np.count_nonzero(calm) >= 3 else np.ones(blocks, dtype=bool)
