"""Another measurement repeated at a series of temperatures, or plain spectra: line energy and broadening against temperature."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labctl.analysis.places import focus
from labctl.analysis.series import Findings
from labctl.analysis.temperature_lines import against, fitted_lines, lines_against_temperature
from labctl.core import points, refocus, registry
from labctl.core.errors import AnalysisError, Refused
from labctl.core.instrument import BenchView
from labctl.core.part import Part
from labctl.core.plan import Bounds, Point, Problem, Result
from labctl.core.plots import Curve, Map
from labctl.core.procedure import AdaptiveSteps, PlanSteps, Procedure, choice, count, quantity, switch, under
from labctl.core.reduction import Reduction, RunView

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
    refocus = switch("Find the focus at every temperature", default=False, group="Focus",
                     description="By a scan of the sample in z under the fluence above; the sample walks as it warms.")
    focus_span = quantity("Length of a scan", "mm", default=0.024, minimum=1e-4, maximum=10.0, group="Focus")
    focus_positions = count("Positions of a scan", default=13, minimum=5, maximum=1000, group="Focus")
    focus_reach = quantity("Furthest from zero", "mm", default=0.1, minimum=1e-4, maximum=50.0, group="Focus")
    focus_exposure = quantity("Exposure of a scan", "s", default=1.0, minimum=1e-5, maximum=3600.0, group="Focus")

    def check(self) -> list[Problem]:
        """Refuse a range that does not rise, and whatever the measurement refuses."""
        problems = []
        if self.highest <= self.lowest:
            problems.append(Problem("highest", f"{self.highest:g} K is not above the lowest temperature, {self.lowest:g} K."))
        if self.refocus and self.focus_span >= 2 * self.focus_reach:
            problems.append(Problem("focus_span", f"a scan of {self.focus_span:g} mm does not fit into ± {self.focus_reach:g} mm."))
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
        """Promise the measurement's bounds at every temperature; None when all points are known beforehand."""
        inner = None if self.measurement == "spectra" else self._inner(bench).bounds(bench)
        if inner is None and not self.refocus:
            return None
        known = () if inner is not None else tuple(self._measurement(bench))
        inner = inner or Bounds.around(known)
        usual = [replace(point, set={AXIS: place, **point.set}) for place in self.places() for point in known]
        if self.refocus:
            inner = self._focus().promised(inner, self._before_focus(bench), self._pump())
            usual = [point for place in self.places() for point in (
                *[Point(set={AXIS: place, **self._pump()}, exposure_s=self.focus_exposure)] * self.focus_positions,
                *(point for point in usual if point.set[AXIS] == place))] if known else []
        return replace(inner, points=inner.points * self.temperatures, usual=tuple(usual),
                       set={AXIS: (self.lowest, self.highest), **inner.set})

    def plan(self, bench: BenchView) -> AdaptiveSteps:
        """Visit every temperature and carry the measurement out there."""
        ends = {"lowest": self.lowest, "highest": self.highest}
        if outside := points.beyond(bench.reach(AXIS, {}), ends, "K", "what the cryostat reaches"):
            raise Refused(outside)
        search = self._focus() if self.refocus else None
        for temperature in self.places():
            at = {AXIS: temperature}
            if search is not None:
                for point in self._before_focus(bench):
                    yield replace(point, set={**at, **point.set})
                at[refocus.AXIS] = yield from search.steps(temperature, {**at, **self._pump()})
            yield from under(at, self._measurement(bench))

    def _measurement(self, bench: BenchView) -> PlanSteps:
        return self._spectra(bench) if self.measurement == "spectra" else self._inner(bench).plan(bench)

    def _pump(self) -> dict[str, float]:
        return {"pump.wavelength": self.wavelength, "pump.fluence": self.fluence}

    def _focus(self) -> refocus.Refocus:
        return refocus.Refocus(self.focus_span, self.focus_positions, self.focus_exposure, self.focus_reach,
                               lambda z, light: focus(z, light).position.value)

    def _before_focus(self, bench: BenchView) -> list[Point]:
        """Give the zero of the power head and the dark frame of a scan, the pump set meanwhile."""
        return [*points.zero(bench), *(replace(point, set=self._pump()) for point in points.darks(1, self.focus_exposure))]

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
        parts = {place: Part(run, AXIS, place, refocus.FLAG) for place in self.places() if np.any(np.isclose(run[AXIS], place))}
        if self.measurement == "spectra":
            lines = fitted_lines(parts, self.wavelength, (self.band_start, self.band_stop), found)
            return Reduction(found.results, lines_against_temperature(AXIS, lines, found), problems=tuple(found.problems))
        table: dict[str, list[tuple[float, Result]]] = {}
        for place, part in parts.items():
            reduced = found.attempt(f"{self.measurement} at {place:g} K", lambda part=part: self._inner().reduce(part))
            for name, result in (reduced.results if reduced is not None else {}).items():
                table.setdefault(name, []).append((place, result))
        if not table:
            raise AnalysisError(f"{self.measurement} gave no result at any of {len(parts)} temperatures.")
        return Reduction(found.results, {f"result_{name}": against(AXIS, rows, name) for name, rows in table.items()},
                         problems=tuple(found.problems))
