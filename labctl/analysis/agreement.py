"""Does a measured set of spectra look like the one that was expected? One common factor is free, everything else counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.core.errors import AnalysisError

MODEL_TOLERANCE = 0.05      # relative, of every expected pixel: pump within 1 %, fifth-order gain
LEFT_OUT = 2                # worst pixels of each spectrum: a cosmic ray hits one column, or two
DIFFERS = 3.0               # reduced χ² from which a point is said to differ


@dataclass(frozen=True)
class Agreement:
    """How far each point (row) is from what was expected: reduced χ², and the common factor measured / expected."""

    chi2: np.ndarray
    factor: float

    @property
    def differs(self) -> np.ndarray:
        """Which points are further away than `DIFFERS`."""
        return self.chi2 > DIFFERS


def agreement(measured: np.ndarray, sigma: np.ndarray, expected: np.ndarray, expected_sigma: np.ndarray) -> Agreement:
    """Compare spectra (points, pixels) with expected ones, both with standard errors of the same shape.

    The factor f is the median over the points of the weighted least-squares factor Σ(m e / s²) / Σ(e² / s²); then for each point

        χ² = Σ (m − f e)² / [σ_m² + (f σ_e)² + (t f e)²] / (n − k),

    t the tolerance of the model, n the pixels, k those left out. Raises AnalysisError when shapes differ, or nothing is expected.
    """
    if measured.shape != expected.shape or measured.ndim != 2 or measured.shape[1] <= LEFT_OUT:
        raise AnalysisError(f"arrays of shape {measured.shape} cannot be compared with expected ones of shape {expected.shape}.")
    variance = sigma**2 + expected_sigma**2
    variance = np.where(variance > 0, variance, np.inf)
    weight = np.sum(expected**2 / variance, axis=1)
    shown = weight > len(expected[0])           # points at which the expected light stands out from its noise
    if not shown.any():
        raise AnalysisError("no light was expected at any point, so there is nothing to compare with.")
    factor = float(np.median(np.sum(measured * expected / variance, axis=1)[shown] / weight[shown]))
    noise = sigma**2 + (factor * expected_sigma) ** 2 + (MODEL_TOLERANCE * factor * expected) ** 2
    squares = (measured - factor * expected) ** 2 / np.where(noise > 0, noise, np.inf)
    kept = np.sort(squares, axis=1)[:, : squares.shape[1] - LEFT_OUT]
    return Agreement(kept.mean(axis=1), factor)
