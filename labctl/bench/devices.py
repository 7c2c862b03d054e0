"""Drivers as the engine sees them: axes, detectors and the shutter, every call through the lane of its connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from labctl.bench.config import Instrument, Settle
from labctl.core.clock import Clock
from labctl.core.errors import InstrumentError, LimitError, NotSettled
from labctl.core.instrument import ActionSpec, AxisSpec, Channel, DetectorSpec
from labctl.core.lane import Lane
from labctl.core.plan import Problem
from labctl.core.quantities import long_name
from labctl.core.steps import Steps

POLL_S = 0.02          # how often a move or an exposure is asked whether it has ended
SOAK_S = 600.0          # of a sample below SOAK_BELOW_K, unless the bench file says otherwise: thermal contact is slow in the cold
SOAK_BELOW_K = 100.0
REPLY_DEADLINE_S = 5.0  # a single exchange, retries included


@dataclass
class Device:
    """One opened instrument: its role, driver, lane, and its part of the bench file."""

    role: str
    driver: Any
    lane: Lane
    clock: Clock
    config: Instrument
    positions: dict[str, float | None] = field(default_factory=dict)     # by axis: the last read-back

    def call(self, method: str | Callable[[], Any], *args: Any, deadline_s: float = REPLY_DEADLINE_S, **kwargs: Any) -> Steps[Any]:
        """Call a driver method (or read a property, or run a function) in the lane."""
        result = yield self.lane.submit(lambda: self._evaluate(method, args, kwargs), deadline_s)
        return result

    def _evaluate(self, method: str | Callable[[], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not isinstance(method, str):
            return method()
        attribute = getattr(self.driver, method)
        return attribute(*args, **kwargs) if callable(attribute) else attribute

    def set(self, attribute: str, value: Any) -> Steps[None]:
        """Assign a driver property in the lane."""
        yield self.lane.submit(lambda: setattr(self.driver, attribute, value), REPLY_DEADLINE_S)


class DriverAxis:
    """An axis that one driver moves."""

    after: tuple[str, ...] = ()

    def __init__(self, device: Device, axis: str, spec: AxisSpec, *, illuminates: bool):
        self.device, self.axis, self.spec = device, axis, spec
        self.name = f"{device.role}.{axis}"
        self.unit = spec.unit
        self.illuminates = illuminates
        self.limits = self._limits(axis)
        self.settle: Settle = device.config.settle

    @property
    def position(self) -> float | None:
        """The last read-back, the same for every axis object on this axis of the device; None while it moves or is not known."""
        return self.device.positions.get(self.axis)

    @position.setter
    def position(self, value: float | None) -> None:
        self.device.positions[self.axis] = value

    def _limits(self, axis: str) -> tuple[float, float]:
        """Narrow the driver's limits by the bench file's; the file cannot widen them."""
        low, high = self.spec.limits
        own = getattr(self.device.driver, f"{axis}_limits", None)   # known only after asking the device
        if own is not None:
            low, high = max(low, own[0]), min(high, own[1])
        if axis in self.device.config.limits:
            file_low, file_high = self.device.config.limits[axis]
            low, high = max(low, file_low), min(high, file_high)
        return low, high

    def check(self, value: float, at: Mapping[str, float]) -> list[Problem]:
        """Refuse values outside the limits."""
        low, high = self.limits
        if not np.isfinite(value):
            return [Problem(self.name, f"{value} is not a number one can move to.")]
        if low <= value <= high:
            return []
        return [Problem(self.name, f"{value:g} {self.unit} is outside {low:g} to {high:g} {self.unit}. "
                                   "Change the set-point, or the limits in the bench file if the hardware allows.")]

    def fine(self, values: np.ndarray, at: Mapping[str, np.ndarray]) -> np.ndarray:
        """Tell of many set-points at once which are certainly good; `check` says what is wrong with the others."""
        low, high = self.limits
        return (values >= low) & (values <= high)

    def eta(self, start: float | None, stop: float) -> float:
        """Ask the driver how long it takes; half the range when the start is unknown."""
        estimate = getattr(self.device.driver, self.spec.eta, None)
        if estimate is None:
            return 0.1
        known = start if start is not None else self.position
        return float(estimate(stop if known is None else known, stop))

    def move(self, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Start, poll to the end, settle, and read back."""
        if problems := self.check(value, at):
            raise LimitError(self.name, problems[0].text, state="nothing was moved")
        device, spec = self.device, self.spec
        if self.position is None:
            yield from self.read()       # an estimate from nowhere would be too short for a slow axis
        eta = self.eta(None, value)
        self.position = None
        limit = 3 * (eta + float(getattr(device.driver, "due_before_move_s", 0.0))) + 2.0
        give_up = device.clock.now() + limit
        yield from device.call(spec.start, value)
        while (yield from device.call(spec.poll)):
            if device.clock.now() > give_up:
                yield from self.stop()
                raise NotSettled(self.name, f"the move to {value:g} {self.unit} did not end in {limit:.1f} s.",
                                 state="stop sent, position unknown", remedy="Look whether something blocks it.")
            yield POLL_S
        readback = yield from self._settled(value)
        self.position = readback
        return {f"{self.name}_measured": readback}

    def _settled(self, value: float) -> Steps[float]:
        """Read until n consecutive readings lie within tolerance."""
        tolerance = self.spec.tolerance if self.settle.tolerance is None else self.settle.tolerance
        give_up = self.device.clock.now() + self.settle.timeout_s
        good = 0
        while True:
            readback = float((yield from self.device.call(self.spec.read)))
            good = good + 1 if abs(readback - value) <= tolerance else 0
            if good >= self.settle.n:
                return readback
            if self.device.clock.now() > give_up:
                raise NotSettled(
                    self.name, f"it was sent to {value:g} {self.unit} and stands at {readback:g} {self.unit} "
                    f"(tolerance {tolerance:g}).", remedy="Check for a blocked or slipping mount; home it and try again.")
            yield POLL_S

    def read(self) -> Steps[float]:
        """Ask the device."""
        value = float((yield from self.device.call(self.spec.read)))
        self.position = value
        return value

    def not_held(self) -> Steps[NotSettled | None]:
        """Read it after an exposure; gives what is to be raised when the device has not held it, else None."""
        before = self.position
        if before is None:
            return None
        now = float((yield from self.device.call(self.spec.read)))
        if abs(now - before) <= 2.0 * self.spec.tolerance:
            return None
        return NotSettled(self.name, f"it stood at {before:g} {self.unit} before the exposure and at {now:g} {self.unit} after it.",
                          state="the point under way was thrown away",
                          remedy="Look whether the instrument was switched off or limits its output; then resume the run.")

    def stop(self) -> Steps[None]:
        """Stop the device if it can."""
        if hasattr(self.device.driver, self.spec.stop):
            yield from self.device.call(self.spec.stop)


class TemperatureAxis(DriverAxis):
    """An axis that the sample follows slowly: a settled sensor is not a settled sample."""

    @property
    def still_ev(self) -> float:
        """Band in eV within which the emission has to stand still after a move; 0 does not ask."""
        return self.settle.still_mev * 1e-3

    def soak_s(self, value: float) -> float:
        """Give the seconds to wait after the sensor has settled at a temperature in K."""
        if self.settle.soak_s is not None:
            return self.settle.soak_s
        return SOAK_S if value < SOAK_BELOW_K else 0.0


class DriverDetector:
    """A detector that one driver exposes."""

    def __init__(self, device: Device, name: str, spec: DetectorSpec, *, exposed: bool):
        self.device, self.spec = device, spec
        self.name = name
        self.exposed = exposed
        self.overlaps = spec.blanked and device.config.overlap
        self.granted: dict[str, float] = {}
        self.companions: tuple[DriverAxis, ...] = ()      # what a reading has to know besides: the filters before it
        self._stood: dict[str, float] = {}
        self._shape: tuple[int, ...] = ()

    @property
    def bytes_per_point(self) -> int:
        """Size of one reading; `frame_shape` is what the driver was set up for and asks no device."""
        shape = (self._shape or tuple(self.device.driver.frame_shape())) if self.spec.dims else ()
        return int(np.prod(shape, dtype=int)) * np.dtype(self.spec.dtype).itemsize

    @property
    def channel(self) -> str:
        """Name of its array or scalar in the file; a scalar in the beam has its role's name, so that two heads stay apart."""
        return self.spec.signal if self.spec.dims or "." not in self.name else self.name

    @property
    def settle_s(self) -> float:
        """Seconds that it follows a change of light before it is read."""
        return float(getattr(self.device.driver, "settle_s", 0.0))

    def check(self, exposure_s: float) -> list[Problem]:
        """Ask the driver whether it can do this exposure."""
        own = getattr(self.device.driver, "check_exposure", None)
        try:
            if self.exposed and own is not None:
                own(exposure_s)
        except (InstrumentError, ValueError) as exc:
            return [Problem("exposure", f"{self.device.role}: {exc}")]
        return []

    def cost(self, exposure_s: float) -> float:
        """Estimate seconds, exposure included."""
        estimate = getattr(self.device.driver, self.spec.cost, None)
        return float(estimate(exposure_s)) if estimate is not None else exposure_s

    def lit_s(self, exposure_s: float) -> float:
        """Give the seconds of light that a reading takes: the exposure, or the whole of a series."""
        estimate = getattr(self.device.driver, "lit_s", None)
        return float(estimate(exposure_s)) if estimate is not None else exposure_s

    def channels(self) -> list[Channel]:
        """Describe the one array or scalar, with the coordinates that the driver knows."""
        known = getattr(self.device.driver, "coordinates", None)
        return [Channel(self.channel, self.spec.unit, self.spec.dims, self._shape, self.spec.dtype,
                        self.spec.long_name or long_name(self.name), coords=known() if known is not None else {})]

    def configure(self, exposure_s: float) -> Steps[dict[str, float]]:
        """Apply the exposure and learn what was granted and how long an array will be."""
        granted = yield from self.device.call(self.spec.configure, exposure_s=exposure_s)
        self.granted = {key: float(value) for key, value in (granted or {}).items()}
        if self.spec.dims:
            self._shape = tuple(self.device.driver.frame_shape())
        for axis in self.companions:
            yield from axis.read()                   # somebody may have turned it by hand since the last run
        return self.granted

    def look(self) -> Steps[None]:
        """Learn nothing: what it reads is understood by itself."""
        yield from ()

    def moved(self) -> Mapping[str, np.ndarray]:
        """Give no coordinates: those that the driver declared hold for the whole run."""
        return {}

    def expose(self) -> Steps[None]:
        """Start the exposure and wait for its end; a detector that never ends is aborted and reported."""
        device = self.device
        cost = self.cost(self.granted.get("exposure_s", 0.0))
        give_up = device.clock.now() + 3 * cost + 2.0
        for axis in self.companions:                 # the next moves may begin before this is fetched
            self._stood[f"{axis.name}_measured"] = axis.position if axis.position is not None else (yield from axis.read())
        yield self.granted.get("settle_s", 0.0)      # heads that follow a change of light slowly
        yield from device.call(self.spec.expose)
        yield self.granted.get("exposure_s", 0.0) * self.granted.get("accumulations", 1.0)
        yield from self._end_of(self.spec.poll, "the exposure", 3 * cost + 2.0, give_up)

    def fetch(self) -> Steps[tuple[dict[str, np.ndarray], dict[str, float], tuple[str, ...]]]:
        """Read out, and split arrays from scalars and flags."""
        if self.spec.reading:
            limit = 3 * self.cost(self.granted.get("exposure_s", 0.0)) + 2.0
            yield from self._end_of(self.spec.reading, "the read-out", limit, self.device.clock.now() + limit)
        data = dict((yield from self.device.call(self.spec.fetch, deadline_s=2 * REPLY_DEADLINE_S)))
        flags = tuple(data.pop("flags", ()))
        arrays = {key: np.asarray(value) for key, value in data.items() if np.ndim(value) > 0}
        scalars = {self.channel if key == self.spec.signal else key: float(value) for key, value in data.items()
                   if np.ndim(value) == 0}
        return arrays, scalars | self._stood, flags

    def _end_of(self, poll: str, what: str, limit_s: float, give_up: float) -> Steps[None]:
        device = self.device
        while (yield from device.call(poll)):
            if device.clock.now() > give_up:
                yield from self.abort()
                raise NotSettled(device.role, f"{what} did not end in {limit_s:.1f} s.", state="aborted")
            yield POLL_S

    def abort(self) -> Steps[None]:
        """End the exposure."""
        if hasattr(self.device.driver, self.spec.abort):
            yield from self.device.call(self.spec.abort)


class Watch(Protocol):
    """Whoever counts the light."""

    def opening(self) -> None:
        """The shutter is about to open; what is raised here keeps it closed."""
        ...

    def closed(self) -> None:
        """The shutter is confirmed closed."""
        ...


class DriverShutter:
    """The pump shutter: a command counts only when the read-back confirms it. `watch` is told of all light that it lets through."""

    CONFIRM_S = 2.0

    def __init__(self, device: Device):
        self.device = device
        self.name = device.role
        self.confirmed_closed = False
        self.watch: Watch | None = None

    def open(self) -> Steps[None]:
        """Open, and wait until it says it is."""
        if self.watch is not None:
            self.watch.opening()
        self.confirmed_closed = False
        yield from self._command("open", "is_open")

    def close(self) -> Steps[None]:
        """Close, and wait until it says it is; raises when it does not. One that says it is closed is not commanded again."""
        if self.confirmed_closed and (yield from self.device.call("is_closed")):
            return
        self.confirmed_closed = False
        yield from self._command("close", "is_closed")
        self.confirmed_closed = True
        if self.watch is not None:
            self.watch.closed()

    def _command(self, command: str, confirm: str) -> Steps[None]:
        give_up = self.device.clock.now() + self.CONFIRM_S
        yield from self.device.call(command)
        while not (yield from self.device.call(confirm)):
            if self.device.clock.now() > give_up:
                raise InstrumentError(
                    self.name, f"the shutter does not confirm '{command}' within {self.CONFIRM_S:g} s.",
                    state="the sample may be lit", remedy="Block the beam by hand, then look at the shutter.")
            yield POLL_S


def run_action(device: Device, spec: ActionSpec) -> Steps[None]:
    """Carry out a named action of a driver and wait for its end."""
    yield float(getattr(device.driver, "settle_s", 0.0))      # a head that follows slowly has to have gone dark
    yield from device.call(spec.start)
    if spec.poll is None:
        return
    give_up = device.clock.now() + 3 * spec.seconds + 2.0
    while (yield from device.call(spec.poll)):
        if device.clock.now() > give_up:
            raise NotSettled(device.role, f"{spec.long_name or spec.start} did not end in {3 * spec.seconds + 2:.1f} s.")
        yield POLL_S
