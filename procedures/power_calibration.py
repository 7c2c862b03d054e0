"""Turn the attenuator at several pump wavelengths and read the power: which angle gives which power, at which wavelength."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from labctl.analysis.attenuator import MODEL
from labctl.analysis.attenuator_fit import PlateFit, PlateLaw, fit_law, fit_plate, significant
from labctl.core.calibration import Calibration
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve
from labctl.core.points import wheel
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

GAUSSIAN_AREA = 1.0645          # area of a Gaussian over (peak × FWHM), sqrt(π / 4 ln 2)
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
        outside = [
            Problem(name, f"{value:g} nm is outside what the pump reaches, {low:g} to {high:g} nm.")
            for name, value in ends.items() if not low <= value <= high
        ]
        if outside:
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
        `plate_wavelength_nm`, where the plate is exact; `transmission`, see `_transmission`. Raises AnalysisError when the power
        does not follow the plate.
        """
        wavelength, angle, power = run["pump.wavelength"], _angles(run), run["power"]
        measured = np.unique(wavelength)
        rows = [np.flatnonzero(wavelength == value) for value in measured]
        fits = [fit_plate(float(value), angle[row], power[row]) for value, row in zip(measured, rows, strict=True)]
        law = fit_law(fits)
        transmission, problems = _transmission(run, fits)
        if law.reduced_chi2 > POOR_FIT:
            problems.append(Problem(
                "extinction", f"The lowest powers do not follow the law of plate and polariser (χ² = {law.reduced_chi2:.0f} per "
                "point); powers near the minimum are uncertain. Check the zero of the power meter and the plate.", "warning",
            ))
        curves = {
            f"power_{fit.wavelength_nm:g}": _power_curve(fit, angle[row], power[row]) for fit, row in zip(fits, rows, strict=True)
        }
        return Reduction(
            results={**_law_results(law), **transmission}, curves={**curves, "minimum_ratio": _ratio_curve(fits, law)},
            calibration=_calibration(run, fits, law), problems=tuple(problems),
        )


def _angles(run: RunView) -> np.ndarray:
    """Give the read-back angles where there are any, else the set ones."""
    try:
        return run["attenuator.angle_measured"]
    except KeyError:
        return run["attenuator.angle"]


def _law_results(law: PlateLaw) -> dict[str, Result]:
    return {
        "offset_deg": Result(law.offset_deg, law.offset_stderr_deg, "deg", "first harmonic of 4θ, mean over wavelengths",
                             note="angle of highest transmission, modulo 90 deg"),
        "extinction": Result(law.extinction, law.extinction_stderr, "1", "plate and polariser law over wavelength",
                             note="lowest over highest power of the polariser alone"),
        "plate_wavelength_nm": Result(law.design_nm, law.design_stderr_nm, "nm", "plate and polariser law over wavelength",
                                      note="vacuum wavelength at which the plate is exactly half-wave"),
    }


def _transmission(run: RunView, fits: list[PlateFit]) -> tuple[dict[str, Result], list[Problem]]:
    """Estimate the highest transmission of the attenuator at the middle wavelength.

    It is (highest pick-off reading / nominal pick-off fraction) over (data-sheet spectral density × bandwidth × 1.0645), so it
    compares the whole path with its data sheets: source power, filter peak and pick-off enter in full. It tells a misaligned beam
    from a good one; it is not a measurement of plate and polariser alone, and its systematic error (the pick-off's) is large.
    """
    needed = ("pickoff.fraction", "pickoff.uncertainty", "source.spectral_density_w_nm", "pump.bandwidth")
    missing = [name for name in needed if name not in run.constants]
    if missing:
        text = f"not estimated: the bench states no {', '.join(missing)}."
        return {}, [Problem("transmission", text, "warning")]
    fraction, uncertainty, density, bandwidth = (float(run.constants[name]) for name in needed)
    wavelengths = np.array([fit.wavelength_nm for fit in fits])
    middle = fits[int(np.argmin(np.abs(wavelengths - wavelengths.mean())))]
    incident = density * bandwidth * GAUSSIAN_AREA
    value = middle.maximum_w / fraction / incident
    stderr = middle.maximum_stderr_w / fraction / incident
    result = Result(value, stderr, "1", f"highest reading at {middle.wavelength_nm:g} nm over nominal source power",
                    systematic=value * uncertainty, note="source, filter and pick-off at their data-sheet values")
    return {"transmission": result}, []


def _calibration(run: RunView, fits: list[PlateFit], law: PlateLaw) -> Calibration:
    """Make the calibration by which the bench sets powers; the lowest powers follow the law, not single noisy readings.

    `simulated` and `run_id` stay at their defaults: only the caller of `reduce` knows them.
    """
    wavelength = np.array([fit.wavelength_nm for fit in fits])
    return Calibration(
        kind="power_calibration", model=MODEL,
        curve={
            "wavelength_nm": wavelength, "maximum_w": np.array([fit.maximum_w for fit in fits]),
            "minimum_ratio": law.minimum_ratio(wavelength), "offset_deg": law.offset_deg,
            "extinction": law.extinction, "plate_wavelength_nm": law.design_nm,
        },
        units={"wavelength_nm": "nm", "maximum_w": "W", "minimum_ratio": "1", "offset_deg": "deg", "extinction": "1",
               "plate_wavelength_nm": "nm"},
        valid={"pump.wavelength": (float(wavelength[0]), float(wavelength[-1]))},
        serials={role: run.serials[role] for role in ROLES if role in run.serials},
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        residuals=tuple(residual for fit in fits for residual in fit.residuals),
        uncertainty=float(run.constants.get("pickoff.uncertainty", 0.0)),
    )


def _power_curve(fit: PlateFit, angle: np.ndarray, power: np.ndarray) -> CurveData:
    smooth = np.linspace(angle.min(), angle.max(), 181)
    return CurveData(
        x_name="attenuator.angle", x=angle, y=power, unit="W", label=f"{fit.wavelength_nm:g} nm", used=significant(power),
        left_out="below 20 × the noise", fit_x=smooth, fit_y=fit.power(smooth),
    )


def _ratio_curve(fits: list[PlateFit], law: PlateLaw) -> CurveData:
    wavelength = np.array([fit.wavelength_nm for fit in fits])
    smooth = np.linspace(wavelength[0], wavelength[-1], 201)
    return CurveData(
        x_name="pump.wavelength", x=wavelength, y=np.array([fit.minimum_ratio for fit in fits]), unit="1",
        label="Lowest / highest power", sigma=np.array([fit.minimum_ratio_stderr for fit in fits]),
        fit_x=smooth, fit_y=law.minimum_ratio(smooth),
    )
