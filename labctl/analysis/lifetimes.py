"""Decays recorded in pieces: summed, fitted with the instrument response of the same run, and set against what was varied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labctl.analysis.decay import Decay, fit_decay
from labctl.analysis.decay_model import Response, Timing, response
from labctl.analysis.series import Findings
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result
from labctl.core.reduction import CurveData

PER_ROOT_COUNT = 1.3        # relative error of a lifetime times the root of the counts, well resolved and on a low background
DEMANDED = 13.8             # gain in χ² from which two more constants are more than chance, 99.9 %


@dataclass(frozen=True)
class Piece:
    """All that was counted at one value: histogram (bins,), seconds of counting, transmission of the detection's filter."""

    value: float
    counts: np.ndarray
    seconds: float
    transmission: float


def precise_enough(counts: float, wanted: float, precision: float) -> bool:
    """Tell whether enough was counted: the wanted counts, or (if above 0) the wanted relative error of the lifetime."""
    reached = precision > 0 and counts > (PER_ROOT_COUNT / precision) ** 2
    return counts >= wanted or reached


def gather(values: np.ndarray, counts: np.ndarray, seconds: np.ndarray, transmission: np.ndarray) -> list[Piece]:
    """Sum neighbouring pieces of one value and one filter, in the order of visiting; a value that comes again is another piece."""
    found: list[Piece] = []
    for value, histogram, time, passed in zip(values, counts.astype(float), seconds, transmission, strict=True):
        if found and found[-1].value == value and found[-1].transmission == passed:
            last = found[-1]
            found[-1] = replace(last, counts=last.counts + histogram, seconds=last.seconds + float(time))
        else:
            found.append(Piece(float(value), histogram, float(time), float(passed)))
    return found


def fit_pieces(pieces: Sequence[Piece], irf_counts: np.ndarray, timing: Timing, components: int,
               found: Findings) -> list[Decay | None]:
    """Fit every piece behind the measured response: `irf_fwhm` in ps; a piece that cannot be fitted is a warning."""
    irf: Response = response(irf_counts, timing)
    found.results["irf_fwhm"] = Result(irf.fwhm_ps, irf.bin_ps / np.sqrt(12.0), "ps", "half maximum of the measured response")
    fits: list[Decay | None] = []
    for piece in pieces:
        clock = replace(timing, pulses=piece.seconds * 1e12 / timing.period_ps)
        fits.append(found.attempt(f"lifetime at {piece.value:g}", lambda piece=piece, clock=clock: fewest_exponentials(
            piece.counts, irf, clock, components)))
    if not any(fits):
        raise AnalysisError("No decay could be fitted. " + " ".join(str(problem) for problem in found.problems[:2]))
    return fits


def fewest_exponentials(counts: np.ndarray, irf: Response, timing: Timing, most: int) -> Decay:
    """Fit one exponential, and one more for as long as the data demand it, up to `most`; raises AnalysisError as `fit_decay`."""
    best = fit_decay(counts, irf, timing, components=1)
    for components in range(2, most + 1):
        try:
            richer = fit_decay(counts, irf, timing, components=components)
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


def histogram_curves(pieces: Sequence[Piece], fits: Sequence[Decay | None], timing: Timing, unit: str) -> dict[str, CurveData]:
    """Give every decay with its fit against the delay in ns."""
    curves = {}
    for number, (piece, fit) in enumerate(zip(pieces, fits, strict=True)):
        delay = np.arange(len(piece.counts)) * timing.bin_ps * 1e-3
        curves[f"histogram_{number}"] = CurveData(
            "time_delay", delay, piece.counts, "counts", f"{piece.value:.4g} {unit}".strip(),
            fit_x=None if fit is None else delay, fit_y=None if fit is None else fit.model)
    return curves
