"""What all byte drivers have in common: a pymeasure Instrument whose every word goes through a shared port, typed errors only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from drivers.link import Port
from labctl.core.clock import Clock
from labctl.core.errors import BadReply, InstrumentError, LimitError, NotSettled
from labctl.core.instrument import ActionSpec, AxisSpec, DetectorSpec, Meter, Readout

POLL_S = 0.02       # between two looks at a move that a method waits for


class Device(Instrument):
    """A driver on a port. Subclasses give `ask(command)`, a question that may be repeated, and `write(command)`, a set confirmed.

    `port` is an open port that other drivers may share, or a resource name or pymeasure adapter, for which a port is made.
    `visa_library` goes to pymeasure's VISAAdapter when a port has to be made.
    """

    Port: ClassVar[type[Port]] = Port
    axes: ClassVar[Mapping[str, AxisSpec]] = {}
    detectors: ClassVar[Mapping[str, DetectorSpec]] = {}
    actions: ClassVar[Mapping[str, ActionSpec]] = {}
    panel: ClassVar[Sequence[Readout | Meter]] = ()

    moving: Any = False      # devices that move say so by a property
    moved_by_park: tuple[str, ...] = ()      # axes that stand elsewhere after `park`
    remembers: tuple[str, ...] = ()          # attributes of plain values on which the next moves depend; a checkpoint keeps them

    # pymeasure looks at every attribute twice, to hide those of properties with changing limits: half of what a question costs.
    __getattribute__ = object.__getattribute__      # type: ignore[assignment]  its parameters have names there

    def __init__(self, port: Port | Adapter | str, *, clock: Clock, name: str, visa_library: Any = None):
        self.clock = clock
        made = port if isinstance(port, Port) else self.Port(port, clock=clock, name=name, visa_library=visa_library)
        if not isinstance(made, self.Port):
            raise InstrumentError(name, f"it cannot share a {type(made).__name__}; it needs a {self.Port.__name__}.",
                                  state="nothing was sent", remedy="Correct the resource in the bench file.")
        self.port = made
        super().__init__(made.adapter, name, includeSCPI=False)

    # ------------------------------------------------------------ pymeasure's declarations, with errors a person understands
    @staticmethod
    def control(get_command: str | None, set_command: str | None, docs: str, **options: Any) -> Any:
        """Declare a property that can be read and set (pymeasure's `control`, typed errors)."""
        return _typed(Instrument.control(get_command, set_command, docs, **options))

    @staticmethod
    def measurement(get_command: str, docs: str, **options: Any) -> Any:
        """Declare a property that can only be read (pymeasure's `measurement`, typed errors)."""
        return _typed(Instrument.measurement(get_command, docs, **options))

    def values(self, command: str, separator: str = ",", cast: Any = float, preprocess_reply: Callable[[str], str] | None = None,
               maxsplit: int = -1, **options: Any) -> list[Any]:
        """Ask and convert. What does not convert is asked again, then a BadReply: never a string where a number is meant."""
        answer = ""
        for _ in range(self.port.tries):
            answer = self.ask(command, **options).strip()
            try:
                text = preprocess_reply(answer) if preprocess_reply else answer
                return [cast(part) for part in ([text] if cast is str else text.split(separator, maxsplit))]
            except ValueError:
                self.port.mistrust(f"{answer!r} is no answer to {command!r}; asked again")
        raise BadReply(self.name, f"it answers {answer!r} to {command!r}, which makes no sense.", state="unchanged",
                       remedy="Another device may be on this port: correct the resource in the bench file.")

    def wait_for(self, query_delay: float | None = None) -> None:
        """Wait on the clock (pymeasure's own sleeps)."""
        self.clock.wait(query_delay or 0.0)

    def finish(self, moving: Callable[[], bool], limit_s: float, what: str) -> None:
        """Wait for the end of something; for scripts and for park, never inside a run."""
        give_up = self.clock.now() + limit_s
        while moving():
            if self.clock.now() > give_up:
                raise NotSettled(self.name, f"{what} did not end in {limit_s:g} s.", state="unknown",
                                 remedy="Look whether something blocks it.")
            self.clock.wait(POLL_S)

    # ------------------------------------------------------------ the three levels; most devices have nothing to do
    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {}

    def park(self) -> None:
        """Nothing to park."""

    def make_safe(self) -> None:
        """Be as safe as when parked."""
        self.park()

    def shutdown(self) -> None:
        """Be as safe as can be."""
        self.make_safe()


def within(limits: tuple[float, float], unit: str) -> dict[str, Any]:
    """Give the options of a property whose values must lie within limits; anything else is refused before it is sent."""
    def validate(value: Any, _: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not limits[0] <= value <= limits[1]:
            raise ValueError(f"{value!r} is not between {limits[0]:g} and {limits[1]:g} {unit}".rstrip())
        return value

    return {"validator": validate, "values": limits}


def check_limits(name: str, quantity: str, value: float, limits: tuple[float, float], unit: str) -> None:
    """Raise LimitError unless `value` lies within `limits` (NaN does not)."""
    if not limits[0] <= value <= limits[1]:
        raise LimitError(name, f"{quantity} {value:g} {unit} is outside {limits[0]:g} to {limits[1]:g} {unit}.",
                         state="nothing was sent", remedy="Choose a value inside the limits.")


def option(name: str, key: str, value: Any, allowed: Sequence[Any]) -> Any:
    """Give the value of an option of the bench file if it is allowed; raises InstrumentError that names the choices."""
    if value not in allowed:
        choices = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(map(repr, allowed))
        raise InstrumentError(name, f"the option {key} is {value!r}; it can be {choices}.", state="nothing was sent",
                              remedy="Correct it in the bench file.")
    return value


def _typed(made: Any) -> property:
    """Wrap a pymeasure property: refused values become LimitError, unreadable replies BadReply."""
    def get(self: Device) -> Any:
        try:
            return made.fget(self)
        except (ValueError, KeyError, TypeError) as exc:
            raise BadReply(self.name, f"a reply makes no sense: {exc}.", state="unchanged", remedy="Ask again.") from exc

    def put(self: Device, value: Any) -> None:
        try:
            made.fset(self, value)
        except (ValueError, KeyError, TypeError) as exc:
            raise LimitError(self.name, f"{exc}.", state="nothing was sent", remedy="Choose an allowed value.") from exc

    return property(get, put if made.fset is not None else None, doc=made.fget.__doc__)
