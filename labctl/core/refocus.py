"""Finding the focus again in the middle of a plan: a scan in z, from whose brightest place the plan goes on.

A sample in a cryostat walks by micrometres when the temperature changes, further than a microscope's focus is deep.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from labctl.core.errors import AnalysisError
from labctl.core.plan import Bounds, Point, Reading

AXIS, FLAG = "sample.z", "focus"
MOST_SCANS = 3              # at one place of the series; each begins where the one before was brightest

Scan = Generator[Point, Reading, float]
Find = Callable[[np.ndarray, np.ndarray], float]


@dataclass
class Refocus:
    """Scans of `span_mm` in so many positions, within `reach_mm` of where the stage stood at the beginning of its scale.

    `find(z, light)` gives the best place of a scan; AnalysisError when it shows none.
    """

    span_mm: float
    positions: int
    exposure_s: float
    reach_mm: float
    find: Find
    found: list[tuple[float, float]] = field(default_factory=list)

    def expected(self, at: float) -> float:
        """Give the z in mm to look around: the last two places found, continued in a straight line over the abscissa."""
        if len(self.found) < 2:
            return self.found[-1][1] if self.found else 0.0
        (first, low), (second, high) = self.found[-2:]
        return high + (high - low) * (at - second) / (second - first)

    def steps(self, at: float, where: Mapping[str, float]) -> Scan:
        """Scan with further set-points `where` and come to the best place from below; gives it, in mm."""
        centre = self.expected(at)
        for _ in range(MOST_SCANS):
            places = self._places(centre)
            light = []
            for place in places:
                reading = yield Point(set={**where, AXIS: float(place)}, exposure_s=self.exposure_s, flags=(FLAG,))
                light.append(float(reading.arrays["counts"].sum()))
            brightest = int(np.argmax(light))
            centre = float(places[brightest])
            if 0 < brightest < len(places) - 1:
                centre = self._best(places, np.array(light), centre)
                break
        self.found.append((at, centre))
        yield Point(set={**where, AXIS: float(self._places(centre)[0])}, kind="zero", read=(), light=False)
        return centre

    def most_points(self) -> int:
        """Give the most points that one search can take."""
        return MOST_SCANS * self.positions + 1

    def promised(self, inner: Bounds, before: Sequence[Point], pump: Mapping[str, float]) -> Bounds:
        """Give the bounds of a plan that looks for the focus first, under a pump that the points `before` have set."""
        scan = Bounds.around([*before, Point(set={AXIS: self.reach_mm, **pump}, exposure_s=self.exposure_s)])
        both = inner.with_others(scan)
        return replace(both, points=inner.points + self.most_points() + len(before),
                       set={**both.set, AXIS: (-self.reach_mm, self.reach_mm)})

    def _places(self, centre: float) -> np.ndarray:
        """Give the positions of a scan, ascending: coming always from one side takes the stage's backlash out."""
        ladder = centre + np.linspace(-self.span_mm / 2, self.span_mm / 2, self.positions)
        return np.clip(ladder, -self.reach_mm, self.reach_mm)

    def _best(self, places: np.ndarray, light: np.ndarray, brightest: float) -> float:
        try:
            return float(np.clip(self.find(places, light), places[0], places[-1]))
        except AnalysisError:
            return brightest
