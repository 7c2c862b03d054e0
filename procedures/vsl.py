"""Variable stripe length: emission from the end of a pumped stripe against its length, and the gain it grows with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labctl.analysis.gain import StripeGain, stripe_gain, subtract_pedestal
from labctl.analysis.pump import PumpScale, pump_fluence
from labctl.analysis.series import Findings, Spectra, spectra_of, usable_points
from labctl.core import points
from labctl.core.instrument import BenchView
from labctl.core.lit import ascending
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve, Map
from labctl.core.procedure import PlanSteps, Procedure, count, quantity, switch
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, Reduction, RunView

READ = ("power", "spectrum")
LENGTH, MM_PER_CM = "stripe.length", 10.0
PEDESTAL = 4.0           # times the shortest stripe: long enough for light, too short for gain at the low fluence
PUMP_SCATTER = 0.02      # of the amplified light, relative, from the pump's own scatter behind a gain of a few (unverified)


class VariableStripeLength(Procedure):
    """Amplified emission against stripe length at one fluence; modal gain, saturation length and depletion time."""

    title = "Variable stripe length"
    scan_axes = (LENGTH,)
    plots = (
        Curve("Amplified emission, pedestal removed", x=LENGTH, y="amplified", fit="amplified", log=True),
        Map("Emission against stripe length", y=LENGTH),
    )

    wavelength = quantity("Pump wavelength", "nm", default=400.0, minimum=200.0, maximum=3000.0, group="Pump")
    fluence = quantity("Fluence", "J/cm^2", default=57e-6, minimum=1e-12, maximum=10.0, group="Pump")
    pedestal_fluence = quantity("Fluence of the pedestal", "J/cm^2", default=4e-6, minimum=1e-12, maximum=10.0, group="Pump",
                                description="So weak that nothing is amplified; its spectrum is taken out of the others.")
    shortest = quantity("Shortest stripe", "mm", default=0.05, minimum=1e-3, maximum=50.0, group="Stripe")
    longest = quantity("Longest stripe", "mm", default=1.0, minimum=1e-3, maximum=50.0, group="Stripe")
    lengths = count("Lengths", default=60, minimum=6, maximum=1000, group="Stripe")
    random_order = switch("Random order of the lengths", default=True, group="Stripe",
                          description="So that a drift of the pump does not look like gain.")
    length_error = quantity("Error common to all lengths", "mm", default=0.005, minimum=0.0, maximum=10.0, group="Stripe",
                            description="Of the blurred edges of the stripe; becomes the systematic error of the gain.")
    exposure = quantity("Exposure", "s", default=0.5, minimum=1e-5, maximum=3600.0, group="Detection")
    pedestal_exposure = quantity("Exposure of the pedestal", "s", default=10.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=4, minimum=1, maximum=100, group="Detection")
    band_start = quantity("Amplified from", "nm", default=515.0, minimum=0.0, maximum=3000.0, group="Emission",
                          description="Vacuum.")
    band_stop = quantity("Amplified to", "nm", default=535.0, minimum=0.0, maximum=3000.0, group="Emission")
    blue_start = quantity("Spontaneous from", "nm", default=498.0, minimum=0.0, maximum=3000.0, group="Emission",
                          description="A band above the gain, by which the pedestal is scaled.")
    blue_stop = quantity("Spontaneous to", "nm", default=507.0, minimum=0.0, maximum=3000.0, group="Emission")
    window = quantity("Fit up to", "mm", default=0.0, minimum=0.0, maximum=50.0, group="Analysis",
                      description="0: 0.8 of the saturation length that the data show.")

    def check(self) -> list[Problem]:
        """Refuse lengths that do not rise, a pedestal that is no weaker, and bands that hold nothing."""
        problems = ascending(self.shortest, self.longest, "longest", "mm")
        if self.pedestal_fluence > 0.5 * self.fluence:
            problems.append(Problem(
                "pedestal_fluence", f"{shown(self.pedestal_fluence, 'pump.fluence')} is more than half of the fluence of the "
                f"stripes, {shown(self.fluence, 'pump.fluence')}; the pedestal would be amplified too."))
        for low, high in (("band_start", "band_stop"), ("blue_start", "blue_stop")):
            problems += ascending(getattr(self, low), getattr(self, high), high, "nm")
        return problems

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero the power head, take dark frames and the pedestal, which is the reference point, then every length."""
        ladder = np.linspace(self.shortest, self.longest, self.lengths)
        if self.random_order:
            ladder = ladder[np.random.default_rng(self.lengths).permutation(self.lengths)]
        yield from points.zero(bench)
        for exposure in dict.fromkeys((self.pedestal_exposure, self.exposure)):
            yield from points.darks(self.dark_frames, exposure)
        weak = {"pump.wavelength": self.wavelength, "pump.fluence": self.pedestal_fluence, LENGTH: PEDESTAL * self.shortest}
        yield Point(set=weak, kind="reference", read=READ, exposure_s=self.pedestal_exposure)
        for length in ladder:
            where = {"pump.wavelength": self.wavelength, "pump.fluence": self.fluence, LENGTH: float(length)}
            yield Point(set=where, read=READ, exposure_s=self.exposure)

    def reduce(self, run: RunView) -> Reduction:
        """Take the pedestal out and fit the growth with length.

        Results: `gain_coefficient` (cm-1), `saturation_length` (cm), `gain_depletion_time` (ps), `pump_fluence` (µJ/cm²). Raises
        AnalysisError when every stripe is saturated or the pedestal shows no light.
        """
        stripes = usable_points(run)
        spectra, _ = spectra_of(run, run[LENGTH] / MM_PER_CM, stripes)
        pedestal, _ = spectra_of(run.select("reference"), run.select("reference")[LENGTH])
        length, signal, sigma = self._amplified(spectra, pedestal)
        found = Findings()
        gain = found.attempt("gain_coefficient", lambda: stripe_gain(
            length, signal, sigma, window_cm=self.window / MM_PER_CM or None, length_error_cm=self.length_error / MM_PER_CM))
        self._results(run, stripes, gain, found)
        return Reduction(found.results, {"amplified": _curve(length, signal, sigma, gain)}, problems=tuple(found.problems))

    def _amplified(self, spectra: Spectra, pedestal: Spectra) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give length in cm, amplified light and its error; each point also carries the scatter of the pump behind a high gain."""
        nm = spectra.wavelength
        blue, band = (nm >= self.blue_start) & (nm <= self.blue_stop), (nm >= self.band_start) & (nm <= self.band_stop)
        free = subtract_pedestal(spectra.signal, pedestal.signal.mean(axis=0), blue)[:, band].sum(axis=1)
        noise = np.sqrt((spectra.sigma[:, band] ** 2).sum(axis=1))
        order = np.argsort(spectra.pump, kind="stable")
        return spectra.pump[order], free[order], np.hypot(noise, PUMP_SCATTER * np.abs(free))[order]

    def _results(self, run: RunView, stripes: np.ndarray, gain: StripeGain | None, found: Findings) -> None:
        fluence = pump_fluence(run)[stripes]
        scale = PumpScale.of(run.constants)
        found.results["pump_fluence"] = scale.fluence(Result(
            float(np.median(fluence)), float(fluence.std() / np.sqrt(len(fluence))), "µJ/cm²",
            "median reading of the pick-off head"))
        if gain is None:
            return
        found.results["gain_coefficient"] = gain.gain
        for name, result in (("saturation_length", gain.saturation_length), ("gain_depletion_time", gain.depletion_time)):
            if result is None:
                found.warn(name, "the longest stripe does not fall below half of the fitted law. Measure longer stripes.")
            else:
                found.results[name] = result


def _curve(length: np.ndarray, signal: np.ndarray, sigma: np.ndarray, gain: StripeGain | None) -> CurveData:
    used = np.ones(len(length), dtype=bool) if gain is None else gain.used
    drawn = CurveData(LENGTH, length * MM_PER_CM, signal, "1/s", "Amplified emission", sigma=sigma, used=used,
                      left_out="beyond the fit's window")
    if gain is None:
        return drawn
    smooth = np.linspace(length.min(), gain.window_cm, 101)
    return replace(drawn, fit_x=smooth * MM_PER_CM, fit_y=gain.curve(smooth), fit_sigma=gain.curve_error(smooth))
