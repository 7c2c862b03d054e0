"""The vocabulary of a run: points, readings, problems, results. Pure data, no behaviour that needs a bench."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

Kind = Literal["scan", "reference", "dark", "zero"]


@dataclass(frozen=True)
class Point:
    """Where to go and what to read there.

    Attributes
    ----------
    set : quantity name -> value in the quantity's unit (labctl.core.quantities).
    read : names of the detectors to read, e.g. ("spectrum", "power").
    kind : "scan" points make the result; "reference" points repeat one fixed point; "dark" and "zero" keep the shutter closed.
    light : False keeps the pump shutter closed during the exposure.
    exposure_s : exposure of the exposed detectors, in seconds.
    do : named bench actions carried out after the moves and before the reading, shutter closed ("power_meter.zero").
    flags : marks known beforehand ("pump_overlap"); they are stored with the point.

    """

    set: Mapping[str, float] = field(default_factory=dict)
    read: tuple[str, ...] = ("spectrum",)
    kind: Kind = "scan"
    light: bool = True
    exposure_s: float = 0.0
    do: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the point as plain JSON types, full precision."""
        return {
            "set": dict(self.set), "read": list(self.read), "kind": self.kind, "light": self.light,
            "exposure_s": self.exposure_s, "do": list(self.do), "flags": list(self.flags),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Point:
        """Rebuild a point from `as_json`."""
        return cls(
            set=dict(data["set"]), read=tuple(data["read"]), kind=data["kind"], light=bool(data["light"]),
            exposure_s=float(data["exposure_s"]), do=tuple(data["do"]), flags=tuple(data["flags"]),
        )


@dataclass(frozen=True)
class Bounds:
    """What an adaptive plan promises to stay within; preflight and estimate look at these, the engine holds the plan to them.

    Attributes
    ----------
    points : most points the plan asks for, of any kind; references and darks put among them come on top.
    set : quantity name -> lowest and highest set-point, in the quantity's unit. A point may set these quantities and no other.
    exposure_s : shortest and longest exposure.
    read, do : the detectors that may be read and the bench actions that may be carried out.
    dose_j_cm2 : most dose at the spot; the plan is ended before the point that would exceed it.
    known : points that are visited whatever is read, in their order. Where there are any, light may fall at these alone, so that it
        is counted place by place beforehand.
    usual : the points of a usual course, where the procedure knows one: the time is estimated by it, everything else by the bounds.

    """

    points: int
    set: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    exposure_s: tuple[float, float] = (0.0, 0.0)
    read: tuple[str, ...] = ("spectrum",)
    do: tuple[str, ...] = ()
    dose_j_cm2: float | None = None
    known: tuple[Point, ...] = ()
    usual: tuple[Point, ...] = field(default=(), compare=False)

    @classmethod
    def around(cls, points: Sequence[Point]) -> Bounds:
        """Give the tightest bounds of points that are known."""
        spans: dict[str, tuple[float, float]] = {}
        for point in points:
            for name, value in point.set.items():
                low, high = spans.get(name, (value, value))
                spans[name] = (min(low, value), max(high, value))
        read = dict.fromkeys(name for point in points for name in point.read)
        exposures = [point.exposure_s for point in points if point.read] or [0.0]
        return cls(len(points), spans, (min(exposures), max(exposures)), tuple(read),
                   tuple(dict.fromkeys(name for point in points for name in point.do)))

    def with_others(self, other: Bounds) -> Bounds:
        """Give bounds that hold whatever either of two allows; the number of points is the sum."""
        spans = dict(self.set)
        for name, (low, high) in other.set.items():
            first = spans.get(name, (low, high))
            spans[name] = (min(first[0], low), max(first[1], high))
        exposures = (*self.exposure_s, *other.exposure_s)
        return replace(self, points=self.points + other.points, set=spans, exposure_s=(min(exposures), max(exposures)),
                       read=tuple(dict.fromkeys((*self.read, *other.read))), do=tuple(dict.fromkeys((*self.do, *other.do))))

    def check(self) -> list[Problem]:
        """Say what is wrong with the bounds themselves."""
        spans = {**self.set, "exposure": self.exposure_s}
        problems = [Problem(name, f"the plan's bounds are upside down: {low:g} to {high:g}.")
                    for name, (low, high) in spans.items() if not low <= high]
        if self.points < 1:
            problems.append(Problem("plan", f"the plan may ask for {self.points} points; it needs at least one."))
        return problems

    def corners(self) -> tuple[Point, ...]:
        """Give a point at every combination of extreme set-points, and one more at the longest exposure."""
        shortest, longest = self.exposure_s
        ends = [dict.fromkeys(span) for span in self.set.values()]
        found = [Point(dict(zip(self.set, values, strict=True)), self.read, exposure_s=longest, do=self.do)
                 for values in itertools.product(*ends)]
        return tuple(found) if shortest == longest else (*found, replace(found[0], exposure_s=shortest))

    def violations(self, point: Point) -> list[Problem]:
        """Say in what a point leaves the bounds."""
        problems = [Problem("read", f"the plan asks for {name}, which its bounds do not name.") for name in point.read
                    if name not in self.read]
        problems += [Problem("do", f"the plan asks for {name}, which its bounds do not name.") for name in point.do
                     if name not in self.do]
        if self.known and point.light and point.read and point not in self.known:
            problems.append(Problem("plan", "the plan wants light at a point that it did not name beforehand."))
        spans: dict[str, tuple[float, float] | None] = {name: self.set.get(name) for name in point.set}
        asked = dict(point.set)
        if point.read:
            spans["exposure"], asked["exposure"] = self.exposure_s, point.exposure_s
        for name, span in spans.items():
            if span is None or not span[0] <= asked[name] <= span[1]:
                allowed = "do not name it" if span is None else f"allow {span[0]:g} to {span[1]:g}"
                problems.append(Problem(name, f"the plan asks for {asked[name]:g}; its bounds {allowed}."))
        return problems

    def as_json(self) -> dict[str, Any]:
        """Give the bounds as plain JSON types."""
        return {"points": self.points, "set": {name: list(span) for name, span in self.set.items()},
                "exposure_s": list(self.exposure_s), "read": list(self.read), "do": list(self.do), "dose_j_cm2": self.dose_j_cm2}


def plan_hash(points: Sequence[Point]) -> str:
    """Hash a plan: equal hashes mean the same points in the same order (sha256 of canonical JSON, hex)."""
    text = json.dumps([p.as_json() for p in points], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Reading:
    """What was found at one point.

    `arrays` come from the detectors ("counts" (n_px,) ...); `values` are scalars: set-points, read-backs
    ("pump.wavelength_measured"), and companions ("pump.power", "elapsed_time"); `flags` as strings.
    """

    index: int
    point: Point
    arrays: Mapping[str, np.ndarray]
    values: Mapping[str, float]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """One reason to refuse (error) or to think twice (warning), in words a tired person can act on."""

    field: str
    text: str
    level: Literal["error", "warning"] = "error"
    point: int | None = None

    def __str__(self) -> str:
        where = "" if self.point is None else f" (point {self.point})"
        return f"{self.field}{where}: {self.text}"

    def as_json(self) -> dict[str, Any]:
        """Give the problem as in the command contract."""
        return {"field": self.field, "level": self.level, "point": self.point, "text": self.text}


@dataclass(frozen=True)
class Result:
    """A number one could publish: value, statistical and systematic standard errors, unit, and how it was estimated.

    `goodness` is the reduced χ² of the fit behind it; `interval` the 95 % interval where ± 2 standard errors would not do.
    """

    value: float
    stderr: float | None
    unit: str
    estimator: str
    systematic: float | None = None
    note: str = ""
    goodness: float | None = None
    interval: tuple[float, float] | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the result as in the command contract; NaN becomes null, as JSON has none."""
        def number(x: float | None) -> float | None:
            return None if x is None or not np.isfinite(x) else float(x)

        return {
            "value": number(self.value), "stderr": number(self.stderr), "systematic": number(self.systematic),
            "unit": self.unit, "estimator": self.estimator, "note": self.note,
            "goodness": number(self.goodness),
            "interval": None if self.interval is None else [number(limit) for limit in self.interval],
        }

    def __str__(self) -> str:
        text = f"{self.value:.6g}"
        if self.stderr is not None:
            text += f" ± {self.stderr:.2g} (stat)"
        if self.systematic is not None:
            text += f" ± {self.systematic:.2g} (cal)"
        return f"{text} {self.unit}  [{self.estimator}]"


@dataclass(frozen=True)
class Estimate:
    """What a plan will cost: bench time in seconds, dose at the spot in J/cm², bytes on disk, points.

    Dose, pulses and unknown seconds are those of the most exposed place, `peak_j_cm2` is the highest fluence of a pulse anywhere,
    `lit_seconds` the lit time of all places. In the seconds of `unknown_s` the power is not known; `dose_j_cm2` leaves them out.
    """

    seconds: float
    dose_j_cm2: float
    bytes: int
    points: int
    lit_seconds: float = 0.0
    pulses: float = 0.0
    peak_j_cm2: float = 0.0
    unknown_s: float = 0.0
