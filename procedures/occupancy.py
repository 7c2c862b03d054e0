"""Occupancy: how the light of single excitons saturates with fluence, and the absorption cross-section in it (1 - P0)."""

from __future__ import annotations

import numpy as np

from labctl.analysis import cascade, lifetimes
from labctl.analysis.occupancy import Occupancy, cross_section
from labctl.analysis.pump import PumpScale
from labctl.analysis.series import Findings
from labctl.core.counted import DecayProcedure, most_hz
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.plan import Bounds, Problem, Result
from labctl.core.plots import Curve, Histogram
from labctl.core.procedure import AdaptiveSteps, count, quantity
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, Reduction, RunView

FLUENCE = "pump.fluence"
POINT_ERROR = 0.01                  # relative, of the fluence from point to point, as the loop on the pick-off closes (unverified)


class OccupancySeries(DecayProcedure):
    """Light in a late gate after the pulse against fluence: A (1 - exp(-σ F/hν)), the share of crystals that absorbed a photon."""

    title = "Occupancy"
    plots = (
        Curve("Light of single excitons", x=FLUENCE, y="excited_share", fit="excited_share", log_x=True),
        Histogram("Decays"),
        Curve("Early over late light", x=FLUENCE, y="early_share", log_x=True, optional=True),
    )

    first = quantity("First fluence", "J/cm^2", default=0.8e-6, minimum=1e-15, maximum=10.0, group="Pump")
    last = quantity("Last fluence", "J/cm^2", default=80e-6, minimum=1e-15, maximum=10.0, group="Pump")
    fluences = count("Fluences", default=11, minimum=5, maximum=1000, group="Pump")
    wanted = quantity("Counts at each fluence", "1", default=1e5, minimum=1e3, maximum=1e9, group="Detection",
                      description="Counting ends at this number or at the most pieces.")
    delay = quantity("Read at", "ns", default=0.4, minimum=0.01, maximum=1e4, group="Analysis",
                     description="Middle of the gate after the pulse. Before the cascade is over the cross-section reads low.")
    width = quantity("Width of the gate", "ns", default=0.08, minimum=1e-3, maximum=1e4, group="Analysis")
    late_from = quantity("Late light from", "ns", default=1.0, minimum=0.01, maximum=1e4, group="Analysis",
                         description="Of a second gate, up to the end: late enough for single excitons alone.")

    def check(self) -> list[Problem]:
        """Refuse a ladder that does not rise, and gates that begin before the pulse."""
        problems = self.check_wheel() + ascending(self.first * 1e6, self.last * 1e6, "last", "µJ/cm²")
        if self.delay < self.width / 2:
            problems.append(Problem("delay", f"a gate of {self.width:g} ns around {self.delay:g} ns begins before the pulse."))
        return problems

    def _ladder(self) -> list[dict[str, float]]:
        return [{FLUENCE: float(fluence)} for fluence in np.geomspace(self.first, self.last, self.fluences)]

    def bounds(self, bench: BenchView) -> Bounds | None:
        """Promise the ladder, the filters, and the most pieces."""
        problems = self.missing(bench)
        low, high = bench.reach(FLUENCE, {"pump.wavelength": self.wavelength})
        reach = f"{shown(low, FLUENCE)} to {shown(high, FLUENCE)}, the reach at {self.wavelength:g} nm"
        problems += [Problem(name, f"{shown(value, FLUENCE)} is outside {reach}.")
                     for name, value in (("first", self.first), ("last", self.last)) if not low <= value <= high]
        if problems:
            raise Refused(problems)
        return self.promised([self.response_where(self._ladder()[0]), *map(self.where, self._ladder())])

    def plan(self, bench: BenchView) -> AdaptiveSteps:
        """Take the response; dim the detection for the strongest pump, and climb the ladder with it: one filter for all points."""
        rate, ladder = bench.constant("repetition_rate_hz"), self._ladder()
        yield from self.response(bench, ladder[0])
        dimmed = yield from self.look(self.where(ladder[-1]), most_hz(rate))
        for each in ladder:
            yield from self.gather(self.where(each) | dimmed, "scan", lambda so_far: so_far.counts.sum() >= self.wanted)

    def reduce(self, run: RunView) -> Reduction:
        """Fit 1 - P0 in both gates.

        Results: `cross_section_1p` (cm², at `delay`, as the paper read it), `cross_section_1p_late` (cm², free of the cascade),
        `occupancy_max` (⟨N⟩ at the last fluence, by the later gate), `lifetime` (ns, at the first), and those of
        `cascade.fast_component`. Raises AnalysisError without a response or when no decay can be fitted.
        """
        found = Findings()
        data = lifetimes.counted(run, run[FLUENCE], self.dead_time, found, dimmed=bool(self.thinnest))
        fits = lifetimes.fit_pieces(data, 2, found, systematics=False)
        if fits[0] is not None:
            found.results["lifetime"] = lifetimes.in_ns(fits[0].lifetime)
        curves = lifetimes.histogram_curves(data, fits, FLUENCE) | cascade.fast_component(data, fits, found)
        age, read = cascade.ages_ns(data, fits), run[f"{FLUENCE}_measured"]
        pump = np.array([read[run[FLUENCE] == piece.value].mean() for piece in data.pieces])
        for name, inside, words in (("cross_section_1p", np.abs(age - self.delay) <= self.width / 2, f"{self.delay:g} ns"),
                                    ("cross_section_1p_late", age >= self.late_from, f"from {self.late_from:g} ns on")):
            gate = np.array([cascade.in_gate(data, piece, inside) for piece in data.pieces])
            law = found.attempt(name, lambda gate=gate: self._law(run, pump, gate))
            if law is not None:
                curves[f"excited_share_{name}"] = _curve(pump, gate, law, words)
                found.results |= {name: law.cross_section, "occupancy_max": Result(
                    float(law.mean_occupancy.max()), None, "1", "σ F/hν at the highest fluence")}
        return Reduction(found.results, curves, problems=tuple(found.problems))

    def _law(self, run: RunView, pump: np.ndarray, gate: np.ndarray) -> Occupancy:
        """Fit one gate; what its fluences have in common in errors is systematic."""
        scale = PumpScale.of(run.constants)
        return cross_section(pump, gate[:, 0], gate[:, 1], pump_nm=self.wavelength, relative_fluence=POINT_ERROR,
                             fluence_scale_error=float(np.hypot(scale.power_error, scale.area_error)))


def _curve(pump: np.ndarray, gate: np.ndarray, law: Occupancy, words: str) -> CurveData:
    """Give the share of crystals that absorbed: light over the amplitude of the fit."""
    fine, full = np.geomspace(pump.min(), pump.max(), 101), law.amplitude.value
    return CurveData(FLUENCE, pump, gate[:, 0] / full, "1", words, gate[:, 1] / full, fit_x=fine,
                     fit_y=law.curve(fine) / full, fit_sigma=law.curve_error(fine) / full)
