"""Guards: watched conditions with a consequence, looked at before every point and twice a second meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from labctl.core.clock import Clock
from labctl.core.errors import LabctlError
from labctl.core.steps import Steps, drive

LOOK_S = 0.5                # how often the monitor looks during a point
BACK_S = 10.0               # how long a condition has to be in band before a paused run goes on
LONGEST_PAUSE_S = 3600.0    # after this a paused run is aborted


class Guard(Protocol):
    """A watched condition. `action` is "pause" or "abort"."""

    name: str
    action: str

    def look(self) -> Steps[str]:
        """Read it; gives what is wrong in words, or nothing."""
        ...


def first_tripped(clock: Clock, guards: Sequence[Guard]) -> tuple[Guard, str] | None:
    """Look at every guard; gives the first that is out of band with its reason. One that cannot be read counts as out of band."""
    for guard in guards:
        try:
            reason = drive(clock, guard.look())
        except LabctlError as exc:
            reason = f"it cannot be read: {exc}"
        if reason:
            return guard, reason
    return None


class Monitor:
    """Looks at the guards from a thread of its own while a run goes on, and calls `trip` once when one is out of band."""

    def __init__(self, clock: Clock, guards: Sequence[Guard], trip: Callable[[], None]):
        self._clock, self._guards, self._trip = clock, guards, trip
        self._stop = clock.event()
        self._watching = True
        if guards:
            clock.spawn("guard monitor", self._run)

    def hold(self) -> None:
        """Look away: the engine itself is minding the guards."""
        self._watching = False

    def watch(self) -> None:
        """Look again."""
        self._watching = True

    def stop(self) -> None:
        """End with the run."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            if self._watching and first_tripped(self._clock, self._guards) is not None:
                self._watching = False
                self._trip()
