"""Power series: spectra at rising pump fluence, and what the input-output curve says about threshold, gain and saturation."""

from __future__ import annotations

import numpy as np

from labctl.analysis import hunt, power_output
from labctl.analysis.series import Findings
from labctl.core import points
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Bounds, Kind, Point, Problem
from labctl.core.plots import Curve, Map
from labctl.core.procedure import AdaptiveSteps, PlanSteps, Procedure, choice, count, quantity
from labctl.core.quantities import shown
from labctl.core.reduction import Reduction, RunView

READ = ("power", "spectrum")
LOW_REFERENCE = 5        # the reference stands a fifth up the ladder: below threshold, so that it shows the sample and not the pump
ORDERS = tuple(str(photons) for photons in power_output.SUFFIX)


class PowerSeries(Procedure):
    """Emission against pump fluence: thresholds by three estimators, slopes, narrowing, lines and saturation."""

    title = "Power series"
    scan_axes = ("pump.fluence",)
    plots = (
        Map("Emission against fluence", y="pump.fluence"),
        Curve("Input-output curve", x="pump.fluence", y="emission", fit="emission", log=True, log_x=True),
        Curve("Threshold", x="pump.fluence", y="kink", fit="kink"),
        Curve("Narrowing", x="pump.fluence", y="width"),
    )

    wavelength = quantity("Pump wavelength", "nm", default=400.0, minimum=200.0, maximum=3000.0, group="Pump")
    first = quantity("First fluence", "J/cm^2", default=3e-6, minimum=1e-15, maximum=10.0, group="Pump")
    last = quantity("Last fluence", "J/cm^2", default=57e-6, minimum=1e-15, maximum=10.0, group="Pump")
    fluences = count("Fluences", default=25, minimum=6, maximum=10_000, group="Pump")
    spacing = choice("Spacing", ("linear", "logarithmic", "hunt"), default="linear", group="Pump",
                     description="A hunt climbs a coarse ladder, then closes in on the threshold from both sides.")
    photons = choice("Photons per excitation", ORDERS, default="1", group="Pump",
                     description="How many photons of the pump excite a crystal once; slopes and breaks are named by it.")
    exposure = quantity("Exposure", "s", default=10.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=4, minimum=1, maximum=100, group="Detection")
    emission = choice("Stimulated emission", ("band", "pair"), default="band", group="Emission",
                      description="What rises at the threshold: the whole band, or a pair of lines on the spontaneous emission.")
    band_start = quantity("Emission from", "nm", default=0.0, minimum=0.0, maximum=3000.0, group="Emission",
                          description="Vacuum; 0: from the first pixel that is clear of the pump.")
    band_stop = quantity("Emission to", "nm", default=3000.0, minimum=0.0, maximum=3000.0, group="Emission")
    spontaneous_start = quantity("Spontaneous emission from", "nm", default=498.0, minimum=0.0, maximum=3000.0, group="Emission",
                                 description="A band on the blue side that stimulated emission does not reach.")
    spontaneous_stop = quantity("Spontaneous emission to", "nm", default=507.0, minimum=0.0, maximum=3000.0, group="Emission")
    line_reach = quantity("Reach of a line's fit", "nm", default=4.0, minimum=0.05, maximum=100.0, group="Emission",
                          description="Half the range around the highest point in which the stimulated line is fitted.")
    pair_edge = quantity("Lower edge of the pair", "nm", default=530.2, minimum=200.0, maximum=3000.0, group="Emission")
    splitting = quantity("Distance of the pair", "meV", default=2.0, minimum=0.1, maximum=50.0, group="Emission")
    fit_to = quantity("Fit the threshold up to", "J/cm^2", default=0.0, minimum=0.0, maximum=10.0, group="Analysis",
                      description="0: up to twice the threshold.")
    segments = count("Segments of the power law", default=3, minimum=1, maximum=3, group="Analysis")

    def check(self) -> list[Problem]:
        """Refuse ladders that do not rise, and bands that hold nothing."""
        problems = []
        if self.last <= self.first:
            problems.append(Problem("last", f"{shown(self.last, 'pump.fluence')} is not above the first fluence, "
                                            f"{shown(self.first, 'pump.fluence')}. To measure downwards, use the order 'down'."))
        for low, high in (("band_start", "band_stop"), ("spontaneous_start", "spontaneous_stop")):
            if getattr(self, high) <= getattr(self, low):
                problems.append(Problem(high, f"{getattr(self, high):g} nm is not above {low}, {getattr(self, low):g} nm."))
        if 0 < self.fit_to <= self.first:
            problems.append(Problem("fit_to", f"{shown(self.fit_to, 'pump.fluence')} leaves no point to fit."))
        return problems

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take dark frames and a reference, then every fluence, then the reference again."""
        self._insist_on_reach(bench)
        begin = [*points.zero(bench), *points.darks(self.dark_frames, self.exposure)]
        if self.spacing == "hunt":
            return self._hunt(begin)
        spread = np.linspace if self.spacing == "linear" else np.geomspace
        ladder = spread(self.first, self.last, self.fluences)
        reference = self._lit(ladder[len(ladder) // LOW_REFERENCE], "reference")
        # The zero of the head wanders by some percent of weak light meanwhile: both references are read behind a fresh one.
        return [*begin, reference, *map(self._lit, ladder), *points.zero(bench), reference]

    def _lit(self, fluence: float, kind: Kind = "scan") -> Point:
        where = {"pump.wavelength": self.wavelength, "pump.fluence": float(fluence)}
        return Point(set=where, read=READ, kind=kind, exposure_s=self.exposure)

    def bounds(self, bench: BenchView) -> Bounds | None:
        """Promise the ladder's ends to a hunt; a ladder is known beforehand."""
        if self.spacing != "hunt":
            return None
        begin = points.zero(bench)
        where = {"pump.wavelength": (self.wavelength,) * 2, "pump.fluence": (self.first, self.last)}
        where |= {name: (value,) * 2 for point in begin for name, value in point.set.items()}
        return Bounds(len(begin) + self.dark_frames + self.fluences + 2, where, (self.exposure, self.exposure), READ,
                      tuple(name for point in begin for name in point.do))

    def _hunt(self, begin: list[Point]) -> AdaptiveSteps:
        """Climb a coarse ladder, then close in on the kink from both sides; the whole frame's light is what is watched."""
        dark: list[float] = []
        for point in begin:
            reading = yield point
            dark += [float(reading.arrays["counts"].sum())] if "counts" in reading.arrays else []
        pump, output = np.empty(0), np.empty(0)
        coarse = hunt.ladder(self.first, self.last)
        reference = self._lit(coarse[len(coarse) // LOW_REFERENCE], "reference")
        yield reference
        for number in range(self.fluences):
            wanted = coarse[number] if number < len(coarse) else hunt.next_pump(pump, output, self.first, self.last)
            reading = yield self._lit(wanted)
            pump = np.append(pump, reading.values["pump.fluence_measured"])
            output = np.append(output, float(reading.arrays["counts"].sum()) - np.mean(dark))
        yield reference

    def _insist_on_reach(self, bench: BenchView) -> None:
        low, high = bench.reach("pump.fluence", {"pump.wavelength": self.wavelength})
        reach = f"{shown(low, 'pump.fluence')} to {shown(high, 'pump.fluence')}, what the pump gives at {self.wavelength:g} nm"
        problems = [Problem(name, f"{shown(value, 'pump.fluence')} is outside {reach}.")
                    for name, value in (("first", self.first), ("last", self.last)) if not low <= value <= high]
        if problems:
            raise Refused(problems)

    def reduce(self, run: RunView) -> Reduction:
        """Fit the curve and the spectra; see `labctl.analysis.input_output` and `pair_output` for what each result means.

        What cannot be estimated is missing, with a warning that says why. Raises AnalysisError when no point is usable.
        """
        found, pair = Findings(), (self.pair_edge, self.splitting * 1e-3)
        curves = power_output.reduce_series(run, power_output.Sought(
            self.wavelength, (self.band_start, self.band_stop), (self.spontaneous_start, self.spontaneous_stop), self.line_reach,
            pair if self.emission == "pair" else None, self.fit_to * 1e6, self.segments, int(self.photons)), found)
        return Reduction(found.results, curves, problems=tuple(found.problems))
