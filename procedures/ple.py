"""Photoluminescence excitation: tune the pump at constant photon flux, watch the stimulated emission, find the resonance."""

from __future__ import annotations

import numpy as np

from labctl.analysis.excitation import Maximum, parabola_maximum
from labctl.analysis.lineshape import PairFit, Shape
from labctl.analysis.pair_series import Emission, Series, fitted_pixels, learn_shape, pair_fits
from labctl.analysis.pump import margin
from labctl.analysis.series import reference_drift
from labctl.core.errors import AnalysisError, Refused
from labctl.core.instrument import BenchView
from labctl.core.photons import energy_ev
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve, Map, Spectrum
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, Reduction, RunView

MOST_POINTS = 100_000
OVERLAP = "pump_overlap"
SATURATED, BAD = "saturated", "bad"
POWER_REPEATABILITY = 0.01      # relative, per point: closing the photon flux on the pick-off
FILTER_SCALE_NM = 0.1           # systematic error of the pump wavelength (unverified: no data-sheet figure at hand)
SPECTROMETER_SCALE_NM = 0.1     # systematic error of the emission wavelength before a lamp calibration (unverified)


class PLEScan(Procedure):
    """Excitation spectrum of the stimulated pair at constant photon flux; its maximum is the resonance."""

    title = "PLE scan"
    scan_axes = ("pump.wavelength",)
    plots = (
        Map("Emission against excitation", y="pump.wavelength"),
        Curve("Excitation spectrum", x="pump.wavelength", y="pair_rate", fit="pair_rate"),
        Curve("Excitation spectrum of the spontaneous line", x="pump.wavelength", y="spontaneous_rate", optional=True),
        Spectrum("Emission"),
    )

    start = quantity("First pump wavelength", "nm", default=500.0, minimum=200.0, maximum=3000.0, group="Pump")
    stop = quantity("Last pump wavelength", "nm", default=530.0, minimum=200.0, maximum=3000.0, group="Pump")
    step = quantity("Step", "nm", default=0.5, minimum=-500.0, maximum=500.0, group="Pump",
                    description="Negative when scanning towards shorter wavelengths.")
    exposure = quantity("Exposure", "s", default=1.0, minimum=1e-5, maximum=3600.0, group="Detection")
    level = quantity("Level", "1", default=0.8, minimum=1e-4, maximum=1.0, group="Pump",
                     description="Photon flux as a fraction of the smallest one reachable over the range.")
    dark_frames = count("Dark frames", default=3, minimum=1, maximum=100, group="Detection")
    emission_edge = quantity("Lower edge of the stimulated pair", "nm", default=530.2, minimum=200.0, maximum=3000.0,
                             group="Emission", description="Vacuum. Points whose pump band comes near are flagged, not fitted.")
    splitting = quantity("Distance of the pair", "meV", default=2.0, minimum=0.1, maximum=50.0, group="Emission")
    window_start = quantity("Fit from", "nm", default=527.6, minimum=200.0, maximum=3000.0, group="Emission")
    window_stop = quantity("Fit to", "nm", default=541.0, minimum=200.0, maximum=3000.0, group="Emission")

    # ---------------------------------------------------------------- before the run
    def check(self) -> list[Problem]:
        """Refuse ranges that cannot be walked, and windows that cannot hold the pair."""
        problems = []
        span = self.stop - self.start
        if self.step == 0 or span == 0:
            problems.append(Problem("step" if self.step == 0 else "stop", "start, stop and step leave no range to scan."))
        elif span * self.step < 0:
            problems.append(Problem(
                "step", f"{self.step:g} nm leads away from {self.stop:g} nm when starting at {self.start:g} nm. "
                f"Write {-self.step:g} nm, or exchange start and stop.",
            ))
        elif span / self.step > MOST_POINTS:
            problems.append(Problem("step", f"{span / self.step:.0f} points are more than {MOST_POINTS}; use a larger step."))
        if not self.window_start < self.emission_edge < self.window_stop:
            problems.append(Problem(
                "emission_edge", f"{self.emission_edge:g} nm is not inside the fit window, {self.window_start:g} to "
                f"{self.window_stop:g} nm.",
            ))
        return problems

    def grid(self) -> np.ndarray:
        """Give the pump wavelengths in nm; the last one is included when the step meets it."""
        intervals = int(np.floor((self.stop - self.start) / self.step + 1e-6))
        return self.start + self.step * np.arange(intervals + 1)

    def clear_of_emission(self, wavelength_nm: np.ndarray, bandwidth_nm: float, instrument_fwhm_nm: float) -> np.ndarray:
        """Mark the pump wavelengths whose band stays 1.5 bandwidths and 3 instrument widths below the emission."""
        return wavelength_nm <= self.emission_edge - margin(bandwidth_nm, instrument_fwhm_nm)

    def plan(self, bench: BenchView) -> PlanSteps:
        """Take dark frames and a reference, then every wavelength at one photon flux, then the reference again."""
        grid = self.grid()
        self._insist_on_range(grid, bench)
        flux = self._common_flux(grid, bench)
        clear = self.clear_of_emission(grid, bench.constant("pump.bandwidth"), bench.constant("detection.instrument_fwhm"))
        candidates = np.sort(grid[clear] if clear.any() else grid)
        middle = float(candidates[len(candidates) // 2])

        def lit(wavelength: float, kind: str = "scan", flags: tuple[str, ...] = ()) -> Point:
            where = {"pump.wavelength": wavelength, "pump.photon_flux": flux}
            return Point(set=where, kind=kind, exposure_s=self.exposure, flags=flags)    # type: ignore[arg-type]

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
            field = "stop" if grid[-1] in outside else "start"
            raise Refused([Problem(
                field, f"{len(outside)} of {len(grid)} wavelengths ({outside.min():g} to {outside.max():g} nm) are outside what "
                f"the pump reaches, {low:g} to {high:g} nm.",
            )])

    def _common_flux(self, grid: np.ndarray, bench: BenchView) -> float:
        """Give the photon flux in 1/s for all points: a fraction of the smallest reachable one."""
        reaches = [bench.reach("pump.photon_flux", {"pump.wavelength": float(wavelength)}) for wavelength in grid]
        flux = self.level * min(high for _, high in reaches)
        worst = int(np.argmax([low for low, _ in reaches]))
        if flux < reaches[worst][0]:
            raise Refused([Problem(
                "level", f"{shown(flux, 'pump.photon_flux')} is below the lowest photon flux that the attenuator gives at "
                f"{grid[worst]:g} nm, {shown(reaches[worst][0], 'pump.photon_flux')}. Raise the level, or add a neutral density "
                "filter.",
            )])
        return flux

    # ---------------------------------------------------------------- after the run
    def reduce(self, run: RunView) -> Reduction:
        """Fit the pair in every spectrum and a parabola through the top of its excitation spectrum.

        Results: `resonance_nm` (vacuum), `resonance_eV`, `peak_rate` (electrons/s in the pair at the maximum), `red_shift_meV`
        (resonance minus the centre of the broad line), `stokes_shift` (the same), `se_red_shift` (meV: by how much the pair moves
        to the red from the bluest fitted pump to the resonance). Curve `spontaneous_rate` is the broad line's. When the points do
        not enclose a maximum, the results are missing, the curves are kept, and an error among the problems says why. Raises
        AnalysisError when no spectrum shows the pair.
        """
        wavelength, emission = run["pump.wavelength"], self._emission(run)
        usable = ~(run.flag(OVERLAP) | run.flag(BAD) | _saturated(run, emission))
        if not usable.any():
            raise AnalysisError("Every point of the scan is flagged (pump overlap or saturation), so nothing is left to fit.")
        shape, broad_stderr = learn_shape(_series(run), emission, usable)
        fits = pair_fits(_series(run), emission, shape)
        rate, sigma = _rates(run, fits)
        problems = _reference_drift(run, emission, shape)
        top = None
        try:
            top = parabola_maximum(wavelength, rate, sigma, usable)
        except AnalysisError as exc:
            problems.append(Problem("resonance_nm", str(exc), "error"))
        results: dict[str, Result] = {}
        if top is not None:
            results = _results(run, top, shape, broad_stderr)
            results |= {"stokes_shift": results["red_shift_meV"], "se_red_shift": _red_shift(wavelength, fits, usable, top)}
        broad, broad_sigma = (np.array([getattr(fit, name) for fit in fits]) for name in ("broad", "broad_stderr"))
        spontaneous = CurveData("pump.wavelength", wavelength, broad, "1/s", "Electrons in the spontaneous line", broad_sigma,
                                usable, "left out: pump overlap, or saturated")
        return Reduction(results, {"pair_rate": _curve(wavelength, rate, sigma, usable, top), "spontaneous_rate": spontaneous},
                         problems=tuple(problems))

    def _emission(self, run: RunView) -> Emission:
        fwhm = float(run.constants["detection.instrument_fwhm"])
        return Emission(
            splitting_ev=self.splitting * 1e-3, low_nm=self.window_start, edge_nm=self.emission_edge, high_nm=self.window_stop,
            margin_nm=margin(float(run.constants["pump.bandwidth"]), fwhm), instrument_fwhm_nm=fwhm,
        )


def _saturated(run: RunView, emission: Emission) -> np.ndarray:
    """Mark the points that are saturated where it matters: in a pixel that the fit uses.

    Near the resonance the pump's own line stands at the edge of the frame and saturates there; charge spreads along columns, so the
    pixels of the emission stay true. Without the camera's limit among the numbers of the run every flagged point counts.
    """
    flagged = run.flag(SATURATED)
    try:
        limit = run["saturation_counts"]
    except KeyError:
        return flagged
    fitted = fitted_pixels(run["pump.wavelength"], run.wavelength("vacuum"), emission)
    return flagged & np.any(fitted & (run.counts() >= limit[:, None]), axis=1)


def _series(run: RunView) -> Series:
    return Series(run["pump.wavelength"], run.wavelength("vacuum"), run.signal(), run.sigma())


def _rates(run: RunView, fits: list[PairFit]) -> tuple[np.ndarray, np.ndarray]:
    """Give the pair's rate at the wanted flux (1 % more measured flux counts 1 % less) and its standard error."""
    rate, stderr = (np.array([getattr(fit, name) for fit in fits]) for name in ("pair", "pair_stderr"))
    try:
        correction = run["pump.photon_flux"] / run["pump.photon_flux_measured"]
    except KeyError:
        correction = np.ones(len(rate))
    correction = np.where(np.isfinite(correction) & (correction > 0), correction, 1.0)
    return correction * rate, correction * np.hypot(stderr, POWER_REPEATABILITY * rate)


def _reference_drift(run: RunView, emission: Emission, shape: Shape) -> list[Problem]:
    """Compare the last reference point with the first; nothing is corrected."""
    try:
        reference = run.select("reference")
        visited = len(reference["pump.wavelength"]) > 0
        rate, sigma = _rates(reference, pair_fits(_series(reference), emission, shape)) if visited else (np.empty(0), np.empty(0))
    except KeyError:
        rate = sigma = np.empty(0)
    return reference_drift(rate, sigma)


def _results(run: RunView, top: Maximum, shape: Shape, broad_stderr_ev: float) -> dict[str, Result]:
    """Turn wavelength and shape into the results; a wavelength error becomes an energy error by E / λ."""
    resonance_ev = float(energy_ev(top.wavelength_nm))
    per_nm = resonance_ev / top.wavelength_nm
    emission_systematic_ev = SPECTROMETER_SCALE_NM * shape.broad_ev**2 / (resonance_ev * top.wavelength_nm)
    estimator = f"parabola through {np.count_nonzero(top.used)} points above 75 % of the maximum"
    scale = "systematic: pump wavelength scale"
    return {
        "resonance_nm": Result(top.wavelength_nm, top.stderr_nm, "nm", estimator, FILTER_SCALE_NM, f"vacuum; {scale}"),
        "resonance_eV": Result(resonance_ev, top.stderr_nm * per_nm, "eV", estimator, FILTER_SCALE_NM * per_nm, scale),
        "peak_rate": Result(
            top.height, top.height_stderr, "1/s", estimator,
            abs(top.height) * float(run.constants.get("pump.power_uncertainty", 0.0)),
            "electrons per second in both lines; systematic: photon flux, response taken as linear",
        ),
        "red_shift_meV": Result(
            (resonance_ev - shape.broad_ev) * 1e3, float(np.hypot(top.stderr_nm * per_nm, broad_stderr_ev)) * 1e3, "meV",
            f"{estimator}, minus the centre of the broad line",
            float(np.hypot(FILTER_SCALE_NM * per_nm, emission_systematic_ev)) * 1e3,
            "systematic: scales of pump filter and spectrometer",
        ),
    }


def _red_shift(wavelength: np.ndarray, fits: list[PairFit], usable: np.ndarray, top: Maximum) -> Result:
    """Give the pair's centre at the bluest usable pump minus that at the resonance, in meV; positive is red on tuning in."""
    chosen = np.flatnonzero(usable)
    blue = int(chosen[np.argmin(wavelength[chosen])])
    near = int(chosen[np.argmin(np.abs(wavelength[chosen] - top.wavelength_nm))])
    stderr = float(np.hypot(fits[blue].shape_stderr.pair_ev, fits[near].shape_stderr.pair_ev))
    return Result((fits[blue].shape.pair_ev - fits[near].shape.pair_ev) * 1e3, stderr * 1e3, "meV",
                  f"centre of the pair at {wavelength[blue]:g} nm pump minus that at {wavelength[near]:g} nm; positive is red")


def _curve(wavelength: np.ndarray, rate: np.ndarray, sigma: np.ndarray, usable: np.ndarray, top: Maximum | None) -> CurveData:
    """Give the excitation spectrum with the parabola drawn over the points it was fitted to."""
    fit_x = None if top is None else np.linspace(wavelength[top.used].min(), wavelength[top.used].max(), 101)
    return CurveData(
        x_name="pump.wavelength", x=wavelength, y=rate, sigma=sigma, unit="1/s", label="Electrons in the stimulated pair",
        used=usable, left_out="left out: pump overlap, or saturated",
        fit_x=fit_x, fit_y=None if top is None or fit_x is None else top.curve(fit_x),
    )
