"""The order in which points are visited, and the reference and dark points strewn among them: a wrapper around any procedure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.core.plan import Point, Problem

if TYPE_CHECKING:
    from labctl.core.procedure import AdaptiveSteps

ORDERS = ("planned", "down", "up-down", "random", "interleaved")


@dataclass(frozen=True)
class Arrangement:
    """How to visit the scan points of a plan.

    `order` is "planned", "down" (backwards), "up-down" (there and back), "random" (by the run's seed) or "interleaved" (every
    other point, then the rest). `reference_every` and `dark_every` revisit a fixed reference point, or take a dark frame, after
    so many scan points; 0 leaves what the procedure planned. With references there is always one first and one last.
    """

    order: str = "planned"
    reference_every: int = 0
    dark_every: int = 0

    def check(self) -> list[Problem]:
        """Say what is wrong with it."""
        problems = []
        if self.order not in ORDERS:
            problems.append(Problem("order", f"{self.order!r} is not one of {', '.join(ORDERS)}."))
        for name in ("reference_every", "dark_every"):
            if getattr(self, name) < 0:
                problems.append(Problem(name, f"{getattr(self, name)} is below 0; 0 means never."))
        return problems

    def check_adaptive(self) -> list[Problem]:
        """Say what cannot be had around a plan that decides where to go by what it has read."""
        if self.order == "planned" or self.order not in ORDERS:     # what is no order at all `check` has told already
            return []
        return [Problem("order", f"{self.order!r} cannot be imposed on this procedure: it decides where to go next by what it has "
                                 "read. Leave the order as planned; reference points and darks can be added.")]

    def most(self, points: int) -> int:
        """Give the most points there can be when references and darks are put among so many."""
        references = 2 + points // self.reference_every if self.reference_every else 0
        return points + references + (points // self.dark_every if self.dark_every else 0)

    def around(self, steps: AdaptiveSteps) -> AdaptiveSteps:
        """Put references and darks between the points of an adaptive plan, whose generator does not learn of them.

        The reference is the procedure's own, else its first scan point.
        """
        reference: Point | None = None
        scans = darks = 0                   # scan points since the last reference, and since the last dark
        try:
            point = next(steps)
            while True:
                if point.kind == "reference":
                    reference, scans = point, 0
                elif point.kind == "scan":
                    if self.reference_every and (reference is None or scans == self.reference_every):
                        reference, scans = reference or replace(point, kind="reference", flags=()), 0
                        yield reference
                    if self.dark_every and darks == self.dark_every:
                        darks = 0
                        yield _dark_like(point)
                    scans, darks = scans + 1, darks + 1
                point = steps.send((yield point))
        except StopIteration:
            if self.reference_every and reference is not None and scans:
                yield reference

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON types."""
        return asdict(self)

    def apply(self, points: Sequence[Point], seed: int) -> tuple[Point, ...]:
        """Give the points in the order of visiting; what was planned before the first and after the last scan point stays."""
        places = [index for index, point in enumerate(points) if point.kind == "scan"]
        if self == Arrangement() or not places:
            return tuple(points)
        before, after = list(points[: places[0]]), list(points[places[-1] + 1:])
        scan = self._ordered([points[index] for index in places], seed)
        reference = self._reference(points, scan) if self.reference_every else None
        if reference is not None:
            before = [*(point for point in before if point.kind != "reference"), reference]
            after = [reference, *(point for point in after if point.kind != "reference")]
        return (*before, *self._strewn(scan, reference), *after)

    def _ordered(self, scan: list[Point], seed: int) -> list[Point]:
        if self.order == "down":
            return scan[::-1]
        if self.order == "up-down":
            return [*scan, *scan[::-1]]
        if self.order == "interleaved":
            return [*scan[::2], *scan[1::2]]
        if self.order == "random":
            return [scan[index] for index in np.random.default_rng([seed, len(scan)]).permutation(len(scan))]
        return scan

    @staticmethod
    def _reference(points: Sequence[Point], scan: list[Point]) -> Point:
        """Give the procedure's own reference point, else its middle scan point."""
        own = next((point for point in points if point.kind == "reference"), None)
        return own or replace(scan[len(scan) // 2], kind="reference", flags=())

    def _strewn(self, scan: list[Point], reference: Point | None) -> list[Point]:
        """Put references and darks between the scan points, none after the last."""
        found: list[Point] = []
        for number, point in enumerate(scan, 1):
            found.append(point)
            if number == len(scan):
                break
            if reference is not None and number % self.reference_every == 0:
                found.append(reference)
            if self.dark_every and number % self.dark_every == 0:
                found.append(_dark_like(point))
        return found


def _dark_like(point: Point) -> Point:
    """Give the dark point that belongs to a lit one."""
    return Point(read=point.read, kind="dark", light=False, exposure_s=point.exposure_s)
