"""Threshold against pump wavelength: where a sample that is pumped by several photons lases most easily."""

from __future__ import annotations

import numpy as np

from labctl.analysis.excitation import parabola_maximum
from labctl.analysis.pump import UNIT, PumpScale, clear_of_pump, pump_fluence, reading_error
from labctl.analysis.series import Findings, Spectra, spectra_of, usable_points
from labctl.analysis.threshold import Threshold, kink, series
from labctl.core import points
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve
from labctl.core.procedure import PlanSteps, Procedure, choice, count, quantity
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, Reduction, RunView

READ = ("power", "spectrum")
SUFFIX = {"1": "", "2": "_2p", "3": "_3p"}


class ThresholdMap(Procedure):
    """A ladder of fluences at every pump wavelength; the threshold of each, and the wavelength of the lowest."""

    title = "Threshold map"
    scan_axes = ("pump.wavelength", "pump.fluence")
    plots = (Curve("Threshold against pump wavelength", x="pump.wavelength", y="threshold", fit="threshold"),
             Curve("Input-output curves", x="pump.fluence", y="output", log=True, log_x=True))

    first_wavelength = quantity("First wavelength", "nm", default=1470.0, minimum=200.0, maximum=3000.0, group="Pump")
    last_wavelength = quantity("Last wavelength", "nm", default=1530.0, minimum=200.0, maximum=3000.0, group="Pump")
    wavelengths = count("Wavelengths", default=7, minimum=1, maximum=1000, group="Pump")
    first = quantity("First fluence", "J/cm^2", default=1e-3, minimum=1e-15, maximum=10.0, group="Pump")
    last = quantity("Last fluence", "J/cm^2", default=4.4e-3, minimum=1e-15, maximum=10.0, group="Pump")
    fluences = count("Fluences", default=14, minimum=6, maximum=1000, group="Pump")
    photons = choice("Photons per excitation", tuple(SUFFIX), default="3", group="Pump", description="Names the results.")
    exposure = quantity("Exposure", "s", default=5.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=4, minimum=1, maximum=100, group="Detection")

    def check(self) -> list[Problem]:
        """Insist on rising ladders."""
        problems = ascending(self.first * 1e6, self.last * 1e6, "last", UNIT)
        if self.wavelengths > 1:
            problems += ascending(self.first_wavelength, self.last_wavelength, "last_wavelength", "nm")
        return problems

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero the power head, take dark frames, then climb the ladder at each wavelength."""
        grid = np.linspace(self.first_wavelength, self.last_wavelength, self.wavelengths)
        self._insist_on_reach(grid, bench)
        self.shape = (self.wavelengths, self.fluences)
        yield from points.zero(bench)
        yield from points.darks(self.dark_frames, self.exposure)
        for wavelength in grid:
            for fluence in np.geomspace(self.first, self.last, self.fluences):
                yield Point(set={"pump.wavelength": float(wavelength), "pump.fluence": float(fluence)}, read=READ,
                            exposure_s=self.exposure)

    def _insist_on_reach(self, grid: np.ndarray, bench: BenchView) -> None:
        low, high = bench.reach("pump.wavelength", {})
        outside = grid[(grid < low) | (grid > high)]
        if len(outside):
            field = "last_wavelength" if grid[-1] in outside else "first_wavelength"
            raise Refused([Problem(field, f"{len(outside)} of {len(grid)} wavelengths ({outside.min():g} to {outside.max():g} nm) "
                                          f"are outside what the pump reaches, {low:g} to {high:g} nm.")])
        reaches = [bench.reach("pump.fluence", {"pump.wavelength": float(wavelength)}) for wavelength in grid]
        low, high = max(reach[0] for reach in reaches), min(reach[1] for reach in reaches)
        problems = [Problem(name, f"{shown(value, 'pump.fluence')} is outside {shown(low, 'pump.fluence')} to "
                                  f"{shown(high, 'pump.fluence')}, what the pump gives at every wavelength.")
                    for name, value in (("first", self.first), ("last", self.last)) if not low <= value <= high]
        if problems:
            raise Refused(problems)

    def reduce(self, run: RunView) -> Reduction:
        """Estimate a threshold at every wavelength and a parabola through the lowest.

        Results: `threshold_minimum` (nm) and `threshold_lowest` (µJ/cm²), with `_2p` or `_3p` by the order. A wavelength without a
        threshold is left out with a warning. Raises AnalysisError when every spectrum is flagged.
        """
        usable = usable_points(run)
        spectra, _ = spectra_of(run, pump_fluence(run), usable)
        spectra = _clear(spectra, run)
        wavelength = run["pump.wavelength"][usable]
        found, scale, scatter = Findings(), PumpScale.of(run.constants), reading_error(run)
        thresholds: dict[float, Threshold] = {}
        curves: dict[str, CurveData] = {}
        for nm in np.unique(wavelength):
            row = spectra.where(wavelength == nm)
            output, sigma = row.integral()
            curves[f"output_{nm:g}"] = CurveData("pump.fluence", row.pump * 1e-6, output, "1/s", f"{nm:g} nm", sigma=sigma)
            data = found.attempt("threshold", lambda row=row, o=output, s=sigma: kink(
                series(row.pump, o, s, relative_pump=scatter, unit=UNIT)))
            if data is not None:
                thresholds[float(nm)] = data
        self._lowest(thresholds, found, scale, curves)
        return Reduction(found.results, curves, problems=tuple(found.problems))

    def _lowest(self, thresholds: dict[float, Threshold], found: Findings, scale: PumpScale, curves: dict[str, CurveData]) -> None:
        if not thresholds:
            return
        nm = np.array(list(thresholds))
        value = np.array([each.threshold.value for each in thresholds.values()])
        error = np.array([each.threshold.stderr or 0.0 for each in thresholds.values()])
        suffix, best = SUFFIX[self.photons], int(np.argmin(value))
        found.results[f"threshold_lowest{suffix}"] = scale.fluence(Result(
            float(value[best]), float(error[best]), UNIT, f"kink, lowest of {len(nm)} wavelengths"))
        # A minimum of the threshold is a maximum of its inverse, which is what a parabola through the top of a curve looks for.
        top = found.attempt(f"threshold_minimum{suffix}", lambda: parabola_maximum(nm, 1.0 / value, error / value**2, above=0.6))
        curve = CurveData("pump.wavelength", nm, value, UNIT, "Threshold", sigma=error)
        if top is not None:
            found.results[f"threshold_minimum{suffix}"] = Result(
                top.wavelength_nm, top.stderr_nm, "nm", "parabola through the inverse thresholds", goodness=top.reduced_chi2)
            smooth = np.linspace(nm[top.used].min(), nm[top.used].max(), 101)
            curve = CurveData("pump.wavelength", nm, value, UNIT, "Threshold", sigma=error, used=top.used,
                              left_out="not in the parabola", fit_x=smooth, fit_y=1.0 / top.curve(smooth))
        curves["threshold"] = curve


def _clear(spectra: Spectra, run: RunView) -> Spectra:
    """Leave out the pixels that the pump's band reaches, where it stands in the frame at all."""
    longest = float(run["pump.wavelength"].max())
    width = float(run.constants.get("detection.instrument_fwhm", 0.0))
    clear = clear_of_pump(longest, float(run.constants.get("pump.bandwidth", 0.0)), width)
    return spectra.band(clear, float(spectra.wavelength[-1])) if spectra.wavelength[0] < clear < spectra.wavelength[-1] else spectra
