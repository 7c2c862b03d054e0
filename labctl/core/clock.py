"""The one clock through which everything in labctl waits: the wall's (`RealClock`), or one that jumps (`VirtualClock`)."""

from __future__ import annotations

from labctl.core.real_clock import RealClock
from labctl.core.timing import Clock, Forever, Handle, Signal, Timer
from labctl.core.virtual_clock import VirtualClock

__all__ = ["Clock", "Forever", "Handle", "RealClock", "Signal", "Timer", "VirtualClock"]
