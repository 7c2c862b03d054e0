"""The model `modes` of `labctl fit`: lasing lines of one spectrum; and what any spectrum is before it is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.signal import find_peaks, peak_widths

from labctl.analysis import modes, noise
from labctl.analysis.columns import Curve
from labctl.analysis.lines import Line
from labctl.analysis.models import Drawn, Fitted, Options
from labctl.core.errors import AnalysisError
from labctl.core.photons import air_to_vacuum, wavelength_nm
from labctl.core.plan import Result

SHOWN_MODES = 12            # of `modes`, the highest
SIXTH = np.sqrt(6.0)        # noise of a second difference over that of a point
NM, EV = (100.0, 3000.0), (0.3, 12.0)       # an axis without unit: what can only be the one or the other


def to_vacuum_nm(curve: Curve, medium: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Give vacuum wavelengths in nm, ascending, the density per nm belonging to them, and its errors where they are stated.

    An axis in energy is vacuum, and its signal a density per eV; a wavelength axis is in `medium`. An axis without unit is taken
    for what its numbers can only be. Raises AnalysisError when they can be neither, or when not all are above zero.
    """
    values, kind, factor = curve.x.values, *_scale(curve)
    if np.any(values <= 0):
        span = f"{values.min():g} to {values.max():g}"
        raise AnalysisError(f"{curve.x.title or 'The abscissa'} is not above zero everywhere ({span}), so it is no wavelength and "
                            "no energy. Turn a Raman shift into a wavelength first, or cut with --start.")
    if kind == "energy":
        energy = values * factor
        place = np.asarray(wavelength_nm(energy))
        jacobian = energy / place                             # dE/dλ = E/λ
    else:
        place = np.asarray(air_to_vacuum(values * factor)) if medium == "air" else values * factor
        jacobian = np.ones(len(values))
    order = np.argsort(place)
    sigma = None if curve.sigma is None else (curve.sigma * jacobian)[order]
    return place[order], (curve.y.values * jacobian)[order], sigma


def _scale(curve: Curve) -> tuple[str, float]:
    """Tell whether an axis is one of wavelength or energy, and by which factor it becomes nm or eV."""
    for kind in ("wavelength", "energy"):
        if (factor := curve.x.factor(kind)) is not None:
            return kind, factor
    low, high = float(np.min(curve.x.values)), float(np.max(curve.x.values))
    for kind, (least, most) in (("wavelength", NM), ("energy", EV)):
        if least <= low and high <= most:
            return kind, 1.0
    raise AnalysisError(f"{curve.x.title or 'The abscissa'} states no unit, and its numbers, {low:g} to {high:g}, are neither nm "
                        "nor eV. Say with --x-unit what they are: nm, um, angstrom, eV, meV, cm-1, THz.")


def noise_of(signal: np.ndarray) -> np.ndarray:
    """Estimate the standard error of every pixel from second differences of its neighbours, which a slope does not disturb."""
    second = np.abs(signal[2:] - 2 * signal[1:-1] + signal[:-2]) / SIXTH
    typical = 1.4826 * float(np.median(second))
    return np.full(len(signal), typical if typical > 0 else 1e-6 * float(np.ptp(signal)) or 1.0)


def fit_modes(curve: Curve, options: Options) -> Fitted:
    """Find the lasing lines of a spectrum: centres, widths, quality factors, distance and regularity."""
    place, density, stated = to_vacuum_nm(curve, options.medium)
    sigma = noise_of(density) if stated is None else stated
    half_range = _half_range(place, density)
    lines = modes.find_lines(place, density, sigma, half_range_nm=half_range, instrument_fwhm_nm=options.instrument_nm)
    if stated is None:                          # the noise grows with the light, and at the tops of lines it counts
        sigma = _noise_around(lines, place, density, half_range, sigma)
        lines = modes.find_lines(place, density, sigma, half_range_nm=half_range, instrument_fwhm_nm=options.instrument_nm)
    results: dict[str, Result] = {"lines": Result(float(len(lines)), None, "1", "Gaussian lines above 12 % of the highest")}
    problems = []
    try:
        apart = modes.spacing(lines)
    except AnalysisError as exc:
        problems.append(str(exc))
    else:
        results["fsr"] = apart.fsr_nm
        if apart.relative_sd is not None:
            results["fsr_relative_sd"] = apart.relative_sd
    results["quality_strongest"] = modes.quality(modes.strongest(lines))
    highest = sorted(lines, key=lambda line: -line.height.value)[:SHOWN_MODES]
    for number, line in enumerate(sorted(highest, key=lambda line: line.centre_nm.value), 1):
        results |= {f"line_{number}": line.centre_nm, f"fwhm_{number}": line.fwhm_nm, f"quality_{number}": modes.quality(line)}
    fits, left, at = [], [], []
    for line in lines:
        inside = np.abs(place - line.centre_nm.value) <= half_range
        fits.append(Drawn("Gaussian lines" if not fits else "", place[inside], line.curve(place[inside])))
        at.append(place[inside])
        left.append((density[inside] - line.curve(place[inside])) / sigma[inside])
    guessed = {name: replace(one, goodness=None) for name, one in results.items()}    # since the noise is guessed
    return Fitted(guessed, place, density, None, "Wavelength (vacuum, nm)", curve.y.title or "Signal", fits, np.concatenate(at),
                  np.concatenate(left), problems=tuple(problems))


def _noise_around(lines: Sequence[Line], place: np.ndarray, density: np.ndarray, half_range: float,
                  sigma: np.ndarray) -> np.ndarray:
    """Give the errors (n,) of a spectrum by the scatter around its lines; those it had where there is none."""
    height, near = density.copy(), np.zeros(len(place), dtype=bool)
    for line in lines:
        inside = np.abs(place - line.centre_nm.value) <= half_range
        height[inside], near[inside] = line.curve(place[inside]), True
    told = noise.noise_of((density - height)[near], height[near], 4 * len(lines))
    return sigma if told is None else told.sigma(height)


def _half_range(place: np.ndarray, density: np.ndarray) -> float:
    """Choose the half width of the fitted ranges: 1.5 widths of the typical line, within half of their distance."""
    floor = float(np.percentile(density, 10))
    found, _ = find_peaks(density, prominence=0.12 * (float(density.max()) - floor))
    step = float(np.median(np.diff(place)))
    if not len(found):
        return 0.3
    width = float(np.median(peak_widths(density, found, rel_height=0.5)[0])) * step
    apart = float(np.median(np.diff(place[found]))) if len(found) > 1 else np.inf
    return max(min(1.5 * width, 0.5 * apart), 4 * step)
