"""A line at several temperatures: its energy and width against temperature, with the laws through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from labctl.analysis.lines import Line, gaussian_line
from labctl.analysis.pump import clear_of_pump
from labctl.analysis.series import Findings, spectra_of
from labctl.analysis.temperature import energy_slope, phonon_broadening
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result
from labctl.core.reduction import CurveData, RunView

SMOOTH = 201                # points of a drawn law


def line_of(run: RunView, pump_nm: float, band_nm: tuple[float, float]) -> Line:
    """Fit a Gaussian to the sum of the spectra of a run in a band, or in what of it is clear of the pump."""
    spectra, _ = spectra_of(run, run["power"])
    fwhm = float(run.constants["detection.instrument_fwhm"])
    seen = spectra.emission(*band_nm, clear_of_pump(pump_nm, float(run.constants["pump.bandwidth"]), fwhm))
    return gaussian_line(seen.wavelength, *seen.total(), instrument_fwhm_nm=fwhm)


def fitted_lines(runs: Mapping[float, RunView], pump_nm: float, band_nm: tuple[float, float],
                 found: Findings) -> list[tuple[float, Line]]:
    """Fit the line of the run at every temperature in K; where there is none, a warning says why."""
    lines = {place: found.attempt(f"line at {place:g} K", lambda run=run: line_of(run, pump_nm, band_nm))
             for place, run in runs.items()}
    return [(place, line) for place, line in lines.items() if line is not None]


def lines_against_temperature(axis: str, rows: Sequence[tuple[float, Line]], found: Findings) -> dict[str, CurveData]:
    """Fit energy and broadening of lines at temperatures in K; gives the curves `energy` and `fwhm` over the quantity `axis`.

    Results, put into `found`: `energy_slope` (eV/K), `phonon_energy`, `phonon_coupling`, `inhomogeneous_width` (meV). Raises
    AnalysisError with fewer than two temperatures.
    """
    if len(rows) < 2:
        raise AnalysisError(f"A line was found at {len(rows)} temperatures; two are needed. Expose longer.")
    energies = [(place, line.centre_ev) for place, line in rows]
    widths = [(place, line.fwhm_mev) for place, line in rows]
    kelvin, energy, error = _columns(energies)
    fine = np.linspace(kelvin.min(), kelvin.max(), SMOOTH)
    curves = {"energy": against(axis, energies, "Energy"), "fwhm": against(axis, widths, "Width (FWHM)")}
    slope = found.attempt("energy_slope", lambda: energy_slope(kelvin, energy, error))
    if slope is not None:
        found.results["energy_slope"] = slope.slope
        line = slope.energy.value + slope.slope.value * (fine - slope.reference_k)
        curves["energy"] = replace(curves["energy"], fit_x=fine, fit_y=line)
    broadening = found.attempt("phonon_energy", lambda: phonon_broadening(*_columns(widths)))
    if broadening is not None:
        found.results |= {"phonon_energy": broadening.phonon, "phonon_coupling": broadening.coupling,
                          "inhomogeneous_width": broadening.inhomogeneous}
        curves["fwhm"] = replace(curves["fwhm"], fit_x=fine, fit_y=broadening.curve(fine))
    return curves


def against(axis: str, rows: Sequence[tuple[float, Result]], label: str) -> CurveData:
    """Give results at places of a quantity as a curve."""
    place, value, error = _columns(rows)
    return CurveData(axis, place, value, rows[0][1].unit, label, error)


def _columns(rows: Sequence[tuple[float, Result]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (np.array([place for place, _ in rows]), np.array([result.value for _, result in rows]),
            np.array([result.stderr or 0.0 for _, result in rows]))
