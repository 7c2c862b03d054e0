"""A white lamp of known colour at several centres of every grating: how many electrons a photon makes, column by column."""

from __future__ import annotations

import numpy as np

from labctl.analysis.detector_response import (
    MODEL,
    DetectorResponse,
    Window,
    detector_response,
    mean_without_hits,
    planck_photons,
    stored,
)
from labctl.core import lamp
from labctl.core.calibration import Calibration, taken_now
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.plan import Problem, Result
from labctl.core.plots import Curve
from labctl.core.procedure import PlanSteps, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

ROLES = ("spectrograph", "ccd")         # whose replacement makes the calibration worthless


class ResponseCalibration(lamp.LampProcedure):
    """Relative response of grating and camera from a halogen lamp whose certificate states its colour; unpolarised light."""

    title = "Response calibration"
    plots = (Curve("Relative response", x="emission.scale", y="response", fit="response"),
             Curve("Unevenness of the columns", x="column", y="unevenness"))

    grating = count("Grating", default=0, minimum=0, maximum=9, group="Spectrograph",
                    description="Its number on the turret; 0: every one in turn.")
    first_centre = quantity("First centre", "nm", default=500.0, minimum=200.0, maximum=2000.0, group="Spectrograph",
                            description="On the spectrograph's scale (air).")
    last_centre = quantity("Last centre", "nm", default=596.0, minimum=200.0, maximum=2000.0, group="Spectrograph")
    centres = count("Centres", default=3, minimum=2, maximum=100, group="Spectrograph")
    exposure = quantity("Exposure", "s", default=3.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=10, minimum=1, maximum=100, group="Detection",
                        description="Their mean is taken from every frame: its noise does not average out.")
    frames = count("Frames at each", default=6, minimum=1, maximum=1000, group="Detection")
    colour = quantity("Colour temperature of the lamp", "K", default=2856.0, minimum=1000.0, maximum=10_000.0, group="Lamp",
                      description="By its certificate: its photons per nm follow Planck's law there.")
    lamp_uncertainty = quantity("Uncertainty of the lamp", "1", default=0.02, minimum=0.0, maximum=0.5, group="Lamp",
                                description="Relative, of its radiance from one end of the range to the other (unverified).")

    def check(self) -> list[Problem]:
        """Insist on an ascending range."""
        return ascending(self.first_centre, self.last_centre, "last_centre", "nm")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take dark frames, then the lamp at every centre of every grating; at the end the lamp is taken away."""
        yield from self.darks()
        for number in lamp.gratings(bench, self.grating):
            for centre in np.linspace(self.first_centre, self.last_centre, self.centres):
                for _ in range(self.frames):
                    yield self.lit(lamp.WHITE, {lamp.GRATING: float(number), lamp.CENTRE: float(centre)})
        yield self.away()

    def reduce(self, run: RunView) -> Reduction:
        """Fit the response of every grating.

        Results, N the grating: `response_range_N` (highest over lowest response), `column_scatter_N` (%, unevenness of the
        columns), `lamp_drift_N` (%, of the lamp's level from centre to centre). Raises AnalysisError where the lamp is too
        faint.
        """
        numbers = [int(number) for number in np.unique(run[lamp.GRATING])]
        windows = {number: _windows(run, number) for number in numbers}
        found = {number: detector_response(each, self.colour) for number, each in windows.items()}
        results: dict[str, Result] = {}
        curves: dict[str, CurveData] = {}
        for number, response in found.items():
            results |= self._results(number, response)
            curves |= _curves(number, response, windows[number], self.colour)
        return Reduction(results, curves, self._calibration(run, found))

    def _results(self, number: int, found: DetectorResponse) -> dict[str, Result]:
        value = 1.0 / float(found(found.grid_nm).min())
        stderr = value * float(found.relative_error(found.grid_nm).max())
        whole = f"{found.low_nm:.0f} to {found.high_nm:.0f} nm"
        return {
            f"response_range_{number}": Result(value, stderr, "1", "polynomial of ln R through all windows", note=whole,
                                               systematic=value * self.lamp_uncertainty, goodness=found.fit.goodness),
            f"column_scatter_{number}": Result(100 * found.scatter, None, "%", "standard deviation, noise taken out"),
            f"lamp_drift_{number}": Result(100 * found.drift, None, "%", "standard deviation of the levels where windows overlap"),
        }

    def _calibration(self, run: RunView, found: dict[int, DetectorResponse]) -> Calibration:
        """Make the calibration that signals are divided by."""
        return Calibration(
            kind="response_calibration", model=MODEL, curve=stored(found), units={"wavelength_nm": "nm", "response": "1"},
            valid={lamp.GRATING: (float(min(found)), float(max(found)))},
            **taken_now(run.serials, ROLES), uncertainty=self.lamp_uncertainty,
            residuals=tuple(each.drift for each in found.values()))


def _windows(run: RunView, number: int) -> list[Window]:
    """Give the mean spectrum at every centre of a grating."""
    signal, sigma, displayed = run.signal(), run.sigma(), np.round(run[lamp.CENTRE], 6)
    axes = run.wavelengths("air")
    here, found = run[lamp.GRATING].astype(int) == number, []
    for centre in np.unique(displayed[here]):
        rows = np.flatnonzero(here & (displayed == centre))
        found.append(Window(axes[rows].mean(axis=0), *mean_without_hits(signal[rows], sigma[rows])))
    return found


def _curves(number: int, found: DetectorResponse, windows: list[Window], colour_k: float) -> dict[str, CurveData]:
    """Draw every tenth column of the windows with the curve, and the unevenness."""
    place = np.concatenate([window.air_nm for window in windows])
    each = np.concatenate([window.signal / np.gradient(window.air_nm) for window in windows]) / planck_photons(place, colour_k)
    scale = float(np.median(each / found(place)))
    thin = np.argsort(place, kind="stable")[::10]
    label = f"grating {number}"
    return {
        f"response_{number}": CurveData("emission.scale", place[thin], each[thin] / scale, "1", label,
                                        fit_x=found.grid_nm, fit_y=found(found.grid_nm)),
        f"unevenness_{number}": CurveData("column", np.arange(len(found.columns), dtype=float), 100 * found.columns, "%", label),
    }
