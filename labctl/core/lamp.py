"""What procedures share that look at a calibration lamp: a person puts it where the sample is, the pump stays shut out."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.core.errors import Refused
from labctl.core.instrument import BenchView
from labctl.core.plan import Point, Problem
from labctl.core.points import insist_on
from labctl.core.procedure import Procedure, count, quantity

SOURCE, GRATING, CENTRE = "lamp.source", "spectrograph.grating", "emission.centre"
AWAY, LINES, WHITE = 0.0, 1.0, 2.0      # which lamp stands there: none, the one with lines, the white one


class LampProcedure(Procedure):
    """A measurement of the detection with a lamp; the pump shutter stays closed throughout."""

    exposure = quantity("Exposure", "s", default=1.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=3, minimum=1, maximum=100, group="Detection")

    def darks(self) -> list[Point]:
        """Give the dark frames, the lamp taken away."""
        return [Point({SOURCE: AWAY}, kind="dark", light=False, exposure_s=self.exposure)] * self.dark_frames

    def lit(self, source: float, where: Mapping[str, float]) -> Point:
        """Give a spectrum of a lamp at further set-points."""
        return Point({SOURCE: source, **where}, light=False, exposure_s=self.exposure)

    def away(self) -> Point:
        """Give the last point: the lamp is taken away, so that the next run does not see it."""
        return Point({SOURCE: AWAY}, kind="zero", read=(), light=False)


def gratings(bench: BenchView, wanted: int) -> list[int]:
    """Give the gratings to visit, 0 meaning every one; refuses a bench without lamp or spectrograph, or without that grating."""
    insist_on(bench, SOURCE, GRATING, CENTRE)
    installed = int(bench.constant("spectrograph.gratings"))
    if wanted > installed:
        raise Refused([Problem("grating", f"there is no grating {wanted}; the turret holds {installed}.")])
    return [wanted] if wanted else list(range(1, installed + 1))
