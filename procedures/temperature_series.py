"""Another measurement repeated at a series of temperatures, or plain spectra: line energy and broadening against temperature."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import cast

import numpy as np

from labctl.analysis.lines import gaussian_line
from labctl.analysis.pump import clear_of_pump
from labctl.analysis.series import Findings, spectra_of
from labctl.analysis.temperature import energy_slope, phonon_broadening
from labctl.core import points, registry
from labctl.core.errors import AnalysisError, Refused
from labctl.core.instrument import BenchView
from labctl.core.part import Part
from labctl.core.plan import Bounds, Point, Problem, Result
from labctl.core.plots import Curve, Map
from labctl.core.procedure import AdaptiveSteps, Procedure, choice, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

AXIS = "sample.temperature"
INNER = ("spectra", "power_series", "ple", "polarization", "trpl")


class TemperatureSeries(Procedure):
    """A measurement at every temperature, cold to warm; the bench soaks the sample before each."""

    title = "Temperature series"
    scan_axes = (AXIS,)
    plots = (Map("Spectra", y=AXIS), Curve("Energy of the line", x=AXIS, y="energy", optional=True),
             Curve("Width of the line", x=AXIS, y="fwhm", optional=True), Curve("Result", x=AXIS, y="result", optional=True))

    measurement = choice("Measurement", INNER, default="spectra", group="Measurement",
                         description="Repeated at every temperature with the defaults of the bench.")
    lowest = quantity("Lowest temperature", "K", default=4.0, minimum=1.0, maximum=1000.0, group="Temperature")
    highest = quantity("Highest temperature", "K", default=295.0, minimum=1.0, maximum=1000.0, group="Temperature")
    temperatures = count("Temperatures", default=9, minimum=2, maximum=1000, group="Temperature")
    wavelength = quantity("Pump wavelength", "nm", default=480.0, minimum=200.0, maximum=3000.0, group="Spectra")
    fluence = quantity("Fluence", "J/cm^2", default=8e-6, minimum=1e-15, maximum=10.0, group="Spectra",
                       description="Below threshold, so that the spontaneous line is seen alone.")
    band_start = quantity("Emission from", "nm", default=503.0, minimum=0.0, maximum=3000.0, group="Spectra")
    band_stop = quantity("Emission to", "nm", default=3000.0, minimum=0.0, maximum=3000.0, group="Spectra")
    exposure = quantity("Exposure", "s", default=5.0, minimum=1e-5, maximum=3600.0, group="Spectra")
    frames = count("Spectra at each temperature", default=3, minimum=1, maximum=1000, group="Spectra")

    def check(self) -> list[Problem]:
        """Refuse a range that does not rise, and whatever the measurement refuses."""
        problems = []
        if self.highest <= self.lowest:
            problems.append(Problem("highest", f"{self.highest:g} K is not above the lowest temperature, {self.lowest:g} K."))
        return problems

    def places(self) -> list[float]:
        """Give the temperatures in K, cold to warm: a sample that was warm may not come back to its place."""
        return [float(value) for value in np.linspace(self.lowest, self.highest, self.temperatures)]

    def _inner(self, bench: BenchView | None = None) -> Procedure:
        """Make the measurement with the bench's defaults; the reduction takes those of the plan before it."""
        if bench is not None:
            self._defaults = bench.defaults(self.measurement)
        inner = registry.find("procedure", self.measurement)(**getattr(self, "_defaults", {}))
        if problems := inner.check():
            raise Refused(problems)
        return inner

    def bounds(self, bench: BenchView) -> Bounds | None:
        """Promise the inner measurement's bounds at every temperature; None when its points are known beforehand."""
        if self.measurement == "spectra":
            return None
        inner = self._inner(bench).bounds(bench)
        if inner is None:
            return None
        return replace(inner, points=inner.points * self.temperatures, set={**inner.set, AXIS: (self.lowest, self.highest)})

    def plan(self, bench: BenchView) -> AdaptiveSteps:
        """Visit every temperature and carry the measurement out there."""
        low, high = bench.reach(AXIS, {})
        outside = [Problem(name, f"{value:g} K is outside {low:g} to {high:g} K, what the cryostat reaches.")
                   for name, value in (("lowest", self.lowest), ("highest", self.highest)) if not low <= value <= high]
        if outside:
            raise Refused(outside)
        for temperature in self.places():
            plain = self.measurement == "spectra"
            steps = self._spectra(bench) if plain else self._inner(bench).plan(bench)
            made = cast(AdaptiveSteps, steps if isinstance(steps, Generator) else (point for point in steps))
            try:
                point = next(made)
                while True:
                    reading = yield replace(point, set={AXIS: temperature, **point.set})
                    point = made.send(reading)
            except StopIteration:
                continue

    def _spectra(self, bench: BenchView) -> list[Point]:
        first, *more = points.darks(4, self.exposure)
        where = {"pump.wavelength": self.wavelength}
        pump = replace(first, set={**where, "pump.fluence": self.fluence})
        lit = Point(set=where, read=("power", "spectrum"), exposure_s=self.exposure)
        return [*points.zero(bench), pump, *more, *[lit] * self.frames]

    def reduce(self, run: RunView) -> Reduction:
        """Reduce the measurement at every temperature: results become curves `result_NAME` against temperature.

        Of plain spectra: `energy_slope` (eV/K), `phonon_energy`, `phonon_coupling`, `inhomogeneous_width` (meV). Always
        `temperature_min` and `temperature_max` (K), read back after settling. Raises AnalysisError when nothing can be reduced.
        """
        found = Findings()
        settled = run[f"{AXIS}_measured"]
        found.results = {"temperature_min": Result(float(settled.min()), None, "K", "lowest settled read-back"),
                         "temperature_max": Result(float(settled.max()), None, "K", "highest settled read-back")}
        parts = {place: Part(run, AXIS, place) for place in self.places() if np.any(np.isclose(run[AXIS], place))}
        if self.measurement == "spectra":
            return self._lines(parts, found)
        table: dict[str, list[tuple[float, Result]]] = {}
        for place, part in parts.items():
            reduced = found.attempt(f"{self.measurement} at {place:g} K", lambda part=part: self._inner().reduce(part))
            for name, result in (reduced.results if reduced is not None else {}).items():
                table.setdefault(name, []).append((place, result))
        if not table:
            raise AnalysisError(f"{self.measurement} gave no result at any of {len(parts)} temperatures.")
        return Reduction(found.results, {f"result_{name}": _against(rows, name) for name, rows in table.items()},
                         problems=tuple(found.problems))

    def _lines(self, parts: dict[float, Part], found: Findings) -> Reduction:
        """Fit the line at every temperature, its energy against temperature, and its broadening."""
        energies: list[tuple[float, Result]] = []
        widths: list[tuple[float, Result]] = []
        for place, part in parts.items():
            constants = part.constants
            spectra, _ = spectra_of(part, part["power"])
            fwhm = float(constants["detection.instrument_fwhm"])
            seen = spectra.emission(self.band_start, self.band_stop,
                                    clear_of_pump(self.wavelength, float(constants["pump.bandwidth"]), fwhm))
            line = found.attempt(f"line at {place:g} K", lambda seen=seen, fwhm=fwhm: gaussian_line(
                seen.wavelength, *seen.total(), instrument_fwhm_nm=fwhm))
            if line is not None:
                energies.append((place, line.centre_ev))
                widths.append((place, line.fwhm_mev))
        if len(energies) < 2:
            raise AnalysisError(f"A line was found at {len(energies)} temperatures; two are needed. Expose longer.")
        kelvin, energy, error = _columns(energies)
        slope = found.attempt("energy_slope", lambda: energy_slope(kelvin, energy, error))
        if slope is not None:
            found.results["energy_slope"] = slope.slope
        warm, width, width_error = _columns(widths)
        broadening = found.attempt("phonon_energy", lambda: phonon_broadening(warm, width, width_error))
        if broadening is not None:
            found.results |= {"phonon_energy": broadening.phonon, "phonon_coupling": broadening.coupling,
                              "inhomogeneous_width": broadening.inhomogeneous}
        fine = np.linspace(self.lowest, self.highest, 201)
        drawn = _against(widths, "Width (FWHM)")
        if broadening is not None:
            drawn = replace(drawn, fit_x=fine, fit_y=broadening.curve(fine))
        return Reduction(found.results, {"energy": _against(energies, "Energy"), "fwhm": drawn}, problems=tuple(found.problems))


def _columns(rows: list[tuple[float, Result]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (np.array([place for place, _ in rows]), np.array([result.value for _, result in rows]),
            np.array([result.stderr or 0.0 for _, result in rows]))


def _against(rows: list[tuple[float, Result]], label: str) -> CurveData:
    place, value, error = _columns(rows)
    return CurveData(AXIS, place, value, rows[0][1].unit, label, error)
