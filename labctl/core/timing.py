"""What a clock offers: the protocols that everything which waits is written against, and the planned call they share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

log = logging.getLogger("labctl.clock")
Forever = float("inf")
DIGITS = 9                   # of a second, to which a virtual clock tells the time


def moment(when: float, now: float = -Forever) -> float:
    """Give a time as exactly as a virtual clock tells it: 0.1 s after some hour is then the same time however it was added up.

    Without it a poll that falls together with the end of a move would see it ended at one hour and not yet at another. A time after
    `now` stays after it, so that whoever waits for it gets there.
    """
    told = round(when, DIGITS)
    return when if told <= now < when else told


class Signal(Protocol):
    """A flag one can wait for."""

    def set(self) -> None:
        """Raise the flag and wake all who wait."""
        ...

    def clear(self) -> None:
        """Lower the flag."""
        ...

    def is_set(self) -> bool:
        """Tell whether the flag is up."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is up, at most `timeout` clock seconds; True if it is."""
        ...


class Handle(Protocol):
    """A planned call that can be called off."""

    def cancel(self) -> None:
        """Call it off; harmless when it has already happened."""
        ...


class Clock(Protocol):
    """Time: seconds since the clock's start (never going back), and the UTC that belongs to them."""

    virtual: bool

    def now(self) -> float:
        """Give seconds since the clock's start."""
        ...

    def utc(self) -> datetime:
        """Give the UTC time that belongs to `now()`."""
        ...

    def wait(self, seconds: float) -> None:
        """Let the calling thread wait."""
        ...

    def event(self) -> Signal:
        """Make a flag that can be waited for on this clock."""
        ...

    def call_at(self, when: float, action: Callable[[], None]) -> Handle:
        """Call `action` (short, must not wait) at clock time `when`."""
        ...

    def spawn(self, name: str, target: Callable[[], None]) -> None:
        """Start a daemon thread that may wait on this clock."""
        ...

    def loop(self, wake: Signal, body: Callable[[], float | None]) -> None:
        """Call `body` again and again: whenever `wake` is up, or after the seconds it gave, until it gives None.

        `body` must not wait. Whatever it raises is raised here.
        """
        ...


class Timer:
    """A planned call; cancelled ones are skipped when their time comes."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]):
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Call it off."""
        self.action = None

    def go(self) -> None:
        """Make the call; one that fails is logged, for it would take an innocent thread with it."""
        try:
            if self.action is not None:
                self.action()
        except Exception:
            log.exception("a planned call failed")
