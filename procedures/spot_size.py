"""A blade through the pump beam where the sample is, and a power head behind it: how large the spot is, across both ways."""

from __future__ import annotations

import numpy as np

from labctl.analysis.places import Edge, knife_edge
from labctl.core.calibration import Calibration, taken_now
from labctl.core.errors import AnalysisError
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.photons import spot_area_cm2
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve
from labctl.core.points import insist_on, wheel
from labctl.core.procedure import PlanSteps, Procedure, choice, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

HEAD = "sample_head.power"
BLADES = {"x": "blade_x.position", "y": "blade_y.position"}
POOR_FIT = 0.02                 # of the whole step: larger departures say that the beam is no Gaussian
ROLES = ("laser", "filter")     # whose replacement changes the spot


class SpotSize(Procedure):
    """Diameter of the pump spot by a knife edge, along x and y; it replaces the size in the bench file, with its uncertainty.

    Blade and head stand where the sample is. Nothing here can see that they do: all light of this run counts for the sample's dose.
    """

    title = "Spot size"
    plots = (Curve("Knife edge along x", x="blade_x.position", y="edge_x", fit="edge_x", optional=True),
             Curve("Knife edge along y", x="blade_y.position", y="edge_y", fit="edge_y", optional=True))

    wavelength = quantity("Pump wavelength", "nm", default=505.0, minimum=200.0, maximum=3000.0, group="Pump",
                          description="Vacuum.")
    power = quantity("Pump power at the sample", "W", default=1e-5, minimum=1e-12, maximum=10.0, group="Pump")
    across = choice("Across", ("both", "x", "y"), default="both", group="Blade")
    start = quantity("From", "mm", default=-2.5e-3, minimum=-50.0, maximum=50.0, group="Blade",
                     description="Position of the blade, about the middle of the beam.")
    stop = quantity("To", "mm", default=2.5e-3, minimum=-50.0, maximum=50.0, group="Blade")
    positions = count("Positions", default=26, minimum=8, maximum=1000, group="Blade")
    clear = quantity("Clear of the beam at", "mm", default=0.5, minimum=-50.0, maximum=50.0, group="Blade",
                     description="Where a blade waits while the other one works, and at the end.")

    def check(self) -> list[Problem]:
        """Insist on an ascending range that the blade's waiting place lies outside of."""
        problems = ascending(self.start, self.stop, "stop", "mm")
        if not problems and self.start < self.clear < self.stop:
            problems.append(Problem("clear", f"{self.clear:g} mm lies within the scan, {self.start:g} to {self.stop:g} mm: the "
                                             "blade would cut the beam there."))
        return problems

    @property
    def axes(self) -> dict[str, str]:
        """The ways across, with the blade of each."""
        return BLADES if self.across == "both" else {self.across: BLADES[self.across]}

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero both heads in the dark, then drive one blade after the other through the beam, always from the same side."""
        insist_on(bench, *self.axes.values())
        bench.constant("pickoff.ratio")
        blocked, _ = wheel(bench)
        aside = dict.fromkeys(self.axes.values(), self.clear)
        yield Point({**blocked, **aside}, kind="zero", do=("power_meter.zero", "sample_head.zero"), read=(), light=False)
        pump = {"pump.wavelength": self.wavelength, "pump.power": self.power}
        for blade in self.axes.values():
            for place in np.linspace(self.start, self.stop, self.positions):
                yield Point({**pump, **aside, blade: float(place)}, read=("power", HEAD))
                pump = {}
        yield Point(aside, kind="zero", read=(), light=False)

    def reduce(self, run: RunView) -> Reduction:
        """Fit the edge of a Gaussian beam.

        Results: `spot_diameter_x`, `spot_diameter_y` (µm, 1/e²), and where both were measured `spot_ellipticity` (larger over
        smaller) and `spot_diameter` (µm, of the round spot of the same area). Raises AnalysisError where no edge is found.
        """
        edges: dict[str, Edge] = {}
        curves: dict[str, CurveData] = {}
        problems: list[Problem] = []
        ratio = run[HEAD] / run["power"]
        if not np.all(run["power"] > 0):
            raise AnalysisError("The pick-off head saw no light. Is the pump emitting?")
        for name, blade in self.axes.items():
            rows = self._rows(run, blade)
            place = run[f"{blade}_measured"][rows]
            edge = edges[name] = knife_edge(1e3 * place, ratio[rows])
            whole = edge.constants[0]
            smooth = np.linspace(place.min(), place.max(), 201)
            curves[f"edge_{name}"] = CurveData(blade, place, ratio[rows] / whole, "1", "Power behind the blade",
                                               fit_x=smooth, fit_y=edge.curve(1e3 * smooth) / whole,
                                               fit_sigma=edge.curve_error(1e3 * smooth) / whole)
            if np.std(ratio[rows] - edge.curve(1e3 * place)) > POOR_FIT * whole:
                problems.append(Problem(f"spot_diameter_{name}", "the edge is not that of a Gaussian beam; its 1/e² diameter says "
                                        "little about the fluence in the middle.", "warning"))
        results = {f"spot_diameter_{name}": edge.diameter for name, edge in edges.items()}
        if len(edges) == 2:
            results |= _both(edges["x"].diameter, edges["y"].diameter)
        return Reduction(results, curves, self._calibration(run, results), tuple(problems))

    def _rows(self, run: RunView, blade: str) -> np.ndarray:
        """Give the points at which this blade works: the others wait."""
        return np.flatnonzero(~np.isclose(run[blade], self.clear))

    def _calibration(self, run: RunView, results: dict[str, Result]) -> Calibration:
        """Make the spot that fluences are computed with; one way alone counts for a round spot."""
        size = results.get("spot_diameter") or next(iter(results.values()))
        return Calibration(
            kind="spot_size", model="gaussian_spot",
            curve={"diameter_um": size.value, "wavelength_nm": self.wavelength, "definition": "1/e2",
                   **{f"{name.removeprefix('spot_')}_um": result.value for name, result in results.items() if result.unit == "um"}},
            units={"diameter_um": "um", "wavelength_nm": "nm"}, valid={"pump.wavelength": (self.wavelength, self.wavelength)},
            **taken_now(run.serials, ROLES), uncertainty=float((size.stderr or 0.0) / size.value))


def _both(along_x: Result, along_y: Result) -> dict[str, Result]:
    """Give ellipticity, and the diameter of the round Gaussian spot of the same area."""
    together = float(np.hypot((along_x.stderr or 0.0) / along_x.value, (along_y.stderr or 0.0) / along_y.value))
    ratio = max(along_x.value, along_y.value) / min(along_x.value, along_y.value)
    mean = float(np.sqrt(along_x.value * along_y.value))
    area = spot_area_cm2(mean, "1/e2")
    return {"spot_ellipticity": Result(ratio, ratio * together, "1", "larger over smaller diameter"),
            "spot_diameter": Result(mean, mean * together / 2, "um", "geometric mean of both",
                                    note=f"a peak fluence is the energy of a pulse over {area:.3g} cm²")}
