"""Turn the detected polarisation, take a spectrum at each angle, give degree and axis of polarisation of every line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labctl.analysis import polarized
from labctl.analysis.modes import find_lines
from labctl.analysis.pair_series import Emission
from labctl.analysis.pump import clear_of_pump, margin
from labctl.analysis.series import Findings, Spectra, spectra_of
from labctl.core import points
from labctl.core.errors import AnalysisError
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem
from labctl.core.plots import Map, Polar
from labctl.core.procedure import PlanSteps, Procedure, choice, count, quantity
from labctl.core.reduction import CurveData, Reduction, RunView

READ = ("power", "spectrum")
PAIR_ABOVE_EDGE_NM = 0.5    # from the lower edge of the pair to its middle
FAINTEST_LINE = 0.12        # of the highest: what counts as a line


class PolarizationSweep(Procedure):
    """Polarisation of the emission, line by line, at one or two pump wavelengths; the second half turn repeats the first."""

    title = "Polarisation of the emission"
    scan_axes = ("pump.wavelength", "detection.polarization")
    plots = (Map("Emission against polarisation", y="detection.polarization"),
             Polar("Polarisation", angle="detection.polarization", radius="line", fit="malus"))

    wavelength = quantity("Pump wavelength", "nm", default=526.0, minimum=200.0, maximum=3000.0, group="Pump")
    second_wavelength = quantity("Second pump wavelength", "nm", default=0.0, minimum=0.0, maximum=3000.0, group="Pump",
                                 description="Another turn, off resonance, at the same photon flux; 0: none.")
    fluence = quantity("Fluence", "J/cm^2", default=50e-6, minimum=1e-15, maximum=10.0, group="Pump")
    start = quantity("First angle", "deg", default=0.0, minimum=0.0, maximum=360.0, group="Detection")
    stop = quantity("Last angle", "deg", default=360.0, minimum=0.0, maximum=360.0, group="Detection")
    angles = count("Angles", default=37, minimum=4, maximum=2000, group="Detection")
    exposure = quantity("Exposure", "s", default=1.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=4, minimum=1, maximum=100, group="Detection")
    emission = choice("Emission", ("pair", "lines", "band"), default="pair", group="Emission",
                      description="A pair of lines on the spontaneous emission, every line found, or the whole band.")
    band_start = quantity("Emission from", "nm", default=527.6, minimum=0.0, maximum=3000.0, group="Emission")
    band_stop = quantity("Emission to", "nm", default=541.0, minimum=0.0, maximum=3000.0, group="Emission")
    pair_edge = quantity("Lower edge of the pair", "nm", default=530.2, minimum=200.0, maximum=3000.0, group="Emission")
    splitting = quantity("Distance of the pair", "meV", default=2.0, minimum=0.1, maximum=50.0, group="Emission")
    line_reach = quantity("Reach of a line's fit", "nm", default=0.3, minimum=0.05, maximum=100.0, group="Emission")

    def check(self) -> list[Problem]:
        """Insist on a range of angles that tells an axis, and on a band that holds something."""
        problems = []
        if self.stop - self.start < 90.0:
            problems.append(Problem("stop", f"the angles span {self.stop - self.start:g} deg; Malus' law repeats after 180 deg and "
                                            "fewer than 90 do not tell its axis. 360 deg show drift as well."))
        if self.band_stop <= self.band_start:
            problems.append(Problem("band_stop", f"{self.band_stop:g} nm is not above band_start, {self.band_start:g} nm."))
        if self.second_wavelength == self.wavelength:
            problems.append(Problem("second_wavelength", "it equals the first; 0 measures at one wavelength only."))
        return problems

    def wavelengths(self) -> list[float]:
        """Give the pump wavelengths in nm."""
        return [self.wavelength, *([self.second_wavelength] if self.second_wavelength else [])]

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take dark frames, then one turn at each pump wavelength; the pump is set once for each, while it is dark."""
        bench.reach("detection.polarization", {})
        self.shape = (len(self.wavelengths()), self.angles)
        yield from points.zero(bench)
        for wavelength in self.wavelengths():
            pump = {"pump.wavelength": wavelength, "pump.fluence": self.fluence * self.wavelength / wavelength}
            first, *more = points.darks(self.dark_frames, self.exposure)
            yield replace(first, set=pump)
            yield from more
            for angle in np.linspace(self.start, self.stop, self.angles):
                where = {"pump.wavelength": wavelength, "detection.polarization": float(angle)}
                yield Point(set=where, read=READ, exposure_s=self.exposure)

    def reduce(self, run: RunView) -> Reduction:
        """Fit Malus' law to every line at each pump wavelength; see `labctl.analysis.polarized` for the names of the results.

        Those of the second wavelength end in `_off`. Raises AnalysisError when no spectrum is usable or no line is seen.
        """
        found, curves = Findings(), {}
        usable = ~run.flag("bad")
        if not usable.any():
            raise AnalysisError("Every spectrum is flagged bad.")
        spectra, _ = spectra_of(run, run["detection.polarization"], usable)
        spectra = polarized.without_grating(spectra, run.constants, found)
        at = run["pump.wavelength"][usable]
        for wavelength, suffix in zip(self.wavelengths(), ("", "_off"), strict=False):
            turn = spectra.where(at == wavelength)
            if len(turn.pump):
                curves |= self._turn(turn, wavelength, suffix, run, found)
        zero_error = float(run.constants.get("detection.polarization_uncertainty", 0.0))
        for name in [name for name in found.results if name.startswith("axis_")]:
            found.results[name] = replace(found.results[name], systematic=zero_error)
        return Reduction(found.results, curves, problems=tuple(found.problems))

    def _turn(self, turn: Spectra, wavelength: float, suffix: str, run: RunView, found: Findings) -> dict[str, CurveData]:
        """Reduce one turn; gives its curves."""
        width, bandwidth = float(run.constants["detection.instrument_fwhm"]), float(run.constants["pump.bandwidth"])
        band = turn.emission(self.band_start, self.band_stop, clear_of_pump(wavelength, bandwidth, width))
        if self.emission == "pair":
            edges = (self.band_start, self.pair_edge, self.band_stop)
            pair = Emission(self.splitting * 1e-3, *edges, margin(bandwidth, width), width)
            areas = polarized.pair_areas(band, wavelength, pair)
        else:
            areas = {"band": band.integral()} if self.emission == "band" else self._lines(band, width)
        if self.emission == "lines":
            fits, curves = polarized.modes(turn.pump, areas, found, suffix)
        else:
            fits, curves = polarized.fit_each(turn.pump, areas, found, suffix), {}
            polarized.between(fits, found, suffix)
        if self.emission == "pair" and not suffix:
            polarized.line_energies(band, turn.pump, fits, found, self.pair_edge + PAIR_ABOVE_EDGE_NM)
        return curves | {f"line_{name}{suffix}": polarized.curve(turn.pump, each, fits.get(name), f"{name}, pump {wavelength:g} nm")
                         for name, each in areas.items()}

    def _lines(self, band: Spectra, instrument_fwhm_nm: float) -> dict[str, polarized.Areas]:
        """Give the areas of every line found in the sum of the turn, named by its wavelength."""
        lines = find_lines(band.wavelength, *band.total(), share=FAINTEST_LINE, half_range_nm=self.line_reach,
                           instrument_fwhm_nm=instrument_fwhm_nm)
        return {f"{line.centre_nm.value:.2f}": polarized.line_areas(band, line, self.line_reach) for line in lines}
