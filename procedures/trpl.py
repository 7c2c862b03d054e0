"""Time-resolved photoluminescence: instrument response first, then decays against power, wavelength, voltage or temperature."""

from __future__ import annotations

import numpy as np

from labctl.analysis import cascade, lifetimes
from labctl.analysis.series import Findings
from labctl.core.counted import DecayProcedure, most_hz
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Bounds, Problem
from labctl.core.plots import Curve, Histogram
from labctl.core.points import beyond
from labctl.core.procedure import AdaptiveSteps, choice, count, quantity
from labctl.core.quantities import quantity_unit
from labctl.core.reduction import Reduction, RunView

VARIED = {"nothing": "", "fluence": "pump.fluence", "pump wavelength": "pump.wavelength", "emission wavelength": "emission.centre",
          "voltage": "bias.voltage", "temperature": "sample.temperature"}


class TRPL(DecayProcedure):
    """Lifetimes by reconvolution; the detection is dimmed, never the pump, so that photons do not pile up."""

    title = "Time-resolved photoluminescence"
    plots = (Histogram("Decays"), Curve("Lifetime", y="lifetime_by", optional=True),
             Curve("Photoluminescence", y="pl_by", optional=True),
             Curve("Early over late light", x="pump.fluence", y="early_share", log_x=True, optional=True))

    vary = choice("Varied", tuple(VARIED), default="nothing", group="Series")
    first = quantity("First value", "", default=0.0, group="Series", description="In the unit of what is varied (J/cm², nm, V, K).")
    last = quantity("Last value", "", default=20.0, group="Series")
    values_count = count("Values", default=6, minimum=2, maximum=1000, group="Series")
    fluence = quantity("Fluence", "J/cm^2", default=2e-9, minimum=1e-15, maximum=1.0, group="Pump")
    wanted = quantity("Stop at counts", "1", default=1e5, minimum=1e3, maximum=1e9, group="Detection")
    precision = quantity("Stop at relative error", "1", default=0.0, minimum=0.0, maximum=0.5, group="Detection",
                         description="Of the lifetime, fitted between the pieces; 0: the counts decide.")
    components = count("Most exponentials", default=2, minimum=1, maximum=3, group="Analysis",
                       description="As many are fitted as the data demand.")

    def check(self) -> list[Problem]:
        """Refuse a series that does not go anywhere, and wheels that are upside down."""
        problems = self.check_wheel()
        if self.vary != "nothing" and self.first == self.last:
            problems.append(Problem("last", f"first and last value are both {self.first:g}."))
        if self.vary == "fluence" and min(self.first, self.last) <= 0.0:
            problems.append(Problem("first", f"fluences rise by a factor, so {min(self.first, self.last):g} J/cm² cannot be one."))
        return problems

    def series(self) -> list[float]:
        """Give the values in the order of visiting; a voltage comes back to where it began."""
        if self.vary == "nothing":
            return [0.0]
        spread = np.geomspace if self.vary == "fluence" else np.linspace
        found = [float(value) for value in spread(self.first, self.last, self.values_count)]
        return [*found, found[0]] if self.vary == "voltage" else found

    def _varied(self, value: float) -> dict[str, float]:
        """Give the set-points that belong to a value."""
        return {"pump.fluence": self.fluence} | ({VARIED[self.vary]: value} if self.vary != "nothing" else {})

    def bounds(self, bench: BenchView) -> Bounds | None:
        """Promise the values, the filters, and the most pieces; what stops earlier costs less."""
        problems = self.missing(bench)
        if axis := VARIED[self.vary]:
            reach = bench.reach(axis, self.where(self._varied(self.first)))
            problems += beyond(reach, {"first": self.first, "last": self.last}, quantity_unit(axis), "the bench's reach")
        if problems:
            raise Refused(problems)
        varied = [self._varied(value) for value in self.series()]
        return self.promised([self.response_where(varied[0]), *map(self.where, varied)])

    def plan(self, bench: BenchView) -> AdaptiveSteps:
        """Take the response on the pump line, then every value; each begins with looks at the rate, densest filter first."""
        rate = bench.constant("repetition_rate_hz")
        varied = [self._varied(value) for value in self.series()]
        irf = yield from self.response(bench, varied[0])
        for each in varied:
            where = self.where(each)
            dimmed = yield from self.look(where, most_hz(rate))
            stop = lifetimes.Stop(self.wanted, self.precision, self.components, irf, rate)
            yield from self.gather(where | dimmed, "scan", stop)

    def reduce(self, run: RunView) -> Reduction:
        """Fit every decay behind the response of this run; see `labctl.analysis.lifetimes` and `cascade` for the results' names.

        Raises AnalysisError without a response or when no decay can be fitted.
        """
        found = Findings()
        varied = np.round(run[VARIED[self.vary]], 12) if self.vary != "nothing" else np.zeros(len(run["resolution_ps"]))
        counted = lifetimes.counted(run, varied, self.dead_time, found, dimmed=bool(self.thinnest))
        fits = lifetimes.fit_pieces(counted, self.components, found)
        curves = lifetimes.histogram_curves(counted, fits, VARIED[self.vary])
        lifetimes.of_one(next(fit for fit in fits if fit is not None), found)
        if self.vary != "nothing":
            curves |= lifetimes.against(counted.pieces, fits, VARIED[self.vary], self.vary.replace(" ", "_"), found)
        if self.vary == "fluence":
            curves |= cascade.fast_component(counted, fits, found)
        return Reduction(found.results, curves, problems=tuple(found.problems))
