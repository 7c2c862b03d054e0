"""The model `decay` of `labctl fit`: as many exponentials as the data demand.

By reconvolution where an instrument response is at hand, else from the tail. Numbers that are no counts are made counts again by
their own noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from labctl.analysis.columns import Curve
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
NOISE_BLOCK = 24            # neighbouring bins by which noise is compared with height
PASSES = 6
MOST_COUNTS = 1e7           # in the highest bin of made-up counts: a noiseless curve would make infinitely many
EMPTY_END = 0.03            # share of the bins, all empty at the end, from which they are cut off


def fit_decays(curve: Curve, options: Options) -> Fitted:
    """Fit a decay; results are in the unit of the time axis."""
    unit = curve.x.unit or "ns"
    time, step = _even(curve.x.values)
    counts, note = _as_counts(curve.y.values)
    irf = _irf(curve, options, time)
    problems = [note] if note else []
    if not curve.x.kinds():
        problems.append(f"the time axis states no unit; it was taken as {unit}")
    if irf is not None:
        fitted = _reconvolve(curve, options, time, step, counts, irf, unit)
    else:
        problems.append("there is no instrument response: lifetimes of its order come out too long (--irf gives one)")
        fitted = _tail(curve, options, time, counts, unit)
    worst = max((one.goodness or 0.0 for one in fitted.results.values()), default=0.0)
    if worst > TRUSTED:
        problems.append(f"the residuals are {np.sqrt(worst):.2g} times larger than counting noise: this is no sum of exponentials, "
                        "or the response does not belong to it. The stated errors are those of counting alone.")
    return replace(fitted, problems=(*fitted.problems, *problems))


# ---------------------------------------------------------------- with and without a response
def _reconvolve(curve: Curve, options: Options, time: np.ndarray, step: float, counts: np.ndarray, irf: np.ndarray,
                unit: str) -> Fitted:
    to_ps = curve.x.factor("time") or 1e3
    period = options.period if options.period is not None else step * len(time)
    timing = Timing(step * to_ps, period * to_ps)
    shape = response(irf, timing)
    found, problems = _simplest(options, lambda k: fit_decay(counts, shape, timing, components=k, systematics=False), counts)
    found = fit_decay(counts, shape, timing, components=len(found.lifetimes))
    results = _named(found, 1 / to_ps, unit)
    if found.shift is not None:
        results["shift"] = rescaled(found.shift, 1 / to_ps, unit)
    if found.scatter is not None:
        results["scatter"] = found.scatter
    fits = [Drawn("instrument response", time, _scaled_to(shape, counts)), Drawn(_words(len(found.lifetimes)), time, found.model)]
    return Fitted(results, time, counts, None, _time_label(curve, unit), "Counts", fits, time, found.residuals, "y", problems)


def _tail(curve: Curve, options: Options, time: np.ndarray, counts: np.ndarray, unit: str) -> Fitted:
    """Fit from past the peak on; where no sum of exponentials describes that, from later on, and said so."""
    peak = int(np.argmax(_smooth(counts)))
    last = len(time) if options.stop is not None else _last_bin(counts, peak) + 1
    stop = options.stop if options.stop is not None else float(time[last - 1])

    def fit_from(start: float) -> tuple[Tail, tuple[str, ...]]:
        def fit(components: int) -> Tail:
            return fit_tail(time, counts, start=start, stop=stop, components=components, unit=unit, origin=float(time[peak]))

        return _simplest(options, fit, counts[int(np.searchsorted(time, start)):int(np.searchsorted(time, stop))])

    start = options.start if options.start is not None else float(time[_past_the_rise(counts, peak)])
    found, problems = fit_from(start)
    if options.start is None and not _sane(found):
        for later in _later(time, counts, peak, last):
            try:
                candidate, refused = fit_from(later)
            except AnalysisError:
                break
            if _sane(candidate):
                found, problems = candidate, (*refused, "no sum of exponentials describes the decay from its peak on; from "
                                              f"{later:.4g} {unit} on, where this fit begins, one does (--start chooses)")
                break
    results = _named(found, 1.0, unit)
    results["background"] = found.background
    used = time[found.used]
    fits = [Drawn(_words(len(found.lifetimes)), used, found.model)]
    return Fitted(results, time, counts, None, _time_label(curve, unit), "Counts", fits, used, found.residuals, "y", problems)


def _sane(found: Tail) -> bool:
    """Tell whether the residuals of the decaying part are noise: of the right size, and with no waves in them.

    A long flat end would hide both, so that only bins clearly above the background count.
    """
    decaying = found.residuals[found.model > ABOVE * max(found.background.value, 1.0)]
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


def _named(found: Decay | Tail, factor: float, unit: str) -> dict[str, Result]:
    """Name lifetimes, shares and averages."""
    single = len(found.lifetimes) == 1
    results = {} if single else {"amplitude_average": rescaled(found.amplitude_average, factor, unit),
                                 "intensity_average": rescaled(found.intensity_average, factor, unit)}
    for number, (lifetime, amplitude) in enumerate(zip(found.lifetimes, found.amplitudes, strict=True), 1):
        results["lifetime" if single else f"lifetime_{number}"] = rescaled(lifetime, factor, unit)
        if not single:
            results[f"amplitude_{number}"] = amplitude
    return results


def _words(components: int) -> str:
    return f"{components} exponential{'s' if components > 1 else ''}"


def _time_label(curve: Curve, unit: str) -> str:
    return f"{curve.x.name or 'Time'} ({unit})"


# ---------------------------------------------------------------- axis and response
def _even(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Give the delays and their step; refuses delays that are not evenly spaced."""
    steps = np.diff(values)
    step = float(np.median(steps)) if len(steps) else 0.0
    if step <= 0 or np.any(np.abs(steps - step) > UNEVEN * step + 1e-9 * abs(values[-1])):
        raise AnalysisError(
            "The delays are not evenly spaced (or not in rising order), so the bins do not compare. Give the histogram as recorded."
        )
    return values[0] + (values[-1] - values[0]) / (len(values) - 1) * np.arange(len(values)), step


def _irf(curve: Curve, options: Options, time: np.ndarray) -> np.ndarray | None:
    """Give the response on the bins of the decay: from the same table, or from another of the same bin width."""
    if options.irf is None:
        return None if curve.irf is None else np.round(np.clip(np.nan_to_num(curve.irf), 0, None))
    there, shape = options.irf
    _, step = _even(there)
    if abs(step / (time[1] - time[0]) - 1) > UNEVEN:
        raise AnalysisError(f"The response has bins of {step:.4g} and the decay of {time[1] - time[0]:.4g}: take both alike.")
    offset = round((there[0] - time[0]) / step)
    counts = np.zeros(len(time))
    source = np.arange(len(shape)) + offset
    inside = (source >= 0) & (source < len(time))
    counts[source[inside]] = np.round(np.clip(shape[inside], 0, None))
    return counts


def _scaled_to(shape: Response, counts: np.ndarray) -> np.ndarray:
    return shape.shape / shape.shape.max() * counts.max()


# ---------------------------------------------------------------- counts
def _as_counts(values: np.ndarray) -> tuple[np.ndarray, str]:
    """Give whole counts; of normalised, averaged or background-free numbers those counts that would scatter as they do.

    The variance of neighbours is fitted as v0 + φ × height: (values + v0/φ)/φ then has Poisson's variance.
    """
    if np.all(values >= 0) and np.all(values == np.round(values)) and values.max() > 1:
        return values, ""
    slope, constant = _noise(values)
    top = float(values.max())
    if slope <= top / MOST_COUNTS or constant / slope > top:
        # noise that does not grow with the height: equal errors, which counts on a high plateau have
        spread = max(float(np.sqrt(max(constant, 0.0))), top / np.sqrt(MOST_COUNTS))
        slope = constant = 0.0
        factor = top / MOST_COUNTS if spread <= 1.01 * top / np.sqrt(MOST_COUNTS) else spread**2 / top
        return np.round(np.clip((values - min(values.min(), 0.0)) / factor, 0, None)), (
            "the numbers are no counts and their noise does not grow as counts' does: errors and goodness are estimates")
    counts = np.round(np.clip(values / slope + max(constant, 0.0) / slope**2, 0, None))
    return counts, f"the numbers are no counts: by their noise {slope:.3g} of them is one count, to which errors and goodness refer"


def _noise(values: np.ndarray) -> tuple[float, float]:
    """Fit variance = v0 + φ height to blocks of neighbours, from second differences, which no slope disturbs; gives φ and v0."""
    second = (values[2:] - 2 * values[1:-1] + values[:-2]) / np.sqrt(6.0)
    blocks = max(len(second) // NOISE_BLOCK, 1)
    used = blocks * NOISE_BLOCK if len(second) >= NOISE_BLOCK else len(second)
    variance = np.mean(second[:used].reshape(blocks, -1) ** 2, axis=1)
    height = np.mean(values[1:-1][:used].reshape(blocks, -1), axis=1)
    calm = height < 0.7 * height.max() if blocks > 4 else np.ones(blocks, dtype=bool)     # the edge of the pulse is no noise
    design, expected = np.column_stack([np.ones(np.count_nonzero(calm)), height[calm]]), np.full(np.count_nonzero(calm), 1.0)
    constant = slope = 0.0
    for _ in range(PASSES):              # a variance scatters in proportion to itself: weights from the fit, not from the scatter
        constant, slope = np.linalg.lstsq(design / expected[:, None], variance[calm] / expected, rcond=None)[0]
        line = design @ np.array([constant, slope])
        expected = np.maximum(line, 1e-3 * max(float(line.max()), 1e-300))
    return float(slope), float(constant)


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
