"""What a driver offers and what the engine sees: the protocols between drivers, bench and engine.

A *driver* (drivers/) declares `axes`, `detectors`, `actions` and `panel` as class attributes that name its own methods. The *bench*
turns each declaration into an `Axis` or `Detector` whose every call runs in the lane of its connection. The *engine* knows only
the protocols below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from labctl.core.calibration import Calibration
from labctl.core.plan import Problem
from labctl.core.steps import Steps

Unbounded = (float("-inf"), float("inf"))


# ------------------------------------------------------------------ declarations of a driver
@dataclass(frozen=True)
class AxisSpec:
    """A quantity a driver can set; the strings name methods or properties of the driver.

    `start(value)` begins a move and returns at once; `poll()` is true while it lasts; `read` gives the position;
    `stop()` ends a move early; `eta(old, new)` estimates seconds. `illuminates` is true for everything upstream of the sample.
    `tolerance` is the largest |read − set| that counts as settled. `held` is true for what the device has to hold by itself while
    light falls (a voltage): it is read again after every exposure.
    """

    unit: str
    limits: tuple[float, float] = Unbounded
    read: str = "position"
    start: str = "start_move"
    poll: str = "moving"
    stop: str = "stop"
    eta: str = "eta"
    illuminates: bool = False
    tolerance: float = 0.0
    long_name: str = ""
    held: bool = False


@dataclass(frozen=True)
class DetectorSpec:
    """Something a driver can expose; the strings name methods of the driver.

    `configure(exposure_s=...) -> dict` applies settings and returns what the device granted ("exposure_s", "effective_exposure_s",
    "gain_e_per_count", "read_noise_e", "saturation_counts" for cameras); `expose()` starts and returns at once; `poll()` is true
    while it lasts; `fetch() -> {array or scalar name: value}`; `abort()` ends early; `cost(exposure_s)` gives seconds.
    `dims` are the names of the array's axes ("pixel",); () for a scalar. A driver that knows the values along them gives them by
    `coordinates() -> {name of the axis: Coordinate}`, asking no device. `blanked` says that a frame is complete when the exposure
    has ended and nothing that moves during the read-out can reach it (frame transfer, or a shutter that stays closed). Where
    `reading` is given, `poll` ends with the light that counts, and `fetch` is called when `reading()` is over. `signal` is the name
    of the array or scalar in `fetch`.
    """

    signal: str
    unit: str
    dims: tuple[str, ...] = ()
    dtype: str = "f8"
    configure: str = "configure"
    expose: str = "expose"
    poll: str = "exposing"
    fetch: str = "fetch"
    abort: str = "abort"
    cost: str = "cost"
    long_name: str = ""
    blanked: bool = False
    reading: str = ""


@dataclass(frozen=True)
class ActionSpec:
    """A named thing a driver can do (zero a meter, home a stage): `start()` begins it, `poll()` is true while it lasts."""

    start: str
    poll: str | None = None
    long_name: str = ""
    seconds: float = 1.0


@dataclass(frozen=True)
class Readout:
    """A line on the instrument's card: a property of the driver with its unit."""

    name: str
    attribute: str
    unit: str = ""


@dataclass(frozen=True)
class Meter:
    """A bar on the instrument's card: a property between two limits."""

    name: str
    attribute: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class Identity:
    """Who answers on the port. `serial` binds calibrations to the hardware they were measured with."""

    vendor: str
    model: str
    serial: str
    firmware: str = ""

    def __str__(self) -> str:
        tail = f", firmware {self.firmware}" if self.firmware else ""
        serial = f", serial {self.serial}" if self.serial else ""
        return f"{self.vendor} {self.model}{serial}{tail}"


@runtime_checkable
class Driver(Protocol):
    """Every driver. No method waits other than through the clock; none but `park`, `make_safe`, `shutdown` decides anything."""

    name: str

    def identify(self) -> Identity:
        """Ask the device who it is; raises WrongDevice if it is not what this driver drives."""
        ...

    def settings(self) -> dict[str, Any]:
        """Read every setting that a run file should remember, with plain JSON types."""
        ...

    def park(self) -> None:
        """End of a run: leave the device so that no light, bias or motion comes from it. Confirms, or raises."""
        ...

    def make_safe(self) -> None:
        """Park, and switch off what can hurt (emission). Confirms, or raises."""
        ...

    def shutdown(self) -> None:
        """Make safe, and end the day: heater off, camera warm, library closed."""
        ...


# ------------------------------------------------------------------ what the engine sees
class Axis(Protocol):
    """A physical quantity that can be set."""

    name: str
    unit: str
    illuminates: bool
    after: tuple[str, ...]   # axes that have to stand still before this one starts (photon_flux after wavelength)

    def check(self, value: float, at: Mapping[str, float]) -> list[Problem]:
        """Say what is wrong with this set-point, given the other set-points of the point; moves nothing."""
        ...

    def eta(self, start: float | None, stop: float) -> float:
        """Estimate the seconds of a move (start None: from anywhere)."""
        ...

    def move(self, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Go there, settle, read back; returns what was measured on the way ({"pump.power": ...})."""
        ...

    def read(self) -> Steps[float]:
        """Ask the device where it is."""
        ...

    def stop(self) -> Steps[None]:
        """Stop a move in progress."""
        ...


@dataclass(frozen=True)
class Channel:
    """One array or scalar a detector delivers, as it will stand in the file."""

    name: str
    unit: str
    dims: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    dtype: str = "f8"
    long_name: str = ""
    coords: Mapping[str, Coordinate] = field(default_factory=dict)


@dataclass(frozen=True)
class Coordinate:
    """The values along one dimension of a channel."""

    values: np.ndarray
    unit: str
    long_name: str = ""
    medium: str = ""


class Detector(Protocol):
    """Something exposed."""

    name: str
    overlaps: bool           # True: the moves to the next point may begin while it is read out
    exposed: bool            # True: wants the shutter open; False: read in the dark or any time (pick-off power)

    @property
    def bytes_per_point(self) -> int:
        """Size of one reading before compression."""
        ...

    def check(self, exposure_s: float) -> list[Problem]:
        """Say what is wrong with this exposure; touches nothing."""
        ...

    def cost(self, exposure_s: float) -> float:
        """Estimate seconds for one reading, exposure included."""
        ...

    def channels(self) -> list[Channel]:
        """Describe what `fetch` delivers, coordinates included (asked once, after configure)."""
        ...

    def configure(self, exposure_s: float) -> Steps[dict[str, float]]:
        """Apply settings; returns what the device granted."""
        ...

    def look(self) -> Steps[None]:
        """Learn, in the dark before an exposure, what its reading cannot be understood without (where a spectrograph stands)."""
        ...

    def moved(self) -> Mapping[str, np.ndarray]:
        """Give the coordinates of the last exposure that may be others at the next, by dimension; asks no device."""
        ...

    def expose(self) -> Steps[None]:
        """Expose and wait until the exposure has ended."""
        ...

    def fetch(self) -> Steps[tuple[dict[str, np.ndarray], dict[str, float], tuple[str, ...]]]:
        """Read out: (arrays, scalars, quality flags)."""
        ...

    def abort(self) -> Steps[None]:
        """End an exposure early."""
        ...


class Shutter(Protocol):
    """The pump shutter. Both calls return only when the read-back says so, else raise."""

    name: str

    def open(self) -> Steps[None]:
        """Open, and wait for the confirmation."""
        ...

    def close(self) -> Steps[None]:
        """Close, and wait for the confirmation."""
        ...


@dataclass(frozen=True)
class SafeAction:
    """One action of a level (park, safe, shutdown), with its own deadline."""

    instrument: str
    level: str
    run: Callable[[], Steps[None]]
    deadline_s: float = 5.0


class BenchView(Protocol):
    """What a procedure may ask of the bench while planning: limits and reach, never an instrument."""

    name: str

    def reach(self, axis: str, at: Mapping[str, float]) -> tuple[float, float]:
        """Give the range of a quantity that can be reached with the other quantities at `at`."""
        ...

    def constant(self, name: str) -> float:
        """Give a documented constant of the bench ("pump.bandwidth" nm, "detection.instrument_fwhm" nm, ...)."""
        ...

    def calibration(self, kind: str) -> Calibration | None:
        """Give the valid calibration of a kind; None where there is none."""
        ...

    def defaults(self, procedure: str) -> dict[str, Any]:
        """Give the parameters of a procedure whose default the bench file sets."""
        ...
