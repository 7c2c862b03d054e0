"""Closing what a bench has opened: every connection in its own lane, and none waited for longer than a moment."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from labctl.core.clock import Clock
from labctl.core.lane import Lane
from labctl.core.steps import Steps, Together, drive

log = logging.getLogger("labctl.bench")

CLOSE_DEADLINE_S = 1.5       # a library that does not let go by then never will; the process has to end all the same


@dataclass(frozen=True)
class Closer:
    """How something is closed, and through which lane; without one it is closed when all connections are."""

    close: Callable[[], None]
    lane: Lane | None = None


def close_all(clock: Clock, closers: Iterable[Closer], lanes: Iterable[Lane]) -> None:
    """Close everything, the last that was opened first; what fails or hangs is logged and left behind.

    A lane that is dead gets a new thread: closing a port is what ends a read that hangs.
    """
    last_first = list(closers)[::-1]
    by_lane: dict[Lane, list[Closer]] = {}
    for closer in last_first:
        if closer.lane is not None:
            by_lane.setdefault(closer.lane, []).append(closer)
    if by_lane:
        drive(clock, _together(clock, by_lane))
    for lane in lanes:
        lane.close()
    for closer in last_first:
        if closer.lane is None:
            closer.close()


def _together(clock: Clock, by_lane: dict[Lane, list[Closer]]) -> Steps[None]:
    yield Together({lane: _one_after_the_other(lane if not lane.dead else Lane(f"{lane.name}, closing", clock), closers)
                    for lane, closers in by_lane.items()})


def _one_after_the_other(lane: Lane, closers: list[Closer]) -> Steps[None]:
    for closer in closers:
        try:
            yield lane.submit(closer.close, CLOSE_DEADLINE_S)
        except Exception as exc:    # whatever a vendor's library raises: the other connections are still to be closed
            log.warning("%s was not closed: %s", lane.name, exc)
    lane.close()
