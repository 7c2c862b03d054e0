"""The detectors of a bench: set up, exposed with the shutter open no longer than that, read out in the dark, judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labctl.core.errors import BadReply, CommunicationError, Disconnected, LaneDead
from labctl.core.instrument import Coordinate, Detector, Shutter
from labctl.core.plan import Point, Reading
from labctl.core.steps import Steps, side_by_side
from labctl.engine.quality import Judge

TRIES = 3       # of what is idempotent: a move, a query, an exposure with its read-out

Note = Callable[[str], None]


@dataclass
class Visit:
    """One point under way: what has been found so far, how often it was exposed and how long it was lit."""

    index: int
    point: Point
    exposure_s: float = 0.0
    values: dict[str, float] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    lasting: list[str] = field(default_factory=list)     # flags that no other take can change
    takes: int = 0
    lit_s: float = 0.0
    checkpoint: bytes | None = None      # the simulated history when the exposure had ended, where the next moves began at once

    @property
    def every_flag(self) -> tuple[str, ...]:
        """What the point is flagged for, marks known beforehand first."""
        return tuple(dict.fromkeys((*self.point.flags, *self.lasting, *self.flags)))

    def reading(self) -> Reading:
        """Give what was found."""
        light = {"lit_s": self.lit_s, **({"takes": float(self.takes)} if self.takes > 1 else {})}
        return Reading(self.index, self.point, self.arrays, {**self.values, **light}, self.every_flag)


def again(what: str, make: Callable[[], Steps[Any]], note: Note, between: Callable[[], Steps[None]] | None = None) -> Steps[Any]:
    """Repeat what is idempotent after a failed exchange, at most twice, each repetition noted; `between` comes before it."""
    for left in reversed(range(TRIES)):
        try:
            return (yield from make())
        except (LaneDead, Disconnected):
            raise
        except CommunicationError as exc:
            if not left:
                raise
            note(f"{what}: {exc} It is repeated.")
            if between is not None:
                yield from between()
    raise AssertionError("the loop returns or raises")


class Exposer:
    """Exposes and reads out the detectors of a bench."""

    def __init__(self, bench: Any, judge: Judge, note: Note):
        self._clock, self._note, self.judge = bench.clock, note, judge
        self._detectors: Mapping[str, Detector] = bench.detectors
        self._shutter: Shutter | None = bench.shutter
        self._configured: dict[str, tuple[float, dict[str, float]]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}        # of every array, as the detectors promised it
        self._declared: dict[str, np.ndarray] = {}           # coordinates of the arrays as the header of the run has them

    # ---------------------------------------------------------------- what is known beforehand
    def lit(self, point: Point) -> list[str]:
        """Name the detectors of a point that want light."""
        return [name for name in point.read if self._detectors[name].exposed]

    def dark(self, point: Point) -> list[str]:
        """Name those that want none (the power at the pick-off)."""
        return [name for name in point.read if not self._detectors[name].exposed]

    def ready(self, point: Point) -> bool:
        """Tell whether every detector of a point is set up for it already."""
        return all(self._configured.get(name, (None,))[0] == point.exposure_s for name in point.read)

    def overlaps(self, point: Point) -> bool:
        """Tell whether the next moves may begin while this point is read out."""
        lit = self.lit(point)
        return bool(lit) and all(self._detectors[name].overlaps for name in lit)

    def can(self, point: Point, exposure_s: float) -> bool:
        """Tell whether the detectors that want light can do this exposure."""
        return not any(self._detectors[name].check(exposure_s) for name in self.lit(point))

    def wavelength(self, name: str) -> tuple[str, Coordinate] | None:
        """Give the channel of a detector that runs over wavelength, with its wavelengths."""
        for channel in self._detectors[name].channels():
            if len(channel.dims) == 1 and channel.dims[0] in channel.coords and channel.coords[channel.dims[0]].unit == "nm":
                return channel.name, channel.coords[channel.dims[0]]
        return None

    def declare(self, channels: Mapping[str, Any]) -> None:
        """Take the coordinates that the header gives for all points; a point that was exposed elsewhere carries its own."""
        self._declared = {dim: np.asarray(told["values"], dtype=float)
                          for channel in channels.values() for dim, told in channel.get("coords", {}).items()}

    # ---------------------------------------------------------------- steps
    def configure(self, point: Point, exposure_s: float) -> Steps[None]:
        """Set the detectors of a point up; does nothing for those that already are."""
        for name in point.read:
            if self._configured.get(name, (None,))[0] != exposure_s:
                granted = yield from again(name, lambda name=name: self._detectors[name].configure(exposure_s), self._note)
                self._configured[name] = (exposure_s, granted)
                self._shapes.update({channel.name: channel.shape for channel in self._detectors[name].channels()})

    def stand_again(self, exposed: Mapping[str, float]) -> Steps[None]:
        """Set detectors up as they were when they were exposed last."""
        for name, exposure_s in exposed.items():
            yield from self.configure(Point(read=(name,)), exposure_s)
            yield from self._detectors[name].look()

    def take(self, visit: Visit, names: list[str], *, light: bool) -> Steps[dict[str, Any]]:
        """Expose and read out as a unit, repeated when an exchange failed; gives what each detector found."""
        def once() -> Steps[dict[str, Any]]:
            yield from self.expose(visit, names, light=light)
            return (yield from self.fetch(names))

        return (yield from again("exposure", once, self._note, self.close))

    def expose(self, visit: Visit, names: list[str], *, light: bool) -> Steps[None]:
        """Expose, and count the seconds between the command to open and the confirmation that the shutter is closed."""
        for name in names:
            yield from self._detectors[name].look()
        opened = self._clock.now()
        if light and self._shutter is not None:
            yield from self._shutter.open()
        else:
            yield from self.close()
        try:
            yield from side_by_side({name: self._detectors[name].expose() for name in names})
            if light:
                yield from self.close()
        finally:
            visit.lit_s = round(visit.lit_s + (self._clock.now() - opened if light else 0.0), 6)      # the same at any hour

    def fetch(self, names: list[str]) -> Steps[dict[str, Any]]:
        """Read out; raises BadReply for what cannot be a frame of this detector."""
        results = yield from side_by_side({name: self._detectors[name].fetch() for name in names})
        for name, (found, numbers, _) in results.items():
            self._insist_finite(name, found, numbers)
        return results

    def close(self) -> Steps[None]:
        """Close the shutter, if there is one."""
        if self._shutter is not None:
            yield from self._shutter.close()

    def keep(self, visit: Visit, results: dict[str, Any]) -> None:
        """Put what was read into the visit, in place of an earlier take, and mark what is wrong with it."""
        for name, (found, numbers, marks) in reversed(results.items()):       # the first that is named says what the exposure was
            granted = self._configured[name][1]
            visit.arrays.update(found)
            visit.arrays.update(self._elsewhere(name))
            visit.values.update({**{key: value for key, value in granted.items() if key not in visit.point.set}, **numbers})
            visit.flags += [*marks, *self.judge.flags(name, granted, found, numbers)]

    def _elsewhere(self, name: str) -> dict[str, np.ndarray]:
        """Give the coordinates of a reading that are not those of the header: its spectrograph had moved."""
        return {dim: values for dim, values in self._detectors[name].moved().items()
                if dim in self._declared and not np.array_equal(values, self._declared[dim])}

    def _insist_finite(self, name: str, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, float]) -> None:
        for key, array in arrays.items():
            expected = self._shapes.get(key, array.shape)
            if array.shape != expected or (array.dtype.kind == "f" and not np.all(np.isfinite(array))):
                raise BadReply(name, f"the read-out has shape {array.shape} where {expected} was expected, or is not finite.",
                               state="the frame was thrown away", remedy="It is taken again.")
        if not all(np.isfinite(number) for number in numbers.values()):
            raise BadReply(name, "the reading is not a number.", state="it was thrown away", remedy="It is taken again.")
