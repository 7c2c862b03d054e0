"""Turn the attenuator at several pump wavelengths and read the power: which angle gives which power, at which wavelength."""

from __future__ import annotations

import numpy as np

from labctl.analysis import attenuator_output
from labctl.analysis.attenuator import MODEL
from labctl.analysis.attenuator_fit import PlateFit, PlateLaw, fit_law, fit_plate
from labctl.core.calibration import Calibration, taken_now
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem
from labctl.core.plots import Curve
from labctl.core.points import beyond, wheel
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.reduction import Reduction, RunView

POOR_FIT = 10.0                 # reduced χ² above which the law does not describe the plate
USUAL_NM = (475.0, 575.0)       # of a tunable visible pump; where the pump reaches none of them, its own range takes their place
ROLES = ("laser", "filter", "attenuator", "power_meter")      # whose replacement makes the calibration worthless


class PowerCalibration(Procedure):
    """Power at the pick-off head against plate angle and pump wavelength; the sample stays dark throughout."""

    title = "Power calibration"
    scan_axes = ("pump.wavelength", "attenuator.angle")
    plots = (
        Curve("Power at the pick-off head", x="attenuator.angle", y="power", fit="power", log=True),
        Curve("Lowest over highest power", x="pump.wavelength", y="minimum_ratio", fit="minimum_ratio", log=True),
    )

    first_wavelength = quantity("First wavelength", "nm", default=USUAL_NM[0], minimum=300.0, maximum=2500.0, group="Pump")
    last_wavelength = quantity("Last wavelength", "nm", default=USUAL_NM[1], minimum=300.0, maximum=2500.0, group="Pump")
    wavelengths = count("Wavelengths", default=11, minimum=5, maximum=200, group="Pump")
    first_angle = quantity("First angle", "deg", default=0.0, minimum=0.0, maximum=360.0, group="Attenuator")
    last_angle = quantity("Last angle", "deg", default=90.0, minimum=0.0, maximum=360.0, group="Attenuator")
    angles = count("Angles", default=19, minimum=7, maximum=400, group="Attenuator")

    def check(self) -> list[Problem]:
        """Insist on ascending ranges, and on the 90 deg over which the transmission repeats."""
        problems = []
        if self.last_wavelength <= self.first_wavelength:
            text = f"{self.last_wavelength:g} nm is not above the first, {self.first_wavelength:g} nm."
            problems.append(Problem("last_wavelength", text))
        if self.last_angle - self.first_angle < 75.0:
            problems.append(Problem(
                "last_angle", f"The angles span {self.last_angle - self.first_angle:g} deg; the transmission repeats every "
                "90 deg, and fewer than 75 do not determine its offset.",
            ))
        return problems

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero the meter in the dark, then visit every angle at every wavelength, shutter closed.

        The head stands before the shutter: what makes it dark is the blocked position of the filter wheel. Without one the zero is
        taken at the first set-points, and the operator has to block the beam.
        """
        low, high = bench.reach("pump.wavelength", {})
        first, last = self.first_wavelength, self.last_wavelength
        if (first, last) == USUAL_NM and (high < first or last < low):
            first, last = low, high
        ends = {"first_wavelength": first, "last_wavelength": last}
        if outside := beyond((low, high), ends, "nm", "what the pump reaches"):
            raise Refused(outside)
        self.shape = (self.wavelengths, self.angles)
        blocked, opened = wheel(bench)
        yield Point(set=blocked, kind="zero", do=("power_meter.zero",), read=(), light=False)
        for wavelength in np.linspace(first, last, self.wavelengths):
            for angle in np.linspace(self.first_angle, self.last_angle, self.angles):
                where = {**opened, "pump.wavelength": float(wavelength), "attenuator.angle": float(angle)}
                yield Point(set=where, read=("power",), light=False)

    def reduce(self, run: RunView) -> Reduction:
        """Fit every wavelength, then offset, extinction and design wavelength of the plate over all of them.

        Results: `offset_deg`, angle of the highest transmission in [-45, 45) deg; `extinction`, that of the polariser alone;
        `plate_wavelength_nm`, where the plate is exact; `transmission` of the whole path. Raises AnalysisError when the power does
        not follow the plate.
        """
        wavelength, angle, power = run["pump.wavelength"], _angles(run), run["power"]
        measured = np.unique(wavelength)
        rows = [np.flatnonzero(wavelength == value) for value in measured]
        fits = [fit_plate(float(value), angle[row], power[row]) for value, row in zip(measured, rows, strict=True)]
        law = fit_law(fits)
        transmission, problems = attenuator_output.transmission(run.constants, fits)
        if law.reduced_chi2 > POOR_FIT:
            problems.append(Problem(
                "extinction", f"The lowest powers do not follow the law of plate and polariser (χ² = {law.reduced_chi2:.0f} per "
                "point); powers near the minimum are uncertain. Check the zero of the power meter and the plate.", "warning",
            ))
        curves = {f"power_{fit.wavelength_nm:g}": attenuator_output.power_curve(fit, angle[row], power[row])
                  for fit, row in zip(fits, rows, strict=True)}
        curves["minimum_ratio"] = attenuator_output.ratio_curve(fits, law)
        return Reduction(
            results={**attenuator_output.law_results(law), **transmission}, curves=curves,
            calibration=_calibration(run, fits, law), problems=tuple(problems),
        )


def _angles(run: RunView) -> np.ndarray:
    """Give the read-back angles where there are any, else the set ones."""
    try:
        return run["attenuator.angle_measured"]
    except KeyError:
        return run["attenuator.angle"]


def _calibration(run: RunView, fits: list[PlateFit], law: PlateLaw) -> Calibration:
    """Make the calibration by which the bench sets powers.

    `simulated` and `run_id` stay at their defaults: only the caller of `reduce` knows them.
    """
    return Calibration(
        kind="power_calibration", model=MODEL, curve=attenuator_output.stored(fits, law), units=attenuator_output.UNITS,
        valid={"pump.wavelength": (fits[0].wavelength_nm, fits[-1].wavelength_nm)},
        **taken_now(run.serials, ROLES),
        residuals=tuple(residual for fit in fits for residual in fit.residuals),
        uncertainty=float(run.constants.get("pickoff.uncertainty", 0.0)),
    )
