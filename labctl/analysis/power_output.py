"""What a power series gives, from its run: thresholds, slopes, the emission below and above, what the reference says of drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.analysis import input_output, pair_output, threshold
from labctl.analysis.pair_series import Emission
from labctl.analysis.pump import UNIT, PumpScale, about_the_pump, clear_of_pump, margin, pump_fluence, reading_error
from labctl.analysis.series import Findings, Spectra, reference_drift, spectra_of
from labctl.core.errors import AnalysisError
from labctl.core.plan import Problem
from labctl.core.reduction import CurveData, RunView

SUFFIX = {1: "", 2: "_2p", 3: "_3p"}        # of slopes and breaks, by the photons that excite a crystal once


@dataclass(frozen=True)
class Sought:
    """What is looked for: the emission in `band` nm (0 and 3000: all that is clear of the pump), or a pair of lines in it.

    `blue` is a band that stimulated emission does not reach, `line_reach` half the range in nm in which a line is fitted,
    `pair` (lower edge in nm, distance in eV) is None for a band; `fit_to` in µJ/cm² limits the threshold's fit (0: twice the kink).
    """

    pump_nm: float
    band: tuple[float, float]
    blue: tuple[float, float]
    line_reach: float
    pair: tuple[float, float] | None
    fit_to: float
    segments: int
    photons: int


def reduce_series(run: RunView, sought: Sought, found: Findings) -> dict[str, CurveData]:
    """Fit the curve and the spectra; see `input_output` and `pair_output` for what each result means.

    What cannot be estimated is missing, with a warning that says why. Raises AnalysisError when no point is usable.
    """
    scale = PumpScale.of(run.constants)
    usable = ~run.flag("bad")
    if sought.pair is None:
        usable &= ~run.flag("saturated")
    if not usable.any():
        raise AnalysisError("Every spectrum is flagged (saturated, or bad). Expose more briefly and repeat.")
    whole, _ = spectra_of(run, pump_fluence(run), usable)
    spectra = _emission(run, whole, sought)
    pair = None if sought.pair is None else pair_output.pair_curve(spectra, sought.pump_nm, _pair(run, sought.band, *sought.pair))
    output = spectra.integral() if pair is None else (pair.pair, pair.pair_sigma)
    data = threshold.series(spectra.pump, *output, relative_pump=reading_error(run), unit=UNIT)
    fitted = input_output.thresholds(data, scale, found, up_to=sought.fit_to)
    law = input_output.power_law(data, scale, found, count=sought.segments, suffix=SUFFIX[sought.photons])
    found.results |= about_the_pump(run)
    curves = input_output.curves(data, fitted.get("kink"), law)
    if "kink" in fitted:
        place = fitted["kink"].threshold.value
        input_output.bends(data, scale, found, place)
        instrument = float(run.constants["detection.instrument_fwhm"])
        below = input_output.spontaneous(spectra, found, place, instrument)
        if pair is None:
            _band(whole, spectra, below, found, place, sought)
        else:
            pair_output.blue_shift(pair, found, place)
            pair_output.shares(pair, found, scale.microwatt_per_fluence)
        curves |= input_output.width_curve(spectra.pump, input_output.narrowing(spectra, found, place, instrument))
    found.problems += _drift(run, sought)
    return curves


def _band(whole: Spectra, spectra: Spectra, below: input_output.Line | None, found: Findings, place: float, sought: Sought) -> None:
    """Look at the band above the threshold, and at its blue side."""
    above = input_output.stimulated(spectra, found, place, sought.line_reach)
    input_output.separation(below, above, found, "spe_ase_separation")
    input_output.blue_shift(spectra, found, place, sought.line_reach)
    blue = found.attempt("spe_slope_below", lambda: whole.band(*sought.blue))
    if blue is not None:
        input_output.spontaneous_slopes(blue, found, place)


def _emission(run: RunView, spectra: Spectra, sought: Sought) -> Spectra:
    widths = float(run.constants["pump.bandwidth"]), float(run.constants["detection.instrument_fwhm"])
    return spectra.emission(*sought.band, clear_of_pump(sought.pump_nm, *widths))


def _pair(run: RunView, band: tuple[float, float], edge_nm: float, splitting_ev: float) -> Emission:
    width = float(run.constants["detection.instrument_fwhm"])
    return Emission(splitting_ev, band[0], edge_nm, band[1], margin(float(run.constants["pump.bandwidth"]), width), width)


def _drift(run: RunView, sought: Sought) -> list[Problem]:
    """Compare the reference points, each at the same fluence by the power law of its order."""
    reference = run.select("reference")
    pump, order = pump_fluence(reference), sought.photons
    spectra, _ = spectra_of(reference, pump)
    value, sigma = _emission(run, spectra, sought).integral()
    same = (pump[0] / pump) ** order if len(pump) else np.ones(0)
    error = max(reading_error(run), reading_error(reference)) if len(pump) else 0.0      # weak light on the head scatters more
    return reference_drift(value * same, np.hypot(sigma, order * error * value))
