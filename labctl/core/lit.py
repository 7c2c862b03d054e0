"""What procedures share that look at the sample under a pump that stays as it is: two parameters and the points made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from labctl.core.plan import Point, Problem
from labctl.core.procedure import Procedure, count, quantity


class LitProcedure(Procedure):
    """A measurement under one pump setting; 0 leaves wavelength or power alone, so it also suits a bench without a pump.

    The pump is set once, with the first dark frame: closing its loop again at every point would add its tolerance to the scatter,
    and the settling time of the power head to the run.
    """

    wavelength = quantity("Pump wavelength", "nm", default=0.0, minimum=0.0, maximum=3000.0, group="Pump",
                          description="Vacuum. 0 leaves the source as it is.")
    power = quantity("Pump power at the sample", "W", default=0.0, minimum=0.0, maximum=10.0, group="Pump",
                     description="0 leaves the attenuator parked: a run begins at its least.")
    exposure = quantity("Exposure", "s", default=1.0, minimum=1e-5, maximum=3600.0, group="Detection")
    dark_frames = count("Dark frames", default=3, minimum=1, maximum=100, group="Detection")

    def pump(self) -> dict[str, float]:
        """Give the set-points of the pump; empty when it stays as it is."""
        wanted = {"pump.wavelength": self.wavelength, "pump.power": self.power}
        return {name: value for name, value in wanted.items() if value}

    def darks(self, exposure_s: float = 0.0) -> list[Point]:
        """Give the dark frames to subtract, by default of the exposure of the measurement; the pump is set meanwhile."""
        frame = Point(set=self.pump(), kind="dark", light=False, exposure_s=exposure_s or self.exposure)
        return [frame, *[replace(frame, set={})] * (self.dark_frames - 1)]

    def lit(self, where: Mapping[str, float] | None = None) -> Point:
        """Give a point under the pump at further set-points."""
        return Point(set=where or {}, exposure_s=self.exposure)


def ascending(low: float, high: float, name: str, unit: str) -> list[Problem]:
    """Refuse a range whose end is not above its start; `name` is the parameter of the end."""
    if high > low:
        return []
    return [Problem(name, f"{high:g} {unit} is not above the start, {low:g} {unit}. Exchange the two, or move one of them.")]
