"""The course of a run: which point comes next. Known from the beginning, or decided by what was read so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from labctl.core.errors import Refused
from labctl.core.plan import Bounds, Point, Problem, Reading

if TYPE_CHECKING:
    import numpy as np

    from labctl.core.procedure import AdaptiveSteps

Check = Callable[[Point], list[Problem]]
Dose = Callable[[Point], float]
SHORTER = 0.999              # of the planned exposure: less was granted because a flag had asked for it


@dataclass
class Left:
    """What the points finished so far have left behind, and the next one begins with.

    Set-points by quantity, how long each detector was exposed last (s), and the last frame of every array.
    """

    standing: dict[str, float] = field(default_factory=dict)
    exposed: dict[str, float] = field(default_factory=dict)
    frames: dict[str, np.ndarray] = field(default_factory=dict)

    def finish(self, reading: Reading) -> None:
        """Take a finished point."""
        point = reading.point
        granted = reading.values.get("exposure_s", point.exposure_s) if "takes" in reading.values else point.exposure_s
        self.standing.update(point.set)
        self.exposed.update(dict.fromkeys(point.read, granted if granted < SHORTER * point.exposure_s else point.exposure_s))
        self.frames.update(reading.arrays)


class Course(Protocol):
    """What the engine asks of a plan; `left` is what its points so far have left behind."""

    left: Left

    @property
    def total(self) -> int:
        """The number of points, the most there can be if it depends on the readings."""
        ...

    def everything(self) -> Point:
        """Give a point that reads whatever any point may read, so that every channel can be described before the first visit."""
        ...

    def upcoming(self) -> tuple[int, Point] | None:
        """Give place and point to be visited now, the same until it is finished; None at the end."""
        ...

    def following(self) -> tuple[int, Point] | None:
        """Give place and point of the one after the upcoming, where that does not depend on a reading."""
        ...

    def finish(self, reading: Reading) -> None:
        """Take the reading of the upcoming point."""
        ...

    def remarks(self) -> list[Problem]:
        """Say what a person should know about how the plan ended."""
        ...


class FixedCourse:
    """Points that are known from the beginning; those an interrupted run had measured, with these readings, are left out."""

    def __init__(self, points: Sequence[Point], done: Iterable[Reading] = ()):
        self._points = points
        self.left = Left()
        measured = set()
        for reading in done:
            self.left.finish(reading)
            measured.add(reading.index)
        self._to_come = (index for index in range(len(points)) if index not in measured)
        self._now, self._next = next(self._to_come, None), next(self._to_come, None)

    @property
    def total(self) -> int:
        """The number of points."""
        return len(self._points)

    def everything(self) -> Point:
        """Give a point that reads whatever any point reads, at the first exposure there is."""
        names: dict[str, None] = {}
        exposure = 0.0
        for point in self._points:
            names.update(dict.fromkeys(point.read))
            exposure = exposure or (point.exposure_s if point.read else 0.0)
        return Point(read=tuple(names), exposure_s=exposure)

    def upcoming(self) -> tuple[int, Point] | None:
        """Give place and point to be visited now."""
        return None if self._now is None else (self._now, self._points[self._now])

    def following(self) -> tuple[int, Point] | None:
        """Give place and point of the one after that."""
        return None if self._next is None else (self._next, self._points[self._next])

    def finish(self, reading: Reading) -> None:
        """Go on to the next."""
        self.left.finish(reading)
        self._now, self._next = self._next, next(self._to_come, None)

    def remarks(self) -> list[Problem]:
        """Nothing: it always ends as planned."""
        return []


class AdaptiveCourse:
    """Points that a generator chooses when it has been sent the readings so far.

    `check` says what is wrong with a point on this bench; it is asked before anything moves. Raises Refused when a point leaves
    the declared bounds or the bench's limits.
    """

    def __init__(self, steps: AdaptiveSteps, bounds: Bounds, total: int, check: Check, dose: Dose):
        self.total = total
        self.left = Left()
        self._bounds, self._check = bounds, check
        self._remarks: list[Problem] = []
        self._steps = held(steps, total, bounds.dose_j_cm2, dose, self._remarks.append)
        self._index = 0
        self._point: Point | None = None
        self._last: Reading | None = None
        self._ended = False

    def everything(self) -> Point:
        """Give a point that reads whatever the bounds name."""
        return Point(read=self._bounds.read, exposure_s=self._bounds.exposure_s[1])

    def upcoming(self) -> tuple[int, Point] | None:
        """Ask the generator where to go, once for each reading."""
        if self._point is None and not self._ended:
            try:
                self._point = next(self._steps) if self._last is None else self._steps.send(self._last)
            except StopIteration:
                self._ended = True
                return None
            if problems := [*self._bounds.violations(self._point), *self._check(self._point)]:
                raise Refused(problems)
        return None if self._point is None else (self._index, self._point)

    def following(self) -> None:
        """Nothing: it depends on the reading."""

    def finish(self, reading: Reading) -> None:
        """Keep the reading for the generator."""
        self.left.finish(reading)
        self._last, self._point = reading, None
        self._index += 1

    def remarks(self) -> list[Problem]:
        """Warn when the plan was ended by its bounds instead of by itself."""
        return list(self._remarks)

    def replay(self, readings: Iterator[Reading]) -> None:
        """Send what an interrupted run had read; raises Refused when the plan would have gone another way."""
        for reading in readings:
            try:
                step = self.upcoming()
            except Refused as exc:
                step, reason = None, str(exc)
            else:
                reason = "it would have ended"
            if step is None or step[0] != reading.index or step[1].as_json() != reading.point.as_json():
                wanted = reason if step is None else f"it would have gone to {_told(step[1])}"
                raise Refused([Problem(
                    "plan", f"point {reading.index} was at {_told(reading.point)}; with today's procedure and bench {wanted}. "
                            "Start a new run; the old one stays readable.")])
            self.finish(reading)


def held(steps: AdaptiveSteps, most: int, dose_j_cm2: float | None, dose: Dose, remark: Callable[[Problem], None]) -> AdaptiveSteps:
    """Pass the points of an adaptive plan on, and end it where its number of points or its dose is used up."""
    spent, count = 0.0, 0
    try:
        point = next(steps)
        while True:
            spent += dose(point)
            if count == most:
                return remark(Problem("plan", f"the plan was ended at its bound of {most} points.", "warning"))
            if dose_j_cm2 is not None and spent > dose_j_cm2:
                text = f"the plan was ended before the point that would have exceeded its bound of {dose_j_cm2:.3g} J/cm²."
                return remark(Problem("plan", text, "warning"))
            count += 1
            point = steps.send((yield point))
    except StopIteration:
        return None
    finally:
        steps.close()


def _told(point: Point) -> str:
    """Say where a point is."""
    where = ", ".join(f"{name} {value:g}" for name, value in point.set.items()) or "no set-point"
    return f"{where} ({point.kind}, {point.exposure_s:g} s)"

