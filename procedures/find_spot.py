"""Look for a good place on fresh sample: a coarse map under little light, and the stage left where it is best."""

from __future__ import annotations

import numpy as np

from labctl.analysis.camera import faint_rates
from labctl.analysis.places import best_place, evenness
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.lit import LitProcedure, ascending
from labctl.core.plan import Bounds, Point, Problem, Result
from labctl.core.plots import HeatMap
from labctl.core.points import insist_on
from labctl.core.procedure import AdaptiveSteps, choice, count, quantity, switch
from labctl.core.reduction import CurveData, Reduction, RunView

X, Y = "sample.x", "sample.y"
MOST_PLACES = 2500
LIT_BESIDE_S = 0.2          # of a shutter, beyond the exposure


class FindSpot(LitProcedure):
    """Emission over a rectangle of fresh sample, each place lit once and briefly; the stage ends at the best of them.

    The dose ledger knows every place by its position, and a place that has had light is refused unless `fresh` is no. Where the
    sample is moved by hand, `labctl dose BENCH --new-spot` does the bookkeeping.
    """

    title = "Find a spot"
    plots = (HeatMap("Emission over the sample", x=X, y=Y, z="emission"),
             HeatMap("Unevenness around each place", x=X, y=Y, z="evenness"))

    power = quantity("Pump power at the sample", "W", default=1e-6, minimum=1e-12, maximum=10.0, group="Pump")
    exposure = quantity("Exposure", "s", default=0.5, minimum=1e-5, maximum=3600.0, group="Detection")
    most_dose = quantity("Most dose on a place", "J/cm^2", default=100.0, minimum=0.0, maximum=1e9, group="Pump",
                         description="The sample's limit for alignment; 0 sets none.")
    pick = choice("Pick", ("even", "brightest"), default="even", group="Choice",
                  description="The place whose surroundings are bright and even, or the brightest there is.")
    fresh = switch("Fresh places only", default=True, group="Choice")
    x_start = quantity("x from", "mm", default=-0.02, minimum=-50.0, maximum=50.0, group="Scan")
    x_stop = quantity("x to", "mm", default=0.02, minimum=-50.0, maximum=50.0, group="Scan")
    x_places = count("Places along x", default=9, minimum=3, maximum=200, group="Scan")
    y_start = quantity("y from", "mm", default=-0.02, minimum=-50.0, maximum=50.0, group="Scan")
    y_stop = quantity("y to", "mm", default=0.02, minimum=-50.0, maximum=50.0, group="Scan")
    y_places = count("Places along y", default=9, minimum=3, maximum=200, group="Scan")

    def check(self) -> list[Problem]:
        """Insist on ascending ranges and on a coarse grid."""
        problems = [*ascending(self.x_start, self.x_stop, "x_stop", "mm"), *ascending(self.y_start, self.y_stop, "y_stop", "mm")]
        if self.x_places * self.y_places > MOST_PLACES:
            text = f"{self.x_places} x {self.y_places} places are more than {MOST_PLACES}: a search is coarse."
            problems.append(Problem("x_places", f"{text} Use raster for a map."))
        return problems

    def places(self) -> list[Point]:
        """Give the points of the map, line after line, x always ascending."""
        return [self.lit({Y: float(y), X: float(x)}) for y in np.linspace(self.y_start, self.y_stop, self.y_places)
                for x in np.linspace(self.x_start, self.x_stop, self.x_places)]

    def dose_j_cm2(self, area_cm2: float) -> float:
        """Give the dose of one place."""
        return self.power * (self.exposure + LIT_BESIDE_S) / area_cm2

    def bounds(self, bench: BenchView) -> Bounds | None:
        """Promise the rectangle, with its places; raises Refused where they would have too much light, or touch each other."""
        insist_on(bench, X, Y)
        problems, area = [], bench.constant("spot.area_cm2")
        dose, apart_mm = self.dose_j_cm2(area), 2e1 * float(np.sqrt(area / np.pi))
        if self.most_dose and dose > self.most_dose:
            problems.append(Problem("most_dose", f"each place would have {dose:.3g} J/cm², more than {self.most_dose:.3g}. Use "
                                                 "less power or a shorter exposure."))
        for name, low, high, number in (("x_places", self.x_start, self.x_stop, self.x_places),
                                        ("y_places", self.y_start, self.y_stop, self.y_places)):
            if (step := (high - low) / (number - 1)) < apart_mm:
                problems.append(Problem(name, f"places {step * 1e3:.3g} µm apart would touch: the spot is {apart_mm * 1e3:.3g} µm "
                                              "across. Use fewer places or a larger range."))
        if problems:
            raise Refused(problems)
        known = (*self.darks(), *self.places())
        spans = {X: (self.x_start, self.x_stop), Y: (self.y_start, self.y_stop)} | {n: (v, v) for n, v in self.pump().items()}
        return Bounds(len(known) + 1, spans, (self.exposure, self.exposure), known=known)

    def plan(self, bench: BenchView) -> AdaptiveSteps:
        """Take dark frames, then every place once; then go, in the dark, where it is best."""
        frames = []
        for point in self.darks():
            frames.append((yield point).arrays["counts"])
        dark, seen = np.mean(frames, axis=0), []
        points = self.places()
        for point in points:
            seen.append((yield point).arrays["counts"] - dark)
        spectra = np.reshape(seen, (len(seen), -1))
        light, _ = faint_rates(spectra, np.ones_like(spectra))
        yield Point(points[best_place(self._grid(light), even=self.pick == "even")].set, read=(), kind="zero", light=False)

    def _grid(self, light: np.ndarray) -> np.ndarray:
        return light.reshape(self.y_places, self.x_places)

    def reduce(self, run: RunView) -> Reduction:
        """Say where the stage stands now and why.

        Results: `spot_x`, `spot_y` (mm), `spot_brightness` (over the mean of all places), `spot_unevenness` (%, standard deviation
        over mean of the place and its neighbours), `spot_dose` (J/cm², that this run has put there).
        """
        light, sigma = faint_rates(run.signal(), run.sigma())
        chosen = run.select("zero")
        x, y = float(chosen[X][-1]), float(chosen[Y][-1])
        best = int(np.argmin(np.hypot(run[X] - x, run[Y] - y)))
        around = evenness(self._grid(light)).ravel()
        place = f"{self.pick} place of {len(light)}; the stage stands there"
        dose = self.dose_j_cm2(float(run.constants["spot.area_cm2"]))
        systematic = dose * float(run.constants.get("pump.power_uncertainty", 0.0))
        results = {
            "spot_x": Result(x, None, "mm", place), "spot_y": Result(y, None, "mm", place),
            "spot_brightness": Result(float(light[best] / light.mean()), float(sigma[best] / light.mean()), "1", "over the mean"),
            "spot_unevenness": Result(float(100 * around[best]), None, "%", "standard deviation over mean of the neighbourhood"),
            "spot_dose": Result(dose, None, "J/cm2", "power × lit time over the spot's area", systematic)}
        number = np.arange(len(light), dtype=float)
        return Reduction(results, {
            "emission": CurveData("point_number", number, light, "1/s", "Emission", sigma=sigma),
            "evenness": CurveData("point_number", number, 100 * around, "%", "Unevenness of the neighbourhood")})
