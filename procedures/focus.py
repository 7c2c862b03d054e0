"""Scan the sample through the focus and find where the emission is brightest."""

from __future__ import annotations

import numpy as np

from labctl.analysis.camera import faint_rates
from labctl.analysis.places import focus
from labctl.core.errors import AnalysisError
from labctl.core.instrument import BenchView
from labctl.core.lit import LitProcedure, ascending
from labctl.core.plan import Problem
from labctl.core.plots import Curve
from labctl.core.procedure import PlanSteps, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView


class Focus(LitProcedure):
    """Emission against the sample's z; the best focus, and how deep it is."""

    title = "Focus"
    scan_axes = ("sample.z",)
    plots = (Curve("Emission against z", x="sample.z", y="emission", fit="emission"),)

    start = quantity("From", "mm", default=-0.02, minimum=-50.0, maximum=50.0, group="Scan")
    stop = quantity("To", "mm", default=0.02, minimum=-50.0, maximum=50.0, group="Scan")
    positions = count("Positions", default=21, minimum=5, maximum=1000, group="Scan")

    def check(self) -> list[Problem]:
        """Insist on an ascending range: coming always from one side takes the stage's backlash out."""
        return ascending(self.start, self.stop, "stop", "mm")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take dark frames, then one spectrum at each position, ascending."""
        yield from self.darks()
        for z in np.linspace(self.start, self.stop, self.positions):
            yield self.lit({"sample.z": float(z)})

    def reduce(self, run: RunView) -> Reduction:
        """Fit the depth of a Gaussian beam.

        Results: `focus_position` and `focus_depth` (mm); missing, with the reason, when the range shows no focus.
        """
        z, (signal, sigma) = run["sample.z"], faint_rates(run.signal(), run.sigma())
        try:
            found = focus(z, signal, sigma)
        except AnalysisError as exc:
            return Reduction(curves={"emission": CurveData("sample.z", z, signal, "1/s", "Emission", sigma=sigma)},
                             problems=(Problem("focus_position", str(exc)),))
        smooth = np.linspace(z.min(), z.max(), 201)
        return Reduction(
            results={"focus_position": found.position, "focus_depth": found.depth},
            curves={"emission": CurveData("sample.z", z, signal, "1/s", "Emission", sigma=sigma, fit_x=smooth,
                                          fit_y=found.curve(smooth), fit_sigma=found.curve_error(smooth))})
