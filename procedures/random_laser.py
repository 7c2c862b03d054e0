"""Random lasing: single shots on one spot, the spikes in each, and whether the next shot shows them again."""

from __future__ import annotations

import numpy as np

from labctl.analysis.lines import Line
from labctl.analysis.modes import find_lines, median, quality, repeated_share, strongest
from labctl.analysis.pump import pump_fluence
from labctl.analysis.series import Findings, Spectra, spectra_of, usable_points
from labctl.core import points
from labctl.core.errors import AnalysisError
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve, Map
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

READ = ("power", "spectrum")


class RandomLaser(Procedure):
    """Successive short exposures above threshold; quality, irregularity and return of the spikes."""

    title = "Random laser"
    plots = (Map("Spectra, shot by shot", y="elapsed_s"), Curve("Spikes found", x="elapsed_s", y="spikes"))

    wavelength = quantity("Pump wavelength", "nm", default=800.0, minimum=200.0, maximum=3000.0, group="Pump")
    fluence = quantity("Fluence", "J/cm^2", default=5.5e-4, minimum=1e-15, maximum=10.0, group="Pump")
    shots = count("Exposures", default=24, minimum=3, maximum=10_000, group="Detection")
    exposure = quantity("Exposure", "s", default=1e-3, minimum=1e-5, maximum=3600.0, group="Detection",
                        description="One pulse of the pump: longer ones average over shots whose modes weigh differently.")
    dark_frames = count("Dark frames", default=16, minimum=1, maximum=1000, group="Detection")
    share = quantity("Least height of a spike", "1", default=0.12, minimum=0.01, maximum=1.0, group="Lines",
                     description="As a fraction of the highest spike of its shot.")
    highest_share = quantity("Least height for the quality", "1", default=0.7, minimum=0.01, maximum=1.0, group="Lines",
                             description="The quality is that of the highest spikes: weak ones stand on their neighbours.")
    reach = quantity("Half range of a spike's fit", "nm", default=0.6, minimum=0.01, maximum=50.0, group="Lines")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero the power head, take dark frames, then shot after shot."""
        yield from points.zero(bench)
        yield from points.darks(self.dark_frames, self.exposure)
        for _ in range(self.shots):
            yield Point(set={"pump.wavelength": self.wavelength, "pump.fluence": self.fluence}, read=READ, exposure_s=self.exposure)

    def reduce(self, run: RunView) -> Reduction:
        """Find the spikes of every exposure.

        Results: `spike_q` (median over exposures of the strongest spike's λ/FWHM, instrument removed), `spike_spacing_relative_sd`
        (of neighbours, all exposures), `spike_repeat_fraction`, `spike_count` (mean). What cannot be told is missing, with the
        reason. Raises AnalysisError when no exposure shows a spike or all are saturated.
        """
        usable = usable_points(run, "Dim the detection and repeat.")
        instrument = float(run.constants.get("detection.instrument_fwhm", 0.0))
        spectra, _ = spectra_of(run, pump_fluence(run), usable)
        all_lines = [self._lines(spectra, place, self.share, instrument) for place in range(len(spectra.pump))]
        if not any(all_lines):
            raise AnalysisError("No exposure shows a spike above the spontaneous emission. Raise the fluence.")
        centres = [np.array([line.centre_nm.value for line in lines]) for lines in all_lines]
        found = Findings()
        highest = [lines for place in range(len(spectra.pump))
                   if (lines := self._lines(spectra, place, self.highest_share, instrument))]
        found.attempt("spike_q", lambda: median([quality(strongest(lines)).value for lines in highest]))
        found.attempt("spike_spacing_relative_sd", lambda: _irregularity(centres))
        found.attempt("spike_repeat_fraction", lambda: repeated_share(centres))
        counts = np.array([len(lines) for lines in all_lines], dtype=float)
        found.results["spike_count"] = Result(float(counts.mean()), float(counts.std(ddof=1) / np.sqrt(len(counts))), "1",
                                              "spikes in an exposure, mean")
        curve = CurveData("elapsed_s", run["elapsed_s"][usable], counts, "1", "Spikes in the exposure")
        return Reduction(found.results, {"spikes": curve}, problems=(*found.problems, *self._pulses(run)))

    def _pulses(self, run: RunView) -> list[Problem]:
        """Say so when an exposure holds more than a pulse."""
        pulses = self.exposure * float(run.constants.get("repetition_rate_hz", 0.0))
        if pulses <= 1.5:
            return []
        return [Problem("exposure", f"{self.exposure:g} s hold about {pulses:.0f} pulses: what changes from shot to shot is "
                        "averaged.",
                        "warning")]

    def _lines(self, spectra: Spectra, place: int, share: float, instrument: float) -> tuple[Line, ...]:
        try:
            return find_lines(spectra.wavelength, spectra.signal[place], spectra.sigma[place], share=share,
                              half_range_nm=self.reach, instrument_fwhm_nm=instrument)
        except AnalysisError:       # an exposure without a spike is a finding, not a failure
            return ()


def _irregularity(centres: list[np.ndarray]) -> Result:
    """Give standard deviation over mean of the distances of neighbouring spikes, all exposures together: near 1 when random."""
    gaps = np.concatenate([np.diff(np.sort(found)) for found in centres])
    if len(gaps) < 3:
        raise AnalysisError(f"{len(gaps)} distances of neighbouring spikes are too few to judge their regularity.")
    ratio = float(gaps.std() / gaps.mean())
    return Result(ratio, ratio / np.sqrt(2.0 * len(gaps)), "1", f"sd/mean of {len(gaps)} distances")
