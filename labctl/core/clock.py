"""The one clock through which everything in labctl waits: the wall's (`RealClock`), or one that jumps (`VirtualClock`)."""

from __future__ import annotations

from typing import Any

from labctl.core.real_clock import RealClock
from labctl.core.timing import Clock, Forever, Handle, Signal, Timer
from labctl.core.virtual_clock import VirtualClock

__all__ = ["Clock", "Forever", "Handle", "RealClock", "Signal", "Timer", "VirtualClock", "make_clock"]


def make_clock(*, virtual: bool, speed: float = 1.0) -> Any:
    """Give the clock for a bench: virtual, or real at `speed`."""
    return VirtualClock() if virtual else RealClock(speed)
