"""Photoluminescence excitation: tune the pump at one photon flux or power, watch the emission, find the resonance."""

from __future__ import annotations

import numpy as np

from labctl.analysis import excitation_scan
from labctl.analysis.pair_series import Emission
from labctl.analysis.pump import margin
from labctl.analysis.series import Findings
from labctl.core import points
from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.plan import Kind, Point, Problem
from labctl.core.plots import Curve, Map, Spectrum
from labctl.core.procedure import PlanSteps, Procedure, another_run, choice, count, numbers, quantity
from labctl.core.quantities import listed
from labctl.core.reduction import Reduction, RunView

MOST_POINTS = 100_000
OVERLAP = excitation_scan.OVERLAP
HELD = {"photon flux": "pump.photon_flux", "power": "pump.power"}


class PLEScan(Procedure):
    """Excitation spectrum of the emission at constant photon flux or power; its maximum is the resonance."""

    title = "PLE scan"
    scan_axes = ("pump.wavelength",)
    plots = (
        Map("Emission against excitation", y="pump.wavelength"),
        Curve("Excitation spectrum", x="pump.wavelength", y="pair_rate", fit="pair_rate", optional=True),
        Curve("Excitation spectrum of the stimulated band", x="pump.wavelength", y="band_rate", fit="band_rate", optional=True),
        Curve("Excitation spectrum of the spontaneous line", x="pump.wavelength", y="spontaneous_rate", optional=True),
        Spectrum("Emission"),
    )

    start = quantity("First pump wavelength", "nm", default=500.0, minimum=200.0, maximum=3000.0, group="Pump")
    stop = quantity("Last pump wavelength", "nm", default=530.0, minimum=200.0, maximum=3000.0, group="Pump")
    step = quantity("Step", "nm", default=0.5, minimum=-500.0, maximum=500.0, group="Pump",
                    description="Negative when scanning towards shorter wavelengths.")
    wavelengths = numbers("Pump wavelengths", "nm", group="Pump",
                          description="A list instead of start, stop and step, e.g. '500, 505, 510:530:0.5', in this order.")
    held = choice("Held constant", tuple(HELD), default="photon flux", group="Pump")
    level = quantity("Level", "1", default=0.8, minimum=1e-4, maximum=1.0, group="Pump",
                     description="Of what is held, as a fraction of the smallest one reachable over the range.")
    exposure = quantity("Exposure", "s", default=1.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=3, minimum=1, maximum=100, group="Detection")
    emission = choice("Emission", ("pair", "band"), default="pair", group="Emission",
                      description="What is watched: a stimulated pair of lines on the spontaneous one, or bands.")
    emission_edge = quantity("Lower edge of the stimulated pair", "nm", default=530.2, minimum=200.0, maximum=3000.0,
                             group="Emission", description="Vacuum. Points whose pump band comes near are flagged, not fitted.")
    splitting = quantity("Distance of the pair", "meV", default=2.0, minimum=0.1, maximum=50.0, group="Emission")
    window_start = quantity("Fit from", "nm", default=527.6, minimum=200.0, maximum=3000.0, group="Emission")
    window_stop = quantity("Fit to", "nm", default=541.0, minimum=200.0, maximum=3000.0, group="Emission")
    band_start = quantity("Stimulated band from", "nm", default=530.2, minimum=200.0, maximum=3000.0, group="Emission")
    band_stop = quantity("Stimulated band to", "nm", default=532.0, minimum=200.0, maximum=3000.0, group="Emission")
    spontaneous_start = quantity("Spontaneous band from", "nm", default=0.0, minimum=0.0, maximum=3000.0, group="Emission",
                                 description="0: there is none to be watched beside the other.")
    spontaneous_stop = quantity("Spontaneous band to", "nm", default=0.0, minimum=0.0, maximum=3000.0, group="Emission")
    blank = another_run("Blank run", group="Analysis",
                        description="Number of a scan without the sample, whose spectra are subtracted; empty: none.")

    # ---------------------------------------------------------------- before the run
    def check(self) -> list[Problem]:
        """Refuse ranges that cannot be walked, and windows that cannot hold the emission."""
        problems = [] if self.wavelengths else self._check_range()
        if self.emission == "band":
            problems += ascending(self.band_start, self.band_stop, "band_stop", "nm")
            if self.spontaneous_start:
                problems += ascending(self.spontaneous_start, self.spontaneous_stop, "spontaneous_stop", "nm")
        elif not self.window_start < self.emission_edge < self.window_stop:
            window = f"{self.window_start:g} to {self.window_stop:g} nm"
            problems.append(Problem("emission_edge", f"{self.emission_edge:g} nm is not inside the fit window, {window}."))
        return problems

    def _check_range(self) -> list[Problem]:
        span = self.stop - self.start
        if self.step == 0 or span == 0:
            return [Problem("step" if self.step == 0 else "stop", "start, stop and step leave no range to scan.")]
        if span * self.step < 0:
            return [Problem("step", f"{self.step:g} nm leads away from {self.stop:g} nm when starting at {self.start:g} nm. "
                                    f"Write {-self.step:g} nm, or exchange start and stop.")]
        if span / self.step > MOST_POINTS:
            return [Problem("step", f"{span / self.step:.0f} points are more than {MOST_POINTS}; use a larger step.")]
        return []

    def grid(self) -> np.ndarray:
        """Give the pump wavelengths in nm; the last one is included when the step meets it."""
        if self.wavelengths:
            return np.array(listed(self.wavelengths, "nm"))
        return self.start + self.step * np.arange(int(np.floor((self.stop - self.start) / self.step + 1e-6)) + 1)

    def clear_of_emission(self, wavelength_nm: np.ndarray, bandwidth_nm: float, instrument_fwhm_nm: float) -> np.ndarray:
        """Mark the pump wavelengths whose band stays 1.5 bandwidths and 3 instrument widths below the emission."""
        edge = self.emission_edge if self.emission == "pair" else min(self.band_start, self.spontaneous_start or np.inf)
        return wavelength_nm <= edge - margin(bandwidth_nm, instrument_fwhm_nm)

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take dark frames and a reference, then every wavelength at one photon flux or power, then the reference again."""
        grid, held = self.grid(), HELD[self.held]
        self._insist_on_range(grid, bench)
        level = points.common_level(bench, grid, held, self.level)
        clear = self.clear_of_emission(grid, bench.constant("pump.bandwidth"), bench.constant("detection.instrument_fwhm"))
        candidates = np.sort(grid[clear] if clear.any() else grid)
        middle = float(candidates[len(candidates) // 2])

        def lit(wavelength: float, kind: Kind = "scan", flags: tuple[str, ...] = ()) -> Point:
            return Point({"pump.wavelength": wavelength, held: level}, kind=kind, exposure_s=self.exposure, flags=flags)

        for _ in range(self.dark_frames):
            yield Point(kind="dark", light=False, exposure_s=self.exposure)
        yield lit(middle, "reference")
        for wavelength, is_clear in zip(grid, clear, strict=True):
            yield lit(float(wavelength), flags=() if is_clear else (OVERLAP,))
        yield lit(middle, "reference")

    def _insist_on_range(self, grid: np.ndarray, bench: BenchView) -> None:
        low, high = bench.reach("pump.wavelength", {})
        outside = grid[(grid < low) | (grid > high)]
        if len(outside):
            field = "wavelengths" if self.wavelengths else "stop" if grid[-1] in outside else "start"
            raise Refused([Problem(field, f"{len(outside)} of {len(grid)} wavelengths ({outside.min():g} to {outside.max():g} nm) "
                                          f"are outside what the pump reaches, {low:g} to {high:g} nm.")])

    # ---------------------------------------------------------------- after the run
    def reduce(self, run: RunView) -> Reduction:
        """Find the maximum of the excitation spectrum; see `labctl.analysis.excitation_scan` for the names of the results.

        When the points do not enclose a maximum, the results are missing, the curves are kept, and an error among the problems says
        why. Raises AnalysisError when no spectrum shows the emission, or when the blank does not fit.
        """
        found, held = Findings(), HELD[self.held]
        blank = run.other(self.blank) if self.blank else None
        if self.emission == "band":
            bands = {"band": (self.band_start, self.band_stop)}
            bands |= {"spontaneous": (self.spontaneous_start, self.spontaneous_stop)} if self.spontaneous_start else {}
            curves = excitation_scan.band_results(run, held, blank, bands, found)
        else:
            curves = excitation_scan.pair_results(run, held, blank, self._emission(run), found)
        return Reduction(found.results, curves, problems=tuple(found.problems))

    def _emission(self, run: RunView) -> Emission:
        fwhm = float(run.constants["detection.instrument_fwhm"])
        return Emission(self.splitting * 1e-3, self.window_start, self.emission_edge, self.window_stop,
                        margin(float(run.constants["pump.bandwidth"]), fwhm), fwhm)
