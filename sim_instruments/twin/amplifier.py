"""The one amplifier: light growing along a gain medium that it saturates. A stripe and a cavity differ only in what is passed in.

dI/dx = q g I + s with q = 1/(1 + I_tot/I_sat). With du = q dx the spectrum is exact, I(E; u) = s (e^{g u} − 1)/g, and only the map
x(u) = ∫ (1 + I_tot/I_sat) du has to be integrated and solved for x(u*) = L.
"""

from __future__ import annotations

import numpy as np

POINTS = 40
LARGEST_EXPONENT = 80.0
GAIN_LENGTHS = 40.0                # of the strongest line, at which the integration stops


def amplify(gain_cm: np.ndarray, source: np.ndarray, length_cm: float, saturation: float,
            weight: float | np.ndarray = 1.0) -> np.ndarray:
    """Give the intensity leaving a medium of `length_cm`, in the units of `source` times cm, for each mode or energy.

    `weight` turns intensities into what saturates the gain: 1 for modes, the energy step for a spectrum.
    `saturation` is I_sat (2/A0 when intensities are photons per nanocrystal and cm: energy is then conserved).
    """
    if not np.any(source > 0.0):
        return np.zeros_like(source)
    return unsaturated(gain_cm, source, saturated_length(gain_cm, source, length_cm, saturation, weight))


def unsaturated(gain_cm: np.ndarray, source: np.ndarray, length_cm: float | np.ndarray) -> np.ndarray:
    """Give s (e^{gL} − 1)/g, which is s L for vanishing gain; lengths may be a column for several at once."""
    exponent = np.minimum(gain_cm * length_cm, LARGEST_EXPONENT)
    small = np.abs(exponent) < 1e-9
    safe = np.where(small, 1.0, gain_cm)
    return source * np.where(small, length_cm, np.expm1(exponent) / safe)


def saturated_length(gain_cm: np.ndarray, source: np.ndarray, length_cm: float, saturation: float,
                     weight: float | np.ndarray = 1.0) -> float:
    """Give u*, the length an unsaturated medium would need for the same light."""
    strongest = max(float(np.max(gain_cm)), 1e-6)
    u = np.linspace(0.0, min(length_cm, GAIN_LENGTHS / strongest), POINTS)
    light = np.sum(unsaturated(gain_cm, source, u[:, None]) * weight, axis=1) / saturation
    position = np.concatenate(([0.0], np.cumsum((1.0 + _segment_means(light)) * np.diff(u))))
    cell = min(int(np.searchsorted(position, length_cm)), POINTS - 1)
    if cell == 0:
        return 0.0
    before, after = position[cell - 1], position[cell]
    # The light grows exponentially, hence so does x: interpolate u in ln x.
    fraction = length_cm / after if cell == 1 else np.log(length_cm / before) / np.log(after / before)
    return float(u[cell - 1] + np.clip(fraction, 0.0, 1.0) * (u[cell] - u[cell - 1]))


def _segment_means(light: np.ndarray) -> np.ndarray:
    """Give the mean of each segment of a curve that grows exponentially: (b − a)/ln(b/a); a linear trapezoid fails here."""
    start, stop = light[:-1], light[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.log(stop / start)
        exponential = (start > 0.0) & (np.abs(logarithm) > 1e-3) & np.isfinite(logarithm)
        return np.where(exponential, (stop - start) / np.where(exponential, logarithm, 1.0), (start + stop) / 2.0)
