"""The models `lineshape` and `modes` of `labctl fit`: lines of one spectrum, in wavelength or energy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
from scipy.signal import find_peaks, peak_widths
from scipy.special import voigt_profile

from labctl.analysis import modes
from labctl.analysis.columns import Curve
from labctl.analysis.fitting import Fit, gradient, nonlinear_fit
from labctl.analysis.lines import VISIBLE, per_ev
from labctl.analysis.lineshape import FWHM_PER_SIGMA
from labctl.analysis.models import Drawn, Fitted, Options, drawn, scatter_units
from labctl.core.errors import AnalysisError
from labctl.core.photons import air_to_vacuum, energy_ev, wavelength_nm
from labctl.core.plan import Result

MOST_LINES = 6              # of `lineshape`
SHOWN_MODES = 12            # of `modes`, the highest
HELD = {"Gaussian": 3, "Lorentzian": 2, "Voigt": -1}      # of area, centre, Gaussian, Lorentzian FWHM the one it lacks
PROMINENT = 0.05            # share of the highest by which a second line rises
CONVINCING = 10.0           # difference in Bayes' information criterion from which a richer shape is taken
SIXTH = np.sqrt(6.0)        # noise of a second difference over that of a point


def to_vacuum_nm(curve: Curve, medium: str) -> tuple[np.ndarray, np.ndarray]:
    """Give vacuum wavelengths in nm, ascending, and the density per nm belonging to them.

    An axis in energy is vacuum, and its signal a density per eV; a wavelength axis is in `medium`.
    """
    if (factor := curve.x.factor("energy")) is not None and curve.x.factor("wavelength") is None:
        energy = curve.x.values * factor
        place = np.asarray(wavelength_nm(energy))
        density = curve.y.values * energy / place             # dE/dλ = E/λ
    else:
        given = curve.x.values * (curve.x.factor("wavelength") or 1.0)
        place = np.asarray(air_to_vacuum(given)) if medium == "air" else given
        density = curve.y.values
    order = np.argsort(place)
    return place[order], density[order]


def noise_of(signal: np.ndarray) -> np.ndarray:
    """Estimate the standard error of every pixel from second differences of its neighbours, which a slope does not disturb."""
    second = np.abs(signal[2:] - 2 * signal[1:-1] + signal[:-2]) / SIXTH
    typical = 1.4826 * float(np.median(second))
    return np.full(len(signal), typical if typical > 0 else 1e-6 * float(np.ptp(signal)) or 1.0)


# ---------------------------------------------------------------- one band, or a few
def fit_lineshape(curve: Curve, options: Options) -> Fitted:
    """Fit Gaussian, Lorentzian or Voigt lines on an offset, in energy; the simplest shape that the data do not contradict."""
    place, density = to_vacuum_nm(curve, options.medium)
    energy, signal = energy_ev(place)[::-1], per_ev(place, density)[::-1]
    sigma = None if curve.sigma is None or curve.x.factor("energy") is not None else per_ev(place, curve.sigma)[::-1]
    starts = _starts(energy, signal, options.components)
    fit, shape = _best(energy, signal, sigma, starts) if options.components else _fewest(energy, signal, sigma, starts)
    lines = len(fit.values) // 4
    if not _all_visible(fit):
        raise AnalysisError("A line does not stand out of the noise. Fit fewer lines (--components), or expose longer.")
    results = {name: one for number in range(lines) for name, one in _line(fit, number, lines, shape).items()}

    def shown(nm: np.ndarray) -> np.ndarray:
        return _model(energy_ev(nm), fit.values, lines, shape) * energy_ev(nm) / nm

    residuals = scatter_units(fit.residuals, sigma, len(fit.values))[::-1]
    name = f"{lines} {shape} line{'s' if lines > 1 else ''}"
    return Fitted(results, place, density, None, "Wavelength (vacuum, nm)", curve.y.title or "Signal",
                  [drawn(name, shown, float(place[0]), float(place[-1]))], place, residuals)


def _best(energy: np.ndarray, signal: np.ndarray, sigma: np.ndarray | None,
          starts: list[tuple[float, float, float]]) -> tuple[Fit, str]:
    """Fit all shapes and give the simplest that the data do not contradict, with its name."""
    fits: dict[str, Fit] = {}
    for shape in HELD:
        with suppress(AnalysisError):
            fits[shape] = _fit(energy, signal, sigma, starts, shape)
    if not fits:
        raise AnalysisError(f"No {len(starts)} line{'s' if len(starts) > 1 else ''} on an offset describe this spectrum. Cut it "
                            "with --start and --stop, or say how many with --components.")
    shape = min(fits, key=lambda name: _information(fits[name]) + CONVINCING * (name == "Voigt"))
    return fits[shape], shape


def _fewest(energy: np.ndarray, signal: np.ndarray, sigma: np.ndarray | None,
            starts: list[tuple[float, float, float]]) -> tuple[Fit, str]:
    """Begin with the most prominent line, and add the next for as long as each stands out and the data demand it.

    Noise on top of a broad line looks like lines to whoever only looks for peaks.
    """
    best = _best(energy, signal, sigma, starts[:1])
    for number in range(2, len(starts) + 1):
        try:
            richer = _best(energy, signal, sigma, starts[:number])
        except AnalysisError:
            continue
        if _all_visible(richer[0]) and _information(richer[0]) < _information(best[0]) - CONVINCING:
            best = richer
    return best


def _all_visible(fit: Fit) -> bool:
    return all(fit.values[k] >= VISIBLE * fit.stderr[k] for k in range(0, len(fit.values) - 1, 4))


def _starts(energy: np.ndarray, signal: np.ndarray, wanted: int | None) -> list[tuple[float, float, float]]:
    """Guess height, centre and FWHM of the most prominent lines."""
    smooth = np.convolve(signal, np.ones(5) / 5, mode="same")
    floor = float(np.percentile(smooth, 10))
    top = float(smooth.max()) - floor
    noise = float(noise_of(signal)[0])
    found, told = find_peaks(smooth, prominence=max(PROMINENT * top, 4 * noise))
    best = found[np.argsort(told["prominences"])[::-1]][: wanted or MOST_LINES]
    if not len(best):
        best = np.array([int(np.argmax(smooth))])
    widths = peak_widths(smooth, best, rel_height=0.5)[0]
    step = abs(float(energy[-1] - energy[0])) / (len(energy) - 1)
    starts = [(float(smooth[p]) - floor, float(energy[p]), max(float(w), 2.0) * step) for p, w in zip(best, widths, strict=True)]
    while wanted is not None and len(starts) < wanted:          # hidden in a shoulder: beside the highest
        height, centre, width = starts[0]
        starts.append((0.3 * height, centre - width * len(starts), width))
    return starts


def _model(energy: np.ndarray, values: np.ndarray, lines: int, shape: str) -> np.ndarray:
    """Add up the lines (area, centre, Gaussian and Lorentzian FWHM each) and the offset."""
    total = np.full(len(energy), values[-1])
    for number in range(lines):
        area, centre, gauss, lorentz = values[4 * number: 4 * number + 4]
        narrow = 1e-4 * (gauss + lorentz)
        sigma = (gauss if shape != "Lorentzian" else narrow) / FWHM_PER_SIGMA
        gamma = (lorentz if shape != "Gaussian" else narrow) / 2
        total = total + area * voigt_profile(energy - centre, sigma, gamma)
    return total


def _fit(energy: np.ndarray, signal: np.ndarray, sigma: np.ndarray | None, starts: list[tuple[float, float, float]],
         shape: str) -> Fit:
    """Fit one shape; constants that the shape does not have are held where they are."""
    first, low, high, unit = [], [], [], []
    span, share = float(energy[-1] - energy[0]), 0.6 if shape == "Voigt" else 1.0
    for height, centre, width in starts:
        first += [height * width * 1.1, centre, share * width, share * width]
        low += [0.0, float(energy[0]), 1e-3 * width, 1e-3 * width]
        high += [np.inf, float(energy[-1]), 2 * span, 2 * span]
        unit += [height * width, width, width, width]
    first, low, high = [*first, float(np.percentile(signal, 5))], [*low, -np.inf], [*high, np.inf]
    unit = np.array([*unit, starts[0][0]])
    free = np.array([k % 4 != HELD[shape] for k in range(len(first) - 1)] + [True])

    def full(values: np.ndarray) -> np.ndarray:
        whole = np.array(first)
        whole[free] = values * unit[free]
        return whole

    fit = nonlinear_fit(lambda v: _model(energy, full(v), len(starts), shape), np.array(first)[free] / unit[free], signal, sigma,
                        bounds=(list(np.array(low)[free] / unit[free]), list(np.array(high)[free] / unit[free])),
                        what=f"The {shape} fit")
    covariance = np.zeros((len(first), len(first)))
    covariance[np.ix_(free, free)] = fit.covariance * np.outer(unit[free], unit[free])
    return replace(fit, values=full(fit.values), covariance=covariance)


def _information(fit: Fit) -> float:
    """Give Bayes' information criterion up to a constant."""
    count, constants = len(fit.residuals), len(fit.residuals) - fit.freedom
    return count * float(np.log(np.mean(fit.residuals**2))) + constants * float(np.log(count))


def _line(fit: Fit, number: int, lines: int, shape: str) -> dict[str, Result]:
    """Name one line: centre, width, area."""
    suffix = "" if lines == 1 else f"_{number + 1}"

    def result(function: Callable[[np.ndarray], float], unit: str) -> Result:
        stderr = fit.error_of(gradient(function, fit))
        return Result(function(fit.values), stderr, unit, f"{shape} in energy", goodness=fit.goodness)

    def width(values: np.ndarray) -> float:
        gauss, lorentz = values[4 * number + 2], values[4 * number + 3]
        if shape == "Gaussian":
            return float(gauss)
        if shape == "Lorentzian":
            return float(lorentz)
        return float(0.5346 * lorentz + np.sqrt(0.2166 * lorentz**2 + gauss**2))      # Olivero and Longbothum (1977), 0.02 %

    def centre(values: np.ndarray) -> float:
        return float(values[4 * number + 1])

    return {
        f"centre_nm{suffix}": result(lambda v: float(wavelength_nm(centre(v))), "nm"),
        f"centre_ev{suffix}": result(centre, "eV"),
        f"fwhm_nm{suffix}": result(lambda v: width(v) * float(wavelength_nm(centre(v))) / centre(v), "nm"),
        f"fwhm_mev{suffix}": result(lambda v: 1e3 * width(v), "meV"),
        f"area{suffix}": result(lambda v: float(v[4 * number]), "signal nm"),
    }


# ---------------------------------------------------------------- lasing lines
def fit_modes(curve: Curve, options: Options) -> Fitted:
    """Find the lasing lines of a spectrum: centres, widths, quality factors, distance and regularity."""
    place, density = to_vacuum_nm(curve, options.medium)
    sigma = noise_of(density)
    half_range = _half_range(place, density)
    lines = modes.find_lines(place, density, sigma, half_range_nm=half_range, instrument_fwhm_nm=options.instrument_nm)
    results: dict[str, Result] = {"lines": Result(float(len(lines)), None, "1", "Gaussian lines above 12 % of the highest")}
    problems = []
    try:
        apart = modes.spacing(lines)
    except AnalysisError as exc:
        problems.append(str(exc))
    else:
        results["fsr"] = apart.fsr_nm
        if apart.relative_sd is not None:
            results["fsr_relative_sd"] = apart.relative_sd
    results["quality_strongest"] = modes.quality(modes.strongest(lines))
    highest = sorted(lines, key=lambda line: -line.height.value)[:SHOWN_MODES]
    for number, line in enumerate(sorted(highest, key=lambda line: line.centre_nm.value), 1):
        results |= {f"line_{number}": line.centre_nm, f"fwhm_{number}": line.fwhm_nm, f"quality_{number}": modes.quality(line)}
    fits, left, at = [], [], []
    for line in lines:
        inside = np.abs(place - line.centre_nm.value) <= half_range
        fits.append(Drawn("Gaussian lines" if not fits else "", place[inside], line.curve(place[inside])))
        at.append(place[inside])
        left.append((density[inside] - line.curve(place[inside])) / sigma[inside])
    guessed = {name: replace(one, goodness=None) for name, one in results.items()}    # since the noise is guessed
    return Fitted(guessed, place, density, None, "Wavelength (vacuum, nm)", curve.y.title or "Signal", fits, np.concatenate(at),
                  np.concatenate(left), problems=tuple(problems))


def _half_range(place: np.ndarray, density: np.ndarray) -> float:
    """Choose the half width of the fitted ranges: 1.5 widths of the typical line, within half of their distance."""
    floor = float(np.percentile(density, 10))
    found, _ = find_peaks(density, prominence=0.12 * (float(density.max()) - floor))
    step = float(np.median(np.diff(place)))
    if not len(found):
        return 0.3
    width = float(np.median(peak_widths(density, found, rel_height=0.5)[0])) * step
    apart = float(np.median(np.diff(place[found]))) if len(found) > 1 else np.inf
    return max(min(1.5 * width, 0.5 * apart), 4 * step)


MODELS_OF_SPECTRA = {"lineshape": fit_lineshape, "modes": fit_modes}
