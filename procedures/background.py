"""Dark frames of several exposures: bias, dark current and read noise of the camera, and light that should not be there."""

from __future__ import annotations

import numpy as np

from labctl.analysis.camera import dark_behaviour
from labctl.core.errors import AnalysisError
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.plan import Point, Problem
from labctl.core.plots import Curve
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView


class Background(Procedure):
    """What the camera reads in the dark, against exposure; the pump shutter stays closed throughout."""

    title = "Background"
    plots = (Curve("Dark level against exposure", x="exposure_s", y="dark_level", fit="dark_level"),)

    shortest = quantity("Shortest exposure", "s", default=0.01, minimum=1e-5, maximum=3600.0)
    longest = quantity("Longest exposure", "s", default=10.0, minimum=1e-5, maximum=3600.0)
    exposures = count("Exposures", default=5, minimum=3, maximum=50)
    frames = count("Frames of each", default=4, minimum=2, maximum=100)

    def check(self) -> list[Problem]:
        """Insist on a range."""
        return ascending(self.shortest, self.longest, "longest", "s")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take every exposure several times, shutter closed."""
        for exposure in np.geomspace(self.shortest, self.longest, self.exposures):
            for _ in range(self.frames):
                yield Point(light=False, exposure_s=float(exposure))

    def reduce(self, run: RunView) -> Reduction:
        """Fit the dark level. Results: `dark_bias` (counts), `dark_current` (electrons/s per pixel), `read_noise` (electrons).

        Raises AnalysisError when the camera states no gain.
        """
        try:
            gain = float(run["gain_e_per_count"][0])
        except KeyError:
            raise AnalysisError("This detector states no gain, so counts cannot be turned into electrons.") from None
        found = dark_behaviour(run["exposure_s"], run.counts(), gain)
        smooth = np.linspace(0.0, found.exposure_s[-1], 101)
        return Reduction(
            results={"dark_bias": found.bias, "dark_current": found.dark_current, "read_noise": found.read_noise},
            curves={"dark_level": CurveData(
                "exposure_s", found.exposure_s, found.mean_counts, "counts", "Dark level (median pixel)", sigma=found.mean_error,
                fit_x=smooth, fit_y=found.bias.value + found.dark_current.value / gain * smooth)})
