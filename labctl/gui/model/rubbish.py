"""Python's garbage is collected in the window's thread only.

A plot that was thrown away is a cycle of Python and Qt objects. Python's collector runs in whatever thread happens to allocate, and
a thread that reads a file or runs the bench must not destroy what belongs to the window: Qt crashes.
"""

from __future__ import annotations

import gc


class Rubbish:
    """Takes the collector over from `begin` to `end`; `tick` does what it would have done, where it may."""

    def __init__(self) -> None:
        self._was_on = False

    def begin(self) -> None:
        """Let nobody else collect."""
        self._was_on = gc.isenabled()
        gc.disable()

    def tick(self) -> None:
        """Collect the oldest generation that is due, by the collector's own thresholds."""
        due = [generation for generation, (count, most) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True))
               if count > most]
        if due:
            gc.collect(due[-1])

    def end(self) -> None:
        """Give the collector back."""
        if self._was_on:
            gc.enable()
