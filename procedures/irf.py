"""The instrument response of the photon counter: scattered pump light, counted slowly enough and kept for later decays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labctl.analysis import irf
from labctl.analysis.decay_model import Timing, response
from labctl.core.calibration import Calibration, taken_now
from labctl.core.counted import PILE_UP_IRF, CountedProcedure
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Bounds, Problem, Result
from labctl.core.plots import Histogram
from labctl.core.procedure import AdaptiveSteps, quantity
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, Reduction, RunView

ROLES = ("counter", "laser")        # whose replacement makes the response worthless
FLUENCE = "pump.fluence"
SAME_PUMP_NM = 5.0                  # around the pump wavelength: further off the detector answers at another time and width


class InstrumentResponse(CountedProcedure):
    """Width and place of the instrument response on the pump line: light that the sample's holder or a diffuser scatters.

    The light falls on the sample unless a diffuser stands in its place, and counts as its dose.
    """

    title = "Instrument response"
    plots = (Histogram("Instrument response"),)

    fluence = quantity("Fluence", "J/cm^2", default=2e-9, minimum=1e-15, maximum=1.0, group="Pump")

    def check(self) -> list[Problem]:
        """Refuse a dimming wheel that is upside down."""
        return self.check_wheel()

    def bounds(self, bench: BenchView) -> Bounds | None:
        """Promise the pump line, the filters, and the most pieces."""
        problems = self.missing_wheels(bench)
        low, high = bench.reach(FLUENCE, {"pump.wavelength": self.wavelength})
        if not low <= self.fluence <= high:
            problems.append(Problem("fluence", f"{shown(self.fluence, FLUENCE)} is outside {shown(low, FLUENCE)} to "
                                               f"{shown(high, FLUENCE)}, the reach at {self.wavelength:g} nm."))
        if problems:
            raise Refused(problems)
        return self.promised([self.response_where({FLUENCE: self.fluence})])

    def plan(self, bench: BenchView) -> AdaptiveSteps:
        """Open the detection as far as 1 % of the sync allows, then count until there is enough."""
        where = self.response_where({FLUENCE: self.fluence})
        dimmed = yield from self.look(where, PILE_UP_IRF * bench.constant("repetition_rate_hz"))
        yield from self.gather(where | dimmed, "scan", lambda so_far: so_far.counts.sum() >= self.response_counts)

    def reduce(self, run: RunView) -> Reduction:
        """Sum the pieces.

        Results: `irf_fwhm` and `irf_position` (ps, after the sync, cables included), and where a response was kept before
        `irf_shift` (ps, of the position since then). Raises AnalysisError when there is too little light, or light that is not
        the pump's.
        """
        counts, sync = run.counts().sum(axis=0).astype(float), float(np.median(run["sync_rate"]))
        timing = Timing(float(run["resolution_ps"][0]), 1e12 / sync, self.dead_time * 1e3)
        found, problems = response(counts, timing), []
        share = float(counts.sum() / run["counting_time"].sum() / sync)
        if share > PILE_UP_IRF:
            text = f"it was counted at {share:.1%} of the sync rate, above {PILE_UP_IRF:.0%}: photons of one pulse hide each other."
            problems.append(Problem("irf_fwhm", f"{text} Put a denser filter into the dimming wheel.", "warning"))
        results = {"irf_fwhm": irf.width(found, counts.sum()), "irf_position": irf.position(found, counts.sum())}
        results |= _shift(run, results["irf_position"])
        delay = np.arange(len(counts)) * timing.bin_ps * 1e-3
        curve = CurveData("time_delay", delay, counts, "counts", f"pump line, {self.wavelength:g} nm")
        return Reduction(results, {"histogram": curve}, self._calibration(run, counts, timing, results), tuple(problems))

    def _calibration(self, run: RunView, counts: np.ndarray, timing: Timing, results: dict[str, Result]) -> Calibration:
        """Make the response that `trpl` and others take with `stored = yes`."""
        around = (self.wavelength - SAME_PUMP_NM, self.wavelength + SAME_PUMP_NM)
        return Calibration(
            kind=irf.KIND, model=irf.MODEL, curve=irf.kept(counts, timing),
            units={"fwhm_ps": "ps", "position_ps": "ps", "bin_ps": "ps"}, valid={"pump.wavelength": around},
            **taken_now(run.serials, ROLES),
            uncertainty=float((results["irf_fwhm"].stderr or 0.0) / results["irf_fwhm"].value))


def _shift(run: RunView, now: Result) -> dict[str, Result]:
    """Compare with the response that was kept before."""
    earlier = run.calibration(irf.KIND)
    if earlier is None or not earlier.covers("pump.wavelength", run["pump.wavelength"]):
        return {}
    return {"irf_shift": replace(now, value=now.value - float(earlier.curve["position_ps"]),
                                 note=f"since {earlier.date[:16].replace('T', ' ')} UTC")}
