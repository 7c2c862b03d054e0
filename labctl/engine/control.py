"""What a person may ask of a running run: pause, go on, abort. Safe to use from a signal handler and from any thread."""

from __future__ import annotations

from collections.abc import Callable

from labctl.core.errors import Aborted, LabctlError


class Dropped(LabctlError):
    """The point under way was given up because of a pause; it is repeated."""


class Control:
    """Flags and one clock event; takes no lock of the engine.

    Abort: the first request stops at the next gate, the second at once; both end in the safe state. Pause: the exposure under way
    is finished, or dropped and repeated.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.reason = ""
        self.interrupted = False     # by a signal: somebody wants the whole program to end, not this run alone
        self.paused = False
        self._drop = False
        self.tripped = False         # a guard has seen something; the engine looks into it before it goes on
        self._wake: Callable[[], None] = lambda: None

    def attach(self, wake: Callable[[], None]) -> None:
        """Let the engine be woken when a wish comes."""
        self._wake = wake

    def request(self, reason: str) -> None:
        """Ask for the end of the run."""
        self.requests += 1
        self.reason = self.reason or reason
        self._wake()

    def pause(self, *, drop: bool = False) -> None:
        """Ask for a pause before the next point; `drop` gives up the exposure under way, it is repeated afterwards."""
        self.paused, self._drop = True, drop
        self._wake()

    def trip(self) -> None:
        """Give up the point under way because of a guard; the engine minds it and then repeats the point."""
        self.tripped = True
        self._wake()

    def resume(self) -> None:
        """Go on after a pause."""
        self.paused = self._drop = False
        self._wake()

    def gate_abort(self) -> None:
        """Raise when an abort was asked for."""
        if self.requests:
            raise Aborted(self.reason)

    def gate(self) -> None:
        """Raise when the point should not go on (asked between steps that must not be torn apart)."""
        self.gate_abort()
        if self.tripped or (self.paused and self._drop):
            raise Dropped("the point was given up for a pause or a guard")

    def abort_now(self) -> None:
        """Raise when the end was asked for at once (all that can interrupt what belongs to no point)."""
        if self.requests > 1:
            raise Aborted(f"{self.reason} (at once)")

    def now(self) -> None:
        """Raise when the wish is urgent (asked whenever anything happens in a point)."""
        self.abort_now()
        if self.tripped or (self.paused and self._drop):
            raise Dropped("the exposure was dropped for a pause or a guard")
