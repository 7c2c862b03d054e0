"""Stability: the sample stays lit, spectrum after spectrum, and what is left of its emission is counted against pulses."""

from __future__ import annotations

import numpy as np

from labctl.analysis.pump import pump_fluence
from labctl.analysis.series import spectra_of
from labctl.core import points
from labctl.core.errors import AnalysisError, Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve, Map
from labctl.core.procedure import PlanSteps, Procedure, count, quantity
from labctl.core.quantities import shown
from labctl.core.reduction import CurveData, Reduction, RunView

READ = ("power", "spectrum")
ENDS = 0.1          # share of the spectra at either end that make the first and the last level
FEWEST = 2          # spectra at either end


class Stability(Procedure):
    """Emission under a constant pump against the number of pulses; the exposures follow one another and fill the duration."""

    title = "Stability"
    scan_axes = ("elapsed_s",)
    plots = (Curve("Emission against time", x="elapsed_s", y="emission"), Map("Spectra against time", y="elapsed_s"))

    wavelength = quantity("Pump wavelength", "nm", default=400.0, minimum=200.0, maximum=3000.0, group="Pump")
    fluence = quantity("Fluence", "J/cm^2", default=57e-6, minimum=1e-15, maximum=10.0, group="Pump")
    duration = quantity("Lit for", "s", default=3600.0, minimum=1.0, maximum=1e6, group="Time",
                        description="All exposures together; moves and read-out, shutter closed, come on top.")
    spectra = count("Spectra", default=40, minimum=4, maximum=100_000, group="Time")
    dim = count("Slot of the detection's density filter", default=0, minimum=0, maximum=12, group="Detection",
                description="Long exposures of a bright sample need one; 0 leaves it. The pump is not touched.")
    dark_frames = count("Dark frames", default=3, minimum=1, maximum=100, group="Detection")
    band_start = quantity("Emission from", "nm", default=0.0, minimum=0.0, maximum=3000.0, group="Emission",
                          description="Vacuum; 0: the whole frame.")
    band_stop = quantity("Emission to", "nm", default=3000.0, minimum=0.0, maximum=3000.0, group="Emission")

    def check(self) -> list[Problem]:
        """Refuse a band turned round, and exposures nobody would call one."""
        problems = []
        if self.band_stop <= self.band_start:
            problems.append(Problem("band_stop", f"{self.band_stop:g} nm is not above the start, {self.band_start:g} nm."))
        if not 1e-3 <= self.exposure <= 3600.0:
            text = f"{self.spectra} spectra in {self.duration:g} s are exposures of {self.exposure:.3g} s; 1 ms to 1 h can be."
            problems.append(Problem("spectra", f"{text} Change the number of spectra."))
        return problems

    @property
    def exposure(self) -> float:
        """Exposure of each spectrum in s."""
        return self.duration / self.spectra

    def plan(self, bench: BenchView) -> PlanSteps:
        """Zero the power head, take dark frames, then spectra one after another."""
        where = {"pump.wavelength": self.wavelength, "pump.fluence": self.fluence}
        if self.dim:
            where["detection.nd"] = float(self.dim)
        low, high = bench.reach("pump.fluence", {"pump.wavelength": self.wavelength})
        if not low <= self.fluence <= high:
            reach = f"{shown(low, 'pump.fluence')} to {shown(high, 'pump.fluence')}"
            raise Refused([Problem("fluence", f"{shown(self.fluence, 'pump.fluence')} is outside {reach}, what the pump gives at "
                                              f"{self.wavelength:g} nm.")])
        yield from points.zero(bench)
        yield from points.darks(self.dark_frames, self.exposure)
        for _ in range(self.spectra):
            yield Point(set=where, read=READ, exposure_s=self.exposure)

    def reduce(self, run: RunView) -> Reduction:
        """Compare the last tenth of the spectra with the first.

        Results: `emission_retained_shots` (%), `pulses` (how many fell on the sample between the middles of the two). What the pump
        itself drifted by is not taken out but given as the systematic error. Raises AnalysisError without a repetition rate or
        light.
        """
        usable = ~(run.flag("saturated") | run.flag("bad"))
        fluence = pump_fluence(run)
        rate = float(run.constants.get("repetition_rate_hz", 0.0))
        if not rate or np.count_nonzero(usable) < 2 * FEWEST:
            raise AnalysisError("No repetition rate, or fewer than four spectra without saturation: nothing to compare. Dim the "
                                "detection, or take more spectra.")
        spectra, _ = spectra_of(run, fluence, usable)
        light, sigma = spectra.band(self.band_start, self.band_stop).integral()
        pulses = rate * self.exposure * (np.flatnonzero(usable) + 0.5)
        number = max(FEWEST, round(ENDS * len(light)))
        first, last = _mean(light[:number], sigma[:number]), _mean(light[-number:], sigma[-number:])
        if first[0] < 5.0 * first[1]:
            raise AnalysisError(f"The first spectra show no light to lose: {first[0]:.3g} ± {first[1]:.2g} electrons per second.")
        share = 100.0 * last[0] / first[0]
        drift = abs(float(np.median(spectra.pump[-number:]) / np.median(spectra.pump[:number]) - 1.0))
        kept = Result(share, share * float(np.hypot(first[1] / first[0], last[1] / last[0])), "%",
                      f"mean of the last {number} spectra over that of the first", share * drift, "systematic: drift of the pump")
        between = float(pulses[-number:].mean() - pulses[:number].mean())
        return Reduction(
            results={"emission_retained_shots": kept, "pulses": Result(between, None, "1", "repetition rate × exposures")},
            curves={"emission": CurveData("elapsed_s", run["elapsed_s"][usable], light, "1/s", "Emission", sigma=sigma)})


def _mean(values: np.ndarray, sigma: np.ndarray) -> tuple[float, float]:
    """Give the mean and its standard error, from the scatter where that is larger than the noise."""
    noise, scatter = float(np.sqrt((sigma**2).sum())) / len(values), float(values.std(ddof=1)) / np.sqrt(len(values))
    return float(values.mean()), max(noise, scatter)
