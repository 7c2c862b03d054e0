"""A pair of narrow lines of fixed distance on a broad one: the stimulated and the spontaneous emission of one spectrum.

The model is linear in the areas and the offset, so only centres and widths are searched for (variable projection, Golub and
Pereyra, SIAM J. Numer. Anal. 10, 413 (1973)). All shapes live in energy, where the distance of the lines is a constant of the
sample; each pixel holds signal = density × its width in eV.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from labctl.analysis.fitting import linear_fit
from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev

FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
FEWEST_PIXELS = 20                # for two lines, a pedestal and an offset with their shapes
VISIBLE = 5.0                     # a line counts as seen when its area exceeds this many standard errors
FAR_WEAKER = 0.2                  # share of the stronger line below which one may have been mistaken for the other
RIDGE = 1e-12
PEDESTAL_FWHM_EV = (5e-3, 60e-3)  # broader than the lines, narrower than the fit window of any bench


@dataclass(frozen=True)
class Shape:
    """Centres and widths (FWHM) in eV: the pair (centre is the mean of its lines) and the broad line below it."""

    pair_ev: float
    pair_fwhm_ev: float
    broad_ev: float
    broad_fwhm_ev: float

    def as_array(self) -> np.ndarray:
        """Give the four numbers in the order of declaration."""
        return np.array([self.pair_ev, self.pair_fwhm_ev, self.broad_ev, self.broad_fwhm_ev])


@dataclass(frozen=True)
class Window:
    """The pixels of one fit: energy and width in eV, signal and its standard error in any unit per pixel."""

    energy: np.ndarray
    pixel_ev: np.ndarray
    signal: np.ndarray
    sigma: np.ndarray


@dataclass(frozen=True)
class PairFit:
    """One fitted spectrum: areas in the unit of the signal summed over pixels, standard errors, shape in eV.

    `lower` and `upper` are the lines of the pair by energy; they are fitted apart, `pair` is their sum.
    """

    pair: float
    pair_stderr: float
    lower: float
    lower_stderr: float
    upper: float
    upper_stderr: float
    broad: float
    broad_stderr: float
    shape: Shape
    shape_stderr: Shape
    reduced_chi2: float


def window(wavelength_nm: np.ndarray, signal: np.ndarray, sigma: np.ndarray, fitted: np.ndarray) -> Window:
    """Cut the pixels to be fitted out of one spectrum; wavelengths in nm (vacuum), all arrays (pixels,), `fitted` boolean.

    Raises AnalysisError when too few pixels remain to carry a fit of two lines, a pedestal and an offset.
    """
    pixel_ev = np.abs(np.gradient(energy_ev(wavelength_nm)))
    inside = fitted & np.isfinite(signal) & (sigma > 0)
    if np.count_nonzero(inside) < FEWEST_PIXELS:
        raise AnalysisError(
            f"Only {np.count_nonzero(inside)} usable pixels of the spectrum, which covers {wavelength_nm.min():.2f} to "
            f"{wavelength_nm.max():.2f} nm (vacuum), lie in the fit window. Move the spectrograph's centre or the window."
        )
    return Window(energy_ev(wavelength_nm[inside]), pixel_ev[inside], signal[inside], sigma[inside])


def gaussian(energy: np.ndarray, centre: float, fwhm: float) -> np.ndarray:
    """Give a Gaussian of unit area, per eV."""
    width = fwhm / FWHM_PER_SIGMA
    return np.exp(-0.5 * ((energy - centre) / width) ** 2) / (width * np.sqrt(2 * np.pi))


def _columns(energy: np.ndarray, pixel_ev: np.ndarray, shape: np.ndarray, splitting_ev: float) -> np.ndarray:
    """Give the unit spectra of lower line, upper line, broad line and offset, (pixels, 4)."""
    pair, fwhm, broad, broad_fwhm = shape
    found = np.ones((len(energy), 4))
    lines = (pair - splitting_ev / 2, fwhm), (pair + splitting_ev / 2, fwhm), (broad, broad_fwhm)
    for place, (centre, width) in enumerate(lines):
        found[:, place] = gaussian(energy, centre, width) * pixel_ev
    return found


def _slopes(data: Window, splitting_ev: float, shape: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Differentiate the spectrum by the four shape constants, (pixels, 4); `lines` are the three lines as they stand in it."""
    pair, fwhm, broad, broad_fwhm = shape

    def by(centre: float, width: float, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distance = (data.energy - centre) * FWHM_PER_SIGMA / width
        return line * distance * FWHM_PER_SIGMA / width, line * (distance**2 - 1.0) / width

    lower, upper, below = (by(pair - splitting_ev / 2, fwhm, lines[:, 0]), by(pair + splitting_ev / 2, fwhm, lines[:, 1]),
                           by(broad, broad_fwhm, lines[:, 2]))
    return np.stack([lower[0] + upper[0], lower[1] + upper[1], *below], axis=1)


def fit_free(data: Window, splitting_ev: float, width_ev: float, start: Shape | None = None) -> PairFit:
    """Fit everything: areas, offset, and all four shape constants; `width_ev` is the instrument's FWHM.

    Without a start one is found on a grid, so no guess about the sample is needed. Where one line is far weaker than the other,
    the strong one can be taken for either: both readings are tried. Raises AnalysisError when no pair is visible.
    """
    start = start or _best_start(data, splitting_ev, width_ev)
    low, high = float(data.energy.min()), float(data.energy.max())
    bounds = ([low, 0.7 * width_ev, low, PEDESTAL_FWHM_EV[0]], [high, 6.0 * width_ev, high, PEDESTAL_FWHM_EV[1]])
    fit = _project(data, splitting_ev, start, bounds, free=(0, 1, 2, 3))
    if min(abs(fit.lower), abs(fit.upper)) < FAR_WEAKER * max(abs(fit.lower), abs(fit.upper)):
        other = splitting_ev * (1.0 if fit.upper > fit.lower else -1.0)
        moved = replace(fit.shape, pair_ev=float(np.clip(fit.shape.pair_ev + other, low, high)))
        fit = min(fit, _project(data, splitting_ev, moved, bounds, free=(0, 1, 2, 3)), key=lambda each: each.reduced_chi2)
    if fit.pair < VISIBLE * fit.pair_stderr:
        raise AnalysisError(
            f"No pair of lines {splitting_ev * 1e3:.2f} meV apart is visible: its fitted area is {fit.pair:.3g} ± "
            f"{fit.pair_stderr:.2g}. The sample may be below threshold, or its lines outside the fit window: raise the flux or "
            "check the window."
        )
    return fit


def fit_pair(data: Window, splitting_ev: float, like: Shape, *, pair_spread_ev: float = 1e-3,
             width_spread: float = 0.15) -> PairFit:
    """Fit areas, offset, and the pair's centre and width around a known shape; the broad line keeps its own.

    The known shape enters as a Gaussian expectation of standard deviation `pair_spread_ev` (the lines shift with the pump) and
    `width_spread` (relative): it decides for a spectrum too weak to say, and has no weight in a strong one.
    """
    reach = 3.0 * pair_spread_ev
    low, high = like.as_array(), like.as_array()
    low[0], high[0] = like.pair_ev - reach, like.pair_ev + reach
    low[1], high[1] = like.pair_fwhm_ev * (1 - 3 * width_spread), like.pair_fwhm_ev * (1 + 3 * width_spread)
    spread = np.array([pair_spread_ev, width_spread * like.pair_fwhm_ev])
    return _project(data, splitting_ev, like, (low[:2], high[:2]), free=(0, 1), spread=spread)


def fixed_areas(data: Window, splitting_ev: float, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Give the areas of lower, upper and broad line of a known shape, and their standard errors, (3,) each: a linear fit."""
    fit = linear_fit(_columns(data.energy, data.pixel_ev, shape.as_array(), splitting_ev), data.signal, data.sigma,
                     what="The pair of lines")
    return fit.values[:3], fit.stderr[:3]


def _best_start(data: Window, splitting_ev: float, width_ev: float) -> Shape:
    """Try the pair everywhere in the window, over a few pedestals, and give the shape that leaves the least."""
    energies = np.arange(data.energy.min() + splitting_ev, data.energy.max() - splitting_ev, 0.8 * width_ev)
    light = np.clip(data.signal - np.median(data.signal), 0, None)
    middle = float(np.sum(light * data.energy) / max(np.sum(light), 1e-300))
    candidates = [
        Shape(float(pair), 1.5 * width_ev, broad, broad_fwhm)
        for broad_fwhm in (10e-3, 20e-3) for broad in (middle - 3e-3, middle, middle + 3e-3) for pair in energies
    ]
    return min(candidates, key=lambda shape: float(np.sum(_solve(data, splitting_ev, shape.as_array()).left ** 2)))


@dataclass(frozen=True)
class _Solved:
    """The best areas and offset for a shape (4,), the weighted residuals, unit spectra, and the scaled system that gave them."""

    columns: np.ndarray
    amplitudes: np.ndarray
    left: np.ndarray
    unit: np.ndarray
    normal: np.ndarray

    def without_columns(self, slopes: np.ndarray) -> np.ndarray:
        """Take out of weighted slopes (pixels, k) what areas and offset make good: the residuals' Jacobian after Kaufman."""
        return slopes - self.unit @ np.linalg.solve(self.normal, self.unit.T @ slopes)


def _solve(data: Window, splitting_ev: float, shape: np.ndarray) -> _Solved:
    """Solve for areas and offset."""
    columns = _columns(data.energy, data.pixel_ev, shape, splitting_ev)
    design = columns / data.sigma[:, None]
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0] = 1.0
    target = data.signal / data.sigma
    unit = design / scale
    # Normal equations: four well-scaled columns, solved thousands of times. The ridge only matters for a line outside the window.
    normal = unit.T @ unit + RIDGE * np.eye(4)
    amplitudes = np.linalg.solve(normal, unit.T @ target)
    return _Solved(columns, amplitudes / scale, unit @ amplitudes - target, unit, normal)


def _project(data: Window, splitting_ev: float, start: Shape, bounds: tuple[Sequence[float], Sequence[float]] | tuple,
             *, free: tuple[int, ...], spread: np.ndarray | None = None) -> PairFit:
    """Search the free shape constants, solve for the rest at each step, and propagate the errors of all of them."""
    index, fixed = list(free), start.as_array()

    def full(values: np.ndarray) -> np.ndarray:
        shape = fixed.copy()
        shape[index] = values
        return shape

    known: dict[bytes, _Solved] = {}         # the residuals and their slopes are asked for at the same place, one after the other

    def solved(values: np.ndarray) -> _Solved:
        place = values.tobytes()
        if place not in known:
            known.clear()
            known[place] = _solve(data, splitting_ev, full(values))
        return known[place]

    def residuals(values: np.ndarray) -> np.ndarray:
        left = solved(values).left
        return left if spread is None else np.concatenate([left, (values - fixed[index]) / spread])

    def steepness(values: np.ndarray) -> np.ndarray:
        here = solved(values)
        slopes = _slopes(data, splitting_ev, full(values), here.columns * here.amplitudes)
        rows = here.without_columns(slopes[:, index] / data.sigma[:, None])
        return rows if spread is None else np.vstack([rows, np.diag(1.0 / spread)])

    # Centres are known to 1e-4 of their value, widths to 1e-1: scale by what can change.
    steps = np.array([1e-4, 1e-4, 1e-3, 1e-3])[index]
    first = np.clip(fixed[index], np.asarray(bounds[0]) + 1e-9, np.asarray(bounds[1]) - 1e-9)
    solution = least_squares(residuals, first, jac=steepness,      # type: ignore[arg-type]  a function is taken, too
                             bounds=bounds, x_scale=steps, method="trf", xtol=1e-7, ftol=1e-7)
    shape = full(solution.x)
    best = solved(solution.x)
    amplitudes, left = best.amplitudes, best.left
    slopes = _slopes(data, splitting_ev, shape, best.columns * amplitudes)[:, index]
    covariance = _covariance(np.hstack([best.columns, slopes]) / data.sigma[:, None], len(index), spread)
    errors = np.zeros(4)
    errors[index] = np.sqrt(np.diag(covariance)[4:])
    freedom = max(len(left) - 4 - len(index), 1)
    return PairFit(
        pair=float(amplitudes[0] + amplitudes[1]), pair_stderr=float(np.sqrt(covariance[:2, :2].sum())),
        lower=float(amplitudes[0]), lower_stderr=float(np.sqrt(covariance[0, 0])),
        upper=float(amplitudes[1]), upper_stderr=float(np.sqrt(covariance[1, 1])),
        broad=float(amplitudes[2]), broad_stderr=float(np.sqrt(covariance[2, 2])),
        shape=Shape(*map(float, shape)), shape_stderr=Shape(*map(float, errors)), reduced_chi2=float(left @ left / freedom),
    )


def _covariance(jacobian: np.ndarray, free: int, spread: np.ndarray | None) -> np.ndarray:
    """Give the covariance of (4 amplitudes, free shape constants) from the full weighted Jacobian, expectations included."""
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0] = 1.0
    information = (jacobian / scale).T @ (jacobian / scale)
    if spread is not None:
        information[range(4, 4 + free), range(4, 4 + free)] += 1.0 / (spread * scale[4:]) ** 2
    return np.linalg.pinv(information, hermitian=True) / np.outer(scale, scale)


def average_shape(fits: Sequence[PairFit]) -> tuple[Shape, float]:
    """Average the shapes of several free fits with their weights; also gives the standard error of the broad centre in eV.

    The error is the larger of the propagated one and the scatter of the fits.
    """
    def average(name: str) -> tuple[float, float]:
        values = np.array([getattr(f.shape, name) for f in fits])
        errors = np.array([getattr(f.shape_stderr, name) for f in fits])
        weights = 1.0 / errors**2
        mean = float(np.sum(weights * values) / weights.sum())
        propagated = float(1.0 / np.sqrt(weights.sum()))
        if len(fits) < 2:
            return mean, propagated
        scatter = float(np.sqrt(np.sum(weights * (values - mean) ** 2) / weights.sum() / (len(fits) - 1)))
        return mean, max(propagated, scatter)

    centre, stderr = average("broad_ev")
    return replace(
        fits[0].shape, broad_ev=centre, broad_fwhm_ev=average("broad_fwhm_ev")[0],
        pair_ev=average("pair_ev")[0], pair_fwhm_ev=average("pair_fwhm_ev")[0],
    ), stderr
