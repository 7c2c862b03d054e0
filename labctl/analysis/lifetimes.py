"""Decays recorded in pieces: summed, fitted with the instrument response of the same run, and set against what was varied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labctl.analysis.decay import Decay, fit_decay
from labctl.analysis.decay_model import Response, Timing, response
from labctl.analysis.irf import KIND, recalled
from labctl.analysis.series import Findings
from labctl.core.counted import Gathered
from labctl.core.errors import AnalysisError
from labctl.core.part import SAME
from labctl.core.plan import Result
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, RunView

RESPONSE = "response, scaled"
DEMANDED = 13.8             # gain in χ² from which two more constants are more than chance, 99.9 %
SPARE = 0.9                 # of the counts that a precision is expected to need: then it is looked at again
MOST_RESPONSE = 0.01        # share of the sync rate above which photons of the response hide others


@dataclass(frozen=True)
class Piece:
    """All that was counted at one value: histogram (bins,), seconds of counting, transmission of the detection's filter."""

    value: float
    counts: np.ndarray
    seconds: float
    transmission: float


@dataclass(frozen=True)
class Counted:
    """The decays of a run, in the order of visiting, with the response and the clockwork that they share."""

    pieces: tuple[Piece, ...]
    irf: Response
    timing: Timing


class Stop:
    """Tells when a decay has been counted long enough: wanted counts, or (if above 0) the wanted relative error of its lifetime.

    The error is that of a fit of what was counted so far, behind the response of this run. It falls as one over the root of the
    counts, so the next fit waits until they may be enough: the root of N/N̂ says when.
    """

    def __init__(self, wanted: float, precision: float, components: int, irf: Gathered, rate_hz: float):
        self.wanted, self.precision, self.components = wanted, precision, components
        self._irf, self._timing = irf.counts, Timing(irf.bin_ps, 1e12 / rate_hz)
        self._look = precision ** -2 if precision > 0 else np.inf       # no lifetime is known better than one over the root

    def __call__(self, so_far: Gathered) -> bool:
        """Look at what was counted."""
        total = float(so_far.counts.sum())
        if total >= self.wanted:
            return True
        if total < self._look:
            return False
        try:
            irf = response(self._irf, self._timing)
            found = fewest_exponentials(so_far.counts, irf, self._timing, self.components).lifetime
        except AnalysisError:           # too little for any lifetime
            self._look = 2.0 * total
            return False
        relative = (found.stderr or 0.0) / found.value
        self._look = max(SPARE * (relative / self.precision) ** 2, 1.0) * total
        return relative <= self.precision


def counted(run: RunView, values: np.ndarray, dead_time_ns: float, found: Findings, *, dimmed: bool) -> Counted:
    """Take response and decays out of a run: `irf_fwhm` in ps, with a warning when the response was counted too fast.

    `values` is what was varied, (points,); `dimmed` says whether a wheel dims the detection. AnalysisError without a response,
    counted in this run or kept from an earlier one.
    """
    sync = float(np.median(run["sync_rate"]))
    timing = Timing(float(run["resolution_ps"][0]), 1e12 / sync, dead_time_ns * 1e3)
    irf = response(_prompt(run, timing.bin_ps, sync, found), timing)
    found.results["irf_fwhm"] = Result(irf.fwhm_ps, irf.bin_ps / np.sqrt(12.0), "ps", "half maximum of the measured response")
    passed = run["detection.nd_transmission"] if dimmed else np.ones(len(values))
    return Counted(tuple(gather(values, run.counts(), run["counting_time"], passed)), irf, timing)


def _prompt(run: RunView, bin_ps: float, sync_hz: float, found: Findings) -> np.ndarray:
    """Give the histogram of the response: this run's own, else the stored one."""
    prompt = run.select("reference")
    histograms = prompt.counts()
    if not len(histograms):
        kept = run.calibration(KIND) if run.parameters.get("stored") else None
        if kept is None:
            raise AnalysisError("The run holds no instrument response.")
        return recalled(kept, run.counts().shape[-1], bin_ps)
    share = float(histograms.sum() / prompt["counting_time"].sum() / sync_hz)
    if share > MOST_RESPONSE:
        found.warn("irf_fwhm", f"the response was counted at {share:.1%} of the sync rate, above {MOST_RESPONSE:.0%}: it may be "
                   "too narrow. Put a denser filter into the dimming wheel.")
    return histograms.sum(axis=0)


def gather(values: np.ndarray, counts: np.ndarray, seconds: np.ndarray, transmission: np.ndarray) -> list[Piece]:
    """Sum neighbouring pieces of one value and one filter, in the order of visiting; a value that comes again is another piece."""
    found: list[Piece] = []
    for value, histogram, time, passed in zip(values, counts.astype(float), seconds, transmission, strict=True):
        if found and np.isclose(found[-1].value, value, rtol=SAME, atol=0.0) and found[-1].transmission == passed:
            last = found[-1]
            found[-1] = replace(last, counts=last.counts + histogram, seconds=last.seconds + float(time))
        else:
            found.append(Piece(float(value), histogram, float(time), float(passed)))
    return found


def fit_pieces(data: Counted, components: int, found: Findings, *, systematics: bool = True) -> list[Decay | None]:
    """Fit every piece behind the measured response; one that cannot be fitted is a warning. Raises AnalysisError if none can."""
    fits: list[Decay | None] = []
    for piece in data.pieces:
        fits.append(found.attempt(f"lifetime at {piece.value:g}", lambda piece=piece: fewest_exponentials(
            piece.counts, data.irf, clock(data.timing, piece), components, systematics=systematics)))
    if not any(fits):
        raise AnalysisError("No decay could be fitted. " + " ".join(str(problem) for problem in found.problems[:2]))
    return fits


def clock(timing: Timing, piece: Piece) -> Timing:
    """Give the clockwork of one piece, which knows how many pulses it saw."""
    return replace(timing, pulses=piece.seconds * 1e12 / timing.period_ps)


def fewest_exponentials(counts: np.ndarray, irf: Response, timing: Timing, most: int, *, systematics: bool = False) -> Decay:
    """Fit one exponential, and one more for as long as the data demand it, up to `most`; raises AnalysisError as `fit_decay`."""
    best = fit_decay(counts, irf, timing, components=1, systematics=systematics)
    for components in range(2, most + 1):
        try:
            richer = fit_decay(counts, irf, timing, components=components, systematics=systematics)
        except AnalysisError:           # not significant, or not resolved: the data do not demand it
            return best
        if float((best.residuals**2).sum() - (richer.residuals**2).sum()) < DEMANDED:
            return best
        best = richer
    return best


def in_ns(result: Result) -> Result:
    """Give a time in ps in ns."""
    return replace(result, value=result.value * 1e-3, unit="ns", stderr=None if result.stderr is None else result.stderr * 1e-3,
                   systematic=None if result.systematic is None else result.systematic * 1e-3)


def of_one(decay: Decay, found: Findings) -> None:
    """Name the numbers of a decay: `lifetime`, its averages, `decay_tau_N`, `decay_amplitude_ratio`, shift, scatter."""
    found.results |= {
        "lifetime": in_ns(decay.lifetime), "lifetime_amplitude_average": in_ns(decay.amplitude_average),
        "lifetime_intensity_average": in_ns(decay.intensity_average),
    }
    for number, each in enumerate(decay.lifetimes, 1):
        found.results[f"decay_tau_{number}"] = in_ns(each)
    if len(decay.amplitudes) > 1:
        first, second = decay.amplitudes[:2]
        ratio = first.value / second.value
        stderr = ratio * float(np.hypot((first.stderr or 0.0) / first.value, (second.stderr or 0.0) / second.value))
        found.results["decay_amplitude_ratio"] = Result(ratio, stderr, "1", "amplitudes at t = 0, fast over slow")
    for name, each in (("irf_shift", decay.shift), ("scatter", decay.scatter)):
        if each is not None:
            found.results[name] = each


def against(pieces: Sequence[Piece], fits: Sequence[Decay | None], axis: str, word: str, found: Findings) -> dict[str, CurveData]:
    """Give lifetime (amplitude average, ns) and photoluminescence against what was varied, and their largest changes in %.

    Curves `lifetime_by_WORD`, `pl_by_WORD`; results `lifetime_change`, `pl_change` (from the first value) and, where the series
    comes back to it, `pl_recovered` (last over first).
    """
    seen = [(piece, fit) for piece, fit in zip(pieces, fits, strict=True) if fit is not None]
    value = np.array([piece.value for piece, _ in seen])
    average = [in_ns(fit.amplitude_average) for _, fit in seen]
    life, error = np.array([each.value for each in average]), np.array([each.stderr or 0.0 for each in average])
    place = np.array([piece.value for piece in pieces])
    light = np.array([piece.counts.sum() / piece.seconds / piece.transmission for piece in pieces])
    noise = light / np.sqrt([max(piece.counts.sum(), 1.0) for piece in pieces])
    for name, numbers, errors in (("lifetime_change", life, error), ("pl_change", light, noise)):
        if len(numbers) > 1:
            worst = 1 + int(np.argmax(np.abs(numbers[1:] / numbers[0] - 1.0)))
            change = numbers[worst] / numbers[0]
            stderr = change * np.hypot(errors[worst] / numbers[worst], errors[0] / numbers[0])
            found.results[name] = Result(100 * abs(float(change - 1.0)), 100 * float(stderr), "%", "largest, from the first value")
    if len(place) > 2 and place[-1] == place[0]:
        back = float(light[-1] / light[0])
        found.results["pl_recovered"] = Result(back, back * float(np.hypot(noise[-1] / light[-1], noise[0] / light[0])), "1",
                                               "last over first, at the same value")
    return {f"lifetime_by_{word}": CurveData(axis, value, life, "ns", "Lifetime", error),
            f"pl_by_{word}": CurveData(axis, place, light, "1/s", "Photons", noise)}


def histogram_curves(data: Counted, fits: Sequence[Decay | None], varied: str) -> dict[str, CurveData]:
    """Give every decay with its fit against the delay in ns, and the response as high as the first of them."""
    curves = {}
    if data.pieces:
        height = data.pieces[0].counts.max() / data.irf.shape.max()
        bins = np.arange(len(data.irf.shape)) * data.timing.bin_ps * 1e-3
        curves["histogram_response"] = CurveData("time_delay", bins, height * data.irf.shape, "counts", RESPONSE)
    for number, (piece, fit) in enumerate(zip(data.pieces, fits, strict=True)):
        delay = np.arange(len(piece.counts)) * data.timing.bin_ps * 1e-3
        label = shown(float(f"{piece.value:.3g}"), varied) if len(data.pieces) > 1 else "measured"
        curves[f"histogram_{number}"] = CurveData(
            "time_delay", delay, piece.counts, "counts", label,
            fit_x=None if fit is None else delay, fit_y=None if fit is None else fit.model,
            fit_sigma=None if fit is None else fit.model_error)
    return curves
