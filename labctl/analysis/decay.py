"""Lifetimes from time-correlated histograms: reconvolution with the instrument response, by Poisson likelihood.

The model is live(t) [Σ n_i decay(τ_i; t - shift) + n_s IRF(t - shift) + b]: n_i counts in component i, n_s counts of scattered pump
light, b counts of background per bin; decay, wrap-around and live share as in `decay_model`. Amplitudes are A_i = n_i/τ_i;
τ_amp = Σ A τ/Σ A and τ_int = Σ A τ²/Σ A τ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from labctl.analysis.decay_model import Response, Timing, decay, live_share
from labctl.analysis.fitting import Fit, gradient
from labctl.analysis.poisson import Shapes, deviance, fit_counts
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

IRF_WIDTH_ERROR = 0.02      # relative: detectors broaden with rate and colour by about this much
SHORTEST = 0.01             # share of the IRF's width below which no lifetime is looked for
SHORT = 0.2                 # lifetimes below this share of the IRF's width rest on the IRF
FEWEST_COUNTS = 500.0       # per component
SIGNIFICANT = 3.0           # standard errors by which every component must exceed zero
UNRESOLVED = 0.5            # relative error from which a lifetime is none
DEMANDED = 10.83            # gain in -2 ln L from which one more constant is more than chance, 99.9 %
FIRST_SCATTER = 0.01        # share of scattered light from which its search starts
TRIAL_LIFETIMES = 12        # log-spaced lifetimes from which the search starts


@dataclass(frozen=True)
class Decay:
    """Lifetimes in ps, shortest first, with the share of counts of each component, and their averages.

    `amplitudes` are A_i/Σ A at t = 0, `shift` in ps (None when it was fixed), `scatter` the share of counts that is pump light
    (None when not fitted), `background` in counts per bin. `model` is the fitted histogram and `model_error` its standard error,
    `residuals` are in standard errors.
    """

    lifetimes: tuple[Result, ...]
    amplitudes: tuple[Result, ...]
    amplitude_average: Result
    intensity_average: Result
    shift: Result | None
    scatter: Result | None
    background: Result
    model: np.ndarray
    model_error: np.ndarray
    residuals: np.ndarray

    @property
    def lifetime(self) -> Result:
        """Give the only lifetime of a single exponential, else the amplitude average."""
        return self.lifetimes[0] if len(self.lifetimes) == 1 else self.amplitude_average


@dataclass(frozen=True)
class _Setting:
    """What one fit is done with."""

    irf: Response
    timing: Timing
    components: int
    shift_ps: float | None        # None: free
    scatter: bool
    live: np.ndarray

    @property
    def unit_ps(self) -> float:
        """Give the time in which the shift is counted while fitting, so that it is of order 1."""
        return self.irf.fwhm_ps

    def columns(self, constants: np.ndarray) -> np.ndarray:
        """Give the histograms of the components, of the scattered light and of the background for ln τ_i (and the shift)."""
        shift = constants[-1] * self.unit_ps if self.shift_ps is None else self.shift_ps
        shapes = [decay(self.irf, float(np.exp(c)), self.timing, shift) for c in constants[: self.components]]
        if self.scatter:
            shapes.append(self.irf.moved(shift).shape)
        shapes.append(np.ones(len(self.live)))
        return np.column_stack(shapes) * self.live[:, None]

    def histogram(self, values: np.ndarray) -> np.ndarray:
        """Give the expected counts for all constants of a fit."""
        split = self.components + int(self.shift_ps is None)
        return self.columns(values[:split]) @ values[split:]


def fit_decay(counts: np.ndarray, irf: Response, timing: Timing, *, components: int = 1, shift_ps: float | None = None,
              shift_error_ps: float = 0.0, scatter: bool = True, systematics: bool = True) -> Decay:
    """Fit 1 to 3 exponentials to a histogram (bins,) whose bins are those of the IRF.

    The shift between IRF and decay is free unless `shift_ps` fixes it; a fixed one is uncertain by `shift_error_ps`. The
    systematic error joins what an IRF 2 % wider or narrower, and a fixed shift wrong by its error, would change.
    With `scatter` a share of pump light is added where the likelihood demands it (99.9 %), and only there: an exponential obeys
    dD/dt = (IRF - D)/τ, so that next to no scattered light a little of it and a little shift are the same thing.
    Raises AnalysisError when counts are too few, when a component is not significant, or when a lifetime is not resolved.
    """
    counts = np.asarray(counts, dtype=float)
    _insist_on_counts(counts, irf, components)
    setting = _Setting(irf, timing, components, shift_ps, False, live_share(counts, timing))
    fit = _fit(counts, setting, None)
    if scatter:
        setting, fit = _with_scatter(counts, setting, fit)
    spread = _spread(counts, setting, fit, shift_error_ps) if systematics else None
    return _describe(counts, setting, fit, spread)


def _insist_on_counts(counts: np.ndarray, irf: Response, components: int) -> None:
    if components not in (1, 2, 3):
        raise ValueError(f"components is {components}; 1, 2 or 3 can be fitted")
    if len(counts) != len(irf.shape):
        raise AnalysisError(f"The decay has {len(counts)} bins and the instrument response {len(irf.shape)}: take both alike.")
    if np.any(counts < 0) or np.any(counts != np.round(counts)):
        raise AnalysisError("The histogram is not made of whole counts. Use it as recorded: background belongs to the model.")
    if counts.sum() < FEWEST_COUNTS * components:
        raise AnalysisError(
            f"The histogram holds {counts.sum():.0f} counts; {components} lifetime{'s' if components > 1 else ''} need "
            f"{FEWEST_COUNTS * components:.0f}. Count longer."
        )


def _fit(counts: np.ndarray, setting: _Setting, start: np.ndarray | None) -> Fit:
    """Fit with everything of the setting, from `start` (constants and amplitudes) or from a search."""
    begin = _search(counts, setting) if start is None else start
    k, free = setting.components, setting.shift_ps is None
    reach = 0.25 * len(counts) * setting.timing.bin_ps / setting.unit_ps
    shortest, longest = np.log(SHORTEST * setting.irf.fwhm_ps), np.log(30 * setting.timing.period_ps)
    split = k + int(free)
    low, high = np.array([shortest] * k + [-reach] * free), np.array([longest] * k + [reach] * free)
    shapes = Shapes(setting.columns, begin[:split], low, high)
    return fit_counts(counts, shapes, begin[split:], what=f"The fit of {k} exponential{'s' if k > 1 else ''}")


def _with_scatter(counts: np.ndarray, plain: _Setting, fit: Fit) -> tuple[_Setting, Fit]:
    """Add scattered light to the model if that describes the histogram better than chance would."""
    richer = replace(plain, scatter=True)
    split = plain.components + int(plain.shift_ps is None)
    start = np.insert(fit.values, split + plain.components, FIRST_SCATTER * fit.values[split:-1].sum())
    try:
        candidate = _fit(counts, richer, start)
    except AnalysisError:       # scattered light that cannot be told from a shift is not demanded by the data
        return plain, fit
    gain = deviance(counts, plain.histogram(fit.values)) - deviance(counts, richer.histogram(candidate.values))
    return (richer, candidate) if gain > DEMANDED else (plain, fit)


def _search(counts: np.ndarray, setting: _Setting) -> np.ndarray:
    """Try log-spaced lifetimes and a few shifts, amplitudes by weighted least squares; gives constants and amplitudes."""
    timing, k = setting.timing, setting.components
    weight = 1 / np.sqrt(np.maximum(counts, 1.0))
    trial = np.geomspace(max(timing.bin_ps, 0.1 * setting.irf.fwhm_ps), 2 * timing.period_ps, TRIAL_LIFETIMES)
    best, begin = np.inf, np.array([])
    for shift in _trial_shifts(counts, setting):
        shapes = [decay(setting.irf, float(t), timing, shift) * setting.live for t in trial]
        design = np.column_stack([*shapes, setting.live]) * weight[:, None]
        normal, right = design.T @ design, design.T @ (counts * weight)
        for chosen in combinations(range(len(trial)), k):
            index = [*chosen, len(trial)]
            amplitudes = np.linalg.lstsq(normal[np.ix_(index, index)], right[index], rcond=None)[0]
            left = float(-right[index] @ amplitudes)
            if left < best and np.all(amplitudes[:k] > 0):
                constants = [*np.log(trial[list(chosen)]), *([shift / setting.unit_ps] if setting.shift_ps is None else [])]
                best, begin = left, np.array([*constants, *amplitudes])
    if not len(begin):
        raise AnalysisError(f"No {k} exponentials resemble the histogram. Fit fewer components, or check the instrument response.")
    begin[-1] = max(begin[-1], 0.1)
    return begin


def _trial_shifts(counts: np.ndarray, setting: _Setting) -> tuple[float, ...]:
    """Give no shift, and that which brings the rising edges together."""
    if setting.shift_ps is not None:
        return (setting.shift_ps,)

    def edge(curve: np.ndarray) -> int:
        top = int(np.argmax(curve))
        before = np.flatnonzero(curve[:top] < (curve.min() + curve[top]) / 2)
        return int(before[-1]) if len(before) else top

    apart = (edge(counts) - edge(setting.irf.shape)) * setting.timing.bin_ps
    return (0.0, float(apart), float(apart) / 2)


def _spread(counts: np.ndarray, setting: _Setting, fit: Fit, shift_error_ps: float) -> list[Fit]:
    """Refit with the IRF wider and narrower, and with a fixed shift moved to both sides."""
    irf = setting.irf
    others = [replace(setting, irf=irf.moved(0.0, 1 + sign * IRF_WIDTH_ERROR)) for sign in (1, -1)]
    if setting.shift_ps is not None and shift_error_ps > 0:
        others += [replace(setting, shift_ps=setting.shift_ps + sign * shift_error_ps) for sign in (1, -1)]
    return [_fit(counts, other, fit.values) for other in others]


def _describe(counts: np.ndarray, setting: _Setting, fit: Fit, spread: list[Fit] | None) -> Decay:
    """Name the constants of the fit, with errors of everything derived from them."""
    k = setting.components
    split = k + int(setting.shift_ps is None)
    order = np.argsort(fit.values[:k])
    estimator = f"reconvolution, {k} exponential{'s' if k > 1 else ''}, Poisson likelihood"
    _insist_on_components(fit, split, order, setting)

    def result(function: Callable[[np.ndarray], float], unit: str, note: str = "") -> Result:
        systematic = None
        if spread is not None:
            changes = [function(other.values) - function(fit.values) for other in spread]
            pairs = [max(map(abs, changes[i : i + 2])) for i in range(0, len(changes), 2)]
            systematic = float(np.hypot.reduce(pairs))
        stderr = fit.error_of(gradient(function, fit))
        return Result(function(fit.values), stderr, unit, estimator, systematic, note, fit.reduced_chi2)

    def total(values: np.ndarray) -> float:
        return float(values[split:-1].sum())

    def amplitudes(values: np.ndarray) -> np.ndarray:
        return values[split : split + k] / np.exp(values[:k])

    def average(values: np.ndarray, power: int) -> float:
        weight = amplitudes(values) * np.exp(values[:k]) ** (power - 1)
        return float(weight @ np.exp(values[:k]) / weight.sum())

    notes = {int(i): _note(float(np.exp(fit.values[i])), setting) for i in order}
    scatter_share = None
    if setting.scatter:
        scatter_share = result(lambda v: float(v[split + k]) / total(v), "1")
    return Decay(
        lifetimes=tuple(result(lambda v, i=i: float(np.exp(v[i])), "ps", notes[int(i)]) for i in order),
        amplitudes=tuple(result(lambda v, i=i: float(amplitudes(v)[i] / amplitudes(v).sum()), "1") for i in order),
        amplitude_average=result(lambda v: average(v, 1), "ps"), intensity_average=result(lambda v: average(v, 2), "ps"),
        shift=None if setting.shift_ps is not None else result(lambda v: float(v[k]) * setting.unit_ps, "ps"),
        scatter=scatter_share, background=result(lambda v: float(v[-1]), "counts"),
        model=setting.histogram(fit.values), model_error=fit.curve_error(setting.histogram), residuals=fit.residuals,
    )


def _note(lifetime_ps: float, setting: _Setting) -> str:
    if lifetime_ps < SHORT * setting.irf.fwhm_ps:
        return f"below {SHORT} × the {setting.irf.fwhm_ps:.0f} ps of the instrument response: the systematic error decides"
    if lifetime_ps > 0.5 * setting.timing.period_ps:
        return f"longer than half of the repetition period of {setting.timing.period_ps / 1e3:.1f} ns: lower the repetition rate"
    return ""


def _insist_on_components(fit: Fit, split: int, order: np.ndarray, setting: _Setting) -> None:
    for place, index in enumerate(order, start=1):
        counts, error = fit.values[split + index], fit.stderr[split + index]
        lifetime = float(np.exp(fit.values[index]))
        if lifetime < 2 * SHORTEST * setting.irf.fwhm_ps:
            raise AnalysisError(
                f"Lifetime {place} is shorter than {2 * SHORTEST * setting.irf.fwhm_ps:.1f} ps, too short for an instrument "
                f"response of {setting.irf.fwhm_ps:.0f} ps. It may be scattered pump light: check the detection filter."
            )
        if counts < SIGNIFICANT * error:
            raise AnalysisError(
                f"Component {place} ({lifetime:.4g} ps) holds {counts:.3g} ± {error:.2g} counts: it is not significant. "
                "Fit fewer components or count longer."
            )
        if fit.stderr[index] > UNRESOLVED:
            raise AnalysisError(
                f"Lifetime {place} is not resolved: {lifetime:.4g} ps ± {100 * fit.stderr[index]:.0f} %, with an instrument "
                f"response of {setting.irf.fwhm_ps:.0f} ps and a period of {setting.timing.period_ps / 1e3:.1f} ns."
            )
