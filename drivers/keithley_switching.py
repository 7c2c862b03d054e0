"""A voltage that a source-meter switches on and off by itself while something else is exposed, each step with its time.

Steps are single writes, and only to a voltage that has been held without leaking; between two of them the current is measured once.
The computer writes them, so a step falls somewhere within its exchange: that span is measured and belongs to the result.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from labctl.core.errors import InstrumentError

BEFORE_READING = 0.5       # of a half period: when the sample has charged, the current is what leaks


class Meter(Protocol):
    """What is switched: a source-meter with its output on."""

    name: str
    clock: Any
    window: tuple[float, float] | None

    def step(self, volts: float) -> None:
        """Write a level at once."""
        ...

    def leak(self) -> float:
        """Measure what flows, in A; raises when it is too much."""
        ...

    @property
    def level(self) -> float:
        """The voltage that the source is set to."""
        ...


class Switching:
    """Switches between the level found at the beginning and `volts`, `halves` times, every `half_period_s`; ends where it began."""

    def __init__(self, meter: Meter, half_period_s: float, halves: int):
        self._meter, self.half_period_s, self.halves = meter, half_period_s, halves
        self.volts = 0.0
        self._base = self._began = 0.0
        self._steps: list[tuple[float, float]] = []       # seconds before and after each write, since the beginning
        self._currents: list[float] = []
        self._running = False

    @property
    def seconds(self) -> float:
        """How long it takes: half a period before the first step, and after the last."""
        return (self.halves + 1) * self.half_period_s

    def begin(self) -> None:
        """Begin at the present level; raises InstrumentError where the other voltage has not been held before."""
        meter = self._meter
        self._base = meter.level
        held = meter.window
        if held is None or not held[0] <= self.volts <= held[1]:
            told = "no voltage" if held is None else f"{held[0]:g} to {held[1]:g} V"
            raise InstrumentError(meter.name, f"it is to switch to {self.volts:g} V, but {told} has been held without leaking.",
                                  state=f"{self._base:g} V, nothing was switched",
                                  remedy="Let a point go to that voltage by a ramp first.")
        self._steps, self._currents, self._running, self._began = [], [], True, meter.clock.now()

    @property
    def running(self) -> bool:
        """True while there is more to come; writes the next step when it is due, and measures the current between steps."""
        if not self._running:
            return False
        passed = round(self._meter.clock.now() - self._began, 6)         # the same at any hour
        late = round(passed - (len(self._steps) + 1) * self.half_period_s, 6)
        if late >= 0.0 and len(self._steps) < self.halves:
            if len(self._currents) == len(self._steps):          # nobody asked in time: no step without a look at what leaks
                self._currents.append(self._checked())
            self._step()
        elif late >= 0.0:
            self._running = False
        elif late >= -BEFORE_READING * self.half_period_s and len(self._currents) == len(self._steps):
            self._currents.append(self._checked())
        return self._running

    def _step(self) -> None:
        before = self._meter.clock.now() - self._began
        self._meter.step(self.volts if len(self._steps) % 2 == 0 else self._base)
        self._steps.append((before, self._meter.clock.now() - self._began))

    def _checked(self) -> float:
        try:
            return self._meter.leak()
        except InstrumentError:
            self.end()
            raise

    def end(self) -> None:
        """Go back to where it began, at once; harmless when it does not run."""
        if self._running:
            self._running = False
            self._meter.step(self._base)

    def forget(self) -> None:
        """Write nothing any more: whoever parks the source says where it goes."""
        self._running = False

    def found(self) -> dict[str, Any]:
        """Give the middle of every write in s since the beginning, the mean length of a write, and the largest current (A)."""
        steps = np.round(self._steps, 6)
        return {"switched_at": np.round(steps.mean(axis=1), 6), "switch_s": round(float(np.diff(steps, axis=1).mean()), 6),
                "current": max(self._currents, key=abs)}
