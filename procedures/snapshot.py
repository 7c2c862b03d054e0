"""A few frames of what is there now: the measurement one makes without thinking, kept with everything that belongs to it."""

from __future__ import annotations

import numpy as np

from labctl.analysis.cosmic import without_spikes
from labctl.analysis.peak import peak
from labctl.core.errors import AnalysisError
from labctl.core.instrument import BenchView
from labctl.core.lit import LitProcedure
from labctl.core.plan import Problem, Result
from labctl.core.plots import Spectrum
from labctl.core.procedure import PlanSteps, count
from labctl.core.reduction import Reduction, RunView


class Snapshot(LitProcedure):
    """One spectrum, averaged over a few frames, with the bench as it stands."""

    title = "Snapshot"
    plots = (Spectrum("Spectrum"),)

    frames = count("Frames", default=1, minimum=1, maximum=10_000, group="Detection")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take dark frames, then the frames."""
        yield from self.darks()
        for _ in range(self.frames):
            yield self.lit()

    def reduce(self, run: RunView) -> Reduction:
        """Give the total rate, and place and height of the top when one stands out of the noise; cosmic rays are bridged.

        Results: `total_rate` (electrons/s in the whole frame); `peak_nm` (vacuum) and `peak_rate` (electrons/s per pixel there), by
        the spectrum smoothed no more than its noise asks for. Of a dark spectrum they are missing, and a warning says so.
        """
        wavelength, sigma = run.wavelength("vacuum"), run.sigma()
        pixel = abs(float(np.median(np.diff(wavelength))))
        instrument = float(run.constants.get("detection.instrument_fwhm", pixel))
        signal, _ = without_spikes(run.signal(), sigma, instrument / pixel)
        mean, error = signal.mean(axis=0), np.sqrt((sigma**2).sum(axis=0)) / len(signal)
        results = {"total_rate": Result(float(mean.sum()), float(np.sqrt((error**2).sum())), "1/s", "sum over the frame")}
        try:
            found = peak(wavelength, mean, error, instrument)
        except AnalysisError as exc:
            return Reduction(results, problems=(Problem("peak_nm", str(exc), "warning"),))
        return Reduction({**results, "peak_nm": found.place, "peak_rate": found.height})
