"""The one amplifier: light growing along a gain medium that it saturates. A stripe and a cavity differ only in what is passed in.

dI/dx = q g I + s with q = 1/(1 + I_tot/I_sat). With du = q dx the spectrum is exact, I(E; u) = s (e^{g u} − 1)/g, and only the map
x(u) = ∫ (1 + I_tot/I_sat) du has to be integrated and solved for x(u*) = L.
"""

from __future__ import annotations

from typing import Any

import numpy as np

POINTS = 40
LARGEST_EXPONENT = 80.0
LEAST_EXPONENT = -16.0             # of one step: less is nothing, and numbers too small for their kind are slow
GAIN_LENGTHS = 40.0                # of the strongest line, at which the integration stops


def amplify(gain_cm: np.ndarray, source: np.ndarray, length_cm: float, saturation: float,
            weight: float | np.ndarray = 1.0) -> np.ndarray:
    """Give the intensity leaving a medium of `length_cm`, in the units of `source` times cm, for each mode or energy.

    Arrays (modes,), or (media, modes) for several media at once, each saturated by its own light. `weight` turns intensities into
    what saturates the gain: 1 for modes, the energy step for a spectrum.
    `saturation` is I_sat (2/A0 when intensities are photons per nanocrystal and cm: energy is then conserved).
    """
    if not np.any(source > 0.0):
        return np.zeros_like(source)
    length = saturated_length(gain_cm, source, length_cm, saturation, weight)
    return unsaturated(gain_cm, source, length[..., None])


def unsaturated(gain_cm: np.ndarray, source: np.ndarray, length_cm: float | np.ndarray) -> np.ndarray:
    """Give s (e^{gL} − 1)/g, which is s L for vanishing gain; lengths may be a column for several at once."""
    exponent = np.minimum(gain_cm * length_cm, LARGEST_EXPONENT)
    small = np.abs(exponent) < 1e-9
    safe = np.where(small, 1.0, gain_cm)
    return source * np.where(small, length_cm, np.expm1(exponent) / safe)


def saturated_length(gain_cm: np.ndarray, source: np.ndarray, length_cm: float, saturation: float,
                     weight: float | np.ndarray = 1.0) -> Any:
    """Give u*, the length an unsaturated medium would need for the same light; one number, or one per medium."""
    strongest = np.maximum(np.max(gain_cm, axis=-1), 1e-6)
    step = np.minimum(length_cm, GAIN_LENGTHS / strongest) / (POINTS - 1)
    # Even steps: each adds the light of the first, amplified once more, so that no exponential is needed for the others.
    added = np.empty((POINTS - 1, *gain_cm.shape))
    added[0] = unsaturated(gain_cm, source, step[..., None]) * weight
    added[1:] = np.exp(np.maximum(gain_cm * step[..., None], LEAST_EXPONENT))
    added = np.cumprod(added, axis=0, out=added).sum(axis=-1).reshape(POINTS - 1, -1)
    light = np.zeros((POINTS, added.shape[1]))
    np.cumsum(added / saturation, axis=0, out=light[1:])
    segments = (1.0 + _segment_means(light)) * step.reshape(-1)
    position = np.zeros_like(light)
    np.cumsum(segments, axis=0, out=position[1:])
    cell = np.clip(np.sum(position < length_cm, axis=0), 1, POINTS - 1)
    media = np.arange(len(cell))
    before, after = position[cell - 1, media], position[cell, media]
    # The light grows exponentially, hence so does x: interpolate u in ln x.
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(cell == 1, length_cm / after, np.log(length_cm / before) / np.log(after / before))
    return (step.reshape(-1) * (cell - 1 + np.clip(fraction, 0.0, 1.0))).reshape(step.shape)


def _segment_means(light: np.ndarray) -> np.ndarray:
    """Give the mean of each segment of a curve that grows exponentially: (b − a)/ln(b/a); a linear trapezoid fails here."""
    start, stop = light[:-1], light[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.log(stop / start)
        exponential = (start > 0.0) & (np.abs(logarithm) > 1e-3) & np.isfinite(logarithm)
        return np.where(exponential, (stop - start) / np.where(exponential, logarithm, 1.0), (start + stop) / 2.0)
