"""The models of `labctl fit`: one function each from a curve of any origin to named results and what to draw.

A model takes abscissas in whatever unit the column states, asks the estimators of this package, and gives results in the same unit.
What an estimator refuses becomes a problem, so that the others still answer; when nothing answers the model raises AnalysisError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from labctl.analysis import gain as stripes
from labctl.analysis import noise, polarization, slopes, threshold
from labctl.analysis import occupancy as poisson_statistics
from labctl.analysis.columns import Curve
from labctl.analysis.fitting import quantile
from labctl.core.errors import AnalysisError
from labctl.core.photons import photon_energy_j
from labctl.core.plan import Result

SMOOTH = 400                # points of a drawn fit
FEW = 100                   # degrees of freedom up to which the interval is told, as it is wider than ± 2 standard errors
WIDE = 20.0                 # ratio of the ends of a power series from which it is drawn logarithmically
FEWEST_NEIGHBOURS = 10      # stripes from which their scatter is told without a law
EQUAL_OR_PROPORTIONAL = (0.0, 1.0)      # powers of the height with which the error of a stripe grows
HALF_WAVE = re.compile(r"(?i)half.?wave|hwp|λ/2|lambda/2")


@dataclass(frozen=True)
class Options:
    """What a person may say about the data; every default means "find out"."""

    components: int | None = None          # exponentials of a decay, lines of a spectrum
    segments: int | None = None            # of a power law
    start: float | None = None             # limits on the abscissa, in its unit
    stop: float | None = None
    period: float | None = None            # of the excitation, in the unit of the time axis
    irf: Curve | None = None               # instrument response of a decay
    pump_nm: float | None = None
    instrument_nm: float = 0.0             # FWHM of the instrument
    medium: str = "air"                    # of a wavelength axis that does not say


@dataclass(frozen=True)
class Drawn:
    """One line of a figure: what it is called, x and y."""

    label: str
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """Results by name with what was fitted (`x`, `y`, `sigma`), the fits to draw, and the residuals at `residual_x`.

    Residuals are in standard errors; `logarithmic` says which axes are so ("x", "y", "xy" or none).
    """

    results: Mapping[str, Result]
    x: np.ndarray
    y: np.ndarray
    sigma: np.ndarray | None
    x_label: str
    y_label: str
    fits: Sequence[Drawn]
    residual_x: np.ndarray
    residuals: np.ndarray
    logarithmic: str = ""
    problems: tuple[str, ...] = ()


def rescaled(result: Result, factor: float, unit: str) -> Result:
    """Give a result in another unit."""
    def times(number: float | None) -> float | None:
        return None if number is None else number * factor

    interval = None if result.interval is None else (result.interval[0] * factor, result.interval[1] * factor)
    return replace(result, value=result.value * factor, stderr=times(result.stderr), systematic=times(result.systematic), unit=unit,
                   interval=interval)


def limited(curve: Curve, options: Options) -> Curve:
    """Cut a curve to the asked limits and leave out what is not finite; sorted by the abscissa."""
    x, y = curve.x.values, curve.y.values
    keep = np.isfinite(x) & np.isfinite(y)
    keep &= x >= (-np.inf if options.start is None else options.start)
    keep &= x <= (np.inf if options.stop is None else options.stop)
    order = np.flatnonzero(keep)[np.argsort(x[keep], kind="stable")]

    def cut(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[order]

    return Curve(replace(curve.x, values=x[order]), replace(curve.y, values=y[order]), cut(curve.sigma), cut(curve.irf))


def drawn(label: str, curve: Callable[[np.ndarray], np.ndarray], low: float, high: float, *, logarithmic: bool = False) -> Drawn:
    """Draw a fitted law smoothly."""
    x = np.geomspace(low, high, SMOOTH) if logarithmic else np.linspace(low, high, SMOOTH)
    return Drawn(label, x, curve(x))


def scatter_units(residuals: np.ndarray, sigma: np.ndarray | None, constants: int) -> np.ndarray:
    """Give residuals in standard errors; without stated errors their own scatter is the unit."""
    if sigma is not None or len(residuals) <= constants:
        return residuals
    spread = float(np.sqrt(np.sum(residuals**2) / (len(residuals) - constants)))
    return residuals / spread if spread > 0 else residuals


def by_scatter(results: Mapping[str, Result], freedom: int) -> dict[str, Result]:
    """Give results whose errors come from the scatter of the points: no goodness, and Student's interval."""
    reach = quantile(freedom) if 0 < freedom <= FEW else 0.0

    def told(one: Result) -> Result:
        within = one.interval is not None or not reach or one.stderr is None
        interval = one.interval if within else (one.value - reach * (one.stderr or 0.0), one.value + reach * (one.stderr or 0.0))
        return replace(one, goodness=None, interval=interval)

    return {name: told(one) for name, one in results.items()}


# ---------------------------------------------------------------- power series
def fit_threshold(curve: Curve, options: Options) -> Fitted:
    """Estimate the threshold by kink, x-intercept and break of the power law, and the slopes of the latter's segments."""
    data = threshold.series(curve.x.values, curve.y.values, curve.sigma, unit=curve.x.unit)
    found, refused = threshold.estimate(data)
    problems = [f"{name.replace('_', '-')}: {reason}" for name, reason in refused.items()]
    problems += _doubtful(data, found)
    best = next(iter(found), "")
    results = {"threshold" if name == best else f"threshold_{name}": one.threshold for name, one in found.items()}
    law = _power_law(data, options, problems)
    if law is not None:
        if (onset := _onset(law)) is not None:
            results["threshold" if best == "log_log" else "threshold_log_log"] = onset
        results |= {f"slope_{number}": one for number, one in enumerate(law.slopes, 1)}
        results |= {f"break_{number}": one for number, one in enumerate(law.breaks, 1)}
    if not found:
        raise AnalysisError("No threshold was found. " + " ".join(problems))
    chosen = found[best]
    fits = [Drawn(name.replace("_", "-"), *_corners(one)) for name, one in found.items() if not one.logarithmic or law is None]
    if law is not None:
        fits.append(drawn(f"power law, slopes {' · '.join(f'{one.value:.2f}' for one in law.slopes)}", law.curve,
                          float(data.pump[0]), float(data.pump[-1]), logarithmic=True))
    wide = data.pump[-1] > WIDE * data.pump[0]
    return Fitted(results, data.pump, data.output, data.sigma, curve.x.title, curve.y.title, fits, data.pump[chosen.used],
                  scatter_units(chosen.residuals, data.sigma, 4), "xy" if wide else "", tuple(problems))


def _doubtful(data: threshold.Series, found: dict[str, threshold.Threshold]) -> list[str]:
    """Take out what could as well be no threshold: a kink that may lie outside the series."""
    reasons: list[str] = []
    if "kink" not in found:
        return reasons
    low, high = found["kink"].threshold.interval or (data.pump[2], data.pump[2])
    places = np.unique(data.pump)
    if low <= places[1] or high >= places[-2]:
        reasons.append(f"kink: its interval, {low:.4g} to {high:.4g} {data.unit}, reaches the end of the series, so that there may "
                       f"be none ({found.pop('kink').threshold}). Extend the series to that side")
    return reasons


def _power_law(data: threshold.Series, options: Options, problems: list[str]) -> slopes.PowerLaw | None:
    """Fit the asked number of segments, or as many as Bayes' criterion wants; None when not even one is possible."""
    laws: dict[float, slopes.PowerLaw] = {}
    for count in (1, 2, 3) if options.segments is None else (options.segments,):
        try:
            law = slopes.segments(data.pump, data.output, data.sigma, count=count, unit=data.unit)
        except AnalysisError as exc:
            if count == (options.segments or 1):
                problems.append(f"power law: {exc}")
            continue
        points = len(law.residuals)
        misfit = float(np.sum(law.residuals**2)) if data.sigma is not None else points * float(np.log(np.mean(law.residuals**2)))
        laws[misfit + 2 * count * float(np.log(points))] = law
    return laws[min(laws)] if laws else None


def _onset(law: slopes.PowerLaw) -> Result | None:
    """Give the first break at which the output becomes steeper."""
    rises = (at for at, (below, above) in zip(law.breaks, pairwise(law.slopes), strict=True) if above.value > below.value)
    return next(rises, None)


def _corners(found: threshold.Threshold) -> tuple[np.ndarray, np.ndarray]:
    """Give points close enough to draw the lines on any scale; what lies below zero is no light."""
    ends = [corner[0] for corner in found.corners]
    x = np.linspace(ends[0], ends[-1], SMOOTH)
    return x, np.maximum(found.curve(x), 0.0)


# ---------------------------------------------------------------- polarisation
def fit_malus(curve: Curve, options: Options) -> Fitted:
    """Fit Malus' law; a half-wave plate, known by the name of its column, turns the polarisation by twice its own angle."""
    factor = curve.x.factor("angle") or _guessed_angle(curve.x.values)
    factor *= 2 if HALF_WAVE.search(curve.x.name) else 1
    angle, seen = curve.x.values * factor, curve.y.values
    sigma = curve.sigma
    if sigma is None:
        sigma = noise.guessed(seen, lambda errors: polarization.malus(angle, seen, errors).curve(angle), 3)
    law = polarization.malus(angle, seen, sigma)
    results = {"dolp": law.dolp, "dolp_fit_coefficients": law.dolp_fit_coefficients, "extinction": law.extinction, "axis": law.axis}
    if law.repeats_drift is not None:
        results["repeats_drift"] = Result(100 * law.repeats_drift, None, "%", "mean difference of points 180 deg apart",
                                          goodness=law.repeats_chi2)
    fits = [drawn("Malus", law.curve, float(angle.min()), float(angle.max()))]
    name = "Angle of polarisation, twice the plate's" if HALF_WAVE.search(curve.x.name) else curve.x.name or "Angle"
    if curve.sigma is None:
        results = by_scatter(results, len(seen) - 3)
    return Fitted(results, angle, seen, curve.sigma, f"{name} (deg)", curve.y.title, fits, angle,
                  scatter_units(law.residuals, sigma, 3))


def _guessed_angle(values: np.ndarray) -> float:
    """Take an angle without unit for radians when it stays below 2 π and is no whole number, else for degrees."""
    small = float(np.max(np.abs(values))) <= 2 * np.pi + 0.01
    return 180 / np.pi if small and np.any(values != np.round(values)) else 1.0


# ---------------------------------------------------------------- gain and occupancy
def fit_gain(curve: Curve, options: Options) -> Fitted:
    """Fit the variable stripe length; the abscissa has to state its unit of length."""
    factor = curve.x.factor("length")
    if factor is None:
        raise AnalysisError(f"A gain in cm-1 needs the unit of the stripe's length; {curve.x.title or 'the abscissa'} states none "
                            "of um, mm, cm. Say it with --x-unit, or in the heading, e.g. 'length (um)'.")
    length, seen = curve.x.values * factor, curve.y.values
    sigma = curve.sigma if curve.sigma is not None else _stripes_errors(length, seen)
    law = stripes.stripe_gain(length, seen, sigma)
    results: dict[str, Result] = {"gain": law.gain, "spontaneous": law.spontaneous}
    if law.saturation_length is not None:
        results["saturation_length"] = law.saturation_length
    if law.depletion_time is not None:
        results["depletion_time"] = law.depletion_time
    inside = length <= law.window_cm
    if curve.sigma is None:
        results = by_scatter(results, int(np.count_nonzero(inside)) - 2)
    line = drawn(f"up to {law.window_cm / factor:.4g} {curve.x.unit}", lambda x: law.curve(x * factor), 0.0, law.window_cm / factor)
    return Fitted(results, curve.x.values, curve.y.values, curve.sigma, curve.x.title, curve.y.title, [line],
                  curve.x.values[inside], scatter_units(law.residuals, sigma, 2))


def _stripes_errors(length: np.ndarray, seen: np.ndarray) -> np.ndarray | None:
    """Give the errors of stripes: by their scatter from neighbour to neighbour, whatever the law; of few, around the law.

    The pump's flicker makes them proportional to a signal that it multiplies; a camera's noise makes them equal.
    """
    if len(length) >= FEWEST_NEIGHBOURS and (found := noise.of_smooth_curve(length, seen, EQUAL_OR_PROPORTIONAL)) is not None:
        return found
    whole = float(length.max())
    return noise.guessed(seen, lambda errors: stripes.stripe_gain(length, seen, errors, window_cm=whole).curve(length), 2, (1.0,))


def fit_occupancy(curve: Curve, options: Options) -> Fitted:
    """Fit 1 - P0 to late emission against fluence in J/cm² (of a stated pump wavelength) or photons/cm²."""
    per_photon = curve.x.factor("photon fluence")
    factor = curve.x.factor("fluence")
    if per_photon is None and factor is None:
        raise AnalysisError(f"A cross-section needs the fluence in J/cm² or photons/cm²; {curve.x.title or 'the abscissa'} states "
                            "neither. Say it with --x-unit, or in the heading, e.g. 'fluence (uJ/cm2)'.")
    if per_photon is None and options.pump_nm is None:
        raise AnalysisError("The wavelength of the pump is needed to count photons. Give it with --pump-nm.")
    pump_nm = options.pump_nm or 500.0          # of photons/cm² the wavelength cancels
    to_j = per_photon * photon_energy_j(pump_nm) if per_photon is not None else factor
    assert to_j is not None    # noqa: S101  one of the two is there
    fluence, seen, sigma = curve.x.values * to_j, curve.y.values, curve.sigma

    def law_with(errors: np.ndarray | None) -> poisson_statistics.Occupancy:
        return poisson_statistics.cross_section(fluence, seen, errors, pump_nm=pump_nm)

    if sigma is None:
        sigma = noise.guessed(seen, lambda errors: law_with(errors).curve(fluence), 2)
    law = law_with(sigma)
    highest = Result(float(np.max(law.mean_occupancy)), None, "1", "σ F/hν at the highest fluence")
    line = drawn("1 - P0", lambda x: law.curve(x * to_j), 0.0, float(curve.x.values.max()))
    results = {"cross_section": law.cross_section, "amplitude": law.amplitude, "highest_occupancy": highest}
    if curve.sigma is None:
        results = by_scatter(results, len(seen) - 2)
    return Fitted(results, curve.x.values, seen, curve.sigma, curve.x.title, curve.y.title, [line], curve.x.values,
                  scatter_units(law.residuals, sigma, 2))
