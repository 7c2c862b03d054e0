"""The bench as a person sees it: a card for every instrument, made from its driver's declarations, and looks that wait for nobody.

Whoever draws it must never wait for an instrument. A `Watch` therefore hands its questions to the lanes and takes up the answers
when they have come; an instrument that hangs shows as old values. What lights the sample or emits counts as ON unless somebody has
said OFF within the last two seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from labctl.bench.bench import Bench
from labctl.bench.devices import Device, DriverAxis, DriverDetector
from labctl.bench.optics import PumpLevel
from labctl.core.instrument import Meter, Readout
from labctl.core.lane import Future

FRESH_S = 2.0            # on the wall: an older answer about light counts for nothing
ASK_S = 0.5              # between two questions about light
LOOK_S = 1.0             # between two looks at a card of an idle bench
EMISSION, CLOSED, OPEN = "emission", "is_closed", "is_open"
ON, OFF, UNKNOWN = "ON", "OFF", "UNKNOWN"
UNBOUNDED = (float("-inf"), float("inf"))
SHOWN_LEVEL = "pump.power"           # of the ways to say how strong the pump is, the one on its card


@dataclass(frozen=True)
class Setting:
    """A quantity that can be set from a card; `dangerous` wants a second thought (a voltage).

    `read` is the property of the driver that tells where it stands; empty for a composite quantity.
    """

    name: str
    unit: str
    low: float
    high: float
    illuminates: bool
    dangerous: bool = False
    read: str = ""


@dataclass(frozen=True)
class Action:
    """A named thing an instrument can do ("power_meter.zero"); `dangerous` wants a second thought (emission on)."""

    name: str
    words: str
    dangerous: bool = False


@dataclass(frozen=True)
class Card:
    """What is known of an instrument without asking it; `signals` are the numbers that a run reads there, with their units."""

    role: str
    title: str
    lines: tuple[Readout | Meter, ...] = ()
    signals: tuple[tuple[str, str], ...] = ()
    settings: tuple[Setting, ...] = ()
    actions: tuple[Action, ...] = ()
    source: bool = False
    shutter: bool = False
    manual: bool = False


@dataclass(frozen=True)
class Value:
    """An answer: what was said, when (seconds of this computer's clock), or why there was none."""

    value: Any = None
    at: float = float("-inf")
    error: str = ""


def cards(bench: Bench) -> tuple[Card, ...]:
    """Make the cards of a bench, along its light path, then the others."""
    order = dict.fromkeys([*(bench.config.beam.path if bench.config.beam else ()), *bench.devices])
    return tuple(_card(bench, bench.devices[role]) for role in order if role in bench.devices)


def _card(bench: Bench, device: Device) -> Card:
    role, driver = device.role, device.driver
    source = is_source(device)
    identity = bench.identities.get(role)
    settings = []
    for name, axis in bench.axes.items():
        if _role_of(axis) == role and not _has_quantity(bench, name, axis):
            low, high = getattr(axis, "limits", bench.config.safety.limits.get(name, UNBOUNDED))
            read = axis.spec.read if isinstance(axis, DriverAxis) else ""
            settings.append(Setting(name, axis.unit, low, high, axis.illuminates, dangerous(axis), read))
    settings.sort(key=lambda setting: not setting.name.startswith("pump."))       # what it is for, before how it does it
    signals = tuple((name, found.spec.unit) for name, found in bench.detectors.items()
                    if isinstance(found, DriverDetector) and found.device is device and not found.spec.dims)
    actions = [Action(name, spec.long_name or name.partition(".")[2].replace("_", " "),
                      dangerous=source and switches_on(name))
               for name, (owner, spec) in bench.actions.items() if owner.role == role]
    return Card(role, f"{identity.vendor} {identity.model}".strip() if identity else "", tuple(getattr(driver, "panel", ())),
                signals, tuple(settings), tuple(actions), source, bench.shutter is not None and bench.shutter.name == role,
                getattr(driver, "operator", None) is not None)


def dangerous(axis: Any) -> bool:
    """Whether setting an axis wants a second thought: a voltage."""
    return axis.unit == "V"


def switches_on(action: str) -> bool:
    """Whether an action of a light source wants a second thought: all but switching it off."""
    return not action.endswith(".emission_off")


def _role_of(axis: Any) -> str:
    """Give the role of the instrument that moves an axis; of a composite one, the one that is named after what it does."""
    if isinstance(axis, PumpLevel):
        return axis.beam.plate.device.role if axis.name == SHOWN_LEVEL else ""
    device = getattr(getattr(axis, "tune", axis), "device", None)
    return device.role if device is not None else ""


def _has_quantity(bench: Bench, name: str, axis: Any) -> bool:
    """Tell whether the same axis of the device has a better name, that of a quantity."""
    if name != f"{_role_of(axis)}.{getattr(axis, 'axis', '')}":
        return False
    pump = bench.wavelength_axis()
    return (pump is not None and pump.tune is axis) or any(
        other != name and getattr(found, "device", None) is axis.device and getattr(found, "axis", None) == axis.axis
        for other, found in bench.axes.items())


def is_source(device: Device) -> bool:
    """Tell whether an instrument emits light: its driver answers for emission, and does not deny being a source."""
    return hasattr(type(device.driver), EMISSION) and getattr(device.driver, "emits", True)


@dataclass(frozen=True)
class Path:
    """The light path, source first: which element picks the colour, which lets light through, where the sample is."""

    roles: tuple[str, ...] = ()
    tuned_at: str = ""
    shutter: str = ""
    sample: str = ""


def path(bench: Bench) -> Path:
    """Give the light path of a bench, as its file has it and the twin propagates it."""
    beam, pump = bench.config.beam, bench.wavelength_axis()
    if beam is None:
        return Path()
    return Path(tuple(beam.path), pump.tune.device.role if pump is not None else "", beam.shutter, beam.sample)


def position(bench: Bench, name: str) -> float | None:
    """Give where a quantity was last read to stand, asking nobody; None while it moves or when nobody knows."""
    axis: Any = bench.axes.get(name)
    if name == SHOWN_LEVEL:
        power, how = bench.power_now()
        return power if how in ("measured", "calibrated") else None
    found = getattr(axis, "position", getattr(axis, "value", None))
    return None if found is None else float(found)


def moving(bench: Bench, role: str) -> bool:
    """Tell whether an instrument is under way to somewhere, or has not said where it stands since."""
    return None in bench.devices[role].positions.values()


class Watch:
    """Asks the instruments of a bench how they are, from any thread, and never waits for an answer."""

    def __init__(self, bench: Bench, now: Callable[[], float] = time.monotonic):
        self.bench, self._now = bench, now
        self.values: dict[tuple[str, str], Value] = {}
        self._asked: dict[str, tuple[float, Future[Any]]] = {}
        self._last: dict[str, float] = {}
        self.sources = tuple(role for role, device in bench.devices.items() if is_source(device))
        self._light: dict[str, tuple[str, ...]] = dict.fromkeys(self.sources, (EMISSION,))
        if bench.shutter is not None:
            self._light[bench.shutter.name] = (CLOSED, OPEN)

    def tick(self, *, idle: bool) -> bool:
        """Take up answers and ask what is due: of a busy bench only about light, so that nothing disturbs a run.

        Gives whether anything has been answered.
        """
        heard = [self._take(role) for role in list(self._asked)]
        for role, device in self.bench.devices.items():
            names = self._light.get(role, ())
            if idle:
                names = (*names, *(line.attribute for line in getattr(device.driver, "panel", ()) if line.attribute not in names))
            every = ASK_S if role in self._light else LOOK_S
            if names and role not in self._asked and self._now() - self._last.get(role, float("-inf")) >= every:
                self._last[role] = self._now()
                self._asked[role] = self._now(), device.lane.submit(lambda device=device, names=names: _ask(device.driver, names))
        return any(heard)

    def _take(self, role: str) -> bool:
        asked_at, future = self._asked[role]
        if not future.done:
            return False
        del self._asked[role]
        if future.error is not None:
            for name in self._light.get(role, ()):
                self.values[role, name] = Value(None, asked_at, str(future.error))
            return True
        for name, (value, error) in future.value.items():
            self.values[role, name] = Value(value, asked_at, error)
        return True

    def value(self, role: str, attribute: str) -> Value:
        """Give the newest answer, however old."""
        return self.values.get((role, attribute), Value())

    def age(self, role: str, attribute: str) -> float:
        """Give the seconds since the newest answer."""
        return self._now() - self.value(role, attribute).at

    def silent_s(self, role: str) -> float:
        """Give the seconds for which an instrument owes an answer; 0 when it owes none."""
        return self._now() - self._asked[role][0] if role in self._asked else 0.0

    def emission(self, role: str) -> str:
        """Give ON, OFF or UNKNOWN; UNKNOWN is to be taken for ON."""
        return self._known(role, EMISSION, {True: ON, False: OFF})

    def beam(self) -> str:
        """Give ON, OFF or UNKNOWN of the light at the sample, by the shutter's read-back; UNKNOWN is to be taken for ON."""
        if self.bench.shutter is None:
            return UNKNOWN if self.sources else OFF
        role = self.bench.shutter.name
        said = {self._known(role, CLOSED, {True: OFF, False: ON}), self._known(role, OPEN, {True: ON, False: OFF})}
        return said.pop() if len(said) == 1 else ON if ON in said else UNKNOWN

    def _known(self, role: str, attribute: str, words: Mapping[Any, str]) -> str:
        found = self.value(role, attribute)
        fresh = not found.error and self._now() - found.at <= FRESH_S
        return words.get(found.value, UNKNOWN) if fresh and isinstance(found.value, bool) else UNKNOWN


def _ask(driver: Any, names: tuple[str, ...]) -> dict[str, tuple[Any, str]]:
    """Read properties one after the other, in the lane; a refusal becomes the reason."""
    found: dict[str, tuple[Any, str]] = {}
    for name in names:
        try:
            value = getattr(driver, name)
            found[name] = (value() if callable(value) else value), ""
        except Exception as exc:     # an answer that cannot be read belongs on the card, whatever went wrong
            found[name] = None, str(exc)
    return found


class Ordered:
    """Park or safe, ordered from every lane at once by somebody who must not wait: the shutter first, whatever else hangs."""

    def __init__(self, bench: Bench, level: str, now: Callable[[], float] = time.monotonic):
        method = {"park": "park", "safe": "make_safe"}[level]
        self.level, self._now, self.since = level, now, now()
        roles = [action.instrument for action in bench.level(level)]
        if bench.shutter is not None:
            roles.sort(key=lambda role: role != bench.shutter.name)      # type: ignore[union-attr]  it has just been looked at
        self._calls = {role: bench.devices[role].lane.submit(getattr(bench.devices[role].driver, method)) for role in roles}

    @property
    def seconds(self) -> float:
        """Seconds since the order, on this computer's clock."""
        return self._now() - self.since

    @property
    def done(self) -> bool:
        """Whether every instrument has answered, or failed to."""
        return all(future.done for future in self._calls.values())

    def answers(self) -> dict[str, str]:
        """Give by role "done", what went wrong, or nothing where no answer has come yet."""
        return {role: "" if not future.done else "done" if future.error is None else str(future.error)
                for role, future in self._calls.items()}
