"""The stimulated pair in a series of spectra: learn the common shape from the brightest, then fit the areas in all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.lineshape import PairFit, Shape, Window, average_shape, fit_free, fit_pair, window
from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev

PAIR_WIDE_NM = 1.0  # from the lower edge of the pair to where it has ended
FREE_FITS = 5       # brightest spectra from which the shape is learnt; more do not improve it visibly


@dataclass(frozen=True)
class Series:
    """Spectra and the pump wavelength of each: `signal` and `sigma` are (points, pixels), wavelengths nm in vacuum."""

    pump_nm: np.ndarray
    wavelength: np.ndarray
    signal: np.ndarray
    sigma: np.ndarray


@dataclass(frozen=True)
class Emission:
    """Where the pair is looked for, wavelengths in nm (vacuum).

    `margin_nm` is the distance that a pump band needs: pixels nearer to it, or beyond it, are not fitted. The pair itself, from its
    lower edge `edge_nm` to PAIR_WIDE_NM above, always is.
    """

    splitting_ev: float
    low_nm: float
    edge_nm: float
    high_nm: float
    margin_nm: float
    instrument_fwhm_nm: float


def fitted_pixels(pump_nm: np.ndarray, wavelength: np.ndarray, emission: Emission) -> np.ndarray:
    """Mark the pixels that enter the fit of each spectrum, (points, pixels): inside the window and clear of the pump band."""
    redder = pump_nm > emission.edge_nm + PAIR_WIDE_NM
    low = np.where(redder, emission.low_nm, np.clip(pump_nm + emission.margin_nm, emission.low_nm, emission.edge_nm))
    high = np.where(redder, np.clip(pump_nm - emission.margin_nm, emission.edge_nm + PAIR_WIDE_NM, emission.high_nm),
                    emission.high_nm)
    return (wavelength >= low[:, None]) & (wavelength <= high[:, None])


def learn_shape(series: Series, emission: Emission, usable: np.ndarray) -> tuple[Shape, float]:
    """Fit the brightest spectra freely; gives their mean shape and the standard error of the broad line's centre in eV.

    Spectra whose pump band stays outside the window are preferred: in the others the pump hides one flank of the broad line.
    Raises AnalysisError when none of them shows the pair.
    """
    outside = usable & (series.pump_nm + emission.margin_nm < emission.low_nm)
    candidates = np.flatnonzero(outside if outside.any() else usable)
    region = (series.wavelength > emission.edge_nm) & (series.wavelength < emission.high_nm)
    brightest = candidates[np.argsort(series.signal[candidates][:, region].sum(axis=1))[::-1][:FREE_FITS]]
    width_ev = emission.instrument_fwhm_nm * energy_ev(emission.edge_nm) / emission.edge_nm
    fits: list[PairFit] = []
    refusals: list[AnalysisError] = []
    for index in brightest:
        start = fits[0].shape if fits else None
        try:
            fits.append(fit_free(_window(series, emission, int(index)), emission.splitting_ev, width_ev, start))
        except AnalysisError as exc:
            refusals.append(exc)
    if not fits:
        raise refusals[0] if refusals else AnalysisError("No usable spectrum is left to learn the emission's shape from.")
    return average_shape(fits)


def pair_rates(series: Series, emission: Emission, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Give the area of the pair in every spectrum, in the unit of the signal summed over pixels, and its standard error."""
    fits = pair_fits(series, emission, shape)
    return np.array([fit.pair for fit in fits]), np.array([fit.pair_stderr for fit in fits])


def pair_fits(series: Series, emission: Emission, shape: Shape) -> list[PairFit]:
    """Fit pair and broad line in every spectrum around a known shape."""
    windows = (_window(series, emission, index) for index in range(len(series.pump_nm)))
    return [fit_pair(data, emission.splitting_ev, shape) for data in windows]


def _window(series: Series, emission: Emission, index: int) -> Window:
    """Cut one spectrum to the pixels that enter its fit."""
    fitted = fitted_pixels(series.pump_nm[index : index + 1], series.wavelength, emission)[0]
    return window(series.wavelength, series.signal[index], series.sigma[index], fitted)
