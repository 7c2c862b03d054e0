"""Map the emission over the sample: x and y on a grid, one spectrum at each place."""

from __future__ import annotations

import numpy as np

from labctl.analysis.camera import rates
from labctl.core.instrument import BenchView
from labctl.core.lit import LitProcedure, ascending
from labctl.core.plan import Problem, Result
from labctl.core.plots import Curve, HeatMap
from labctl.core.procedure import PlanSteps, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

MOST_PLACES = 100_000


class Raster(LitProcedure):
    """Emission over a rectangle of the sample; the brightest place, and how uneven the sample is."""

    title = "Raster"
    scan_axes = ("sample.y", "sample.x")
    plots = (HeatMap("Emission over the sample", x="sample.x", y="sample.y", z="emission"),
             Curve("Brightest line", x="sample.x", y="line"))

    x_start = quantity("x from", "mm", default=-0.02, minimum=-50.0, maximum=50.0, group="Scan")
    x_stop = quantity("x to", "mm", default=0.02, minimum=-50.0, maximum=50.0, group="Scan")
    x_places = count("Places along x", default=11, minimum=2, maximum=2000, group="Scan")
    y_start = quantity("y from", "mm", default=-0.02, minimum=-50.0, maximum=50.0, group="Scan")
    y_stop = quantity("y to", "mm", default=0.02, minimum=-50.0, maximum=50.0, group="Scan")
    y_places = count("Places along y", default=11, minimum=2, maximum=2000, group="Scan")

    def check(self) -> list[Problem]:
        """Insist on ascending ranges and on a number of places that a person would wait for."""
        problems = [*ascending(self.x_start, self.x_stop, "x_stop", "mm"), *ascending(self.y_start, self.y_stop, "y_stop", "mm")]
        if self.x_places * self.y_places > MOST_PLACES:
            text = f"{self.x_places} x {self.y_places} places are more than {MOST_PLACES}; use fewer."
            problems.append(Problem("x_places", text))
        return problems

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take dark frames, then every place, line after line, x always ascending."""
        yield from self.darks()
        self.shape = (self.y_places, self.x_places)
        for y in np.linspace(self.y_start, self.y_stop, self.y_places):
            for x in np.linspace(self.x_start, self.x_stop, self.x_places):
                yield self.lit({"sample.y": float(y), "sample.x": float(x)})

    def reduce(self, run: RunView) -> Reduction:
        """Find the brightest place. Results: `brightest_x`, `brightest_y` (mm), `unevenness` (%, standard deviation over mean)."""
        x, y, (signal, sigma) = run["sample.x"], run["sample.y"], rates(run.signal(), run.sigma())
        top = int(np.argmax(signal))
        share = float(signal.std() / signal.mean()) if signal.mean() > 0 else float("nan")
        step = [(high - low) / max(number - 1, 1) / np.sqrt(12.0) for low, high, number in (
            (self.x_start, self.x_stop, self.x_places), (self.y_start, self.y_stop, self.y_places))]
        line = y == y[top]
        return Reduction(
            results={
                "brightest_x": Result(float(x[top]), float(step[0]), "mm", "brightest place of the grid"),
                "brightest_y": Result(float(y[top]), float(step[1]), "mm", "brightest place of the grid"),
                "unevenness": Result(100 * share, 100 * share / np.sqrt(2 * max(len(signal) - 1, 1)), "%",
                                     "standard deviation over mean of all places"),
            },
            curves={
                "emission": CurveData("point_number", np.arange(len(signal), dtype=float), signal, "1/s", "Emission", sigma=sigma),
                "line": CurveData("sample.x", x[line], signal[line], "1/s", f"Emission at y = {y[top]:.4g} mm", sigma=sigma[line]),
            })
