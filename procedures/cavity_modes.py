"""Lines of a lasing cavity at one fluence: how many, how far apart, how narrow."""

from __future__ import annotations

import numpy as np

from labctl.analysis.lines import Line
from labctl.analysis.modes import find_lines, group_index, median, quality, spacing, strongest
from labctl.analysis.pump import clear_of_pump, pump_fluence
from labctl.analysis.series import Findings, spectra_of, usable_points
from labctl.core import points
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Result
from labctl.core.plots import Curve, Spectrum
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

READ = ("power", "spectrum")
FEWEST_FOR_MEDIAN = 6       # lines from which a median and its interval mean something; fewer are averaged


class CavityModes(Procedure):
    """Spectrum of a cavity above threshold; number, spacing, width and quality of its lines, and the group index."""

    title = "Cavity modes"
    plots = (Spectrum("Spectrum above threshold"), Curve("Width of the lines", x="emission.wavelength", y="width"))

    wavelength = quantity("Pump wavelength", "nm", default=1500.0, minimum=200.0, maximum=3000.0, group="Pump")
    fluence = quantity("Fluence", "J/cm^2", default=3.9e-3, minimum=1e-15, maximum=10.0, group="Pump")
    diameter = quantity("Diameter of the cavity", "um", default=88.0, minimum=1.0, maximum=10_000.0, group="Cavity")
    diameter_error = quantity("Its error", "um", default=1.0, minimum=0.0, maximum=1000.0, group="Cavity",
                              description="Becomes the systematic error of the group index.")
    frames = count("Frames", default=4, minimum=1, maximum=1000, group="Detection")
    exposure = quantity("Exposure", "s", default=10.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=4, minimum=1, maximum=100, group="Detection")
    share = quantity("Least height of a line", "1", default=0.12, minimum=0.01, maximum=1.0, group="Lines",
                     description="As a fraction of the highest line.")
    reach = quantity("Half range of a line's fit", "nm", default=0.3, minimum=0.01, maximum=50.0, group="Lines")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero the power head, take dark frames, then the frames."""
        yield from points.zero(bench)
        yield from points.darks(self.dark_frames, self.exposure)
        for _ in range(self.frames):
            yield Point(set={"pump.wavelength": self.wavelength, "pump.fluence": self.fluence}, read=READ, exposure_s=self.exposure)

    def reduce(self, run: RunView) -> Reduction:
        """Fit every line of the mean spectrum.

        Results: `mode_count`, `mode_wavelength` (nm, vacuum, strongest line), `mode_fwhm` (nm, median, instrument removed),
        `cavity_q` (median), `fsr` (nm), `fsr_relative_sd`, `effective_index`; those that need several lines are missing, with the
        reason, when there is one. Raises AnalysisError when no line is found or every frame is saturated.
        """
        usable = usable_points(run)
        instrument = float(run.constants.get("detection.instrument_fwhm", 0.0))
        spectra, _ = spectra_of(run, pump_fluence(run), usable)
        clear = clear_of_pump(self.wavelength, float(run.constants.get("pump.bandwidth", 0.0)), instrument)
        if spectra.wavelength[0] < clear < spectra.wavelength[-1]:
            spectra = spectra.band(clear, float(spectra.wavelength[-1]))
        total, error = spectra.total()
        number = len(spectra.pump)
        lines = find_lines(spectra.wavelength, total / number, error / number, share=self.share, half_range_nm=self.reach,
                           instrument_fwhm_nm=instrument)
        found = Findings()
        _single(found, lines)
        found.attempt("fsr", lambda: self._spaced(found, lines))
        return Reduction(found.results, {"width": _widths(lines)}, problems=tuple(found.problems))

    def _spaced(self, found: Findings, lines: tuple[Line, ...]) -> Result:
        """Give the spacing and note what follows from it."""
        space = spacing(lines)
        if space.relative_sd is not None:
            found.results["fsr_relative_sd"] = space.relative_sd
        found.results["effective_index"] = group_index(space.fsr_nm, space.middle_nm, self.diameter, self.diameter_error)
        return space.fsr_nm


def _single(found: Findings, lines: tuple[Line, ...]) -> None:
    """Note what every line has: place, width, quality."""
    found.results["mode_count"] = Result(float(len(lines)), None, "1", "peaks above the least height")
    found.results["mode_wavelength"] = strongest(lines).centre_nm
    found.results["mode_fwhm"] = _middle([line.fwhm_nm for line in lines])
    found.results["cavity_q"] = _middle([quality(line) for line in lines])


def _middle(results: list[Result]) -> Result:
    """Give the median of many, the mean of few."""
    values = np.array([result.value for result in results])
    if len(values) >= FEWEST_FOR_MEDIAN:
        return median(values, results[0].unit)
    errors = np.array([result.stderr or 0.0 for result in results])
    return Result(float(values.mean()), float(np.sqrt((errors**2).sum()) / len(values)), results[0].unit,
                  f"mean of {len(values)} lines, {results[0].estimator}")


def _widths(lines: tuple[Line, ...]) -> CurveData:
    centres = np.array([line.centre_nm.value for line in lines])
    widths = np.array([line.fwhm_nm.value for line in lines])
    return CurveData("emission.wavelength", centres, widths, "nm", "FWHM, instrument removed",
                     sigma=np.array([line.fwhm_nm.stderr or 0.0 for line in lines]))
