"""Scattered pump light through an analyser: where its zero is, and how the grating answers to the polarisation it is given.

The pump is polarised along a known axis φ. A half-wave plate before a fixed polariser gives the grating always the same
polarisation, and the light follows Malus' law. A rotating polariser gives it light polarised at its own angle θ:

    I(θ) = S [1 + p cos 2(θ - φ)] [1 + C cos 2(θ - g)]

with the contrast C and the axis g of the grating. A product of two such laws has 5 harmonics for 5 constants; which factor is which
is told by size: the pump's p is near 1, C is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis.fitting import Fit, nonlinear_fit
from labctl.analysis.polarization import malus
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

LEAST_DEGREE = 0.8          # of the scattered pump's polarisation: less, and something beside the pump is seen
STARTS = 0.3 * np.exp(2j * np.pi * np.arange(4) / 4)     # of the grating's contrast, in four directions
HOW = "product of two laws of Malus"
FEWEST_ANGLES = 8           # different ones within half a turn, for 5 constants


@dataclass(frozen=True)
class Scatter:
    """Axis of the light in deg (0 to 180), its degree in %, contrast and axis of the grating (None behind a fixed polariser)."""

    axis: Result
    degree: Result
    contrast: Result | None
    grating_axis: Result | None
    angle_deg: np.ndarray
    curve: np.ndarray


def behind_fixed_polariser(angle_deg: np.ndarray, rate: np.ndarray, sigma: np.ndarray) -> Scatter:
    """Fit Malus' law to scattered pump light (points,) at detected polarisations in deg."""
    fit = malus(angle_deg, rate, sigma)
    fine = np.linspace(angle_deg.min(), angle_deg.max(), 361)
    return _polarised(Scatter(fit.axis, fit.dolp, None, None, fine, fit.curve(fine)))


def behind_rotating_polariser(angle_deg: np.ndarray, rate: np.ndarray, sigma: np.ndarray) -> Scatter:
    """Fit the product of Malus' law and the grating's answer to scattered pump light (points,).

    Raises AnalysisError with too few angles, or when the light is not as polarised as a pump is.
    """
    if len(np.unique(np.round(angle_deg % 180.0, 3))) < FEWEST_ANGLES:
        raise AnalysisError(f"{len(angle_deg)} points at fewer than {FEWEST_ANGLES} different angles within half a turn do not "
                            "tell the analyser's zero from the grating's answer.")
    scale, turn = float(rate.mean()), np.sum(rate * np.exp(2j * np.deg2rad(angle_deg)))
    pump = turn / abs(turn)
    fits = [nonlinear_fit(lambda values: scale * _product(values, angle_deg), [1.0, pump.real, pump.imag, start.real, start.imag],
                          rate, sigma, what="The product law") for start in STARTS]
    best = min(fits, key=lambda fit: float(fit.residuals @ fit.residuals))
    larger, smaller = sorted((1, 3), key=lambda place: -float(np.hypot(*best.values[place:place + 2])))
    fine = np.linspace(angle_deg.min(), angle_deg.max(), 361)
    return _polarised(Scatter(_axis(best, larger), _size(best, larger, 100.0, "%"), _size(best, smaller, 1.0, "1"),
                              _axis(best, smaller), fine, scale * _product(best.values, fine)))


def grating_response(angle_deg: np.ndarray, contrast: float, axis_deg: float) -> np.ndarray:
    """Give how a grating answers to light at these polarisations, relative to its mean."""
    return 1.0 + contrast * np.cos(2 * np.deg2rad(angle_deg - axis_deg))


def _product(values: np.ndarray, angle_deg: np.ndarray) -> np.ndarray:
    """Give the product of two laws, each by the components of its contrast along 0 and 45 deg."""
    scale, *components = values
    turn = 2 * np.deg2rad(angle_deg)
    first, second = (1.0 + along * np.cos(turn) + across * np.sin(turn)
                     for along, across in zip(components[::2], components[1::2], strict=True))
    return scale * first * second


def _size(fit: Fit, place: int, factor: float, unit: str) -> Result:
    """Give the contrast of one of the two laws, from the components that stand at `place` and after it."""
    components = fit.values[place:place + 2]
    size = float(np.hypot(*components))
    return Result(factor * size, factor * fit.error_of(_at(place, components / size)), unit, HOW, goodness=fit.goodness)


def _axis(fit: Fit, place: int) -> Result:
    """Give the axis of one of the two laws in deg."""
    along, across = fit.values[place:place + 2]
    size = float(np.hypot(along, across))
    error = np.rad2deg(fit.error_of(_at(place, np.array([-across, along]) / size**2))) / 2
    return Result(float(np.rad2deg(np.arctan2(across, along)) / 2) % 180.0, float(error), "deg", HOW, goodness=fit.goodness)


def _at(place: int, pair: np.ndarray) -> np.ndarray:
    gradient = np.zeros(5)
    gradient[place:place + 2] = pair
    return gradient


def _polarised(found: Scatter) -> Scatter:
    if found.degree.value < 100 * LEAST_DEGREE:
        raise AnalysisError(f"The light is polarised to {found.degree.value:.0f} % only; scattered pump light is to more than "
                            f"{100 * LEAST_DEGREE:.0f} %. Is the spectrograph on the pump line, and nothing else in the band?")
    return found
