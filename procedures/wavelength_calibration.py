"""Lamp lines at several centres of every grating: the wavelength of each column, as the lamp knows it."""

from __future__ import annotations

import numpy as np

from labctl.analysis.lamp_lines import Fitted, Visit, find_lines, fit_geometry
from labctl.analysis.spectrograph import MODEL, assumed_fwhm_um, stated
from labctl.core import lamp
from labctl.core.calibration import Calibration, taken_now
from labctl.core.errors import AnalysisError
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve
from labctl.core.procedure import PlanSteps, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

ROLES = ("spectrograph", "ccd")         # whose replacement makes the calibration worthless
RUN_UP_NM = 20.0                        # below the first centre: all moves up come from below, which takes the backlash out
FULL = 0.98 * 65535                     # counts of a pixel whose line is cut off


class WavelengthCalibration(lamp.LampProcedure):
    """Focal length, half angle and offset of the spectrograph from a lamp of mercury and neon, grating by grating."""

    title = "Wavelength calibration"
    plots = (Curve("Before", x="lamp.line", y="displayed_minus_tabulated"),
             Curve("After", x="lamp.line", y="fitted_minus_tabulated"))

    grating = count("Grating", default=0, minimum=0, maximum=9, description="Its number on the turret; 0: every one in turn.",
                    group="Spectrograph")
    first_centre = quantity("First centre", "nm", default=430.0, minimum=200.0, maximum=2000.0, group="Spectrograph",
                            description="On the spectrograph's scale (air).")
    last_centre = quantity("Last centre", "nm", default=600.0, minimum=200.0, maximum=2000.0, group="Spectrograph")
    centres = count("Centres", default=3, minimum=3, maximum=100, group="Spectrograph",
                    description="Each is visited from below and from above.")

    def check(self) -> list[Problem]:
        """Insist on an ascending range."""
        return ascending(self.first_centre, self.last_centre, "last_centre", "nm")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take dark frames, then every centre of every grating upwards and back down; at the end the lamp is taken away."""
        numbers = lamp.gratings(bench, self.grating)
        centres = [float(centre) for centre in np.linspace(self.first_centre, self.last_centre, self.centres)]
        yield from self.darks()
        for number in numbers:
            yield Point({lamp.GRATING: float(number), lamp.CENTRE: centres[0] - RUN_UP_NM}, kind="zero", read=(), light=False)
            for centre in (*centres, *centres[-2::-1]):
                yield self.lit(lamp.LINES, {lamp.GRATING: float(number), lamp.CENTRE: centre})
        yield self.away()

    def reduce(self, run: RunView) -> Reduction:
        """Find the lines and fit the geometry of every grating.

        Results, N the grating: `wavelength_offset_N` (nm, added to what is displayed), `focal_length_N` (mm), `half_angle_N`
        (deg), `wavelength_repeatability_N` (nm, of any visit), `wavelength_residual_N` (nm, rms) and `instrument_fwhm_N` (nm, at
        the middle centre). Raises AnalysisError when the camera is binned or when a grating shows too few lines.
        """
        numbers = np.unique(run[lamp.GRATING].astype(int))
        fits = {int(number): self._fit(run, int(number)) for number in numbers}
        results: dict[str, Result] = {}
        curves: dict[str, CurveData] = {}
        for number, fit in fits.items():
            results |= self._results(number, fit)
            curves |= _curves(number, fit)
        return Reduction(results, curves, _calibration(run, fits))

    def _fit(self, run: RunView, number: int) -> Fitted:
        pixel_um, slit_um = (float(run.constants[f"spectrograph.{name}"]) for name in ("pixel_um", "slit_um"))
        nominal = stated(run.constants, number)
        raw, signal, sigma = run.counts(), run.signal(), run.sigma()
        if raw.shape[1] != int(run.constants["spectrograph.columns"]):
            raise AnalysisError(f"The frames have {raw.shape[1]} columns, fewer than the camera: take binning and range of columns "
                                "out of its options, so that every line has its place on the chip.")
        visits: list[Visit] = []
        for row in np.flatnonzero(run[lamp.GRATING].astype(int) == number):
            displayed = float(run[f"{lamp.CENTRE}_measured"][row])
            fwhm = assumed_fwhm_um(slit_um, pixel_um) * 1e-3 * nominal.dispersion_nm_mm(displayed)
            error = np.where(raw[row] < FULL, sigma[row], np.nan)
            visits.append(find_lines(displayed, signal[row], error, nominal, pixel_um, fwhm))
        return fit_geometry(visits, nominal)

    def _results(self, number: int, fit: Fitted) -> dict[str, Result]:
        left = Result(float(np.sqrt(np.mean(fit.residual_nm**2))), None, "nm", "root mean square over the lines",
                      note=f"{len(fit.line_nm)} lines")
        middle = (self.first_centre + self.last_centre) / 2
        width = Result(fit.fwhm_um * 1e-3 * fit.geometry.dispersion_nm_mm(middle), None, "nm", "median width of the lamp lines",
                       note=f"at {middle:g} nm")
        named = {"wavelength_offset": fit.offset, "focal_length": fit.focal_length, "half_angle": fit.half_angle,
                 "wavelength_repeatability": fit.repeatability, "wavelength_residual": left, "instrument_fwhm": width}
        return {f"{name}_{number}": result for name, result in named.items()}


def _calibration(run: RunView, fits: dict[int, Fitted]) -> Calibration:
    """Make the calibration from which the bench computes the wavelength of every column."""
    found = fits.values()
    curve = {
        "grating": list(fits), "focal_length_mm": [fit.geometry.focal_length_mm for fit in found],
        "half_angle_deg": [fit.geometry.half_angle_deg for fit in found], "offset_nm": [fit.offset.value for fit in found],
        "repeatability_nm": [fit.repeatability.value for fit in found], "fwhm_um": [fit.fwhm_um for fit in found],
    }
    return Calibration(
        kind="wavelength_calibration", model=MODEL, curve=curve,
        units={"focal_length_mm": "mm", "half_angle_deg": "deg", "offset_nm": "nm", "repeatability_nm": "nm", "fwhm_um": "um"},
        valid={lamp.GRATING: (float(min(fits)), float(max(fits)))},
        **taken_now(run.serials, ROLES),
        residuals=tuple(float(value) for fit in found for value in fit.residual_nm / fit.line_nm),
        uncertainty=max(fit.repeatability.value / float(fit.line_nm.mean()) for fit in found))


def _curves(number: int, fit: Fitted) -> dict[str, CurveData]:
    order = np.argsort(fit.line_nm, kind="stable")
    drawn = {"displayed_minus_tabulated": fit.before_nm, "fitted_minus_tabulated": fit.residual_nm}
    return {f"{name}_{number}": CurveData("lamp.line", fit.line_nm[order], values[order], "nm", f"grating {number}",
                                          sigma=fit.error_nm[order]) for name, values in drawn.items()}
