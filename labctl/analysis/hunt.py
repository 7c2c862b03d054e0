"""Where to measure next when a threshold is hunted: a coarse ladder first, then points to both sides of the kink."""

from __future__ import annotations

import numpy as np

from labctl.analysis import threshold
from labctl.core.errors import AnalysisError

COARSE = 9                  # points of the first ladder, evenly spaced in the logarithm
STEPS = (0.80, 1.45, 0.92, 1.18, 0.60, 1.80, 0.97, 1.06, 0.70, 1.30, 0.86, 1.60)
"""Fractions of the kink that are visited in turn: from above and from below, near and far, so that both lines are pinned."""
TWIN = 0.004                # relative distance below which two points are the same


def ladder(low: float, high: float) -> np.ndarray:
    """Give the coarse ladder, rising."""
    return np.geomspace(low, high, COARSE)


def kink_of(pump: np.ndarray, output: np.ndarray, sigma: np.ndarray | None = None) -> threshold.Threshold | None:
    """Give the kink of what has been measured so far, found in the points up to twice itself; None when there is none yet."""
    limit = float(np.max(pump))
    found = None
    for _ in range(4):
        near = pump <= limit
        try:
            found = threshold.kink(threshold.series(pump[near], output[near], None if sigma is None else sigma[near]))
        except AnalysisError:
            return found
        limit = min(2.0 * found.threshold.value, limit)
    return found


def next_pump(pump: np.ndarray, output: np.ndarray, low: float, high: float) -> float:
    """Give the pump at which the next point tells most, within `low` to `high`; arrays (points,) of what has been measured.

    Without a kink so far it halves the widest gap (in the logarithm), so that none is missed.
    """
    found = kink_of(pump, output)
    if found is not None:
        for step in STEPS:
            wanted = float(np.clip(step * found.threshold.value, low, high))
            if np.min(np.abs(pump / wanted - 1.0)) > TWIN * (1.0 + 10.0 * abs(step - 1.0)):
                return wanted
    known = np.sort(pump)
    gap = int(np.argmax(np.diff(np.log(known))))
    return float(np.sqrt(known[gap] * known[gap + 1]))
