"""Bands of exciton and biexciton in the cold: two Voigt lines of one shape in energy, their areas against fluence."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from labctl.analysis.bands import TwoBands, two_bands
from labctl.analysis.lines import per_ev
from labctl.analysis.pump import UNIT, reading_error, steady_fluence
from labctl.analysis.series import Findings, Spectra, spectra_of, usable_points
from labctl.analysis.slopes import PowerLaw, slope, slope_above_noise
from labctl.core import points
from labctl.core.errors import AnalysisError
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.photons import energy_ev
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve, Map
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

READ = ("power", "spectrum")


class Biexciton(Procedure):
    """Areas of the bands A (exciton) and B (biexciton) against fluence, and their distance in energy."""

    title = "Exciton and biexciton"
    scan_axes = ("pump.fluence",)
    plots = (
        Map("Emission against fluence", y="pump.fluence"),
        Curve("Areas of the bands", x="pump.fluence", y="band_area", log=True, log_x=True),
    )

    wavelength = quantity("Pump wavelength", "nm", default=400.0, minimum=200.0, maximum=3000.0, group="Pump")
    first = quantity("First fluence", "J/cm^2", default=1.2e-6, minimum=1e-15, maximum=10.0, group="Pump")
    last = quantity("Last fluence", "J/cm^2", default=17.2e-6, minimum=1e-15, maximum=10.0, group="Pump")
    fluences = count("Fluences", default=10, minimum=4, maximum=1000, group="Pump")
    distance = quantity("Expected distance of the bands", "meV", default=50.0, minimum=1.0, maximum=500.0, group="Emission",
                        description="Where the search begins; the distance itself is fitted.")
    exposure = quantity("Exposure", "s", default=10.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=8, minimum=1, maximum=100, group="Detection")
    frames = count("Frames at each fluence", default=1, minimum=1, maximum=100, group="Detection")

    def check(self) -> list[Problem]:
        """Insist on a rising ladder."""
        return ascending(self.first * 1e6, self.last * 1e6, "last", UNIT)

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero the power head, take dark frames, then climb the ladder."""
        yield from points.zero(bench)
        yield from points.darks(self.dark_frames, self.exposure)
        for fluence in np.geomspace(self.first, self.last, self.fluences):
            for _ in range(self.frames):
                yield Point(set={"pump.wavelength": self.wavelength, "pump.fluence": float(fluence)}, read=READ,
                            exposure_s=self.exposure)

    def reduce(self, run: RunView) -> Reduction:
        """Fit both bands to every spectrum, with the shape of the brightest.

        Results: `exciton_slope`, `biexciton_slope` (logarithmic, of the areas), `biexciton_binding` (meV, median of the distances
        in the spectra in which both bands can be placed). Raises AnalysisError when not even the brightest spectrum shows both.
        """
        usable = usable_points(run)
        spectra, _ = spectra_of(run, steady_fluence(run), usable)
        energy, density = energy_ev(spectra.wavelength), _per_ev(spectra)
        placed = self._placed(energy, density)
        fits = [two_bands(energy, *each, shape=placed[-1].shape) for each in density]
        found, scatter = Findings(), reading_error(run)
        areas = [np.array([getattr(fit, name).value for fit in fits]) for name in ("area_a", "area_b")]
        errors = [np.array([getattr(fit, name).stderr for fit in fits]) for name in ("area_a", "area_b")]
        laws = [found.attempt("exciton_slope", lambda: slope(spectra.pump, areas[0], errors[0], scatter)),
                found.attempt("biexciton_slope", lambda: slope_above_noise(spectra.pump, areas[1], errors[1]))]
        for name, law in zip(("exciton_slope", "biexciton_slope"), laws, strict=True):
            if law is not None:
                found.results[name] = law.slopes[0]
        found.results["biexciton_binding"] = _binding(placed)
        curves = {f"band_area_{name}": _curve(name, spectra.pump, area, error, law)
                  for name, area, error, law in zip("AB", areas, errors, laws, strict=True)}
        return Reduction(found.results, curves, problems=tuple(found.problems))

    def _placed(self, energy: np.ndarray, density: list[tuple[np.ndarray, np.ndarray]]) -> list[TwoBands]:
        """Fit bands of free shape; spectra in which one of them cannot be placed are left out, save the brightest, the last."""
        placed = []
        for each in density[:-1]:
            with suppress(AnalysisError):
                placed.append(two_bands(energy, *each, distance_ev=self.distance * 1e-3))
        return [*placed, two_bands(energy, *density[-1], distance_ev=self.distance * 1e-3)]


def _per_ev(spectra: Spectra) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(per_ev(spectra.wavelength, signal), per_ev(spectra.wavelength, sigma))
            for signal, sigma in zip(spectra.signal, spectra.sigma, strict=True)]


def _binding(placed: list[TwoBands]) -> Result:
    """Give the median distance; its error from the scatter of the spectra, or from the one there is."""
    values = np.array([fit.distance_mev.value for fit in placed])
    if len(values) < 3:
        return placed[-1].distance_mev
    spread = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    return Result(float(np.median(values)), 1.2533 * spread / np.sqrt(len(values)), "meV",
                  f"two Voigt bands of one shape, median of {len(values)} spectra")


def _curve(name: str, pump: np.ndarray, area: np.ndarray, error: np.ndarray, law: PowerLaw | None) -> CurveData:
    seen = area > 0
    fit = None if law is None else law.curve(pump)
    return CurveData("pump.fluence", pump * 1e-6, area, "1/s", f"Band {name}", sigma=error, used=seen, left_out="not seen",
                     fit_x=None if fit is None else pump * 1e-6, fit_y=fit)
