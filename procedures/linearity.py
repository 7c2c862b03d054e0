"""One light, many exposures: how straight the camera answers, from its noise to its saturation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labctl.analysis.camera import linearity, rates
from labctl.core import lamp
from labctl.core.instrument import BenchView
from labctl.core.lit import LitProcedure, ascending
from labctl.core.plan import Point, Problem
from labctl.core.plots import Curve
from labctl.core.points import insist_on
from labctl.core.procedure import PlanSteps, choice, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

SATURATED, BAD = "saturated", "bad"


class Linearity(LitProcedure):
    """Rate of a constant light against exposure; every exposure has its own dark frames, and the ladder is walked up and down.

    The light is the sample's own under the pump, or a white lamp in its place, which neither ages nor costs the sample any light.
    """

    title = "Linearity of the camera"
    plots = (Curve("Departure from proportionality", x="exposure_s", y="departure", log_x=True),)

    light = choice("Light", ("pump", "lamp"), default="pump", group="Detection")
    shortest = quantity("Shortest exposure", "s", default=0.05, minimum=1e-5, maximum=3600.0, group="Detection")
    longest = quantity("Longest exposure", "s", default=5.0, minimum=1e-5, maximum=3600.0, group="Detection")
    exposures = count("Exposures", default=7, minimum=3, maximum=100, group="Detection")

    def check(self) -> list[Problem]:
        """Insist on a range."""
        return ascending(self.shortest, self.longest, "longest", "s")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take the dark frames of every exposure, then walk the ladder up and down under one light."""
        ladder = [float(value) for value in np.geomspace(self.shortest, self.longest, self.exposures)]
        lit, dark = {}, {}
        if self.light == "lamp":
            insist_on(bench, lamp.SOURCE)
            lit, dark = {lamp.SOURCE: lamp.WHITE}, {lamp.SOURCE: lamp.AWAY}
        for exposure in ladder:
            yield from (replace(frame, set=dark or frame.set) for frame in self.darks(exposure))
        for exposure in (*ladder, *ladder[::-1]):
            yield Point(lit, light=not lit, exposure_s=exposure)
        if lit:
            yield Point(dark, kind="zero", read=(), light=False)

    def reduce(self, run: RunView) -> Reduction:
        """Compare rates in the bright pixels.

        Results: `nonlinearity` (%, largest departure below saturation), `bright_rate` (electrons/s in those pixels).
        Raises AnalysisError when fewer than three exposures are usable.
        """
        rate, sigma = rates(run.signal(), run.sigma())
        usable = ~(run.flag(SATURATED) | run.flag(BAD))
        found = linearity(rate, sigma, usable)
        return Reduction(
            results={"nonlinearity": found.departure, "bright_rate": found.rate},
            curves={"departure": CurveData("exposure_s", run["exposure_s"], found.departures, "%", "Rate / median - 1",
                                           sigma=found.errors, used=usable, left_out="left out: saturated")})
