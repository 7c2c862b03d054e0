"""Pump and probe, block by block: what the pump has bleached in a film, against delay or fluence."""

from __future__ import annotations

import numpy as np

from labctl.analysis import bleach
from labctl.analysis.occupancy import mean_occupancy
from labctl.analysis.pump import PumpScale
from labctl.analysis.series import Findings
from labctl.core.counted import has_axis
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve
from labctl.core.procedure import PlanSteps, Procedure, another_run, choice, count, numbers, quantity
from labctl.core.quantities import listed, shown
from labctl.core.reduction import CurveData, Reduction, RunView

DELAY, FLUENCE, PROBE, BIAS = "delay.time", "pump.fluence", "probe.slot", "bias.voltage"


class PumpProbe(Procedure):
    """Bleach of a film under a white-light probe, frames with and without pump in turn; decay, transparency, gain.

    Twin-only: at 1 kHz a real bench needs a chopper and a reference detector, since blocks of frames carry all drift of the probe.
    """

    title = "Pump and probe (block-wise, twin-only)"
    plots = (Curve("Bleach", x="", y="bleach", fit="bleach"), Curve("Bleach over absorption", x="", y="relative", optional=True),
             Curve("Absorption with pump", x="emission.wavelength", y="net", optional=True))

    measurement = choice("Against", ("delay", "fluence"), default="delay", group="Series")
    delays = numbers("Delays", "ps", default="-20, 2, 4:40:4, 50:150:25, 200:1000:100", group="Series",
                     description="Of the probe after the pump; against fluence the first one counts that is not negative.")
    first = quantity("First fluence", "J/cm^2", default=4e-6, minimum=1e-15, maximum=10.0, group="Series")
    last = quantity("Last fluence", "J/cm^2", default=90e-6, minimum=1e-15, maximum=10.0, group="Series")
    fluences = count("Fluences", default=16, minimum=5, maximum=1000, group="Series")
    wavelength = quantity("Pump wavelength", "nm", default=400.0, minimum=200.0, maximum=3000.0, group="Pump")
    fluence = quantity("Fluence against delay", "J/cm^2", default=70e-6, minimum=1e-15, maximum=10.0, group="Pump")
    voltage = quantity("Voltage", "V", default=0.0, minimum=-200.0, maximum=200.0, group="Sample",
                       description="0 leaves the bias alone.")
    centre = quantity("Probed at", "nm", default=537.0, minimum=200.0, maximum=3000.0, group="Detection", description="Vacuum.")
    width = quantity("Width of the band", "nm", default=2.0, minimum=0.01, maximum=200.0, group="Detection")
    blocks = count("Blocks", default=2, minimum=1, maximum=1000, group="Detection", description="Pairs of frames at each value.")
    exposure = quantity("Exposure", "s", default=2.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=4, minimum=1, maximum=100, group="Detection")
    open_slot = count("Slot with the probe", default=1, minimum=1, maximum=12, group="Detection")
    blocked_slot = count("Slot without the probe", default=6, minimum=1, maximum=12, group="Detection")
    blank = another_run("Blank run", group="Analysis", description="Number of a run without crystals: what is absorbed at all.")
    section = quantity("Absorption cross-section", "cm^2", default=2.5e-14, minimum=1e-30, maximum=1.0, group="Analysis",
                       description="At the pump wavelength; turns a fluence into excitations.")
    coupling = quantity("Share of the fluence inside", "1", default=0.595297, minimum=1e-6, maximum=1.0, group="Analysis")

    def check(self) -> list[Problem]:
        """Refuse a ladder that does not rise, delays without any after the pump, and a probe that cannot be blocked."""
        problems = ascending(self.first * 1e6, self.last * 1e6, "last", "µJ/cm²")
        if not any(delay >= 0 for delay in listed(self.delays, "ps")):
            problems.append(Problem("delays", f"{self.delays or 'an empty list'} holds no delay after the pump."))
        if self.open_slot == self.blocked_slot:
            problems.append(Problem("blocked_slot", f"slot {self.blocked_slot} cannot both pass and block the probe."))
        return problems

    def series(self) -> list[dict[str, float]]:
        """Give the set-points of every value: delays at one fluence, or fluences at one delay."""
        delays = sorted(listed(self.delays, "ps"))
        if self.measurement == "delay":
            return [{FLUENCE: self.fluence, DELAY: delay} for delay in delays]
        at = min(delay for delay in delays if delay >= 0)
        return [{FLUENCE: float(fluence), DELAY: at} for fluence in np.linspace(self.first, self.last, self.fluences)]

    def plan(self, bench: BenchView) -> PlanSteps:
        """Dark frames and the sample's own light with the probe blocked, then pairs of frames without and with pump."""
        missing = [axis for axis in (DELAY, PROBE, *([BIAS] if self.voltage else [])) if not has_axis(bench, axis)]
        if missing:
            raise Refused([Problem("bench", f"pump and probe need {' and '.join(missing)}, which {bench.name} does not have.")])
        bias = {BIAS: self.voltage} if self.voltage else {}
        probe, blocked = {PROBE: float(self.open_slot)}, {PROBE: float(self.blocked_slot)}
        yield from [Point(blocked, kind="dark", light=False, exposure_s=self.exposure)] * self.dark_frames
        pumped: set[float] = set()
        for each in self.series():
            where = {"pump.wavelength": self.wavelength, **each, **bias}
            if each[FLUENCE] not in pumped:
                yield Point(where | blocked, kind="zero", exposure_s=self.exposure)
                pumped.add(each[FLUENCE])
            for _ in range(self.blocks):
                yield Point(where | probe, kind="reference", light=False, exposure_s=self.exposure)
                yield Point(where | probe, exposure_s=self.exposure)

    def reduce(self, run: RunView) -> Reduction:
        """Find the bleach at the probed wavelength; see `labctl.analysis.bleach` for the formulas.

        Results: against delay `bleach_lifetime` (ps) and `gain_lifetime` (ps, until -Δα/α₀ falls below 1); against fluence
        `gain_onset_fluence` (µJ/cm²), `gain_threshold_n` (excitations), `bleach_end_slope`; with net gain somewhere
        `gain_band_blue_edge`, `gain_band_red_edge` (nm). What needs the absorption needs a blank. Raises AnalysisError when the
        probe's light is lost in noise.
        """
        found, wavelength = Findings(), run.wavelength("vacuum")
        alone, own = run.select("reference"), run.select("zero")
        nearest = np.array([int(np.argmin(np.abs(own[FLUENCE] - fluence))) for fluence in run[FLUENCE]])
        pumped, unpumped = run.signal() - own.signal()[nearest], alone.signal()
        noise = np.hypot(run.sigma(), own.sigma()[nearest]), alone.sigma()
        inside = np.abs(wavelength - self.centre) <= self.width / 2
        against = DELAY if self.measurement == "delay" else FLUENCE
        series = bleach.averaged(run[against], *bleach.band_bleach(pumped, unpumped, noise, inside))
        curves = {"bleach": CurveData(against, series.x, series.bleach, "1", "-Δα d", series.sigma)}
        if against == DELAY:
            curves["bleach"] = self._fall(series, found)
        if self.blank:
            bare = run.other(self.blank).select("reference").signal().mean(axis=0)
            absorbed = -np.log(unpumped.mean(axis=0) / bare)
            in_band = float(-np.log(unpumped[:, inside].sum(axis=1).mean() / bare[inside].sum()))
            curves |= self._relative(run, series, in_band, found)
            strongest = int(np.argmax(series.bleach))
            chosen = run[against] == series.x[strongest]
            net = absorbed - np.log(pumped[chosen].mean(axis=0) / unpumped[chosen].mean(axis=0))
            error = np.hypot(noise[0][chosen], noise[1][chosen]).mean(axis=0) / unpumped.mean(axis=0) / np.sqrt(chosen.sum())
            edges = found.attempt("gain_band_blue_edge", lambda: bleach.gain_band(wavelength, net, error))
            found.results |= {} if edges is None else dict(zip(("gain_band_blue_edge", "gain_band_red_edge"), edges, strict=True))
            curves["net"] = CurveData("emission.wavelength", wavelength, net, "1",
                                      f"α d at {shown(float(f'{series.x[strongest]:.3g}'), against)}", error)
        return Reduction(found.results, curves, problems=tuple(found.problems))

    def _fall(self, series: bleach.Bleach, found: Findings) -> CurveData:
        """Fit the decay of the bleach."""
        drawn = CurveData(DELAY, series.x, series.bleach, "1", "-Δα d", series.sigma)
        fit = found.attempt("bleach_lifetime", lambda: bleach.fall(series))
        if fit is None:
            return drawn
        found.results["bleach_lifetime"], (offset, height, tau) = fit
        fine = np.linspace(max(series.x.min(), 0.0), series.x.max(), 301)
        return CurveData(DELAY, series.x, series.bleach, "1", "-Δα d", series.sigma, fit_x=fine,
                         fit_y=offset + height * np.exp(-fine / tau))

    def _relative(self, run: RunView, series: bleach.Bleach, absorbed: float, found: Findings) -> dict[str, CurveData]:
        """Set the bleach over the absorption, and say when or where it passes 1: transparency."""
        share = bleach.Bleach(series.x, series.bleach / absorbed, series.sigma / absorbed)
        against = DELAY if self.measurement == "delay" else FLUENCE
        place = found.attempt("gain_lifetime" if against == DELAY else "gain_onset_fluence", lambda: bleach.crossing(share, 1.0))
        if place is not None and against == DELAY:
            found.results["gain_lifetime"] = Result(place.value, place.stderr, "ps", place.estimator)
        elif place is not None:
            scale, stderr = PumpScale.of(run.constants), place.stderr or 0.0
            onset = scale.fluence(Result(place.value * 1e6, stderr * 1e6, "µJ/cm²", place.estimator))
            per = float(mean_occupancy(np.array([1e-6]), self.section, self.wavelength)[0]) * self.coupling
            found.results |= {"gain_onset_fluence": onset, "gain_threshold_n": Result(
                onset.value * per, stderr * 1e6 * per, "1", "σ F/hν inside", (onset.systematic or 0.0) * per)}
        last = share.x >= np.quantile(share.x, 2 / 3)
        if against == FLUENCE and np.all(share.bleach[last] > 0):
            slope = np.polyfit(np.log(share.x[last]), np.log(share.bleach[last]), 1)[0]
            found.results["bleach_end_slope"] = Result(float(slope), None, "1", "d ln(-Δα/α₀) / d ln F, highest third")
        return {"relative": CurveData(against, share.x, share.bleach, "1", "-Δα/α₀", share.sigma)}
