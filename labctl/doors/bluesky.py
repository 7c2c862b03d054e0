"""The Bluesky door: axes and detectors of a bench as objects of Bluesky's protocols, so that its plans run on a labctl bench.

Nothing of Bluesky is imported: its run engine asks for methods, not for classes. A plan says where to go and what to read, and its
documents go where its user sends them; labctl's engine does the rest (`labctl.doors.attending`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from labctl import api
from labctl.core.errors import LabctlError, Refused
from labctl.core.instrument import Channel
from labctl.core.plan import Point, Problem, Reading
from labctl.core.quantities import quantity_unit, to_float
from labctl.core.suggest import suggestion
from labctl.doors.attending import Attendant
from labctl.doors.requests import Request, Status
from labctl.store.documents import key

DOING = "a Bluesky plan"
Told = dict[str, dict[str, Any]]


@contextmanager
def open_door(bench: str, *, speed: float | None = None, rehearsal: bool = False, sample: str = "", mount: str = "",
              seed: int | None = None) -> Iterator[Door]:
    """Open a bench, by name or path, for Bluesky plans; it is parked and closed at the end of the block.

    Arguments as for `labctl.open_bench` and `labctl.Order`. Raises Refused, with every problem, before anything is opened.
    """
    config, text, _ = api.load_bench_file(bench)
    order = api.Order(DOING, Path(config.data.root), seed=seed, sample=sample, mount=mount, rehearsal=rehearsal)
    with Attendant(lambda: api.open_config(config, text, speed=speed, rehearsal=rehearsal, sample=sample), order) as attendant:
        yield Door(attendant)


class Door:
    """A bench that is open for Bluesky plans."""

    def __init__(self, attendant: Attendant):
        self._attendant = attendant

    def axis(self, name: str) -> Axis:
        """Give a quantity as something that Bluesky moves: `door.axis("analyser.angle")`."""
        axes = self._attendant.bench.axes
        if name not in axes:
            raise Refused([Problem(name, f"this bench has no {name}. {suggestion(name, axes)}")])
        return Axis(self._attendant, name)

    def detector(self, *names: str, exposure: float | str, light: bool = True) -> Detector:
        """Give detectors as one thing that Bluesky reads, in one exposure (s, or text with a unit); without `light` in the dark."""
        try:
            exposure_s = to_float(exposure, "s")
        except ValueError as exc:
            raise Refused([Problem("exposure", f"{exc}.")]) from None
        point = Point(read=names, light=light, exposure_s=exposure_s)
        if problems := self._attendant.check(point):
            raise Refused(problems)
        return Detector(self._attendant, point)

    def together(self, plan: Iterable[Any]) -> Generator[Any, Any, Any]:
        """Let axes move at the same time that a plan sets with nothing in between, as `bps.mv(a, 1, b, 2)` does.

        For the run engine, once: `engine.preprocessors.append(door.together)`. Without it they move one after the other.
        """
        messages: Any = iter(plan)
        if not hasattr(messages, "send"):
            messages = (message for message in messages)
        answer, error = None, None
        while True:
            try:
                message = messages.throw(error) if error is not None else messages.send(answer)
            except StopIteration as end:
                self._attendant.release()
                return end.value
            if message.command == "set":
                self._attendant.gather()
            else:
                self._attendant.release()
            try:
                answer, error = (yield message), None
            except GeneratorExit:
                messages.close()
                raise
            except Exception as exc:        # the plan's own business, as without us
                error = exc


class _Device:
    """What Bluesky asks of everything."""

    parent = None

    def __init__(self, attendant: Attendant, name: str):
        self._attendant = attendant
        self.name = key(name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def stage(self) -> list[Any]:
        """Take the bench for a plan."""
        self._attendant.stage(self)
        return [self]

    def unstage(self) -> list[Any]:
        """Give it back; the last one has it parked."""
        self._attendant.unstage(self)
        return [self]

    def stop(self, success: bool = True) -> None:
        """Give up what is under way, and park; nothing when nothing is."""
        self._attendant.drop()

    def pause(self) -> None:
        """As `stop`: the plan goes back to its last checkpoint when it goes on."""
        self._attendant.drop()

    def resume(self) -> None:
        """Nothing: the next move takes the bench again."""


class Axis(_Device):
    """A quantity of the bench, in its unit: Readable, Movable, Locatable, Checkable, Stoppable, Stageable, Pausable."""

    def __init__(self, attendant: Attendant, name: str):
        super().__init__(attendant, name)
        self._axis = attendant.bench.axes[name]
        self._last: Request | None = None
        self._target: float | None = None

    @property
    def hints(self) -> dict[str, Any]:
        """The column that a table shows."""
        return {"fields": [self.name]}

    @property
    def position(self) -> float:
        """Where it stands."""
        return float(self.read()[self.name]["value"])

    def check_value(self, value: float) -> None:
        """Raise Refused for a value it cannot go to."""
        if problems := self._attendant.check(Point({self._axis.name: float(value)}, (), light=False)):
            raise Refused(problems)

    def set(self, value: float) -> Status:
        """Go there in the dark and settle; raises Refused before anything moves."""
        target = float(value)
        self._last = self._attendant.move(self._axis.name, target)
        self._target = target
        return self._last.status

    def read(self) -> Told:
        """Give where it stands: as read back after its last move, else as it says now."""
        request = self._last
        if request is None or not request.status.success:
            request = self._last = self._attendant.ask(self._axis.name)
        measured = request.stands
        if request.reading is not None:
            measured = request.reading.values.get(f"{self._axis.name}_measured", request.reading.point.set[self._axis.name])
        return {self.name: {"value": float(measured), "timestamp": request.time}}

    def locate(self) -> dict[str, float]:
        """Give where it was sent and where it stands."""
        stands = self.position
        return {"setpoint": stands if self._target is None else self._target, "readback": stands}

    def describe(self) -> Told:
        """Say what `read` gives."""
        return {self.name: {"source": f"labctl:{self._axis.name}", "dtype": "number", "shape": [], "units": self._axis.unit}}

    def read_configuration(self) -> Told:
        """Nothing."""
        return {}

    def describe_configuration(self) -> Told:
        """Nothing."""
        return {}


class Detector(_Device):
    """Detectors read in one exposure: Readable, Triggerable, Configurable, Stageable, Pausable.

    Gives every array and number by name, the sum over the first array, the flags (words between commas), `lit_s`, and `takes`.
    """

    def __init__(self, attendant: Attendant, point: Point):
        super().__init__(attendant, "_".join(point.read))
        self._point = point
        self._last: Request | None = None
        self._numbers: tuple[str, ...] = ()     # those of the first reading: the columns of a stream do not change

    @property
    def hints(self) -> dict[str, Any]:
        """The column that a table shows: the sum over an array, else the first number; nothing before the first reading."""
        reading = self._last.reading if self._last is not None else None
        if reading is None:
            return {"fields": []}
        return {"fields": [f"{self.name}_sum" if reading.arrays else f"{self.name}_{key(self._columns(reading)[0])}"]}

    def trigger(self) -> Status:
        """Expose and read out, with the shutter open for that alone."""
        self._last = self._attendant.visit(self._point)
        return self._last.status

    def read(self) -> Told:
        """Give what the last trigger found."""
        request, reading = self._found()
        found: dict[str, Any] = {name: np.asarray(array) for name, array in reading.arrays.items()}
        if found:
            found["sum"] = float(next(iter(found.values())).sum(dtype=float))
        found |= {name: reading.values.get(name, np.nan) for name in self._columns(reading)}
        found |= {"takes": int(reading.values.get("takes", 1)), "flags": ",".join(reading.flags)}
        return {f"{self.name}_{key(name)}": {"value": value, "timestamp": request.time} for name, value in found.items()}

    def describe(self) -> Told:
        """Say what `read` gives; known when it has been triggered once."""
        _, reading = self._found()
        channels = {channel.name: channel for channel in self._channels()}
        told: Told = {}
        for name, array in reading.arrays.items():
            channel = channels.get(name)
            told[name] = {"dtype": "array", "shape": list(array.shape), "dtype_numpy": array.dtype.str,
                          "units": channel.unit if channel else "", "dims": list(channel.dims if channel else ())}
        if told:
            told["sum"] = {"dtype": "number", "shape": [], "units": next(iter(told.values()))["units"]}
        told |= {name: {"dtype": "number", "shape": [], "units": self._unit(name, channels)} for name in self._columns(reading)}
        told |= {"takes": {"dtype": "integer", "shape": [], "units": ""}, "flags": {"dtype": "string", "shape": []}}
        return {f"{self.name}_{key(name)}": {"source": f"labctl:{name}", **what} for name, what in told.items()}

    def read_configuration(self) -> Told:
        """Give exposure and the coordinates of the arrays (wavelengths)."""
        request, _ = self._found()
        return {name: {"value": value, "timestamp": request.time} for name, (value, _) in self._configuration().items()}

    def describe_configuration(self) -> Told:
        """Say what `read_configuration` gives."""
        return {name: {"source": "labctl:configuration", "dtype": "array" if np.ndim(value) else "number",
                       "shape": list(np.shape(value)), "units": unit} for name, (value, unit) in self._configuration().items()}

    # ---------------------------------------------------------------- inside
    def _found(self) -> tuple[Request, Reading]:
        if self._last is None or self._last.reading is None:
            raise LabctlError(f"{self.name} has not been triggered yet, so there is nothing to read, and nobody knows its shape.")
        return self._last, self._last.reading

    def _columns(self, reading: Reading) -> tuple[str, ...]:
        """Name the numbers that every reading has: those of detectors, not of axes, which the plan reads by themselves."""
        if not self._numbers:
            axes = self._attendant.bench.axes
            self._numbers = tuple(name for name in reading.values if name.removesuffix("_measured") not in axes
                                  and name not in ("takes", "elapsed_s"))
        return self._numbers

    def _channels(self) -> list[Channel]:
        detectors = self._attendant.bench.detectors
        return [channel for name in self._point.read for channel in detectors[name].channels()]

    def _unit(self, name: str, channels: Mapping[str, Channel]) -> str:
        return channels[name].unit if name in channels else quantity_unit(name) or ("s" if name.endswith("_s") else "")

    def _configuration(self) -> dict[str, tuple[Any, str]]:
        found: dict[str, tuple[Any, str]] = {f"{self.name}_exposure": (self._point.exposure_s, "s")}
        for channel in self._channels():
            for dim, coordinate in channel.coords.items():
                medium = f" ({coordinate.medium})" if coordinate.medium else ""
                found[f"{self.name}_{key(dim)}"] = (np.asarray(coordinate.values), f"{coordinate.unit}{medium}")
        return found
