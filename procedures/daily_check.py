"""A few minutes before a day of measuring: dark level, read noise, a lamp line, power at a set-point, and how they were before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from labctl.analysis import irf, trends
from labctl.analysis.camera import in_the_dark
from labctl.analysis.lines import gaussian_line
from labctl.analysis.spectrograph import of_run
from labctl.analysis.trends import Watched
from labctl.core import lamp, points
from labctl.core.calibration import Calibration, taken_now
from labctl.core.errors import AnalysisError, Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem, Result
from labctl.core.plots import Curve
from labctl.core.procedure import PlanSteps, count, quantity
from labctl.core.reduction import Reduction, RunView

WAVELENGTH, PLATE = "pump.wavelength", "attenuator.angle"
REACH_NM = 1.0              # around the line: what the display may be off by
RUN_UP_NM = 20.0            # the line is always approached from below
WATCHED = {
    "dark_level": Watched("Dark level", 3.0), "read_noise": Watched("Read noise", 0.1, relative=True),
    "line_offset": Watched("Lamp line, read minus tabulated", 0.1),
    "line_fwhm": Watched("Width of the lamp line", 0.1, relative=True),
    "set_power": Watched("Pick-off reading at the set angle", 0.1, relative=True),
    "irf_fwhm": Watched("Width of the instrument response", 0.05, relative=True),
}


class DailyCheck(lamp.LampProcedure):
    """Numbers that should be today what they were yesterday, with the trend of the last thirty checks; the sample stays dark.

    What the bench does not have (camera, lamp, attenuator) is left out. The width of the instrument response is that of the last
    `irf` run.
    """

    title = "Daily check"
    plots = tuple(Curve(watched.label, x="days", y=name, fit=name, optional=True) for name, watched in WATCHED.items())

    line = quantity("Lamp line", "nm", default=546.075, minimum=200.0, maximum=2000.0, group="Lamp", description="Air.")
    visits = count("Visits of the line", default=3, minimum=2, maximum=50, group="Lamp",
                   description="The grating comes back to it from below every time.")
    wavelength = quantity("Pump wavelength", "nm", default=0.0, minimum=0.0, maximum=3000.0, group="Pump",
                          description="Vacuum. 0: the middle of what the pump reaches.")
    angle = quantity("Angle of the attenuator", "deg", default=20.0, minimum=0.0, maximum=360.0, group="Pump",
                     description="Always the same one, through the open slot of the wheel: no calibration comes between.")
    readings = count("Power readings", default=5, minimum=2, maximum=1000, group="Pump",
                     description="At the beginning, and again at the end.")

    def plan(self, bench: BenchView) -> PlanSteps:
        """Read the power, take dark frames, visit the lamp line, read the power again. Refused where there is nothing to do."""
        power = self._power(bench) if points.has_axis(bench, PLATE) and points.has_axis(bench, WAVELENGTH) else []
        camera = _has_camera(bench)
        lit = camera and points.has_axis(bench, lamp.SOURCE)
        if not power and not camera:
            raise Refused([Problem("bench", f"{bench.name} has neither a camera with a spectrograph nor an attenuator to check.")])
        if power:
            yield from points.zero(bench)
        yield from power
        if camera:
            frame = Point({lamp.SOURCE: lamp.AWAY} if lit else {}, kind="dark", light=False, exposure_s=self.exposure)
            yield from [frame] * max(self.dark_frames, 2)
        if lit:
            for _ in range(self.visits):
                yield Point({lamp.CENTRE: self.line - RUN_UP_NM}, kind="zero", read=(), light=False)
                yield self.lit(lamp.LINES, {lamp.CENTRE: self.line})
            yield self.away()
        yield from power
        if not lit:                         # a run shows at least one point that is a result
            yield replace(power[0], kind="scan") if power else Point(light=False, exposure_s=self.exposure)

    def _power(self, bench: BenchView) -> list[Point]:
        _, opened = points.wheel(bench)
        middle = float(np.mean(bench.reach(WAVELENGTH, {})))
        where = {**opened, WAVELENGTH: self.wavelength or middle, PLATE: self.angle}
        return [Point(where, ("power",), "reference", light=False)] * self.readings

    def reduce(self, run: RunView) -> Reduction:
        """Compare today's numbers with those of the last thirty checks.

        Results, as far as the bench has what they need: `dark_level` (counts), `read_noise` (electrons), `line_offset` (nm, read
        minus tabulated, with the calibration of the bench), `line_fwhm` (nm), `set_power` (W at the pick-off), `power_drift` (% in
        ten minutes), `irf_fwhm` (ps). What has moved is a warning.
        """
        results, problems = {}, []
        for number in (_camera, self._line, _power, _response):
            try:
                results |= number(run)
            except AnalysisError as exc:
                problems.append(Problem(number.__name__.strip("_"), str(exc), "warning"))
        earlier, now_s = run.calibration("daily_check"), datetime.now(UTC).timestamp()
        kept = {name: trends.continued(name, results[name], now_s, earlier.curve if earlier else None)
                for name in WATCHED if name in results}
        judged = [trends.judge(name, WATCHED[name], trend, results[name].unit) for name, trend in kept.items()]
        curves = {name: trends.drawn(WATCHED[name], trend, results[name].unit) for name, trend in kept.items()}
        calibration = Calibration(
            kind="daily_check", model="trends", curve=trends.stored(kept), valid={}, **taken_now({}, ()),
            units={name: results[name].unit for name in kept})
        return Reduction(results, curves, calibration, (*problems, *(problem for problem in judged if problem is not None)))

    def _line(self, run: RunView) -> dict[str, Result]:
        """Fit the lamp line at every visit."""
        try:
            displayed = run[f"{lamp.CENTRE}_measured"]
        except KeyError:
            return {}
        signal, sigma = run.signal(), run.sigma()
        geometry, pixel_um = of_run(run, int(run.constants["spectrograph.grating"])), float(run.constants["spectrograph.pixel_um"])
        lines = [gaussian_line(geometry.columns(float(centre), signal.shape[1], pixel_um), seen, error, near_nm=self.line,
                               half_range_nm=REACH_NM) for centre, seen, error in zip(displayed, signal, sigma, strict=True)]
        off, width = (np.array([get(line) for line in lines]) for get in (lambda line: line.centre_nm.value - self.line,
                                                                          lambda line: line.read_fwhm_nm))
        return {"line_offset": trends.mean_of(off, "nm", "visits"), "line_fwhm": trends.mean_of(width, "nm", "visits")}


def _has_camera(bench: BenchView) -> bool:
    try:
        return bench.constant("spectrograph.columns") > 0
    except AnalysisError:
        return False


def _camera(run: RunView) -> dict[str, Result]:
    """Give level and noise of the dark frames."""
    dark = run.select("dark")
    return in_the_dark(dark.counts(), float(dark["gain_e_per_count"][0])) if len(dark["elapsed_s"]) else {}


def _power(run: RunView) -> dict[str, Result]:
    """Give the mean of the power readings, and their drift over the check."""
    look = run.select("reference")
    return trends.steadiness(look["elapsed_s"], look["power"]) if len(look["elapsed_s"]) else {}


def _response(run: RunView) -> dict[str, Result]:
    """Give the width of the response that was kept last."""
    kept = run.calibration(irf.KIND)
    if kept is None:
        return {}
    width = float(kept.curve["fwhm_ps"])
    return {"irf_fwhm": Result(width, width * kept.uncertainty, "ps", "the last irf run", note=kept.date[:16].replace("T", " "))}
