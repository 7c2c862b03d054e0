"""Turn the analyser in scattered pump light, whose polarisation is known: the analyser's zero, and the grating's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from labctl.analysis.scatter import behind_fixed_polariser, behind_rotating_polariser
from labctl.analysis.series import spectra_of, usable_points
from labctl.core import points
from labctl.core.calibration import Calibration, taken_now
from labctl.core.errors import AnalysisError, Refused
from labctl.core.instrument import BenchView
from labctl.core.photons import vacuum_to_air
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve, Polar
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

BANDWIDTHS = 3.0            # on either side of the pump line that count as its light
KNOWN = ("pump.polarization", "detection.polarization_zero", "detection.polarization_turn")


class PolarizationCalibration(Procedure):
    """Scattered pump light against the detected polarisation; the pump's own polarisation is the reference.

    The spectrograph looks at the pump line, at so little power that it does not saturate.
    """

    title = "Polarisation calibration"
    scan_axes = ("detection.polarization",)
    plots = (Polar("Scattered pump light", angle="detection.polarization", radius="scatter", fit="scatter"),
             Curve("Scattered pump light", x="detection.polarization", y="scatter", fit="scatter"))

    wavelength = quantity("Pump wavelength", "nm", default=505.0, minimum=200.0, maximum=3000.0, group="Pump",
                          description="Vacuum; the camera has to see it, and the sample to emit elsewhere.")
    power = quantity("Power at the sample", "W", default=5e-9, minimum=1e-15, maximum=1.0, group="Pump")
    start = quantity("First angle", "deg", default=0.0, minimum=0.0, maximum=360.0, group="Detection")
    stop = quantity("Last angle", "deg", default=360.0, minimum=0.0, maximum=360.0, group="Detection")
    angles = count("Angles", default=37, minimum=6, maximum=2000, group="Detection")
    exposure = quantity("Exposure", "s", default=1.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=4, minimum=1, maximum=100, group="Detection")

    def check(self) -> list[Problem]:
        """Insist on half a turn."""
        if self.stop - self.start >= 160.0:
            return []
        return [Problem("stop", f"the angles span {self.stop - self.start:g} deg; the zero needs half a turn (160 deg at least), a "
                                "whole one shows drift as well.")]

    def plan(self, bench: BenchView) -> PlanSteps:
        """Look at the pump line; set the pump once, with the first dark frame, then turn the analyser."""
        bench.reach("detection.polarization", {})
        for name in KNOWN:
            try:
                bench.constant(name)
            except AnalysisError:
                raise Refused([Problem("bench", f"it does not say {name}: the pump is the reference here. Put [pump] "
                                                "polarization, the axis of the polariser behind the attenuator's plate, into the "
                                                "bench file.")]) from None
        pump = {"pump.wavelength": self.wavelength, "pump.power": self.power,
                "emission.centre": float(vacuum_to_air(self.wavelength))}
        dark, *more = points.darks(self.dark_frames, self.exposure)
        yield Point(set=pump, kind=dark.kind, read=dark.read, light=False, exposure_s=self.exposure)
        yield from more
        for angle in np.linspace(self.start, self.stop, self.angles):
            yield Point(set={"detection.polarization": float(angle)}, exposure_s=self.exposure)

    def reduce(self, run: RunView) -> Reduction:
        """Fit the light of the pump line.

        Results: `analyser_zero`, the mount's angle at which horizontal polarisation passes, and `analyser_zero_shift` from the one
        in force (both deg); `scatter_dolp` in %; behind a rotating polariser also `grating_contrast` and `grating_axis`. Raises
        AnalysisError when no frame is usable or the light is not polarised.
        """
        usable = usable_points(run, "Use less power or a shorter exposure.")
        constants = run.constants
        spectra, _ = spectra_of(run, run["detection.polarization"], usable)
        reach = BANDWIDTHS * float(constants["pump.bandwidth"])
        rate, sigma = spectra.band(self.wavelength - reach, self.wavelength + reach).integral()
        turn = float(constants["detection.polarization_turn"])
        found = (behind_rotating_polariser if turn == 1.0 else behind_fixed_polariser)(spectra.pump, rate, sigma)
        pump_error = float(constants.get("pump.polarization_uncertainty", 0.0))
        shift = (found.axis.value - float(constants["pump.polarization"]) + 90.0) % 180.0 - 90.0
        zero = float(constants["detection.polarization_zero"]) + turn * shift
        stderr = turn * (found.axis.stderr or 0.0)
        how = f"{found.axis.estimator}, axis of scattered pump light"
        results = {"analyser_zero": Result(zero, stderr, "deg", how, turn * pump_error, "of the mount"),
                   "analyser_zero_shift": Result(turn * shift, stderr, "deg", how, turn * pump_error),
                   "scatter_dolp": found.degree}
        if found.contrast is not None and found.grating_axis is not None:
            turned = replace(found.grating_axis, value=(found.grating_axis.value - shift) % 180.0, systematic=pump_error)
            results |= {"grating_contrast": found.contrast, "grating_axis": turned}      # in the frame of the new zero
        drawn = CurveData("detection.polarization", spectra.pump, rate, "1/s", "pump line", sigma, fit_x=found.angle_deg,
                          fit_y=found.curve)
        error = float(np.hypot(found.axis.stderr or 0.0, pump_error))
        return Reduction(results, {"scatter": drawn}, _calibration(run, results, error))


def _calibration(run: RunView, results: Mapping[str, Result], error_deg: float) -> Calibration:
    """Make the calibration of `detection.polarization`; the grating's answer is taken as the same at all wavelengths."""
    curve = {"zero_deg": results["analyser_zero"].value, "uncertainty_deg": error_deg}
    units = {"zero_deg": "deg", "uncertainty_deg": "deg"}
    if "grating_axis" in results:
        curve |= {"grating_contrast": results["grating_contrast"].value, "grating_axis_deg": results["grating_axis"].value}
        units |= {"grating_contrast": "1", "grating_axis_deg": "deg"}
    return Calibration(
        kind="polarization_calibration", model="analyser_zero", curve=curve, units=units,
        valid={"detection.polarization": (0.0, 360.0)},
        **taken_now(run.serials, ("analyser", "spectrograph")))
