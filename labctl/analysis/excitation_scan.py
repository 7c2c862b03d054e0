"""An excitation scan (PLE) as a run holds it: the light in the emission against pump wavelength, its maxima, its drift.

The emission is a pair of lines on a broad one, or a band. Everything is normalised to the pump's wanted level: 1 % more than that
counts 1 % less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labctl.analysis.blank import without_blank
from labctl.analysis.excitation import Maximum, parabola_maximum
from labctl.analysis.lineshape import PairFit, Shape
from labctl.analysis.noise import relative_scatter
from labctl.analysis.pair_series import Emission, Series, fitted_pixels, learn_shape, pair_fits
from labctl.analysis.series import Findings, Spectra, reference_drift
from labctl.core.errors import AnalysisError
from labctl.core.photons import energy_ev
from labctl.core.plan import Problem, Result
from labctl.core.reduction import CurveData, RunView

PUMP = "pump.wavelength"
OVERLAP, SATURATED, BAD = "pump_overlap", "saturated", "bad"
POWER_REPEATABILITY = (0.001, 0.01)     # relative, per point: closing the level on the pick-off; the scan tells where between
FILTER_SCALE_NM = 0.1           # systematic error of the pump wavelength (unverified: no data-sheet figure at hand)
SPECTROMETER_SCALE_NM = 0.1     # systematic error of the emission wavelength before a lamp calibration (unverified)
LEFT_OUT = "left out: pump overlap, or saturated"
SHOULDER_POINTS = 4             # on either side that a maximum of an absorption spectrum has to exceed, smoothed
SMOOTHED_POINTS = 5
AROUND_NM, TOP_SHARE = 6.0, 0.8     # of such a maximum: how far its parabola reaches, and how far down
MOST_MAXIMA = 2


@dataclass(frozen=True)
class Scan:
    """Spectra against pump wavelength, the factor to the wanted pump level (points,), and which points can be fitted."""

    series: Series
    correction: np.ndarray
    usable: np.ndarray

    def normalised(self, rate: np.ndarray, stderr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give rates at the wanted level and their standard errors.

        How well the level was repeated from point to point is told by the scatter of the scan itself, as far as it has the points.
        """
        level, error = self.correction * rate, self.correction * stderr
        place, height, known, seen = merged(self.series.pump_nm, level, error, self.usable)
        least, most = POWER_REPEATABILITY
        relative = relative_scatter(place[seen], height[seen], known[seen], least=least, most=most)
        return level, np.hypot(error, relative * level)


def scan_of(run: RunView, held: str, blank: RunView | None) -> Scan:
    """Take the scan out of a run whose pump was held at a level of the quantity `held`, less the spectra of a blank."""
    series = _series(run)
    if blank is not None:
        series = without_blank(series, _measured(run, held), _series(blank), _measured(blank, held))
    correction = run[held] / _measured(run, held)
    correction = np.where(np.isfinite(correction) & (correction > 0), correction, 1.0)
    return Scan(series, correction, ~(run.flag(OVERLAP) | run.flag(BAD)))


def _series(run: RunView) -> Series:
    return Series(run[PUMP], run.wavelength("vacuum"), run.signal(), run.sigma())


def _measured(run: RunView, held: str) -> np.ndarray:
    try:
        return run[f"{held}_measured"]
    except KeyError:
        return run[held]


def saturated(run: RunView, fitted: np.ndarray) -> np.ndarray:
    """Mark the points that are saturated where it matters: in a pixel that is used, `fitted` (points, pixels).

    Near the resonance the pump's own line stands at the edge of the frame and saturates there; charge spreads along columns, so the
    pixels of the emission stay true. Without the camera's limit among the numbers of the run every flagged point counts.
    """
    flagged = run.flag(SATURATED)
    try:
        limit = run["saturation_counts"]
    except KeyError:
        return flagged
    return flagged & np.any(fitted & (run.counts() >= limit[:, None]), axis=1)


# ---------------------------------------------------------------- a pair of lines
def pair_results(run: RunView, held: str, blank: RunView | None, emission: Emission, found: Findings) -> dict[str, CurveData]:
    """Fit the pair in every spectrum and a parabola through the top of its excitation spectrum.

    Results: `resonance_nm` (vacuum), `resonance_eV`, `peak_rate`, `red_shift_meV` (resonance minus the centre of the broad line),
    `stokes_shift` (the same), `se_red_shift` (meV: by how much the pair moves to the red from the bluest fitted pump to the
    resonance). Curves `pair_rate`, `spontaneous_rate` (the broad line's). Raises AnalysisError when no spectrum shows the pair.
    """
    scan = scan_of(run, held, blank)
    series = scan.series
    usable = scan.usable & ~saturated(run, fitted_pixels(series.pump_nm, series.wavelength, emission))
    if not usable.any():
        raise AnalysisError("Every point of the scan is flagged (pump overlap or saturation), so nothing is left to fit.")
    shape, broad_stderr = learn_shape(series, emission, usable)
    fits = pair_fits(series, emission, shape)
    rate, sigma = scan.normalised(*_column(fits, "pair"))
    found.problems += _drift(run, held, blank, lambda part: _column(pair_fits(part.series, emission, shape), "pair"))
    top = _top(series.pump_nm, rate, sigma, usable, found)
    if top is not None:
        found.results |= resonance(run, top)
        found.results["red_shift_meV"] = _red_shift_of_emission(top, shape, broad_stderr)
        found.results |= {"stokes_shift": found.results["red_shift_meV"],
                          "se_red_shift": _red_shift_of_pair(series.pump_nm, fits, usable, top)}
    broad, broad_sigma = _column(fits, "broad")
    return {"pair_rate": curve(series.pump_nm, rate, sigma, usable, top, "Electrons in the stimulated pair"),
            "spontaneous_rate": curve(series.pump_nm, broad, broad_sigma, usable, None, "Electrons in the spontaneous line")}


def _column(fits: list[PairFit], name: str) -> tuple[np.ndarray, np.ndarray]:
    return np.array([getattr(fit, name) for fit in fits]), np.array([getattr(fit, f"{name}_stderr") for fit in fits])


def _top(pump_nm: np.ndarray, rate: np.ndarray, sigma: np.ndarray, usable: np.ndarray, found: Findings) -> Maximum | None:
    try:
        return parabola_maximum(*merged(pump_nm, rate, sigma, usable))
    except AnalysisError as exc:
        found.problems.append(Problem("resonance_nm", str(exc), "error"))
        return None


def _red_shift_of_emission(top: Maximum, shape: Shape, broad_stderr_ev: float) -> Result:
    """Give the resonance minus the centre of the broad line; a wavelength error becomes an energy error by E / λ."""
    resonance_ev = float(energy_ev(top.wavelength_nm))
    per_nm = resonance_ev / top.wavelength_nm
    emission_systematic_ev = SPECTROMETER_SCALE_NM * shape.broad_ev**2 / (resonance_ev * top.wavelength_nm)
    return Result((resonance_ev - shape.broad_ev) * 1e3, float(np.hypot(top.stderr_nm * per_nm, broad_stderr_ev)) * 1e3, "meV",
                  f"{estimator(top)}, minus the centre of the broad line",
                  float(np.hypot(FILTER_SCALE_NM * per_nm, emission_systematic_ev)) * 1e3,
                  "systematic: scales of pump filter and spectrometer")


def _red_shift_of_pair(pump_nm: np.ndarray, fits: list[PairFit], usable: np.ndarray, top: Maximum) -> Result:
    """Give the pair's centre at the bluest usable pump minus that at the resonance, in meV; positive is red on tuning in."""
    chosen = np.flatnonzero(usable)
    blue = int(chosen[np.argmin(pump_nm[chosen])])
    near = int(chosen[np.argmin(np.abs(pump_nm[chosen] - top.wavelength_nm))])
    stderr = float(np.hypot(fits[blue].shape_stderr.pair_ev, fits[near].shape_stderr.pair_ev))
    return Result((fits[blue].shape.pair_ev - fits[near].shape.pair_ev) * 1e3, stderr * 1e3, "meV",
                  f"centre of the pair at {pump_nm[blue]:g} nm pump minus that at {pump_nm[near]:g} nm; positive is red")


# ---------------------------------------------------------------- bands
def band_results(run: RunView, held: str, blank: RunView | None, bands: dict[str, tuple[float, float]],
                 found: Findings) -> dict[str, CurveData]:
    """Sum the light in bands of emission, name -> (from, to) in nm, and look for maxima in the first of them.

    Results: `resonance_nm`, `resonance_eV`, `peak_rate` of the highest maximum, `absorption_wavelength_1` and `_2` (nm, the reddest
    maxima or shoulders, the reddest first: those of the absorption, where the emission follows it). Curves `NAME_rate`.
    """
    scan, curves = scan_of(run, held, blank), {}
    pump, nm = scan.series.pump_nm, scan.series.wavelength
    spectra = Spectra(pump, nm, scan.series.signal, scan.series.sigma)
    for number, (name, (low, high)) in enumerate(bands.items()):
        usable = scan.usable & ~saturated(run, np.broadcast_to((nm >= low) & (nm <= high), spectra.signal.shape))
        if not usable.any():
            raise AnalysisError(f"Every point of the scan is flagged (pump overlap or saturation) in the {name} band.")
        rate, sigma = scan.normalised(*spectra.band(low, high).integral())
        top = None
        if number == 0:
            found.problems += _drift(run, held, blank, lambda part, low=low, high=high: Spectra(
                part.series.pump_nm, nm, part.series.signal, part.series.sigma).band(low, high).integral())
            top = _top(pump, rate, sigma, usable, found)
            found.results |= {} if top is None else resonance(run, top)
            found.results |= maxima(*merged(pump, rate, sigma, usable))
        curves[f"{name}_rate"] = curve(pump, rate, sigma, usable, top, f"Electrons from {low:g} to {high:g} nm")
    return curves


def maxima(pump_nm: np.ndarray, rate: np.ndarray, sigma: np.ndarray, usable: np.ndarray) -> dict[str, Result]:
    """Give the reddest maxima of an excitation spectrum, the reddest first, by parabolas through their tops.

    Candidates are the highest smoothed points of their neighbourhood, so that noise is none; a curve without any gives none.
    """
    order = np.argsort(pump_nm)[usable[np.argsort(pump_nm)]]
    x, y, error = pump_nm[order], rate[order], sigma[order]
    if len(x) < SMOOTHED_POINTS + 2 * SHOULDER_POINTS:
        return {}
    smooth = np.convolve(y, np.ones(SMOOTHED_POINTS) / SMOOTHED_POINTS, "same")
    tops = [i for i in range(SHOULDER_POINTS, len(x) - SHOULDER_POINTS)
            if smooth[i] == smooth[i - SHOULDER_POINTS:i + SHOULDER_POINTS + 1].max()]
    results: dict[str, Result] = {}
    for place in reversed(tops):
        try:
            top = parabola_maximum(x, y, error, np.abs(x - x[place]) <= AROUND_NM, above=TOP_SHARE)
        except AnalysisError:           # a shoulder whose neighbours do not bend down is no maximum
            continue
        number = len(results) + 1
        results[f"absorption_wavelength_{number}"] = Result(
            top.wavelength_nm, top.stderr_nm, "nm", f"parabola within {AROUND_NM:g} nm of the maximum", FILTER_SCALE_NM,
            "vacuum; systematic: pump wavelength scale", top.reduced_chi2)
        if number == MOST_MAXIMA:
            break
    return results


# ---------------------------------------------------------------- what both have in common
def merged(pump_nm: np.ndarray, rate: np.ndarray, sigma: np.ndarray,
           usable: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Average the usable points of each pump wavelength (visited there and back), weighted; arrays rise in wavelength."""
    places, index = np.unique(pump_nm, return_inverse=True)
    weight = np.where(usable & (sigma > 0), 1.0 / np.where(sigma > 0, sigma, 1.0) ** 2, 0.0)
    total = np.bincount(index, weights=weight, minlength=len(places))
    seen = total > 0
    safe = np.where(seen, total, 1.0)
    return (places, np.where(seen, np.bincount(index, weights=weight * rate, minlength=len(places)) / safe, 0.0),
            np.where(seen, safe**-0.5, 0.0), seen)


def resonance(run: RunView, top: Maximum) -> dict[str, Result]:
    """Give place and height of the maximum: `resonance_nm`, `resonance_eV`, `peak_rate`."""
    resonance_ev, scale = float(energy_ev(top.wavelength_nm)), "systematic: pump wavelength scale"
    per_nm, power = resonance_ev / top.wavelength_nm, float(run.constants.get("pump.power_uncertainty", 0.0))
    return {
        "resonance_nm": Result(top.wavelength_nm, top.stderr_nm, "nm", estimator(top), FILTER_SCALE_NM, f"vacuum; {scale}"),
        "resonance_eV": Result(resonance_ev, top.stderr_nm * per_nm, "eV", estimator(top), FILTER_SCALE_NM * per_nm, scale),
        "peak_rate": Result(top.height, top.height_stderr, "1/s", estimator(top), abs(top.height) * power,
                            "electrons per second; systematic: level of the pump, response taken as linear"),
    }


def estimator(top: Maximum) -> str:
    """Say how a maximum was found."""
    return f"parabola through {np.count_nonzero(top.used)} points above 75 % of the maximum"


def curve(pump_nm: np.ndarray, rate: np.ndarray, sigma: np.ndarray, usable: np.ndarray, top: Maximum | None,
          label: str) -> CurveData:
    """Give an excitation spectrum, with the parabola drawn over the wavelengths it was fitted to."""
    fit_x = None
    if top is not None:
        places = np.unique(pump_nm)[top.used]
        fit_x = np.linspace(places.min(), places.max(), 101)
    return CurveData(PUMP, pump_nm, rate, "1/s", label, sigma, usable, LEFT_OUT,
                     fit_x=fit_x, fit_y=None if top is None or fit_x is None else top.curve(fit_x),
                     fit_sigma=None if top is None or fit_x is None else top.curve_error(fit_x))


def _drift(run: RunView, held: str, blank: RunView | None, light: Callable[[Scan], tuple[np.ndarray, np.ndarray]]) -> list[Problem]:
    """Compare the last reference point with the first; nothing is corrected."""
    try:
        reference = run.select("reference")
        if not len(reference[PUMP]):
            return reference_drift(np.empty(0), np.empty(0))
        part = scan_of(reference, held, None if blank is None else blank.select("reference"))
        return reference_drift(*part.normalised(*light(part)))
    except KeyError:
        return reference_drift(np.empty(0), np.empty(0))
