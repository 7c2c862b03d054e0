"""Open-aperture z-scan: move a cuvette through the focus, and see what two or three photons at a time take out of the beam."""

from __future__ import annotations

import numpy as np

from labctl.analysis.pump import PumpScale
from labctl.analysis.series import Findings
from labctl.analysis.z_scan import ZScan, cross_section, open_aperture, peak_flux
from labctl.core import points
from labctl.core.errors import AnalysisError, Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve
from labctl.core.procedure import PlanSteps, Procedure, choice, count, quantity
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, Reduction, RunView

PLACE, HEAD = "sample.z", "transmitted_head.power"
MM_PER_CM = 10.0


class ZScanProcedure(Procedure):
    """Transmission of a thin cuvette against its place; the cross-section of two or three photons from the dip at the focus.

    The focus is the pump spot of the bench file, which has to be a Gaussian one by its 1/e² diameter. Tried on the twin only: in
    the near infrared a real bench needs heads that read there, best the energy of single pulses.
    """

    title = "Open-aperture z-scan"
    scan_axes = (PLACE,)
    plots = (Curve("Transmission", x=PLACE, y="transmission", fit="transmission"),)

    wavelength = quantity("Pump wavelength", "nm", default=970.0, minimum=200.0, maximum=3000.0, group="Pump")
    energy = quantity("Energy of a pulse", "J", default=5e-8, minimum=1e-15, maximum=1.0, group="Pump",
                      description="At the sample; so that the dip is 10 to 30 % deep.")
    photons = choice("Photons per excitation", ("2", "3"), default="2", group="Pump")
    pulse = quantity("Length of a pulse", "fs", default=75.0, minimum=1.0, maximum=1e9, group="Pump", description="FWHM.")
    pulse_error = quantity("Relative error of that length", "1", default=0.05, minimum=0.0, maximum=1.0, group="Pump")
    reach = quantity("Reach of the scan", "1", default=4.0, minimum=1.5, maximum=50.0, group="Scan",
                     description="On either side of the focus, in Rayleigh lengths of the beam.")
    places = count("Places", default=41, minimum=9, maximum=10_000, group="Scan")
    readings = count("Readings at each place", default=2, minimum=1, maximum=1000, group="Scan")
    density = quantity("Density of crystals", "1/cm^3", default=5e15, minimum=1.0, maximum=1e25, group="Sample")
    path = quantity("Path through the cuvette", "mm", default=1.0, minimum=1e-3, maximum=100.0, group="Sample",
                    description="Much shorter than the Rayleigh length.")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero the head, then read both heads at every place, ascending."""
        power, rayleigh = self.energy * bench.constant("repetition_rate_hz"), self._rayleigh_mm(bench.constant("spot.area_cm2"))
        low, high = bench.reach("pump.power", {"pump.wavelength": self.wavelength})
        problems = []
        if not low <= power <= high:
            span = f"{shown(low, 'pump.power')} to {shown(high, 'pump.power')}, the reach at {self.wavelength:g} nm"
            problems.append(Problem("energy", f"{self.energy:.3g} J are {shown(power, 'pump.power')}, outside {span}."))
        if self.path > rayleigh:
            problems.append(Problem("path", f"a cuvette of {self.path:g} mm is not thin in a focus {rayleigh:.2g} mm long."))
        try:
            low, high = bench.reach(PLACE, {})
            if self.reach * rayleigh > min(-low, high):
                problems.append(Problem("reach", f"{self.reach:g} Rayleigh lengths are {self.reach * rayleigh:.3g} mm; the stage "
                                                 f"goes from {low:g} to {high:g} mm."))
        except AnalysisError as exc:
            problems.append(Problem("bench", str(exc)))
        if problems:
            raise Refused(problems)
        yield from points.zero(bench)
        for place in np.linspace(-self.reach, self.reach, self.places) * rayleigh:
            where = {"pump.wavelength": self.wavelength, "pump.power": power, PLACE: float(place)}
            yield from [Point(where, read=("power", HEAD))] * self.readings

    def reduce(self, run: RunView) -> Reduction:
        """Fit the dip of the transmission.

        Results: `cross_section_2p` (cm4 s) or `cross_section_3p` (cm6 s2), absorbed photons; `dip` in %, `rayleigh_length` and
        `focus_position` in mm. Without a dip they are missing, and the reason is among the problems.
        """
        found, place = Findings(), run[PLACE] / MM_PER_CM
        seen = run[HEAD] / run["power"]
        seen = seen / np.percentile(seen, 90)
        order = int(self.photons)
        scan = found.attempt(f"cross_section_{order}p", lambda: open_aperture(place, seen, order=order))
        if scan is not None:
            self._results(run, scan, found)
        fine = np.linspace(place.min(), place.max(), 301)
        drawn = CurveData(PLACE, run[PLACE], seen, "1", "Transmission") if scan is None else CurveData(
            PLACE, run[PLACE], seen / scan.baseline.value, "1", "Transmission (far from the focus = 1)", fit_x=fine * MM_PER_CM,
            fit_y=scan.curve(fine) / scan.baseline.value, fit_sigma=scan.curve_error(fine) / scan.baseline.value)
        return Reduction(found.results, {"transmission": drawn}, problems=tuple(found.problems))

    def _results(self, run: RunView, scan: ZScan, found: Findings) -> None:
        """Turn the fit into a cross-section; spot, power and pulse length make its systematic error."""
        area, scale = float(run.constants["spot.area_cm2"]), PumpScale.of(run.constants)
        energy = float(np.median(run["pump.power_measured"])) / float(run.constants["repetition_rate_hz"])
        flux = peak_flux(energy, self.pulse * 1e-15, _waist_cm(area), self.wavelength)
        relative = float(np.linalg.norm([scale.power_error, scale.area_error, self.pulse_error]))
        deepest = 100 * (1 - float(scan.curve(np.array([scan.focus.value]))[0]) / scan.baseline.value)
        found.results |= {
            f"cross_section_{scan.order}p": cross_section(scan, flux, density_cm3=self.density, path_cm=self.path / MM_PER_CM,
                                                          relative_flux_error=relative),
            "dip": Result(deepest, None, "%", "fitted transmission at the focus"),
            "rayleigh_length": _in_mm(scan.rayleigh), "focus_position": _in_mm(scan.focus)}

    def _rayleigh_mm(self, area_cm2: float) -> float:
        return float(np.pi * _waist_cm(area_cm2) ** 2 / (self.wavelength * 1e-7)) * MM_PER_CM


def _waist_cm(area_cm2: float) -> float:
    """Give the 1/e² radius of a Gaussian beam from the area by which its peak fluence is computed, π w²/2."""
    return float(np.sqrt(2.0 * area_cm2 / np.pi))


def _in_mm(length: Result) -> Result:
    return Result(length.value * MM_PER_CM, None if length.stderr is None else length.stderr * MM_PER_CM, "mm", length.estimator,
                  goodness=length.goodness)
