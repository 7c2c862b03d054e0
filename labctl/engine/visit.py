"""One point, in order: dark, moves, settle, gate, shutter open, expose, shutter closed, fetch, check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from labctl.core.errors import BadReply, CommunicationError, Disconnected, LaneDead, NotSettled
from labctl.core.instrument import Axis, Detector, Shutter
from labctl.core.moving import move_all
from labctl.core.plan import Point, Reading
from labctl.core.steps import Steps, Together

TRIES = 3       # of what is idempotent: a move, a query, an exposure with its read-out


class Visitor:
    """Visits points on a bench. Knows axes, detectors and shutter as protocols, and no instrument."""

    def __init__(self, bench: Any, gate: Callable[[], None], note: Callable[[str], None]):
        self.bench = bench
        self.axes: Mapping[str, Axis] = bench.axes
        self.detectors: Mapping[str, Detector] = bench.detectors
        self.shutter: Shutter | None = bench.shutter
        self.gate, self.note = gate, note
        self._configured: dict[str, tuple[float, dict[str, float]]] = {}

    def configure(self, point: Point) -> Steps[None]:
        """Set the detectors of a point up; does nothing for those that already are."""
        for name in point.read:
            if self._configured.get(name, (None,))[0] != point.exposure_s:
                granted = yield from self._again(name, lambda name=name: self.detectors[name].configure(point.exposure_s))
                self._configured[name] = (point.exposure_s, granted)

    def visit(self, index: int, point: Point, start: float) -> Steps[Reading]:
        """Visit one point; gives what was found. On any exception the caller parks the bench."""
        values: dict[str, float] = {**point.set}
        yield from self.configure(point)
        values.update((yield from move_all(self.axes, self.shutter, point.set, self.move)))
        if point.do:
            yield from self._close()
        for name in point.do:
            yield from self.bench.action(name)
        self.gate()
        values["elapsed_s"] = self.bench.clock.now() - start
        arrays, scalars, flags = yield from self._read(point)
        for name in point.read:
            values.update({key: value for key, value in self._configured[name][1].items() if key not in values})
        values.update(scalars)
        return Reading(index, point, arrays, values, tuple(dict.fromkeys((*point.flags, *flags))))

    def _read(self, point: Point) -> Steps[tuple[dict[str, np.ndarray], dict[str, float], list[str]]]:
        """Read in the dark what can be, then what wants light, with the shutter open no longer than the exposure."""
        arrays: dict[str, np.ndarray] = {}
        scalars: dict[str, float] = {}
        flags: list[str] = []
        dark = [name for name in point.read if not self.detectors[name].exposed]
        lit = [name for name in point.read if self.detectors[name].exposed]
        for group, light in ((dark, False), (lit, point.light)):
            if not group:
                continue
            results = yield from self._again("exposure", lambda group=group, light=light: self._expose(group, light))
            for name, (found, numbers, marks) in results.items():
                arrays.update(found)
                scalars.update(numbers)
                flags += [*marks, *self._quality(name, found)]
        return arrays, scalars, flags

    def _expose(self, names: list[str], light: bool) -> Steps[dict[str, Any]]:
        if light and self.shutter is not None:
            yield from self.shutter.open()
        else:
            yield from self._close()
        yield Together({name: self.detectors[name].expose() for name in names})
        if light:
            yield from self._close()
        results = yield Together({name: self.detectors[name].fetch() for name in names})
        for name, (found, numbers, _) in results.items():
            self._insist_finite(name, found, numbers)
        return results

    def _close(self) -> Steps[None]:
        if self.shutter is not None:
            yield from self.shutter.close()

    def _insist_finite(self, name: str, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, float]) -> None:
        channels = {channel.name: channel for channel in self.detectors[name].channels()}
        for key, array in arrays.items():
            expected = channels[key].shape if key in channels else array.shape
            if array.shape != expected or not np.all(np.isfinite(array)):
                raise BadReply(name, f"the read-out has shape {array.shape} where {expected} was expected, or is not finite.",
                               state="the frame was thrown away", remedy="It is taken again.")
        if not all(np.isfinite(number) for number in numbers.values()):
            raise BadReply(name, "the reading is not a number.", state="it was thrown away", remedy="It is taken again.")

    def _quality(self, name: str, arrays: Mapping[str, np.ndarray]) -> list[str]:
        """Judge saturation by the single frame."""
        limit = self._configured[name][1].get("saturation_counts")
        return ["saturated"] if limit and any(array.max() >= limit for array in arrays.values() if array.size) else []

    def move(self, axis: Axis, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Move; a read-back that does not fit the set-point is tried once more, the sample being in the dark."""
        try:
            return (yield from self._again(axis.name, lambda: axis.move(value, at)))
        except NotSettled as exc:
            self.note(f"{exc} It is repeated once.")
            return (yield from self._again(axis.name, lambda: axis.move(value, at)))

    def _again(self, what: str, make: Callable[[], Steps[Any]]) -> Steps[Any]:
        """Repeat what is idempotent after a failed exchange, at most twice, each repetition noted; the shutter closes first."""
        for left in reversed(range(TRIES)):
            try:
                return (yield from make())
            except (LaneDead, Disconnected):
                raise
            except CommunicationError as exc:
                if not left:
                    raise
                self.note(f"{what}: {exc} It is repeated.")
                if self.shutter is not None and what == "exposure":
                    yield from self.shutter.close()
        raise AssertionError("the loop returns or raises")
