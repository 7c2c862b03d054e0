"""The instrument response of a photon counter as something to keep: its peak bin by bin, its background, and when it comes."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.signal import savgol_filter

from labctl.analysis.decay_model import PEAK_REACH, Response, Timing, response
from labctl.core.calibration import Calibration
from labctl.core.counted import stored_response
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

KIND, MODEL = "irf", "histogram"
SMOOTH = 0.4                # of the FWHM: the span of the parabolas; a Gaussian reads 0.4 % wide by it
PARABOLA = 2.25             # variance of a smoothed point times the span: Savitzky and Golay, Anal. Chem. 36, 1627 (1964)
SAME_BIN = 1e-3             # relative difference below which two bin widths are one


def width(irf: Response, counts: float) -> Result:
    """Give the FWHM in ps of the response smoothed by parabolas, lest single bins set the maximum and the crossings by their noise.

    The error is the noise of the smoothed curve over its slope at both crossings.
    """
    span = max(int(SMOOTH * irf.fwhm_ps / irf.bin_ps) // 2 * 2 + 1, 5)
    smooth = Response(np.maximum(np.asarray(savgol_filter(irf.shape, span, 2)), 0.0), irf.bin_ps)
    half = float(smooth.shape.max()) / 2
    above = np.flatnonzero(smooth.shape > half)
    slope = np.abs(np.gradient(smooth.shape, irf.bin_ps))[above[[0, -1]]]
    noise = float(np.sqrt(PARABOLA / span * half / counts))
    return Result(smooth.fwhm_ps, float(np.linalg.norm(noise / slope)), "ps", "half maximum of the measured response, smoothed")


def position(irf: Response, counts: float) -> Result:
    """Give when it comes after the sync in ps, on the counter's own scale (cables included)."""
    time = np.arange(len(irf.shape)) * irf.bin_ps
    spread = float(np.sqrt(max(irf.shape @ (time - irf.centroid_ps) ** 2, 0.0)))
    return Result(irf.centroid_ps, spread / np.sqrt(counts), "ps", "centre of mass of the measured response")


def kept(counts: np.ndarray, timing: Timing) -> dict[str, Any]:
    """Give a response histogram (bins,) as the curve of a calibration: the bins of its peak, and the mean of all others."""
    irf = response(counts, timing)
    reach = int(np.ceil(PEAK_REACH * max(irf.fwhm_ps / timing.bin_ps, 1.0)))
    peak = int(np.argmax(counts))
    first, last = max(peak - reach, 0), min(peak + reach + 1, len(counts))
    beside = np.concatenate([counts[:first], counts[last:]])
    return {"first": first, "counts": np.asarray(counts[first:last], dtype=float).tolist(),
            "background": float(beside.mean()) if len(beside) else 0.0, "bins": len(counts), "bin_ps": timing.bin_ps,
            "fwhm_ps": irf.fwhm_ps, "position_ps": irf.centroid_ps}


def recalled(found: Calibration, bins: int, bin_ps: float) -> np.ndarray:
    """Give the stored histogram (bins,) back; raises AnalysisError when the counter was set up otherwise then."""
    known = stored_response(found)
    if len(known.counts) != bins or abs(known.bin_ps / bin_ps - 1.0) > SAME_BIN:
        raise AnalysisError(f"The stored response has {len(known.counts)} bins of {known.bin_ps:g} ps, the decays have {bins} of "
                            f"{bin_ps:g} ps. Take the response again: labctl run irf.")
    return known.counts
