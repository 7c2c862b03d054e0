"""The model `lineshape` of `labctl fit`: one band or a few, on the scale of wavelengths and on that of energies.

A line that is symmetric on one scale is not on the other, and its top lies elsewhere: per eV a spectrum is S(λ) λ²/(h c). So
numbers in nm come from a fit per nm, numbers in eV from one per eV; the scale on which the data are described better says how many
lines of which shape there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import find_peaks, peak_widths
from scipy.special import voigt_profile

from labctl.analysis import noise
from labctl.analysis.columns import Curve
from labctl.analysis.fitting import Fit, gradient, nonlinear_fit
from labctl.analysis.lines import VISIBLE, per_ev
from labctl.analysis.lineshape import FWHM_PER_SIGMA
from labctl.analysis.models import Fitted, Options, drawn, scatter_units
from labctl.analysis.models_spectrum import noise_of, to_vacuum_nm
from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev, wavelength_nm
from labctl.core.plan import Result

MOST_LINES = 6
HELD = {"Gaussian": 3, "Lorentzian": 2, "Voigt": -1}      # of area, centre, Gaussian, Lorentzian FWHM the one it lacks
PROMINENT = 0.05            # share of the highest by which a second line rises
CONVINCING = 10.0           # difference in Bayes' information criterion from which a richer shape is taken
Starts = list[tuple[float, float, float]]       # height, centre and FWHM of every line


@dataclass(frozen=True)
class Scale:
    """A spectrum on one scale, "nm" or "eV": places ascending, density per unit of the scale, its errors (n,)."""

    unit: str
    x: np.ndarray
    y: np.ndarray
    sigma: np.ndarray

    @property
    def words(self) -> str:
        """Name the scale."""
        return "wavelength" if self.unit == "nm" else "energy"

    def other(self, sigma: np.ndarray) -> Scale:
        """Give the same spectrum with these errors on the other scale."""
        if self.unit == "nm":
            return Scale("eV", energy_ev(self.x)[::-1], per_ev(self.x, self.y)[::-1], per_ev(self.x, sigma)[::-1])
        nm = np.asarray(wavelength_nm(self.x))
        return Scale("nm", nm[::-1], (self.y * self.x / nm)[::-1], (sigma * self.x / nm)[::-1])       # dE/dλ = E/λ

    def with_errors_of(self, fit: Found) -> Scale:
        """Give the same spectrum with errors by the scatter around a fit; as it is where there is no scatter."""
        height = _model(self.x, fit.fit.values, fit.lines, fit.shape)
        told = noise.noise_of(self.y - height, height, int(np.count_nonzero(fit.fit.stderr)))
        return self if told is None else replace(self, sigma=told.sigma(height))


@dataclass(frozen=True)
class Found:
    """Lines of one shape fitted to a spectrum."""

    fit: Fit
    shape: str

    @property
    def lines(self) -> int:
        """How many there are."""
        return len(self.fit.values) // 4

    @property
    def starts(self) -> Starts:
        """Where a fit on the other scale begins: height, centre and FWHM of every line."""
        rows = self.fit.values[:-1].reshape(-1, 4)
        widths = [_width(row, self.shape) for row in rows]
        return [(float(row[0]) / (1.1 * width), float(row[1]), width) for row, width in zip(rows, widths, strict=True)]


def fit_lineshape(curve: Curve, options: Options) -> Fitted:
    """Fit Gaussian, Lorentzian or Voigt lines on an offset; the simplest shape that the data do not contradict, on either scale."""
    place, density, stated = to_vacuum_nm(curve, options.medium)
    nm = Scale("nm", place, density, noise_of(density) if stated is None else stated)
    scales = (nm, nm.other(nm.sigma))
    best = {scale.unit: _of(scale, options.components) for scale in scales}
    unit = min(best, key=lambda name: _information(best[name].fit))
    own, other = (scales if unit == "nm" else scales[::-1])
    found = best[unit]
    if stated is None:                          # the data's own noise, which grows with the light
        own = own.with_errors_of(found)
        other, found = own.other(own.sigma), _again(own, found)
    if not _all_visible(found.fit):
        raise AnalysisError("A line does not stand out of the noise. Fit fewer lines (--components), or expose longer.")
    pair = {own.unit: found, other.unit: _again(other, found, turned=True)}
    results = {name: one for number in range(found.lines) for name, one in _line(pair, number).items()}
    if stated is None:
        results = {name: replace(one, goodness=None) for name, one in results.items()}

    def shown(at: np.ndarray) -> np.ndarray:
        if unit == "nm":
            return _model(at, found.fit.values, found.lines, found.shape)
        energy = np.asarray(energy_ev(at))
        return _model(energy, found.fit.values, found.lines, found.shape) * energy / at

    residuals = scatter_units(found.fit.residuals, stated, len(found.fit.values))
    name = f"{found.lines} {found.shape} line{'s' if found.lines > 1 else ''} in {own.words}"
    return Fitted(results, place, density, None, "Wavelength (vacuum, nm)", curve.y.title or "Signal",
                  [drawn(name, shown, float(place[0]), float(place[-1]))], place, residuals if unit == "nm" else residuals[::-1])


def _of(scale: Scale, components: int | None) -> Found:
    """Fit as many lines as were asked for, else as few as will do."""
    starts = _starts(scale, components)
    return _best(scale, starts) if components else _fewest(scale, starts)


def _again(scale: Scale, found: Found, *, turned: bool = False) -> Found:
    """Fit the same lines with other errors, or `turned` to the other scale; the old ones where the fit refuses."""
    starts = found.starts
    if turned:
        starts = [(0.0, float(wavelength_nm(centre)), width * float(wavelength_nm(centre)) / centre) for _, centre, width in starts]
        floor = float(np.percentile(scale.y, 5))
        starts = [(max(float(np.interp(at, scale.x, scale.y)) - floor, 0.02 * float(np.ptp(scale.y))), at, width)
                  for _, at, width in starts]
    return Found(_fit(scale, starts, found.shape), found.shape)


def _best(scale: Scale, starts: Starts) -> Found:
    """Fit all shapes and give the simplest that the data do not contradict."""
    fits: dict[str, Fit] = {}
    for shape in HELD:
        with suppress(AnalysisError):
            fits[shape] = _fit(scale, starts, shape)
    if not fits:
        raise AnalysisError(f"No {len(starts)} line{'s' if len(starts) > 1 else ''} on an offset describe this spectrum. Cut it "
                            "with --start and --stop, or say how many with --components.")
    shape = min(fits, key=lambda name: _information(fits[name]) + CONVINCING * (name == "Voigt"))
    return Found(fits[shape], shape)


def _fewest(scale: Scale, starts: Starts) -> Found:
    """Begin with the most prominent line, and add the next for as long as each stands out and the data demand it.

    Noise on top of a broad line looks like lines to whoever only looks for peaks.
    """
    best = _best(scale, starts[:1])
    for number in range(2, len(starts) + 1):
        try:
            richer = _best(scale, starts[:number])
        except AnalysisError:
            continue
        if _all_visible(richer.fit) and _information(richer.fit) < _information(best.fit) - CONVINCING:
            best = richer
    return best


def _all_visible(fit: Fit) -> bool:
    return all(fit.values[k] >= VISIBLE * fit.stderr[k] for k in range(0, len(fit.values) - 1, 4))


def _starts(scale: Scale, wanted: int | None) -> Starts:
    """Guess height, centre and FWHM of the most prominent lines."""
    smooth = np.convolve(scale.y, np.ones(5) / 5, mode="same")
    floor = float(np.percentile(smooth, 10))
    top = float(smooth.max()) - floor
    found, told = find_peaks(smooth, prominence=max(PROMINENT * top, 4 * float(np.median(scale.sigma))))
    best = found[np.argsort(told["prominences"])[::-1]][: wanted or MOST_LINES]
    if not len(best):
        best = np.array([int(np.argmax(smooth))])
    widths = peak_widths(smooth, best, rel_height=0.5)[0]
    step = abs(float(scale.x[-1] - scale.x[0])) / (len(scale.x) - 1)
    starts = [(float(smooth[p]) - floor, float(scale.x[p]), max(float(w), 2.0) * step) for p, w in zip(best, widths, strict=True)]
    while wanted is not None and len(starts) < wanted:          # hidden in a shoulder: beside the highest
        height, centre, width = starts[0]
        starts.append((0.3 * height, centre - width * len(starts), width))
    return starts


def _model(x: np.ndarray, values: np.ndarray, lines: int, shape: str) -> np.ndarray:
    """Add up the lines (area, centre, Gaussian and Lorentzian FWHM each) and the offset."""
    total = np.full(len(x), values[-1])
    for number in range(lines):
        area, centre, gauss, lorentz = values[4 * number: 4 * number + 4]
        narrow = 1e-4 * (gauss + lorentz)
        sigma = (gauss if shape != "Lorentzian" else narrow) / FWHM_PER_SIGMA
        gamma = (lorentz if shape != "Gaussian" else narrow) / 2
        total = total + area * voigt_profile(x - centre, sigma, gamma)
    return total


def _fit(scale: Scale, starts: Starts, shape: str) -> Fit:
    """Fit one shape; constants that the shape does not have are held where they are."""
    first, low, high, unit = [], [], [], []
    ends, share = (float(scale.x[0]), float(scale.x[-1])), 0.6 if shape == "Voigt" else 1.0
    for height, centre, width in starts:
        first += [height * width * 1.1, min(max(centre, ends[0]), ends[1]), share * width, share * width]
        low += [0.0, ends[0], 1e-3 * width, 1e-3 * width]
        high += [np.inf, ends[1], 2 * (ends[1] - ends[0]) + width, 2 * (ends[1] - ends[0]) + width]
        unit += [height * width, width, width, width]
    first, low, high = [*first, float(np.percentile(scale.y, 5))], [*low, -np.inf], [*high, np.inf]
    unit = np.array([*unit, starts[0][0]])
    free = np.array([k % 4 != HELD[shape] for k in range(len(first) - 1)] + [True])

    def full(values: np.ndarray) -> np.ndarray:
        whole = np.array(first)
        whole[free] = values * unit[free]
        return whole

    fit = nonlinear_fit(lambda v: _model(scale.x, full(v), len(starts), shape), np.array(first)[free] / unit[free], scale.y,
                        scale.sigma, bounds=(list(np.array(low)[free] / unit[free]), list(np.array(high)[free] / unit[free])),
                        what=f"The {shape} fit")
    covariance = np.zeros((len(first), len(first)))
    covariance[np.ix_(free, free)] = fit.covariance * np.outer(unit[free], unit[free])
    return replace(fit, values=full(fit.values), covariance=covariance)


def _information(fit: Fit) -> float:
    """Give Bayes' information criterion up to a constant."""
    count, constants = len(fit.residuals), len(fit.residuals) - fit.freedom
    return count * float(np.log(np.mean(fit.residuals**2))) + constants * float(np.log(count))


def _width(line: np.ndarray, shape: str) -> float:
    """Give the FWHM of a line (area, centre, Gaussian, Lorentzian FWHM)."""
    gauss, lorentz = float(line[2]), float(line[3])
    if shape == "Gaussian":
        return gauss
    if shape == "Lorentzian":
        return lorentz
    return float(0.5346 * lorentz + np.sqrt(0.2166 * lorentz**2 + gauss**2))      # Olivero and Longbothum (1977), 0.02 %


def _line(pair: Mapping[str, Found], number: int) -> dict[str, Result]:
    """Name one line: centre and width on either scale, area; lines of both rise in wavelength."""
    suffix = "" if pair["nm"].lines == 1 else f"_{number + 1}"

    def result(scale: str, unit: str, function: Callable[[np.ndarray], float]) -> Result:
        found = pair[scale]
        rows = found.fit.values[:-1].reshape(-1, 4)
        order = np.argsort(rows[:, 1]) if scale == "nm" else np.argsort(rows[:, 1])[::-1]
        at = 4 * int(order[number])

        def of_line(values: np.ndarray) -> float:
            return function(values[at:at + 4])

        words = "wavelength" if scale == "nm" else "energy"
        return Result(of_line(found.fit.values), found.fit.error_of(gradient(of_line, found.fit)), unit,
                      f"{found.shape} in {words}", goodness=found.fit.goodness)

    shape = pair["nm"].shape
    return {
        f"centre_nm{suffix}": result("nm", "nm", lambda line: float(line[1])),
        f"centre_ev{suffix}": result("eV", "eV", lambda line: float(line[1])),
        f"fwhm_nm{suffix}": result("nm", "nm", lambda line: _width(line, shape)),
        f"fwhm_mev{suffix}": result("eV", "meV", lambda line: 1e3 * _width(line, shape)),
        f"area{suffix}": result("nm", "signal nm", lambda line: float(line[0])),
    }
