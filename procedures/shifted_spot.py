"""Shifted spot: a short stripe moved away from the film's edge, the control that tells gain from uneven pumping and from loss."""

from __future__ import annotations

import numpy as np

from labctl.analysis.fitting import Fit, linear_fit
from labctl.analysis.series import Findings, spectra_of, usable_points
from labctl.core import points
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve, Map
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

READ = ("power", "spectrum")
VISIBLE = 3.0           # standard errors from which a place counts
START, LENGTH, MM_PER_CM = "stripe.start", "stripe.length", 10.0


class ShiftedSpot(Procedure):
    """Emission of one short stripe against its distance from the edge: without loss and uneven pumping it stays the same."""

    title = "Shifted spot"
    scan_axes = (START,)
    plots = (Curve("Emission of a short stripe", x=START, y="emission", fit="emission", log=True),
             Map("Emission against the start of the stripe", y=START))

    wavelength = quantity("Pump wavelength", "nm", default=400.0, minimum=200.0, maximum=3000.0, group="Pump")
    fluence = quantity("Fluence", "J/cm^2", default=57e-6, minimum=1e-12, maximum=10.0, group="Pump",
                       description="That of the series of lengths it belongs to.")
    length = quantity("Length of the stripe", "mm", default=0.2, minimum=1e-3, maximum=50.0, group="Stripe")
    last = quantity("Last start", "mm", default=0.3, minimum=1e-3, maximum=50.0, group="Stripe")
    places = count("Places", default=13, minimum=4, maximum=1000, group="Stripe")
    exposure = quantity("Exposure", "s", default=2.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=4, minimum=1, maximum=100, group="Detection")
    band_start = quantity("Emission from", "nm", default=515.0, minimum=0.0, maximum=3000.0, group="Emission",
                          description="Vacuum; the band of the series of lengths it belongs to.")
    band_stop = quantity("Emission to", "nm", default=535.0, minimum=0.0, maximum=3000.0, group="Emission")

    def check(self) -> list[Problem]:
        """Refuse a band that holds nothing."""
        return ascending(self.band_start, self.band_stop, "band_stop", "nm")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero the power head, take dark frames, then move the stripe inwards."""
        yield from points.zero(bench)
        yield from points.darks(self.dark_frames, self.exposure)
        for start in np.linspace(0.0, self.last, self.places):
            where = {"pump.wavelength": self.wavelength, "pump.fluence": self.fluence, LENGTH: self.length, START: float(start)}
            yield Point(set=where, read=READ, exposure_s=self.exposure)

    def reduce(self, run: RunView) -> Reduction:
        """Fit an exponential to the emission behind the edge.

        Results: `modal_loss` (cm-1, of the film that the pump does not reach; unevenness of the pump along the stripe counts as
        loss, or as gain when it is negative) and `unevenness` (%, scatter about the exponential). Raises AnalysisError when every
        spectrum is saturated.
        """
        usable = usable_points(run)
        spectra, _ = spectra_of(run, run[START], usable)
        light, sigma = spectra.band(self.band_start, self.band_stop).integral()
        found = Findings()
        fit = found.attempt("modal_loss", lambda: _exponential(spectra.pump / MM_PER_CM, light, sigma))
        curve = CurveData(START, spectra.pump, light, "1/s", "Emission", sigma=sigma)      # drawn also when no fit was possible
        if fit is not None:
            name = "exponential behind the edge"
            seen = light > VISIBLE * sigma
            ratio = light[seen] / np.exp(_line(fit, spectra.pump[seen] / MM_PER_CM))
            scatter = 100.0 * float(np.std(ratio, ddof=2))
            found.results["modal_loss"] = Result(-float(fit.values[1]), float(fit.stderr[1]), "cm-1", name, goodness=fit.goodness)
            found.results["unevenness"] = Result(scatter, scatter / np.sqrt(2.0 * (len(ratio) - 2)), "%", name)
            smooth = np.linspace(0.0, float(spectra.pump.max()), 101)
            curve = CurveData(START, spectra.pump, light, "1/s", "Emission", sigma=sigma, fit_x=smooth,
                              fit_y=np.exp(_line(fit, smooth / MM_PER_CM)))
        return Reduction(found.results, {"emission": curve}, problems=tuple(found.problems))


def _exponential(start_cm: np.ndarray, light: np.ndarray, sigma: np.ndarray) -> Fit:
    """Fit ln I = a + b x where the light stands out of its noise."""
    seen = light > VISIBLE * sigma
    design = np.column_stack([np.ones(np.count_nonzero(seen)), start_cm[seen]])
    return linear_fit(design, np.log(light[seen]), sigma[seen] / light[seen], what="The exponential behind the edge")


def _line(fit: Fit, start_cm: np.ndarray) -> np.ndarray:
    return fit.values[0] + fit.values[1] * start_cm
