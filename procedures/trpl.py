"""Time-resolved photoluminescence: instrument response first, then decays against power, wavelength, voltage or temperature."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from labctl.analysis import lifetimes
from labctl.analysis.decay_model import Timing
from labctl.analysis.series import Findings
from labctl.core.errors import AnalysisError, Refused
from labctl.core.instrument import BenchView
from labctl.core.photons import vacuum_to_air
from labctl.core.plan import Bounds, Kind, Point, Problem, Reading
from labctl.core.plots import Curve, Histogram
from labctl.core.procedure import AdaptiveSteps, Procedure, choice, count, quantity
from labctl.core.quantities import quantity_unit
from labctl.core.reduction import Reduction, RunView

VARIED = {"nothing": "", "fluence": "pump.fluence", "pump wavelength": "pump.wavelength", "emission wavelength": "emission.centre",
          "voltage": "bias.voltage", "temperature": "sample.temperature"}
READ = ("histogram",)
ND, FILTER = "detection.nd", "detection.filter"
LOOK_S = 0.2                # of the look at the rate that decides how far the detection is dimmed
NEXT_FILTER = 12.0          # the next thinner filter lets at most so much more through
DETECTOR_HZ = 1e6           # to which the detector is linear (unverified)
PILE_UP, PILE_UP_IRF = 0.05, 0.01       # of the sync rate


class TRPL(Procedure):
    """Lifetimes by reconvolution; the detection is dimmed, never the pump, so that photons do not pile up."""

    title = "Time-resolved photoluminescence"
    plots = (Histogram("Decays"), Curve("Lifetime", x="varied", y="lifetime_by", optional=True),
             Curve("Photoluminescence", x="varied", y="pl_by", optional=True))

    vary = choice("Varied", tuple(VARIED), default="nothing", group="Series")
    first = quantity("First value", "", default=0.0, group="Series", description="In the unit of what is varied (J/cm², nm, V, K).")
    last = quantity("Last value", "", default=20.0, group="Series")
    values_count = count("Values", default=6, minimum=2, maximum=1000, group="Series")
    wavelength = quantity("Pump wavelength", "nm", default=400.0, minimum=200.0, maximum=3000.0, group="Pump")
    fluence = quantity("Fluence", "J/cm^2", default=2e-9, minimum=1e-15, maximum=1.0, group="Pump")
    emission = quantity("Emission wavelength", "nm", default=520.0, minimum=200.0, maximum=3000.0, group="Detection",
                        description="On the spectrograph's scale (air).")
    wanted = quantity("Stop at counts", "1", default=1e5, minimum=1e3, maximum=1e9, group="Detection")
    precision = quantity("Stop at relative error", "1", default=0.0, minimum=0.0, maximum=0.5, group="Detection",
                         description="Of the lifetime, expected from the counts; 0: the counts decide.")
    exposure = quantity("One piece", "s", default=5.0, minimum=0.01, maximum=3600.0, group="Detection")
    pieces = count("Most pieces", default=12, minimum=1, maximum=10_000, group="Detection", description="At each value.")
    response_counts = quantity("Counts of the response", "1", default=2e5, minimum=1e3, maximum=1e9, group="Detection")
    thinnest = count("Open slot of the dimming wheel", default=1, minimum=0, maximum=12, group="Detection",
                     description="Slots from here on are denser; 0: there is no such wheel.")
    densest = count("Densest slot of the dimming wheel", default=5, minimum=0, maximum=12, group="Detection")
    long_pass = count("Slot of the long-pass", default=2, minimum=0, maximum=12, group="Detection",
                      description="Taken out for the response; 0: there is none.")
    open_slot = count("Slot without long-pass", default=1, minimum=0, maximum=12, group="Detection")
    components = count("Most exponentials", default=2, minimum=1, maximum=3, group="Analysis",
                       description="As many are fitted as the data demand.")
    dead_time = quantity("Dead time", "ns", default=95.0, minimum=0.0, maximum=1e4, group="Analysis")

    def check(self) -> list[Problem]:
        """Refuse a series that does not go anywhere, and wheels that are upside down."""
        problems = []
        if self.vary != "nothing" and self.first == self.last:
            problems.append(Problem("last", f"first and last value are both {self.first:g}."))
        if self.densest < self.thinnest:
            problems.append(Problem("densest", f"slot {self.densest} is not denser than slot {self.thinnest}."))
        return problems

    def series(self) -> list[float]:
        """Give the values in the order of visiting; a voltage comes back to where it began."""
        if self.vary == "nothing":
            return [0.0]
        spread = np.geomspace if self.vary == "fluence" and self.first > 0 else np.linspace
        found = [float(value) for value in spread(self.first, self.last, self.values_count)]
        return [*found, found[0]] if self.vary == "voltage" else found

    def _where(self, value: float) -> dict[str, float]:
        """Give the set-points of a value."""
        where = {"pump.wavelength": self.wavelength, "pump.fluence": self.fluence, "emission.centre": self.emission}
        where |= {FILTER: float(self.long_pass)} if self.long_pass else {}
        return where | ({VARIED[self.vary]: value} if self.vary != "nothing" else {})

    def _response_at(self) -> dict[str, float]:
        """Give the set-points of the response: the spectrograph on the pump line, the long-pass out."""
        where = self._where(self.series()[0]) | {"emission.centre": float(vacuum_to_air(self.wavelength))}
        return where | ({FILTER: float(self.open_slot)} if self.long_pass else {})

    def bounds(self, bench: BenchView) -> Bounds | None:
        """Promise the values, the filters, and the most pieces; what stops earlier costs less."""
        wheels = {"thinnest": (ND, self.thinnest), "long_pass": (FILTER, self.long_pass)}
        problems = [Problem(name, f"this bench has no {wheel}; set {name} to 0 to do without.")
                    for name, (wheel, wanted) in wheels.items() if wanted and not _has(bench, wheel)]
        if axis := VARIED[self.vary]:
            low, high = bench.reach(axis, self._where(self.first))
            reach = f"{low:g} to {high:g} {quantity_unit(axis)}, the bench's reach"
            problems += [Problem(name, f"{value:g} {quantity_unit(axis)} is outside {reach}.")
                         for name, value in (("first", self.first), ("last", self.last)) if not low <= value <= high]
        if problems:
            raise Refused(problems)
        everywhere = [self._response_at(), *map(self._where, self.series())]
        spans = {name: (min(each[name] for each in everywhere), max(each[name] for each in everywhere)) for name in everywhere[0]}
        if self.thinnest:
            spans[ND] = (float(self.thinnest), float(self.densest))
        looks = self.densest - self.thinnest + 1
        return Bounds((len(self.series()) + 1) * (self.pieces + looks), spans, (min(LOOK_S, self.exposure), self.exposure), READ)

    def plan(self, bench: BenchView) -> AdaptiveSteps:
        """Take the response on the pump line, then every value; each begins with looks at the rate, densest filter first."""
        rate = bench.constant("repetition_rate_hz")
        yield from self._count(self._response_at(), "reference", PILE_UP_IRF * rate, self.response_counts, 0.0)
        for value in self.series():
            yield from self._count(self._where(value), "scan", min(PILE_UP * rate, DETECTOR_HZ), self.wanted, self.precision)

    def _count(self, where: dict[str, float], kind: Kind, limit_hz: float, wanted: float,
               precision: float) -> Generator[Point, Reading, None]:
        """Open the detection as far as the limit allows, then count until it is enough."""
        slot = self.densest
        while self.thinnest and slot > self.thinnest:
            reading = yield Point(where | {ND: float(slot)}, READ, "zero", exposure_s=min(LOOK_S, self.exposure))
            seen = float(reading.arrays["histogram"].sum()) / reading.values["counting_time"]
            if NEXT_FILTER * seen > limit_hz:
                break
            slot -= 1
        counted = 0.0
        for _ in range(self.pieces):
            dimmed = where | ({ND: float(slot)} if self.thinnest else {})
            reading = yield Point(dimmed, READ, kind, exposure_s=self.exposure)
            counted += float(reading.arrays["histogram"].sum())
            if lifetimes.precise_enough(counted, wanted, precision):
                return

    def reduce(self, run: RunView) -> Reduction:
        """Fit every decay behind the response of this run; see `labctl.analysis.lifetimes` for the names of the results.

        Raises AnalysisError without a response or when no decay can be fitted.
        """
        found = Findings()
        irf = run.select("reference")
        histograms = irf.counts()
        if not len(histograms):
            raise AnalysisError("The run holds no instrument response.")
        timing = Timing(float(run["resolution_ps"][0]), 1e12 / float(np.median(run["sync_rate"])), self.dead_time * 1e3)
        varied = np.round(run[VARIED[self.vary]], 12) if self.vary != "nothing" else np.zeros(len(run["resolution_ps"]))
        passed = run["detection.nd_transmission"] if self.thinnest else np.ones(len(varied))
        pieces = lifetimes.gather(varied, run.counts(), run["counting_time"], passed)
        share = float(histograms.sum() / irf["counting_time"].sum() / np.median(run["sync_rate"]))
        if share > PILE_UP_IRF:
            found.warn("irf_fwhm", f"the response was counted at {share:.1%} of the sync rate, above {PILE_UP_IRF:.0%}: it may be "
                       "too narrow. Put a denser filter into the dimming wheel.")
        fits = lifetimes.fit_pieces(pieces, histograms.sum(axis=0), timing, self.components, found)
        unit = quantity_unit(VARIED[self.vary])
        curves = lifetimes.histogram_curves(pieces, fits, timing, unit)
        first = next(fit for fit in fits if fit is not None)
        lifetimes.of_one(first, found)
        if self.vary != "nothing":
            curves |= lifetimes.against(pieces, fits, VARIED[self.vary], self.vary.replace(" ", "_"), found)
        return Reduction(found.results, curves, problems=tuple(found.problems))


def _has(bench: BenchView, axis: str) -> bool:
    try:
        bench.reach(axis, {})
    except AnalysisError:
        return False
    return True
