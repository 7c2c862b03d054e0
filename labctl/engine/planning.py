"""From a procedure and a bench to checked points: all problems together, an estimate, and nothing moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.bench.bench import Bench
from labctl.bench.optics import PumpLevel
from labctl.core.dose import Light
from labctl.core.errors import AnalysisError, CalibrationNeeded, Refused, StoreError
from labctl.core.plan import Bounds, Estimate, Point, Problem, Reading
from labctl.core.quality import policies
from labctl.engine import preflight
from labctl.engine.adaptive import Adaptive
from labctl.engine.arrangement import Arrangement
from labctl.engine.course import Course, FixedCourse
from labctl.engine.dose_plan import Place, planned, planned_at_most, with_light
from labctl.engine.quality import with_shorter_darks
from labctl.engine.rehearsal import FOLDER as REHEARSALS
from labctl.store.find import find_run
from labctl.store.run import load

if TYPE_CHECKING:
    from labctl.core.procedure import Procedure

MOST_POINTS = 1_000_000
AS_PLANNED = Arrangement()


@dataclass(frozen=True)
class Plan:
    """What a run will do. `problems` holds warnings only once `refuse_if_wrong` has passed."""

    points: tuple[Point, ...]
    estimate: Estimate
    problems: tuple[Problem, ...]
    needs: tuple[str, ...] = ()       # kinds of calibration that are missing
    adaptive: Adaptive | None = None  # of a plan that decides by what it reads; `points` is then empty
    light: Mapping[Place, Light] = field(default_factory=dict)      # what will fall on each place

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that forbid the run."""
        return tuple(problem for problem in self.problems if problem.level == "error")

    @property
    def detectors(self) -> tuple[str, ...]:
        """The detectors that may be read."""
        if self.adaptive is not None:
            return self.adaptive.bounds.read
        return tuple(dict.fromkeys(name for point in self.points for name in point.read))

    @property
    def bounds(self) -> Bounds:
        """What the run stays within."""
        return Bounds.around(self.points) if self.adaptive is None else self.adaptive.bounds

    def bounds_as_json(self) -> dict[str, Any] | None:
        """Give the bounds of an adaptive plan as plain JSON types; None for any other."""
        return None if self.adaptive is None else self.adaptive.bounds.as_json()

    def course(self, bench: Bench, readings: Iterable[Reading] = ()) -> Course:
        """Give the course of a run along this plan, past the points at which an interrupted run has read this.

        Raises Refused when an adaptive plan would have gone another way than the one whose readings those are.
        """
        return FixedCourse(self.points, readings) if self.adaptive is None else self.adaptive.course(bench, readings)

    def with_problems(self, more: list[Problem]) -> Plan:
        """Give the plan with further problems."""
        return replace(self, problems=(*self.problems, *more))

    def refuse_if_wrong(self) -> None:
        """Raise Refused with everything found, warnings included, when anything forbids the run."""
        if self.errors:
            raise Refused(self.problems)


NOTHING = Estimate(0.0, 0.0, 0, 0)


def make_plan(procedure: Procedure, bench: Bench, root: Path, arrangement: Arrangement = AS_PLANNED, seed: int = 0) -> Plan:
    """Enumerate and arrange the points and check them, the parameters, the calibrations and the disk; touches no instrument."""
    problems = [*procedure.check(), *arrangement.check(), *_absent_runs(procedure, root)]
    problems += [problem for flag, policy in procedure.quality.items() for problem in policy.check(flag)]
    points: tuple[Point, ...] = ()
    adaptive: Adaptive | None = None
    if not any(problem.level == "error" for problem in problems):
        try:
            adaptive = Adaptive.of(procedure, bench, arrangement)
            points = _arranged(procedure, bench, arrangement, seed) if adaptive is None else ()
            looked_at = points if adaptive is None else adaptive.bounds.corners()
        except CalibrationNeeded as exc:
            return Plan((), NOTHING, (Problem("calibration", str(exc)),), (exc.kind,))
        except AnalysisError as exc:
            problems.append(Problem("plan", str(exc)))
        except Refused as exc:
            problems += exc.problems
        else:
            needs = _missing_calibrations(looked_at, bench)
            if needs:
                return Plan(points, NOTHING, tuple(_why(kind, bench) for kind in needs), needs, adaptive)
            problems += _checked(points, adaptive, bench)
            if adaptive is None or not adaptive.turns_filters:
                problems += preflight.condensed(bench.check_light(looked_at))
    estimate = NOTHING
    if (points or adaptive) and not any(problem.level == "error" for problem in problems):
        area = bench.beam.spot_area_cm2 if bench.beam is not None else None
        estimate = adaptive.estimate(bench) if adaptive else preflight.estimate(points, bench.axes, bench.detectors, area)
    light: Mapping[Place, Light] = {}
    if estimate.points:
        light = planned_at_most(adaptive, bench) if adaptive else planned(points, bench)
        estimate = with_light(estimate, light)
    problems += [*preflight.check_disk(root, estimate.bytes), *_undarkened(points, bench), *_unchecked(bench)]
    return Plan(points, estimate, tuple(problems), adaptive=adaptive, light=light)


def _absent_runs(procedure: Procedure, root: Path) -> list[Problem]:
    """Say which of the runs that parameters name (a blank, a control) are not below the data root, or did not come to their end."""
    problems = []
    for parameter, name in procedure.other_runs().items():
        try:
            with load(find_run(name, root.parent if root.name == REHEARSALS else root)) as other:
                if other.status != "done":
                    problems.append(Problem(parameter, f"run {name} is {other.status}; a complete one is needed."))
        except StoreError as exc:
            problems.append(Problem(parameter, str(exc)))
    return problems


def _checked(points: tuple[Point, ...], adaptive: Adaptive | None, bench: Bench) -> list[Problem]:
    """Say what is wrong with the points, or with the bounds and the first point of an adaptive plan."""
    if adaptive is None:
        return preflight.check_points(points, bench.axes, bench.detectors, bench.actions)
    try:
        return adaptive.check(bench)
    except Refused as exc:
        return list(exc.problems)


def _arranged(procedure: Procedure, bench: Bench, arrangement: Arrangement, seed: int) -> tuple[Point, ...]:
    """Enumerate the points, arrange them, and see to dark frames for exposures that may be shortened."""
    def can(point: Point) -> bool:
        return not any(bench.detectors[name].check(point.exposure_s) for name in point.read if name in bench.detectors)

    points = arrangement.apply(_enumerate(procedure, bench), seed)
    return with_shorter_darks(points, policies(bench.config.policies, procedure.quality), can)


def _enumerate(procedure: Procedure, bench: Bench) -> tuple[Point, ...]:
    points = []
    for point in procedure.plan(bench):
        points.append(point)
        if len(points) > MOST_POINTS:
            raise Refused([Problem("plan", f"the plan has more than {MOST_POINTS} points. Make the step larger.")])
    return tuple(points)


def _missing_calibrations(points: tuple[Point, ...], bench: Bench) -> tuple[str, ...]:
    """Tell which kinds of calibration the points rely on and the bench does not have."""
    uses_levels = any(isinstance(bench.axes.get(name), PumpLevel) for name in {name for point in points for name in point.set})
    return ("power_calibration",) if uses_levels and bench.calibrations.get("power_calibration") is None else ()


def _undarkened(points: tuple[Point, ...], bench: Bench) -> list[Problem]:
    """Say that dark frames are only as dark as the room, where nothing can close the beam."""
    if bench.shutter is not None or len({point.light for point in points if "spectrum" in point.read}) < 2:
        return []
    text = (f"{bench.name} has no shutter, so its dark frames see whatever light there is, and it is subtracted. Take them of a "
            "blocked beam as a run of its own, or name the shutter in the bench file.")
    return [Problem("shutter", text, "warning")]


def _unchecked(bench: Bench) -> list[Problem]:
    """Say that a real bench has not been looked at today."""
    last = bench.calibrations.get("daily_check")
    if bench.simulated or (last is not None and last.age_days() < 1.0):
        return []
    when = "never" if last is None else f"last {last.age_days():.0f} days ago"
    text = f"{bench.name} has not been checked today ({when}): labctl run daily_check --bench {bench.name}."
    return [Problem("daily_check", text, "warning")]


def lacking(bench: Bench) -> tuple[str, ...]:
    """Tell which kinds of calibration a bench needs for its own quantities and does not have."""
    levels = any(isinstance(axis, PumpLevel) for axis in bench.axes.values())
    return ("power_calibration",) if levels and bench.calibrations.get("power_calibration") is None else ()


def _why(kind: str, bench: Bench) -> Problem:
    return Problem("calibration", f"there is no valid {kind} for bench {bench.name}. "
                                  f"Run 'labctl run {kind} --bench {bench.name}' first.")


def describe(estimate: Estimate) -> dict[str, Any]:
    """Give an estimate as plain JSON types."""
    return asdict(estimate)
