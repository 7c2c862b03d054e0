"""Plans that decide where to go by what they have read: checked, estimated and begun by the bounds they declare."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from labctl.bench.bench import Bench
from labctl.bench.filters import CENTRE, SPECTRAL
from labctl.core.errors import Refused
from labctl.core.plan import Bounds, Estimate, Point, Problem, Reading
from labctl.engine import preflight
from labctl.engine.arrangement import Arrangement
from labctl.engine.course import AdaptiveCourse

if TYPE_CHECKING:
    from labctl.core.procedure import AdaptiveSteps, Procedure

MOST_CORNERS = 1024       # every combination of the extremes of ten quantities


@dataclass(frozen=True)
class Adaptive:
    """An adaptive procedure on a bench, with its bounds and what is put around it."""

    procedure: Procedure
    bounds: Bounds
    arrangement: Arrangement

    @classmethod
    def of(cls, procedure: Procedure, bench: Bench, arrangement: Arrangement) -> Adaptive | None:
        """Make it for a procedure that declares bounds; None for any other. Raises Refused when the bounds are no bounds."""
        bounds = procedure.bounds(bench)
        if bounds is None:
            return None
        if sum(low != high for low, high in bounds.set.values()) > MOST_CORNERS.bit_length() - 1:
            raise Refused([Problem("plan", f"the plan's bounds leave {len(bounds.set)} quantities free; ten can be checked.")])
        if problems := [*bounds.check(), *arrangement.check_adaptive()]:
            raise Refused(problems)
        return cls(procedure, bounds, arrangement)

    @property
    def total(self) -> int:
        """The most points there can be, references and darks included."""
        return self.arrangement.most(self.bounds.points)

    @property
    def turns_filters(self) -> bool:
        """Tell whether the plan itself changes what keeps the pump out: then a corner of its bounds is no point it would visit."""
        return any(low != high for low, high in (self.bounds.set.get(name, (0.0, 0.0)) for name in (SPECTRAL, CENTRE)))

    def check(self, bench: Bench) -> list[Problem]:
        """Check the extremes against every limit, and ask the plan for its first point."""
        found = preflight.check_points(self.bounds.corners(), bench.axes, bench.detectors, bench.actions)
        problems = [replace(problem, text=f"at the edge of the plan's bounds: {problem.text}", point=None) for problem in found]
        if not problems and self.course(bench).upcoming() is None:
            problems.append(Problem("plan", "there is not a single point to visit."))
        return problems

    def estimate(self, bench: Bench) -> Estimate:
        """Give the most it can cost: the longest moves before every point, the brightest corner at the longest exposure.

        Where the procedure tells a usual course, the time is that of it.
        """
        area = bench.beam.spot_area_cm2 if bench.beam is not None else None
        if known := self.bounds.known:
            return replace(preflight.estimate(known, bench.axes, bench.detectors, area), points=self.total)
        corners = self.bounds.corners()
        there_and_back = (*corners, *corners[-2::-1])
        single = [preflight.estimate([point], bench.axes, bench.detectors, area) for point in corners]
        moving = preflight.estimate(there_and_back, bench.axes, bench.detectors, area).seconds / len(there_and_back)
        dose = self.total * max(each.dose_j_cm2 for each in single)
        if self.bounds.dose_j_cm2 is not None:
            dose = min(dose, self.bounds.dose_j_cm2)
        seconds = self.total * max(moving, *(each.seconds for each in single))
        if self.bounds.usual:
            seconds = preflight.estimate(self.bounds.usual, bench.axes, bench.detectors, area).seconds
        return Estimate(seconds, dose,
                        self.total * max(each.bytes for each in single), self.total,
                        self.total * max(each.lit_seconds for each in single))

    def course(self, bench: Bench, readings: Iterable[Reading] = ()) -> AdaptiveCourse:
        """Begin the plan, and lead it through what an interrupted run had read; Refused when it would have gone another way."""
        area = bench.beam.spot_area_cm2 if bench.beam is not None else None

        def check(point: Point) -> list[Problem]:
            found = preflight.check_points([point], bench.axes, bench.detectors, bench.actions)
            found += bench.check_light([point]) if self.turns_filters else []
            return [replace(problem, point=None) for problem in found if problem.level == "error"]

        def dose(point: Point) -> float:
            return preflight.estimate([point], bench.axes, bench.detectors, area).dose_j_cm2 if not check(point) else 0.0

        course = AdaptiveCourse(self.arrangement.around(self._steps(bench)), self.bounds, self.total, check, dose)
        course.replay(iter(readings))
        return course

    def _steps(self, bench: Bench) -> AdaptiveSteps:
        """Begin the procedure's generator; an iterable that needs no readings will do as well."""
        plan = self.procedure.plan(bench)
        return cast("AdaptiveSteps", plan if isinstance(plan, Generator) else (point for point in plan))
