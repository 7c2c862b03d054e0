"""Amplified emission under a voltage: its threshold against voltage, or its switching in time, with the leakage in every frame."""

from __future__ import annotations

import numpy as np

from labctl.analysis import switching
from labctl.analysis.pump import PumpScale, pump_fluence, reading_error
from labctl.analysis.series import Findings, Spectra, spectra_of, usable_points
from labctl.core import points
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Bounds, Point, Problem, Result
from labctl.core.plots import Curve, Map, Trace
from labctl.core.procedure import AdaptiveSteps, Procedure, choice, count, quantity
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, Reduction, RunView

READ = ("power", "current", "spectrum")
SWITCHED = ("current", "spectrum")      # the power head answers too slowly for frames in time; the pump is set once


class VoltageASE(Procedure):
    """Threshold against voltage, or switching on and off; ramps only arm the sample, steps are single writes, leakage stops it."""

    title = "Amplified emission under a voltage"
    scan_axes = ("bias.voltage", "pump.fluence")
    plots = (
        Curve("Emission against fluence", x="pump.fluence", y="emission", log=True, log_x=True, optional=True),
        Curve("Threshold against voltage", x="bias.voltage", y="threshold_kink_fluence_by_voltage", optional=True),
        Curve("Emission in time", x="elapsed_s", y="band", optional=True),
        Map("Spectra in order", y="elapsed_s"),
        Trace("Leakage", names=("current",)),
    )

    measurement = choice("Measurement", ("threshold", "switching"), default="threshold", group="Measurement",
                         description="A ladder of fluences at every voltage, or cycles of the voltage at one fluence.")
    wavelength = quantity("Pump wavelength", "nm", default=400.0, minimum=200.0, maximum=3000.0, group="Pump")
    first = quantity("First fluence", "J/cm^2", default=6e-6, minimum=1e-15, maximum=10.0, group="Pump")
    last = quantity("Last fluence", "J/cm^2", default=90e-6, minimum=1e-15, maximum=10.0, group="Pump")
    fluences = count("Fluences", default=24, minimum=6, maximum=10_000, group="Pump")
    fluence = quantity("Fluence of switching and of lines", "J/cm^2", default=40e-6, minimum=1e-15, maximum=10.0, group="Pump")
    highest = quantity("Highest voltage", "V", default=20.0, minimum=0.01, maximum=200.0, group="Voltage")
    voltages = count("Voltages", default=6, minimum=2, maximum=200, group="Voltage", description="Evenly from 0 V up.")
    cycles = count("Cycles", default=6, minimum=1, maximum=10_000, group="Voltage")
    frames = count("Frames in half a cycle", default=2, minimum=1, maximum=10_000, group="Voltage")
    leakage_factor = quantity("Leakage that stops", "1", default=3.0, minimum=1.1, maximum=1e6, group="Voltage",
                              description="In terms of the first leakage at the same voltage.")
    exposure = quantity("Exposure", "s", default=5.0, minimum=1e-5, maximum=3600.0, group="Detection")
    switching_exposure = quantity("Exposure while switching", "s", default=0.2, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=4, minimum=1, maximum=100, group="Detection")
    on_centre = quantity("Stimulated band around", "nm", default=535.0, minimum=200.0, maximum=3000.0, group="Emission")
    off_centre = quantity("Spontaneous band around", "nm", default=515.0, minimum=200.0, maximum=3000.0, group="Emission")
    band = quantity("Width of both bands", "nm", default=4.0, minimum=0.1, maximum=100.0, group="Emission")

    def check(self) -> list[Problem]:
        """Refuse ladders that do not rise."""
        if self.last > self.first:
            return []
        first, last = shown(self.first, "pump.fluence"), shown(self.last, "pump.fluence")
        return [Problem("last", f"{last} is not above the first fluence, {first}.")]

    def _levels(self) -> np.ndarray:
        return np.linspace(0.0, self.highest, self.voltages)

    def bounds(self, bench: BenchView) -> Bounds | None:
        """Promise voltages from 0 up to the highest and the ladder's fluences; the leakage may end the run early."""
        low, high = bench.reach("bias.voltage", {})
        if self.highest > high or low > 0.0:
            raise Refused([Problem("highest", f"{self.highest:g} V is above {high:g} V, the limit of this bench's bias.")])
        begin = points.zero(bench)
        threshold = self.measurement == "threshold"
        number = self.voltages * self.fluences + 2 if threshold else 2 * self.cycles * self.frames + 3
        fluences = (self.first, self.last) if threshold else (self.fluence, self.fluence)
        where = {"pump.wavelength": (self.wavelength,) * 2, "pump.fluence": fluences, "bias.voltage": (0.0, self.highest)}
        where |= {name: (value,) * 2 for point in begin for name, value in point.set.items()}
        return Bounds(len(begin) + self.dark_frames + number, where, (self._exposure, self._exposure), READ,    # type: ignore[arg-type]
                      tuple(name for point in begin for name in point.do))

    @property
    def _exposure(self) -> float:
        return self.exposure if self.measurement == "threshold" else self.switching_exposure

    def plan(self, bench: BenchView) -> AdaptiveSteps:
        """Zero, dark frames, then every voltage upwards or the cycles, and 0 V again; stops when the leakage grows."""
        begin = [*points.zero(bench), *points.darks(self.dark_frames, self._exposure)]
        first: dict[float, float] = {}
        for point in [*begin, *(self._ladders() if self.measurement == "threshold" else self._switching())]:
            reading = yield point
            volt, current = point.set.get("bias.voltage", 0.0), reading.values.get("current")
            if current is not None and switching.grown(current, first.setdefault(volt, current), self.leakage_factor):
                return

    def _lit(self, volt: float, fluence: float) -> Point:
        where = {"pump.wavelength": self.wavelength, "pump.fluence": float(fluence), "bias.voltage": float(volt)}
        return Point(set=where, read=READ, exposure_s=self._exposure)

    def _ladders(self) -> list[Point]:
        ladder = np.linspace(self.first, self.last, self.fluences)
        return [self._lit(volt, fluence) for volt in self._levels() for fluence in ladder] + [self._lit(0.0, ladder[0])]

    def _switching(self) -> list[Point]:
        """Set the pump and arm the sample in the dark, by a ramp; from then on every step is a single write."""
        pump = {"pump.wavelength": self.wavelength, "pump.fluence": self.fluence}
        arm = [Point(set={**pump, "bias.voltage": volt}, read=("current",), light=False, kind="zero", exposure_s=self._exposure)
               for volt in (self.highest, 0.0)]
        half = [Point(set={"bias.voltage": volt}, read=SWITCHED, exposure_s=self._exposure)
                for volt in (0.0, self.highest) for _ in range(self.frames)]
        return arm + half * self.cycles

    def reduce(self, run: RunView) -> Reduction:
        """Fit the threshold at every voltage, or compare on and off in every cycle; see `labctl.analysis.switching`."""
        found = Findings()
        usable = usable_points(run)
        volts = run["bias.voltage"][usable]
        ladder = self.measurement == "threshold"
        spectra, _ = spectra_of(run, pump_fluence(run) if ladder else run["elapsed_s"], usable)
        switching.leakage(run["current"], run["bias.voltage"], self.leakage_factor, found)
        measured = np.abs(run["bias.voltage_measured"])
        found.results["bias_voltage_max"] = Result(float(measured.max()), None, "V", "largest read-back")
        if ladder:
            up = np.arange(len(volts)) < len(volts) - 1         # the last point is the return to 0 V
            curves = switching.by_voltage(spectra.where(up), volts[up], reading_error(run), PumpScale.of(run.constants), found)
            switching.lines(spectra.where(up), volts[up], self.fluence * 1e6, found)
            return Reduction(found.results, curves, problems=tuple(found.problems))
        return Reduction(found.results, self._in_time(run, spectra, volts, usable, found), problems=tuple(found.problems))

    def _in_time(self, run: RunView, spectra: Spectra, volts: np.ndarray, usable: np.ndarray,
                 found: Findings) -> dict[str, CurveData]:
        """Compare on and off cycle by cycle on the clock of the frames."""
        on = volts > self.highest / 2
        time = run["elapsed_s"][usable]
        cycle = np.concatenate([[0], np.cumsum(~on[1:] & on[:-1])])
        complete = [number for number in np.unique(cycle) if on[cycle == number].any() and (~on[cycle == number]).any()]
        found.results["switching_cycles"] = Result(float(len(complete)), None, "1", "cycles with frames of both voltages")
        if len(complete) > 1:
            period = float(np.ptp(time) / (len(complete) - 0.5 / self.frames))
            found.results["switching_frequency"] = Result(1.0 / period, None, "Hz", "complete cycles on the clock of the frames")
        curves = {}
        for name, centre, smallest in (("ase_on_off_ratio", self.on_centre, True), ("spe_on_off_ratio", self.off_centre, False)):
            part = spectra.band(centre - self.band / 2, centre + self.band / 2)
            curves[name] = switching.contrast(part, on, cycle, name, found, smallest=smallest)
            value, sigma = part.integral()
            curves[f"band_{centre:g}"] = CurveData("elapsed_s", time, value, "1/s", f"{centre:g} nm", sigma)
            if not smallest:
                steps = switching.Steps.between(time, on, self._exposure)
                switching.response_time(time, value, sigma, steps, self._exposure, found)
        return curves
