"""Lifetimes without an instrument response: exponentials from a chosen moment on, and the straight line of a log plot.

For decays much longer than the response, and for other people's data. The excitation's wrap-around does not change the lifetimes
of exponentials (only their amplitudes), so it needs no correction here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from labctl.analysis.fitting import gradient
from labctl.analysis.poisson import Shapes, fit_counts
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

FEWEST_COUNTS = 500.0       # per component
SIGNIFICANT = 3.0           # standard errors by which every component must exceed zero
TRIAL_LIFETIMES = 14        # log-spaced lifetimes from which the search starts


@dataclass(frozen=True)
class Tail:
    """Lifetimes (unit of the time axis, shortest first) with amplitudes in counts per bin at the origin, and their averages.

    The averages are Σ A τ/Σ A and Σ A τ²/Σ A τ. `used` is the slice of the histogram that was fitted; `model` and `residuals` (in
    standard errors) belong to it.
    """

    lifetimes: tuple[Result, ...]
    amplitudes: tuple[Result, ...]
    amplitude_average: Result
    intensity_average: Result
    background: Result
    used: slice
    model: np.ndarray
    residuals: np.ndarray


def fit_tail(time: np.ndarray, counts: np.ndarray, *, start: float, stop: float | None = None, components: int = 1,
             unit: str = "ps", origin: float | None = None) -> Tail:
    """Fit 1 to 3 exponentials and a background to counts (bins,) between two times, by Poisson likelihood.

    `time` is evenly spaced, in `unit`; amplitudes are those at `origin`, by default at the start of the fit. Lifetimes of the order
    of the instrument response come out too long: use `fit_decay` for them. Raises AnalysisError when counts are too few or
    negative, or when a component is not significant.
    """
    if components not in (1, 2, 3):
        raise ValueError(f"components is {components}; 1, 2 or 3 can be fitted")
    used = slice(int(np.searchsorted(time, start)), len(time) if stop is None else int(np.searchsorted(time, stop)))
    age, seen = time[used] - time[used][:1], np.asarray(counts, dtype=float)[used]
    if np.any(seen < 0) or np.any(~np.isfinite(seen)):
        raise AnalysisError("The histogram holds negative counts: its background was subtracted. Add it back; the model has one.")
    if seen.sum() < FEWEST_COUNTS * components or len(seen) < 10 * components:
        raise AnalysisError(f"{seen.sum():.0f} counts in {len(seen)} bins between the limits are too few for the tail fit.")

    def columns(constants: np.ndarray) -> np.ndarray:
        return np.column_stack([np.exp(-age[:, None] / np.exp(constants)[None, :]), np.ones_like(age)])

    begin, amplitudes = _search(age, seen, components)
    low, high = np.log(0.2 * (age[1] - age[0])), np.log(100 * age[-1])
    fit = fit_counts(seen, Shapes(columns, begin, np.full(components, low), np.full(components, high)), amplitudes,
                     what=f"The tail fit of {components} exponential{'s' if components > 1 else ''}")
    order = np.argsort(fit.values[:components])
    for i in order:
        if fit.values[components + i] < SIGNIFICANT * fit.stderr[components + i]:
            raise AnalysisError(f"The component of {np.exp(fit.values[i]):.4g} {unit} is not significant. Fit fewer components.")
    name = f"tail, {components} exponential{'s' if components > 1 else ''}, Poisson likelihood"

    elapsed = 0.0 if origin is None else float(time[used][0]) - origin

    def result(function: Callable[[np.ndarray], float], of: str) -> Result:
        return Result(function(fit.values), fit.error_of(gradient(function, fit)), of, name, goodness=fit.goodness)

    def lifetimes(values: np.ndarray) -> np.ndarray:
        return np.exp(values[:components])

    def heights(values: np.ndarray) -> np.ndarray:
        return values[components:-1] * np.exp(elapsed / lifetimes(values))

    def average(values: np.ndarray, power: int) -> float:
        weight = heights(values) * lifetimes(values) ** (power - 1)
        return float(weight @ lifetimes(values) / weight.sum())

    return Tail(
        lifetimes=tuple(result(lambda v, i=i: float(lifetimes(v)[i]), unit) for i in order),
        amplitudes=tuple(result(lambda v, i=i: float(heights(v)[i]), "counts") for i in order),
        amplitude_average=result(lambda v: average(v, 1), unit), intensity_average=result(lambda v: average(v, 2), unit),
        background=result(lambda v: float(v[-1]), "counts"), used=used,
        model=columns(fit.values[:components]) @ fit.values[components:], residuals=fit.residuals,
    )


def _search(age: np.ndarray, counts: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """Try log-spaced lifetimes, amplitudes by weighted least squares; gives ln τ and amplitudes with background."""
    weight = 1 / np.sqrt(np.maximum(counts, 1.0))
    trial = np.geomspace(3 * (age[1] - age[0]), 2 * age[-1], TRIAL_LIFETIMES)
    design = np.column_stack([np.exp(-age[:, None] / trial[None, :]), np.ones_like(age)]) * weight[:, None]
    normal, right = design.T @ design, design.T @ (counts * weight)
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for chosen in combinations(range(len(trial)), components):
        index = [*chosen, len(trial)]
        amplitudes = np.linalg.lstsq(normal[np.ix_(index, index)], right[index], rcond=None)[0]
        left = float(-right[index] @ amplitudes)
        if np.all(amplitudes[:components] > 0) and (best is None or left < best[0]):
            best = left, np.log(trial[list(chosen)]), amplitudes
    if best is None:
        raise AnalysisError(f"No {components} decaying exponentials resemble the histogram. Does the fit begin after the peak?")
    return best[1], np.maximum(best[2], 0.1)
