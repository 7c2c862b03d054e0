"""Pump and probe, block by block: what the pump has bleached in a film, against delay or fluence."""

from __future__ import annotations

import numpy as np

from labctl.analysis import pump_probe
from labctl.analysis.pump import PumpScale
from labctl.analysis.pump_probe import DELAY, FLUENCE
from labctl.analysis.series import Findings
from labctl.core.counted import has_axis
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.plan import Point, Problem
from labctl.core.plots import Curve
from labctl.core.procedure import PlanSteps, Procedure, another_run, choice, count, numbers, quantity
from labctl.core.quantities import listed
from labctl.core.reduction import CurveData, Reduction, RunView

PROBE, BIAS = "probe.slot", "bias.voltage"


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
    coupling = quantity("Share of the fluence that enters", "1", default=1.0, minimum=1e-6, maximum=1.0, group="Analysis",
                        description="What window, electrode and reflection leave of it: of your sample.")
    density = quantity("Optical density at the pump", "1", default=0.0, minimum=0.0, maximum=10.0, group="Analysis",
                       description="Of your sample; the probe sees the mean over the depth.")

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

        Results: against delay `bleach_lifetime` (ps; `_single` without a constant, `_fast` the shorter of two, from half of it on:
        before, crystals with three excitons slow the fall of pairs), `bleach_amplitude` (at the pump), `gain_lifetime` (ps, until
        -Δα/α₀ falls below 1) and `net_gain_lifetime` (ps, 1/e of what is above 1); against fluence `gain_onset_fluence` (µJ/cm²),
        `gain_threshold_n` (excitations), `bleach_end_slope`; with net gain somewhere `gain_band_blue_edge`, `gain_band_red_edge`,
        `gain_peak_wavelength` (nm). What needs the absorption needs a blank. Raises AnalysisError when the probe's light is lost
        in noise.
        """
        found, against = Findings(), DELAY if self.measurement == "delay" else FLUENCE
        pairs = pump_probe.Pairs.of(run, against)
        inside = np.abs(pairs.wavelength - self.centre) <= self.width / 2
        series = pairs.course(inside)
        curves = {"bleach": CurveData(against, series.x, series.bleach, "1", "-Δα d", series.sigma)}
        if against == DELAY:
            curves["bleach"] = pump_probe.falls(series, found)
        if self.blank:
            bare = run.other(self.blank).select("reference").signal().mean(axis=0)
            absorbed = float(-np.log(pairs.unpumped[:, inside].sum(axis=1).mean() / bare[inside].sum()))
            excited = pump_probe.Excited(self.section, self.wavelength, self.coupling, self.density)
            curves |= pump_probe.relative(pairs, series, absorbed, PumpScale.of(run.constants), excited, found)
            curves["net"] = pump_probe.net(pairs, series, bare, found)
        return Reduction(found.results, curves, problems=tuple(found.problems))
