"""How fast the emission follows a voltage: the camera takes a series while the source-meter switches, one clock for both."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labctl.analysis import switching
from labctl.analysis.series import Findings, usable_points
from labctl.core import points
from labctl.core.errors import AnalysisError, Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve
from labctl.core.procedure import Procedure, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

SERIES = ("spectrum", "switching")
EXCHANGE_SD = 12.0**-0.5       # of a step that falls anywhere within its exchange, in lengths of the exchange


class VoltageResponse(Procedure):
    """The 10-90 % times after a step up and a step down; a ramp in the dark arms the sample, the steps are single writes."""

    title = "Response of the emission to a voltage"
    scan_axes = ("bias.switched",)
    plots = (
        Curve("Emission in time", x="series.time", y="band"),
        Curve("Folded onto one step", x="step.time", y="response", optional=True),
    )

    wavelength = quantity("Pump wavelength", "nm", default=400.0, minimum=200.0, maximum=3000.0, group="Pump")
    fluence = quantity("Fluence", "J/cm^2", default=1e-6, minimum=1e-15, maximum=1.0, group="Pump")
    voltage = quantity("Voltage", "V", default=20.0, minimum=0.01, maximum=200.0, group="Voltage")
    series = count("Series", default=1, minimum=1, maximum=100, group="Voltage",
                   description="Each with the steps, half period and frames of the bench file.")
    exposure = quantity("Exposure of a frame", "s", default=5e-3, minimum=1e-5, maximum=1.0, group="Detection")
    dark_series = count("Dark series", default=1, minimum=1, maximum=10, group="Detection")
    centre = quantity("Band around", "nm", default=520.0, minimum=200.0, maximum=3000.0, group="Emission")
    band = quantity("Width of the band", "nm", default=20.0, minimum=0.1, maximum=200.0, group="Emission")

    def plan(self, bench: BenchView) -> Iterator[Point]:
        """Zero, dark series, then lit ones during which the voltage is switched; it is held once in the dark before."""
        points.insist_on(bench, "bias.voltage", "bias.switched")
        high = bench.reach("bias.voltage", {})[1]
        if self.voltage > high:
            raise Refused([Problem("voltage", f"{self.voltage:g} V is above {high:g} V, the limit of this bench's bias.")])
        pump = {"pump.wavelength": self.wavelength, "pump.fluence": self.fluence}
        yield from points.zero(bench)
        yield from points.darks(self.dark_series, self.exposure)
        for _ in range(self.series):
            yield Point(set={**pump, "bias.voltage": 0.0, "bias.switched": self.voltage}, read=SERIES, exposure_s=self.exposure)

    def reduce(self, run: RunView) -> Reduction:
        """Fold the steps of every series onto one another; see `labctl.analysis.switching.response_time` for the results.

        Raises AnalysisError when the camera takes no series, or when none is usable.
        """
        cycle = run.coordinate("counts", "frame")
        if cycle is None:
            raise AnalysisError("The camera takes single frames here; a series needs `frames` and `cycle_s` among its options in "
                                "the bench file.")
        usable = usable_points(run)
        exposure = float(np.median(run["effective_exposure_s"][usable]))
        value, sigma = self._band(run, usable)
        times, moments = self._one_clock(cycle[2] + exposure / 2, run.counts("switched_at")[usable])
        steps = switching.Steps(moments[0::2], moments[1::2], EXCHANGE_SD * float(run["switch_s"][usable].mean()))
        found = Findings()
        curves = switching.response_time(times, value, sigma, steps, exposure, found)
        found.results["switching_frequency"] = Result(0.5 / float(run["half_period_s"][0]), None, "Hz", "as the bench file sets it")
        found.results["bias_current_max"] = Result(float(np.abs(run["current"]).max()), None, "A", "largest between two steps")
        curves["band"] = CurveData("series.time", times, value, "1/s", "Emission in the band", sigma)
        return Reduction(found.results, curves, problems=tuple(found.problems))

    def _band(self, run: RunView, usable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the light in the band of every frame and its error, one series after the other."""
        inside = np.abs(run.wavelength("vacuum") - self.centre) <= self.band / 2
        if not inside.any():
            raise AnalysisError(f"No pixel lies within {self.band / 2:g} nm of {self.centre:g} nm. Move the band.")
        light, error = run.signal()[usable][..., inside], run.sigma()[usable][..., inside]
        return light.sum(axis=-1).ravel(), np.sqrt((error**2).sum(axis=-1)).ravel()

    @staticmethod
    def _one_clock(frames_s: np.ndarray, steps_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Put series after series onto one clock, with a pause as long as one, so that no step folds into the next."""
        begins = 2.0 * frames_s[-1] * np.arange(len(steps_s))[:, None]
        return (begins + frames_s).ravel(), (begins + steps_s).ravel()
