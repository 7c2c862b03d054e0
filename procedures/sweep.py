"""Any quantities against any detectors: the scan that nobody has written a procedure for."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from labctl.core.errors import AnalysisError, StoreError
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem
from labctl.core.plots import Curve, HeatMap, Map, Plot, Spectrum
from labctl.core.procedure import PlanSteps, Procedure, count, names, quantity, set_points, switch
from labctl.core.pump_units import LEVELS
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, Reduction, RunView
from labctl.core.set_points import combinations, read

MOST_POINTS = 100_000
MOST_LINES = 12          # curves in one panel that can be told apart
ARRAYS = ("spectrum", "histogram", "image")
PUMP = {*LEVELS, "pump.wavelength"}      # where one of them is moved, the others have to be set again
DISPERSION = {"emission.centre", "spectrograph.centre", "spectrograph.grating"}      # moved, every spectrum has an axis of its own


class Sweep(Procedure):
    """Quantities stepped through nested or common values, and detectors read at each place; `labctl.scan` writes it in one line.

    What is held is set once, with the first dark frame; where an axis moves the pump, wavelength and level are set at every place.
    """

    title = "Sweep"
    plots: ClassVar[tuple[Plot, ...]] = (Curve("Emission", y="emission", optional=True), Spectrum("Spectra"))
    _own: ClassVar[frozenset[str]] = Procedure._own | {"plots", "scan_axes"}      # which depend on the axes

    axes = set_points("Axes", default="pump.wavelength = 505:525:5", group="Scan",
                      description="The last runs fastest: 'pump.power = 1 uW, 2 uW; analyser.angle = 0:360:10'.")
    together = switch("Axes step together", default=False, group="Scan")
    at = set_points("Held", group="Scan", description="One value each: 'pump.wavelength = 505; pump.power = 1 uW'.")
    detectors = names("Detectors", default="spectrum", group="Detection", description="One or several, parted by commas.")
    exposure = quantity("Exposure", "s", default=1.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=3, minimum=0, maximum=100, group="Detection")

    def check(self) -> list[Problem]:
        """Insist on axes that make a plan, and on one value for what is held."""
        axes, held = read(self.axes), read(self.at)
        problems = [] if axes else [Problem("axes", "there is no axis; write e.g. analyser.angle = 0:360:10.")]
        problems += [Problem("at", f"{name} has {len(values)} values; what is held has one. Make it an axis.")
                     for name, values in held.items() if len(values) > 1]
        problems += [Problem("at", f"{name} is an axis, so it cannot be held.") for name in held if name in axes]
        levels = sorted({*LEVELS} & (axes.keys() | held.keys()))
        if len(levels) > 1:
            problems.append(Problem("axes", f"{' and '.join(levels)} are the same light in different units; choose one."))
        points = np.prod([float(len(values)) for values in axes.values()]) if not self.together else 0.0
        if points > MOST_POINTS:
            problems.append(Problem("axes", f"{points:.0f} places are more than {MOST_POINTS}; use fewer values."))
        try:
            combinations({name: values[:1] if not self.together else values for name, values in axes.items()},
                         together=self.together)
        except ValueError as exc:
            problems.append(Problem("axes", f"{exc}."))
        return problems

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take dark frames while what is held is set, then visit every place."""
        axes = read(self.axes)
        self._draw(tuple(axes))
        self.shape = tuple(map(len, axes.values())) if len(axes) > 1 and not self.together else None
        what = tuple(self.detectors.split(", "))
        held = {name: values[0] for name, values in read(self.at).items()}
        again = {name: value for name, value in held.items() if name in PUMP} if PUMP & axes.keys() else {}
        for _ in range(self.dark_frames):
            yield Point(held, what, "dark", light=False, exposure_s=self.exposure)
            held = {}
        for place in combinations(axes, together=self.together):
            yield Point({**held, **again, **place}, what, exposure_s=self.exposure)
            held = {}

    def _draw(self, axes: tuple[str, ...]) -> None:
        """Choose axes and figures by what is swept and read."""
        self.scan_axes = axes[:1] if self.together else axes      # type: ignore[misc]  as `plots`: of this instance
        read_names = self.detectors.split(", ")
        drawn: list[Plot] = []
        if any(name.split(".")[-1] in ARRAYS for name in read_names):
            if len(self.scan_axes) == 1 and "spectrum" in read_names and DISPERSION.isdisjoint(axes):
                drawn.append(Map("Spectra", y=axes[0]))
            if len(self.scan_axes) == 2:
                drawn.append(HeatMap("Emission", x=axes[1], y=axes[0], z="emission"))
            lines = "emission" if len(self.scan_axes) == 1 else "line"
            drawn.append(Curve("Emission", x=self.scan_axes[-1], y=lines, optional=True))
        drawn += [Curve(name.replace("_", " ").capitalize(), x=self.scan_axes[-1], y=name) for name in read_names
                  if name.split(".")[-1] not in ARRAYS]
        self.plots = tuple(drawn)      # type: ignore[misc]

    def reduce(self, run: RunView) -> Reduction:
        """Give the light at every place as a curve `emission`, and as `line_n` along the inner axis for each place of others.

        In electrons/s in the whole frame, else all counts. No results.
        """
        try:
            y, sigma, unit = _emission(run)
        except StoreError:           # no array was read
            return Reduction()
        axes = list(read(self.axes))
        inner = axes[0] if self.together else axes[-1]
        curves = {"emission": CurveData(inner, run[inner], y, unit, "Emission", sigma=sigma)}
        if len(axes) > 1 and not self.together:
            outer = np.array([run[name] for name in axes[:-1]])
            lines = np.unique(outer, axis=1).T
            if len(lines) <= MOST_LINES:
                curves |= {f"line_{number}": _line(curves["emission"], np.all(line == outer.T, axis=1), axes, line)
                           for number, line in enumerate(lines, 1)}
        return Reduction(curves=curves)


def _line(whole: CurveData, here: np.ndarray, axes: list[str], at: np.ndarray) -> CurveData:
    """Give the part of a curve that was taken at one place of the outer axes."""
    label = ", ".join(shown(float(value), name) for name, value in zip(axes, at, strict=False))
    return CurveData(whole.x_name, whole.x[here], whole.y[here], whole.unit, label,
                     sigma=None if whole.sigma is None else whole.sigma[here])


def _emission(run: RunView) -> tuple[np.ndarray, np.ndarray, str]:
    """Give one number per place, its standard error and unit; raises StoreError without an array."""
    counts = run.counts()
    if counts.ndim == 2:
        try:
            return np.nansum(run.signal(), axis=1), np.sqrt(np.nansum(run.sigma() ** 2, axis=1)), "1/s"
        except AnalysisError:        # no dark frames, or no camera
            pass
    total = counts.reshape(len(counts), -1).sum(axis=1, dtype=float)
    return total, np.sqrt(np.maximum(total, 1.0)), "counts"
