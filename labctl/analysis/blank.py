"""Take out of a series of spectra what another one shows without the sample: scattered pump light, light of the substrate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labctl.analysis.pair_series import Series
from labctl.core.errors import AnalysisError

SAME_PUMP_NM = 0.05         # by which the pump wavelengths of both runs may differ
SAME_PIXEL = 0.5            # of a pixel, by which their wavelength axes may differ


def without_blank(series: Series, level: np.ndarray, blank: Series, blank_level: np.ndarray) -> Series:
    """Subtract the blank's spectrum of the same pump wavelength, scaled by the pump's level (points,) of both; errors add.

    A blank that was measured more than once at a wavelength counts as the mean. Raises AnalysisError when the blank lacks a pump
    wavelength or has another wavelength axis.
    """
    pixel = float(np.median(np.abs(np.diff(series.wavelength))))
    if blank.wavelength.shape != series.wavelength.shape or np.abs(blank.wavelength - series.wavelength).max() > SAME_PIXEL * pixel:
        raise AnalysisError("The blank was taken on another wavelength axis. Measure it with the same grating, centre and camera.")
    apart = np.abs(series.pump_nm[:, None] - blank.pump_nm[None, :])
    missing = np.flatnonzero(apart.min(axis=1) > SAME_PUMP_NM)
    if len(missing):
        raise AnalysisError(f"The blank has no spectrum at {len(missing)} of {len(series.pump_nm)} pump wavelengths, the first "
                            f"{series.pump_nm[missing[0]]:.2f} nm. Measure it over the same wavelengths.")
    signal, sigma = series.signal.copy(), series.sigma.copy()
    for point, near in enumerate(apart <= SAME_PUMP_NM):
        scale = level[point] / blank_level[near]
        signal[point] -= (scale[:, None] * blank.signal[near]).mean(axis=0)
        error = np.sqrt(((scale[:, None] * blank.sigma[near]) ** 2).sum(axis=0)) / np.count_nonzero(near)
        sigma[point] = np.hypot(sigma[point], error)
    return replace(series, signal=signal, sigma=sigma)
