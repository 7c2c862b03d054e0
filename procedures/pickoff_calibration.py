"""Read a second power head at the sample beside the pick-off head: what a reading of the pick-off means at the sample."""

from __future__ import annotations

import numpy as np

from labctl.analysis.pickoff import RatioCurve, ratio_curve
from labctl.core.calibration import Calibration, taken_now
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve
from labctl.core.points import wheel
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

HEAD = "sample_head.power"
WELL_READ = 20.0            # times the lowest reading that the pump's closed loop trusts: how bright both heads are lit by default
OF_THE_HIGHEST = 0.8        # of what every wavelength reaches: the source may drift
FAR_OFF = 3.0               # nominal standard uncertainties from which the data sheet and the heads contradict each other
NODES = 41                  # of the curve that the bench interpolates in


class PickoffCalibration(Procedure):
    """Power at the sample over the reading of the pick-off head, against the pump wavelength.

    A second head has to stand where the sample is. It takes the light, but nothing here can see that it does: all light of this run
    counts for the sample's dose.
    """

    title = "Pick-off calibration"
    scan_axes = ("pump.wavelength",)
    plots = (Curve("Power at the sample over the pick-off's reading", x="pump.wavelength", y="ratio", fit="ratio"),)

    first_wavelength = quantity("First wavelength", "nm", default=480.0, minimum=200.0, maximum=3000.0, group="Pump",
                                description="Vacuum.")
    last_wavelength = quantity("Last wavelength", "nm", default=570.0, minimum=200.0, maximum=3000.0, group="Pump")
    wavelengths = count("Wavelengths", default=10, minimum=1, maximum=200, group="Pump",
                        description="1 measures at the first wavelength only.")
    power = quantity("Power at the sample", "W", default=0.0, minimum=0.0, maximum=10.0, group="Pump",
                     description="By the data sheets. 0: as much as the pick-off head needs to read well.")
    repeats = count("Repeats", default=2, minimum=2, maximum=100, group="Heads",
                    description="Ways through the wavelengths, up and down in turn; their scatter is the error.")
    head_uncertainty = quantity("Uncertainty of the head at the sample", "1", default=0.03, minimum=0.0, maximum=0.5, group="Heads",
                                description="Relative, by its certificate: 3 % of a silicon head from 440 to 980 nm (unverified).")

    def check(self) -> list[Problem]:
        """Insist on an ascending range, or on one wavelength measured often enough."""
        if self.wavelengths > 1 and self.last_wavelength <= self.first_wavelength:
            return [Problem("last_wavelength", f"{self.last_wavelength:g} nm is not above the first, {self.first_wavelength:g} nm; "
                                               "set wavelengths to 1 to measure there only.")]
        return []

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero both heads in the dark, then read both at every wavelength, up and down."""
        ladder = np.linspace(self.first_wavelength, self.last_wavelength, self.wavelengths)
        power = self._power(bench, ladder)
        blocked, _ = wheel(bench)
        yield Point(set=blocked, kind="zero", do=("power_meter.zero", "sample_head.zero"), read=(), light=False)
        for way in range(self.repeats):
            for wavelength in ladder[::1 if way % 2 == 0 else -1]:
                yield Point(set={"pump.wavelength": float(wavelength), "pump.power": power}, read=("power", HEAD))

    def _power(self, bench: BenchView, ladder: np.ndarray) -> float:
        """Give the power to hold; raises Refused where the asked one cannot be had at some wavelength."""
        reach = [bench.reach("pump.power", {"pump.wavelength": float(each)}) for each in ladder]
        low, high = max(each[0] for each in reach), min(each[1] for each in reach)
        well_read = WELL_READ * bench.constant("pickoff.lowest_reading_w") * bench.constant("pickoff.nominal_ratio")
        power = self.power or max(min(well_read, OF_THE_HIGHEST * high), low)
        if not low <= power <= high:
            raise Refused([Problem("power", f"{power * 1e6:.4g} µW is not within {low * 1e6:.4g} to {high * 1e6:.4g} µW, what "
                                            "every wavelength of the range reaches.")])
        return power

    def reduce(self, run: RunView) -> Reduction:
        """Fit the ratio of the two heads.

        Results: `pickoff_ratio` at the middle of the range, `pickoff_departure` from the data sheets in %, and `pickoff_slope`
        (relative, per 100 nm) where several wavelengths were measured. Raises AnalysisError when a head saw no light.
        """
        wavelength, ratio = run["pump.wavelength"], run[HEAD] / run["power"]
        curve = ratio_curve(wavelength, run["power"], run[HEAD])
        nodes = np.linspace(wavelength.min(), wavelength.max(), NODES if np.ptp(wavelength) else 1)
        error = float(self.head_uncertainty)
        results, problems = self._results(run, curve, error)
        drawn = CurveData("pump.wavelength", wavelength, ratio, "1", "Sample over pick-off",
                          fit_x=nodes if len(nodes) > 1 else None, fit_y=curve(nodes) if len(nodes) > 1 else None)
        return Reduction(results, {"ratio": drawn}, _calibration(run, curve, nodes, error), tuple(problems))

    @staticmethod
    def _results(run: RunView, curve: RatioCurve, error: float) -> tuple[dict[str, Result], list[Problem]]:
        centre = np.array([curve.centre_nm])
        value, stderr = float(curve(centre)[0]), float(curve.stderr(centre)[0])
        slope, slope_stderr = curve.slope_per_nm
        nominal, nominal_error = (float(run.constants[f"pickoff.nominal_{name}"]) for name in ("ratio", "uncertainty"))
        off = value / nominal - 1.0
        how = "ratio of two heads, polynomial over wavelength"
        results = {
            "pickoff_ratio": Result(value, stderr, "1", how, value * error, f"at {curve.centre_nm:g} nm; systematic: the head"),
            "pickoff_departure": Result(100 * off, 100 * stderr / nominal, "%", "ratio over that of the data sheets, less 1",
                                        100 * (1 + off) * error)}
        if len(curve.fit.values) > 1:
            results["pickoff_slope"] = Result(1e4 * slope, 1e4 * slope_stderr, "%/100 nm", how)
        if abs(off) <= FAR_OFF * nominal_error:
            return results, []
        return results, [Problem(
            "pickoff_ratio", f"the heads say {value:.4g}, the data sheets {nominal:.4g} ± {100 * nominal_error:.0f} %. Does all "
            "the light fall on the head at the sample, and are both told the right wavelength?", "warning")]


def _calibration(run: RunView, curve: RatioCurve, nodes: np.ndarray, error: float) -> Calibration:
    """Make the calibration by which the bench turns readings into powers; it holds within the pump's own bandwidth of its ends."""
    reach = float(run.constants["pump.bandwidth"]) / 2
    relative = curve.stderr(nodes) / curve(nodes)
    return Calibration(
        kind="pickoff_calibration", model="ratio_over_wavelength",
        curve={"wavelength_nm": nodes, "ratio": curve(nodes), "ratio_stderr": curve.stderr(nodes)},
        units={"wavelength_nm": "nm", "ratio": "1", "ratio_stderr": "1"},
        valid={"pump.wavelength": (float(nodes[0]) - reach, float(nodes[-1]) + reach)},
        **taken_now(run.serials, ("power_meter",)), references={"sample_head": run.serials["sample_head"]},
        residuals=tuple(float(each) for each in curve.fit.residuals),
        uncertainty=float(np.hypot(error, relative.max())),
    )
