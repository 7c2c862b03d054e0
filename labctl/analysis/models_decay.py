"""The model `decay` of `labctl fit`: as many exponentials as the data demand.

By reconvolution where an instrument response is at hand, else from the tail. Numbers that are no counts are made counts again, see
`labctl.analysis.counted`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from labctl.analysis.columns import Curve
from labctl.analysis.counted import Counted, as_counts
from labctl.analysis.decay import Decay, fit_decay
from labctl.analysis.decay_model import Response, Timing, response
from labctl.analysis.decay_tail import Tail, fit_tail
from labctl.analysis.models import Drawn, Fitted, Options, rescaled
from labctl.analysis.poisson import deviance
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

Kind = TypeVar("Kind", Decay, Tail)
DEMANDED = 13.82            # gain in -2 ln L by which two more constants are more than chance, 99.9 %
SANE = 1.25                 # reduced χ² with which a later beginning is accepted
ABOVE, WAVES, CALM = 1.2, 16, 0.15       # background multiple; stretches; mean square of the waves, in variances of a bin
FALLEN = (0.7, 0.5, 0.35, 0.25, 0.15, 0.1, 0.06, 0.03, 0.015, 0.005, 0.002)      # shares of the peak at which it is tried
UNEVEN = 0.02               # relative difference of steps from which delays are not evenly spaced
TRUSTED = 1.5               # reduced χ² above which no sum of exponentials describes the data
BLEACH = 3.0                # times the height of what is positive: a signal that is negative
SPECTRUM_NM = (150.0, 3000.0)           # numbers without name and unit that are wavelengths, if they begin beyond their own span
EMPTY_END = 0.03            # share of the bins, all empty at the end, from which they are cut off


def fit_decays(curve: Curve, options: Options) -> Fitted:
    """Fit a decay; results are in the unit of the time axis."""
    unit = curve.x.unit or "ns"
    _insist_on_time(curve)
    time, step, missing = _even(curve.x.values)
    upright, problems = _upright(curve.y.values)
    given = as_counts(upright)
    irf = _irf(curve, options, time, step)
    problems += [given.note] if given.note else []
    if not curve.x.kinds():
        problems.append(f"the time axis states no unit; it was taken as {unit} (--x-unit says another)")
    if missing and irf is not None:
        raise AnalysisError(f"{missing} bins of the decay are missing, and a fit with a response needs them all. Give the "
                            "histogram as recorded, or leave the response out to fit the tail.")
    if irf is not None:
        fitted = _reconvolve(curve, options, time, step, given, irf, unit)
    else:
        problems += [f"{missing} bin{'s' * (missing > 1)} of the histogram missing; the fit does without"] if missing else []
        problems.append("there is no instrument response: lifetimes of its order come out too long (--irf gives one)")
        fitted = _tail(curve, options, time, given, unit)
    worst = max((one.goodness or 0.0 for one in fitted.results.values()), default=0.0)
    if worst > TRUSTED:
        problems.append(f"the residuals are {np.sqrt(worst):.2g} times larger than counting noise: this is no sum of exponentials, "
                        "or the response does not belong to it. The stated errors are those of counting alone.")
    return replace(fitted, problems=(*fitted.problems, *problems))


# ---------------------------------------------------------------- with and without a response
def _reconvolve(curve: Curve, options: Options, time: np.ndarray, step: float, given: Counted, irf: np.ndarray,
                unit: str) -> Fitted:
    counts = given.counts
    to_ps = curve.x.factor("time") or 1e3
    period = options.period if options.period is not None else step * len(time)
    timing = Timing(step * to_ps, period * to_ps)
    shape = response(irf, timing)
    found, problems = _simplest(options, lambda k: fit_decay(counts, shape, timing, components=k, systematics=False), counts)
    found = fit_decay(counts, shape, timing, components=len(found.lifetimes))
    results = _named(found, 1 / to_ps, unit, given)
    if found.shift is not None:
        results["shift"] = rescaled(found.shift, 1 / to_ps, unit)
    if found.scatter is not None:
        results["scatter"] = found.scatter
    seen = given.back(counts)
    fits = [Drawn("instrument response", time, _scaled_to(shape, seen)),
            Drawn(_words(len(found.lifetimes)), time, given.back(found.model))]
    return Fitted(results, time, seen, None, _time_label(curve, unit), given.label(curve.y.title), fits, time, found.residuals, "y",
                  problems)


def _tail(curve: Curve, options: Options, time: np.ndarray, given: Counted, unit: str) -> Fitted:
    """Fit from past the peak on; where no sum of exponentials describes that, from later on, and said so."""
    counts = given.counts
    peak = int(np.argmax(_smooth(counts)))
    last = len(time) if options.stop is not None else _last_bin(counts, peak) + 1
    stop = options.stop if options.stop is not None else float(time[last - 1])

    def fit_from(start: float) -> tuple[Tail, tuple[str, ...]]:
        def fit(components: int) -> Tail:
            return fit_tail(time, counts, start=start, stop=stop, components=components, unit=unit, origin=float(time[peak]))

        return _simplest(options, fit, counts[int(np.searchsorted(time, start)):int(np.searchsorted(time, stop))])

    start = options.start if options.start is not None else float(time[_past_the_rise(counts, peak)])
    found, problems = fit_from(start)
    if options.start is None and not _sane(found, given.pedestal):
        for later in _later(time, counts, peak, last):
            try:
                candidate, refused = fit_from(later)
            except AnalysisError:
                break
            if _sane(candidate, given.pedestal):
                found, problems = candidate, (*refused, "no sum of exponentials describes the decay from its peak on; from "
                                              f"{later:.4g} {unit} on, where this fit begins, one does (--start chooses)")
                break
    results = _named(found, 1.0, unit, given)
    results["background"] = given.result(found.background, height=True)
    used = time[found.used]
    fits = [Drawn(_words(len(found.lifetimes)), used, given.back(found.model))]
    return Fitted(results, time, given.back(counts), None, _time_label(curve, unit), given.label(curve.y.title), fits, used,
                  found.residuals, "y", problems)


def _sane(found: Tail, pedestal: float) -> bool:
    """Tell whether the residuals of the decaying part are noise: of the right size, and with no waves in them.

    A long flat end would hide both, so that only bins clearly above the background count.
    """
    floor = found.background.value
    decaying = found.residuals[found.model > floor + max((ABOVE - 1) * max(floor - pedestal, 1.0), np.sqrt(pedestal))]
    length = len(decaying) // WAVES
    if length < 2:
        return float(np.mean(found.residuals**2)) < SANE
    means = decaying[:length * WAVES].reshape(WAVES, length).mean(axis=1)
    return float(np.mean(decaying**2)) < SANE and float(np.mean(means**2)) - 1 / length < CALM


def _later(time: np.ndarray, counts: np.ndarray, peak: int, last: int) -> list[float]:
    """Give the times at which the decay has fallen to certain shares of its peak above what is left at its end."""
    smooth = _smooth(counts)[peak:last]
    floor = float(np.median(smooth[-max(len(smooth) // 50, 5):]))
    below = [np.flatnonzero(smooth - floor < share * (smooth[0] - floor)) for share in FALLEN]
    return [float(time[peak + int(first[0])]) for first in below if len(first)]


def _simplest(options: Options, fit: Callable[[int], Kind], counts: np.ndarray) -> tuple[Kind, tuple[str, ...]]:
    """Fit as many exponentials as asked for, else as many as the likelihood demands; gives the fit and what was refused."""
    if options.components is not None:
        return fit(options.components), ()
    best, refused = fit(1), ""
    for components in (2, 3):
        try:
            richer = fit(components)
        except AnalysisError as exc:
            refused = f"{components} exponentials: {exc}"
            break
        excess = max(richer.lifetimes[0].goodness or 1.0, 1.0)
        if deviance(counts, best.model) - deviance(counts, richer.model) < DEMANDED * excess:
            break
        best = richer
    poor = (best.lifetimes[0].goodness or 0.0) > TRUSTED
    return best, (refused,) if refused and poor else ()


def _named(found: Decay | Tail, factor: float, unit: str, given: Counted) -> dict[str, Result]:
    """Name lifetimes, amplitudes and averages."""
    single = len(found.lifetimes) == 1
    results = {} if single else {"amplitude_average": rescaled(found.amplitude_average, factor, unit),
                                 "intensity_average": rescaled(found.intensity_average, factor, unit)}
    for number, (lifetime, amplitude) in enumerate(zip(found.lifetimes, found.amplitudes, strict=True), 1):
        results["lifetime" if single else f"lifetime_{number}"] = rescaled(lifetime, factor, unit)
        if not single:
            results[f"amplitude_{number}"] = given.result(amplitude)
    return results


def _words(components: int) -> str:
    return f"{components} exponential{'s' if components > 1 else ''}"


def _time_label(curve: Curve, unit: str) -> str:
    return f"{curve.x.name or 'Time'} ({unit})"


# ---------------------------------------------------------------- axis and response
def _insist_on_time(curve: Curve) -> None:
    """Refuse numbers without name and unit that look like the wavelengths of a spectrum."""
    low, high = float(curve.x.values.min()), float(curve.x.values.max())
    if not curve.x.name and not curve.x.unit and SPECTRUM_NM[0] <= low and high <= SPECTRUM_NM[1] and low > high - low:
        raise AnalysisError(f"The abscissa has neither name nor unit, and {low:g} to {high:g} looks like wavelengths in nm: "
                            "there is --model lineshape or modes. If it is a time, say its unit with --x-unit.")


def _upright(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Turn the sign of a signal that is negative, as that of a bleached transition."""
    smooth = _smooth(values)[1:-1]
    if float(-smooth.min()) <= BLEACH * max(float(smooth.max()), 0.0):
        return values, []
    return -values, ["the signal is negative; its sign was turned, also that of amplitudes and background"]


def _even(values: np.ndarray) -> tuple[np.ndarray, float, int]:
    """Give the delays, their step, and how many bins are missing; refuses delays that are not evenly spaced."""
    steps = np.diff(values)
    step = float(np.median(steps)) if len(steps) else 0.0
    bins = np.round(steps / step) if step > 0 else np.zeros(1)
    if np.any(bins < 1) or np.any(np.abs(steps - bins * step) > UNEVEN * step + 1e-9 * abs(values[-1])):
        raise AnalysisError(
            "The delays are not evenly spaced (or come more than once), so the bins do not compare. Give the histogram as recorded."
        )
    place = np.concatenate([[0.0], np.cumsum(bins)])
    return values[0] + (values[-1] - values[0]) / place[-1] * place, step, int(place[-1]) + 1 - len(values)


def _irf(curve: Curve, options: Options, time: np.ndarray, step: float) -> np.ndarray | None:
    """Give the response on the bins of the decay: from the same table, or from another of the same bin width."""
    if options.irf is None:
        return None if curve.irf is None else np.round(np.clip(np.nan_to_num(curve.irf), 0, None))
    theirs, ours = options.irf.x.factor("time"), curve.x.factor("time")
    there, width, missing = _even(options.irf.x.values * (theirs / ours if theirs and ours else 1.0))
    if missing or abs(width / step - 1) > UNEVEN:
        raise AnalysisError(f"The response has bins of {width:.4g} {curve.x.unit} ({missing} missing) and the decay of {step:.4g}: "
                            "take both alike.")
    shape = options.irf.y.values
    offset = round((there[0] - time[0]) / step)
    counts = np.zeros(len(time))
    source = np.arange(len(shape)) + offset
    inside = (source >= 0) & (source < len(time))
    counts[source[inside]] = np.round(np.clip(shape[inside], 0, None))
    return counts


def _scaled_to(shape: Response, seen: np.ndarray) -> np.ndarray:
    return shape.shape / shape.shape.max() * seen.max()


# ---------------------------------------------------------------- the course of the light
def _smooth(counts: np.ndarray) -> np.ndarray:
    return np.convolve(counts, np.ones(3) / 3, mode="same")


def _past_the_rise(counts: np.ndarray, peak: int) -> int:
    """Give the bin from which a tail is taken: past the peak by twice the time of the rise from half to the top."""
    low = np.flatnonzero(counts[:peak] < counts[peak] / 2)
    rise = peak - int(low[-1]) if len(low) else 0
    return min(peak + max(2 * rise, 2), len(counts) - 1)


def _last_bin(counts: np.ndarray, peak: int) -> int:
    """Give the end of the tail: before a stretch of empty bins, or before the light of the next pulse."""
    filled = np.flatnonzero(counts)
    end = int(filled[-1]) if len(filled) and len(counts) - filled[-1] > EMPTY_END * len(counts) else len(counts) - 1
    width = max((end - peak) // 50, 3)
    tail = np.convolve(counts[peak:end + 1], np.ones(width) / width, mode="valid")
    if len(tail) < 3 * width:
        return end
    lowest = int(np.argmin(tail))
    again = tail[lowest:].max() > tail[lowest] + 0.2 * (tail[0] - tail[lowest])
    return peak + lowest if again else end
