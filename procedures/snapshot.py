"""A few frames of what is there now: the measurement one makes without thinking, kept with everything that belongs to it."""

from __future__ import annotations

import numpy as np

from labctl.analysis.read_off import smoothed
from labctl.core.instrument import BenchView
from labctl.core.lit import LitProcedure
from labctl.core.plan import Result
from labctl.core.plots import Spectrum
from labctl.core.procedure import PlanSteps, count
from labctl.core.reduction import Reduction, RunView

VISIBLE = 5.0       # standard errors by which the brightest pixel stands out when a peak is named


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
        """Give the total rate, and the place of the brightest pixel when it stands out of the noise.

        Results: `total_rate` (electrons/s in the whole frame); `peak_nm` (vacuum) and `peak_rate` (electrons/s in that pixel).
        """
        signal, sigma = run.signal(), run.sigma()
        mean, error = signal.mean(axis=0), np.sqrt((sigma**2).sum(axis=0)) / len(signal)
        wavelength = run.wavelength("vacuum")
        results = {"total_rate": Result(float(mean.sum()), float(np.sqrt((error**2).sum())), "1/s", "sum over the frame")}
        smooth = smoothed(np.median(signal, axis=0))             # a hit of a cosmic ray is no peak
        top = int(np.argmax(smooth))
        if smooth[top] - np.median(smooth) > VISIBLE * error[top]:
            pixel = abs(float(np.gradient(wavelength)[top]))
            results["peak_nm"] = Result(float(wavelength[top]), pixel / np.sqrt(12.0), "nm", "brightest pixel", note="vacuum")
            results["peak_rate"] = Result(float(mean[top]), float(error[top]), "1/s", "brightest pixel")
        return Reduction(results=results)
