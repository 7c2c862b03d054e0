"""Which points of a curve were measured on the way down: where up and down differ, the sample remembers."""

from __future__ import annotations

import numpy as np

from labctl.core.reduction import CurveData
from labctl.gui.model.measured import Measured

ALIKE = 1e-6                # relative difference of two abscissas that are the same up to a factor
READ = "power"              # what an analysis turns into the abscissa, where it takes the reading for the set-point


def falling(measured: Measured | None, curve: CurveData) -> np.ndarray | None:
    """Mark the points of a curve that were measured after a higher one; None where all went one way or nobody can tell.

    An analysis may have sorted the points and taken the reading of the power head for the set-point; it may not have left any out.
    """
    steps = None if measured is None else measured.column(curve.x_name)
    if measured is None or steps is None or len(steps) != len(curve.x) or len(steps) < 2:
        return None
    down = _downwards(steps)
    if down.all() or not down.any():
        return None
    for name in (curve.x_name, f"{curve.x_name}_measured", READ):
        values = measured.column(name)
        if values is None:
            continue
        for order in (np.arange(len(values)), np.argsort(values, kind="stable")):
            if _alike(values[order], curve.x):
                return down[order]
    return None


def _downwards(steps: np.ndarray) -> np.ndarray:
    """Tell for every set-point whether it lies below the last one that was another; the first goes the way of the second."""
    moves = np.sign(np.diff(steps))
    first = float(moves[np.flatnonzero(moves)[0]]) if moves.any() else 0.0
    moves = np.concatenate([np.array([first]), moves])
    last = np.maximum.accumulate(np.where(moves != 0, np.arange(len(moves)), 0))
    return moves[last] < 0


def _alike(values: np.ndarray, x: np.ndarray) -> bool:
    """Tell whether two abscissas are the same up to a factor."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(values, dtype=float) / x
    ratio = ratio[np.isfinite(ratio)]
    return bool(len(ratio) and np.ptp(ratio) <= ALIKE * abs(ratio[0]))
