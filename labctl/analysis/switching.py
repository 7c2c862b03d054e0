"""Emission under a voltage: threshold against voltage, switching in time, leakage that grows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labctl.analysis import threshold
from labctl.analysis.input_output import kink_near
from labctl.analysis.lines import gaussian_line
from labctl.analysis.pump import UNIT, PumpScale
from labctl.analysis.response import Edge, crossing_time, fold
from labctl.analysis.series import Findings, Spectra
from labctl.core.plan import Result
from labctl.core.reduction import CurveData

KINETICS = ("Steps between frames come up to a frame before or after the light: for milliseconds run `voltage_response`, in which "
            "the source-meter switches while the camera takes a series; frames of at most a fifth of the response.")
FOLDED = (0.5, 0.9)         # of half a period, before and after each step; what followed the step before is over by then
FAINT_A = 1e-8              # current below which leakage is the meter's own noise (unverified)
LINE_REACH_NM = 4.0


def by_voltage(spectra: Spectra, volts: np.ndarray, reading_error: float, scale: PumpScale,
               found: Findings) -> dict[str, CurveData]:
    """Fit the kink at every voltage: `threshold_kink_fluence_by_voltage` (curve), `_0v`, `_LASTv`, `threshold_reduction` in %."""
    places, thresholds = np.unique(volts), []
    curves: dict[str, CurveData] = {}
    for volt in places:
        part = spectra.where(volts == volt)
        name = f"threshold_kink_fluence_{volt:g}v"
        data = found.attempt(name, lambda part=part: threshold.series(
            part.pump, *part.integral(), relative_pump=reading_error, unit=UNIT))
        kink = None if data is None else found.attempt(name, lambda data=data: kink_near(data))
        if data is None or kink is None:
            continue
        found.results[name] = scale.fluence(kink.threshold)
        thresholds.append((float(volt), kink.threshold.value, kink.threshold.stderr or 0.0))
        fine = np.linspace(data.pump[0], kink.corners[-1][0], 201)
        curves[f"emission_{volt:g}"] = CurveData("pump.fluence", data.pump * 1e-6, data.output, "1/s", f"{volt:g} V", data.sigma,
                                                 fit_x=fine * 1e-6, fit_y=kink.curve(fine), fit_sigma=kink.curve_error(fine))
    if thresholds:
        voltage, value, error = (np.array(each) for each in zip(*thresholds, strict=True))
        curves["threshold_kink_fluence_by_voltage"] = CurveData("bias.voltage", voltage, value, UNIT, "Threshold", error)
    if len(thresholds) > 1:
        found.results["threshold_reduction"] = _reduction(thresholds[0], thresholds[-1])
    return curves


def _reduction(first: tuple[float, float, float], last: tuple[float, float, float]) -> Result:
    """Give by how many % the threshold falls; the calibration of the fluence cancels."""
    ratio = last[1] / first[1]
    return Result(100 * (1 - ratio), 100 * ratio * float(np.hypot(first[2] / first[1], last[2] / last[1])), "%",
                  f"kinks at {first[0]:g} and {last[0]:g} V")


def lines(spectra: Spectra, volts: np.ndarray, at: float, found: Findings) -> None:
    """Give the spontaneous line at the lowest voltage and the stimulated one at the highest, at the fluence nearest to `at`."""
    for name, volt, reach in (("spe", volts.min(), None), ("ase", volts.max(), LINE_REACH_NM)):
        part = spectra.where(volts == volt)
        index = int(np.argmin(np.abs(part.pump - at)))
        line = found.attempt(f"{name}_wavelength", lambda part=part, index=index, reach=reach: gaussian_line(
            part.wavelength, part.signal[index], part.sigma[index], half_range_nm=reach))
        if line is not None:
            found.results |= {f"{name}_wavelength": line.centre_nm, f"{name}_fwhm": line.fwhm_nm}


def contrast(spectra: Spectra, on: np.ndarray, cycle: np.ndarray, name: str, found: Findings, *, smallest: bool) -> CurveData:
    """Give the band's level with voltage over that without, of every cycle: the smallest or largest as result, all as a curve."""
    value, sigma = spectra.integral()
    cycles = np.unique(cycle)
    ratio, error = np.full((2, len(cycles)), np.nan)
    for place, number in enumerate(cycles):
        with_v, without = (cycle == number) & on, (cycle == number) & ~on
        if with_v.any() and without.any() and value[without].mean() > 0:
            high, low = value[with_v].mean(), value[without].mean()
            noise = [np.sqrt((sigma[part] ** 2).sum()) / part.sum() for part in (with_v, without)]
            ratio[place] = high / low
            error[place] = abs(ratio[place]) * np.hypot(noise[0] / abs(high), noise[1] / low)
    seen = np.flatnonzero(np.isfinite(ratio))
    if len(seen):
        worst = seen[np.argmin(ratio[seen]) if smallest else np.argmax(ratio[seen])]
        found.results[name] = Result(float(ratio[worst]), float(error[worst]), "1",
                                     f"{'smallest' if smallest else 'largest'} of {len(seen)} cycles, voltage on over off")
    return CurveData("cycle", cycles.astype(float)[seen], ratio[seen], "1", name, error[seen])


@dataclass(frozen=True)
class Steps:
    """When the voltage went up and down (s, on the clock of the frames), and how exactly that is known (sd in s)."""

    up_s: np.ndarray
    down_s: np.ndarray
    jitter_s: float

    @classmethod
    def between(cls, time_s: np.ndarray, on: np.ndarray, exposure_s: float) -> Steps:
        """Take steps that a program made between frames: each lies before a frame, give or take the time from frame to frame."""
        edges = np.flatnonzero(np.diff(on.astype(int))) + 1
        moments = time_s[edges] - exposure_s / 2
        return cls(moments[on[edges]], moments[~on[edges]], float(np.median(np.diff(time_s))))


def response_time(time_s: np.ndarray, value: np.ndarray, sigma: np.ndarray, steps: Steps, exposure_s: float,
                  found: Findings) -> dict[str, CurveData]:
    """Give the slower of rise and fall in ms, with the clock's error: `pl_response_time`; refused when the frames are too slow.

    `pl_response_time_up` and `_down` are those after each step of the voltage; the curves are the folded frames.
    """
    both = np.sort(np.concatenate([steps.up_s, steps.down_s]))
    half = float(np.median(np.diff(both))) if len(both) > 1 else float(np.ptp(time_s))
    curves, times = {}, []
    for way, moments in (("up", steps.up_s), ("down", steps.down_s)):
        if not len(moments):
            continue
        frames, late = fold(time_s, moments, FOLDED[0] * half, FOLDED[1] * half)
        curves[f"response_{way}"] = CurveData("step.time", late, value[frames], "1/s", f"Voltage {way}", sigma[frames])
        edge = Edge(late, value[frames], sigma[frames], exposure_s, steps.jitter_s)
        seen = found.attempt("pl_response_time", lambda edge=edge: crossing_time(edge))
        if seen is None:
            found.problems[-1] = replace(found.problems[-1], text=f"{found.problems[-1].text} {KINETICS}")
            return curves
        times.append(seen)
        found.results[f"pl_response_time_{way}"] = _milliseconds(seen)
    found.results.pop("pl_response_time", None)
    if len(times) == 2:
        found.results["pl_response_time"] = _milliseconds(max(times, key=lambda each: each.value))
    return curves


def _milliseconds(seconds: Result) -> Result:
    def scaled(number: float | None) -> float | None:
        return None if number is None else number * 1e3

    return replace(seconds, value=seconds.value * 1e3, unit="ms", stderr=scaled(seconds.stderr),
                   systematic=scaled(seconds.systematic))


def grown(current_a: float, first_a: float, factor: float) -> bool:
    """Tell whether the leakage at a voltage has grown beyond a factor of what it was there first: it may precede a breakdown."""
    return abs(current_a) > factor * max(abs(first_a), FAINT_A)


def leakage(current_a: np.ndarray, volts: np.ndarray, factor: float, found: Findings) -> None:
    """Say by how much the leakage grew at any voltage: `leakage_growth`, with a warning when that stopped the run."""
    growth = 1.0
    for volt in np.unique(volts):
        there = np.abs(current_a[volts == volt])
        growth = max(growth, float(there[-1] / max(there[0], FAINT_A)))
        if grown(there[-1], there[0], factor):
            found.warn("leakage", f"at {volt:g} V it grew from {there[0]:.3g} A to {there[-1]:.3g} A, more than {factor:g} times: "
                       "the run was stopped there. The sample may be breaking down: look at it before raising the voltage again.")
    found.results["leakage_growth"] = Result(growth, None, "1", "last current over first at one voltage, the largest of all")
