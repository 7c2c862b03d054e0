"""Emission against the polarisation that is detected: the areas of single lines, and Malus' law for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from labctl.analysis.fitting import linear_fit
from labctl.analysis.lines import Line, gaussian_line
from labctl.analysis.lineshape import fit_free, fixed_areas, window
from labctl.analysis.pair_series import Emission, fitted_pixels
from labctl.analysis.polarization import Malus, angle_between, malus
from labctl.analysis.scatter import grating_response
from labctl.analysis.series import Findings, Spectra
from labctl.core.photons import energy_ev
from labctl.core.plan import Result
from labctl.core.reduction import CurveData

Areas = tuple[np.ndarray, np.ndarray]       # of every spectrum, with standard errors, (points,)
LINE_REACH_NM = 0.25        # half the range in which one line of a pair is fitted where the other is extinguished
NEAR_EXTINCTION_DEG = 12.0  # from the angle that extinguishes a line: within it, less than 5 % of the line is left
PARALLEL_DEG = 45.0         # lines whose axis lies nearer than this to that of the strongest belong to its family
REPEATS_DRIFT = 5.0         # mean squared pull of the repeats from which the light has drifted


def without_grating(turn: Spectra, constants: Mapping[str, Any], found: Findings) -> Spectra:
    """Divide spectra at detected polarisations `turn.pump` by the grating's answer, where a rotating polariser lets it matter.

    Without a calibration nothing is divided, and a warning says so.
    """
    if float(constants.get("detection.polarization_turn", 0.5)) != 1.0:
        return turn
    if "detection.grating_contrast" not in constants:
        found.warn("polarization", "the grating's answer to the polarisation is not calibrated; behind a rotating polariser "
                                   "degrees of polarisation are off by some 10 %, axes by some 10 deg. Take a "
                                   "polarization_calibration.")
        return turn
    answer = grating_response(turn.pump, float(constants["detection.grating_contrast"]), float(constants["detection.grating_axis"]))
    return replace(turn, signal=turn.signal / answer[:, None], sigma=turn.sigma / answer[:, None])


def pair_areas(spectra: Spectra, pump_nm: float, emission: Emission) -> dict[str, Areas]:
    """Give the areas of the lower line, the upper line and the broad line in every spectrum, electrons/s.

    The polarisation changes how much of a line passes, not its shape: that is learnt from the sum of the turn, in which no line is
    extinguished, and held. Raises AnalysisError when the sum does not show the pair.
    """
    pixels = fitted_pixels(np.array([pump_nm]), spectra.wavelength, emission)[0]
    width_ev = emission.instrument_fwhm_nm * energy_ev(emission.edge_nm) / emission.edge_nm
    shape = fit_free(window(spectra.wavelength, *spectra.total(), pixels), emission.splitting_ev, width_ev).shape
    found = [fixed_areas(window(spectra.wavelength, signal, sigma, pixels), emission.splitting_ev, shape)
             for signal, sigma in zip(spectra.signal, spectra.sigma, strict=True)]
    values, errors = (np.array(each) for each in zip(*found, strict=True))
    return {name: (values[:, place], errors[:, place]) for place, name in enumerate(("lower", "upper", "background"))}


def line_areas(spectra: Spectra, line: Line, half_range_nm: float) -> Areas:
    """Give the area of one line in every spectrum: its shape is known, so area and offset are a linear fit."""
    near = spectra.band(line.centre_nm.value - half_range_nm, line.centre_nm.value + half_range_nm)
    height, _, _, offset = line.constants
    shape = (line.curve(near.wavelength) - offset) / height
    design = np.column_stack([shape, np.ones_like(shape)])
    fits = [linear_fit(design, signal, sigma, what="The line") for signal, sigma in zip(near.signal, near.sigma, strict=True)]
    size = float(shape.sum())
    return np.array([fit.values[0] * size for fit in fits]), np.array([fit.stderr[0] * size for fit in fits])


def fit_each(angle_deg: np.ndarray, areas: Mapping[str, Areas], found: Findings, suffix: str) -> dict[str, Malus]:
    """Fit Malus' law to each: `dolp_NAME` as Ying (2021) writes it, `dolp_NAME_standard`, `axis_NAME`, `repeats_chi2_NAME`."""
    fits: dict[str, Malus] = {}
    for name, (value, sigma) in areas.items():
        fit = found.attempt(f"dolp_{name}{suffix}", lambda value=value, sigma=sigma: malus(angle_deg, value, sigma))
        if fit is None:
            continue
        fits[name] = fit
        found.results |= {f"dolp_{name}{suffix}": fit.dolp_fit_coefficients, f"dolp_{name}_standard{suffix}": fit.dolp,
                          f"axis_{name}{suffix}": fit.axis}
        if fit.repeats_chi2 is not None:
            pairs = max(len(angle_deg) // 2, 1)
            found.results[f"repeats_chi2_{name}{suffix}"] = Result(
                fit.repeats_chi2, float(np.sqrt(2.0 / pairs)), "1", "mean squared pull of points 180 deg apart")
            if fit.repeats_chi2 > REPEATS_DRIFT and fit.repeats_drift is not None:
                found.warn(f"repeats_chi2_{name}{suffix}", f"the second half turn gives {fit.repeats_drift:+.1%} against the "
                           "first: the light drifted, or the beam wanders with the optic.")
    return fits


def between(fits: Mapping[str, Malus], found: Findings, suffix: str) -> None:
    """Give the angle between the dipoles of the two lines: `dipole_angle`."""
    if "lower" in fits and "upper" in fits:
        found.attempt(f"dipole_angle{suffix}", lambda: angle_between(fits["lower"], fits["upper"]))


def line_energies(spectra: Spectra, angle_deg: np.ndarray, fits: Mapping[str, Malus], found: Findings, pair_nm: float) -> None:
    """Give each line of the pair where the other is extinguished: `line_energy_lower`, `line_energy_upper`, `line_splitting`."""
    if not {"lower", "upper"} <= fits.keys():
        return
    centres: dict[str, Result] = {}
    for name, other in (("lower", "upper"), ("upper", "lower")):
        off = np.abs((angle_deg - fits[other].axis.value) % 180.0 - 90.0)
        near = spectra.where(off <= max(NEAR_EXTINCTION_DEG, float(off.min()) + 1e-6)).band(pair_nm - 1.0, pair_nm + 1.0)
        line = found.attempt(f"line_energy_{name}", lambda near=near: gaussian_line(
            near.wavelength, *near.total(), half_range_nm=LINE_REACH_NM))
        if line is not None:
            centres[name] = found.results[f"line_energy_{name}"] = line.centre_ev
    if len(centres) == 2:
        low, high = centres["lower"], centres["upper"]
        stderr = float(np.hypot(low.stderr or 0.0, high.stderr or 0.0))
        found.results["line_splitting"] = Result((high.value - low.value) * 1e3, stderr * 1e3, "meV",
                                                 "lines fitted where the other is extinguished")


def modes(angle_deg: np.ndarray, areas: Mapping[str, Areas], found: Findings,
          suffix: str) -> tuple[dict[str, Malus], dict[str, CurveData]]:
    """Fit every line of a cavity, named by its wavelength in nm; results are those of the strongest, curves hold all.

    `extinction_ratio`; `parallel_lines` and `crossed_lines` count the two families (TM and TE) by their axes.
    """
    strongest = max(areas, key=lambda name: float(areas[name][0].max()))
    fits = fit_each(angle_deg, {"line": areas[strongest]}, found, suffix)
    fitted = {name: malus(angle_deg, *each) for name, each in areas.items()}
    if "line" not in fits:
        return fitted, {}
    found.results[f"extinction_ratio{suffix}"] = fits["line"].extinction
    place = np.array([float(name) for name in fitted])
    turned = np.array([(fit.axis.value - fits["line"].axis.value + 90.0) % 180.0 - 90.0 for fit in fitted.values()])
    parallel = int(np.count_nonzero(np.abs(turned) < PARALLEL_DEG))
    for name, number in (("parallel_lines", parallel), ("crossed_lines", len(turned) - parallel)):
        found.results[f"{name}{suffix}"] = Result(float(number), None, "1", "axes compared with that of the strongest line")
    shares = [fit.extinction for fit in fitted.values()]
    return fitted, {f"extinction{suffix}": _against_line(place, "Extinction (1 - I_perp/I_par)", shares),
                    f"axes{suffix}": _against_line(place, "Axis", [fit.axis for fit in fitted.values()])}


def _against_line(place: np.ndarray, label: str, results: Sequence[Result]) -> CurveData:
    return CurveData("emission.wavelength", place, np.array([each.value for each in results]), results[0].unit, label,
                     np.array([each.stderr or 0.0 for each in results]))


def curve(angle_deg: np.ndarray, areas: Areas, fit: Malus | None, label: str) -> CurveData:
    """Give the areas against the angle with Malus' law."""
    fine = np.linspace(0.0, 360.0, 361)
    return CurveData("detection.polarization", angle_deg, areas[0], "1/s", label, areas[1],
                     fit_x=None if fit is None else fine, fit_y=None if fit is None else fit.curve(fine),
                     fit_sigma=None if fit is None else fit.curve_error(fine))
