"""Where the worker leaves what the window looks at later: no Qt, no signal per frame, and neither waits for the other."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")
MOST_WAITING = 100_000       # events between two looks of the window; a lost one is counted, not hidden


class LatestBox(Generic[T]):
    """Holds the newest value only; `taken` counts looks, `put_count` values."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: T | None = None
        self._fresh = False
        self.put_count = 0

    def put(self, value: T) -> None:
        """Replace the value."""
        with self._lock:
            self._value, self._fresh = value, True
            self.put_count += 1

    def take(self) -> T | None:
        """Give the newest value once; None when nothing came since the last look."""
        with self._lock:
            if not self._fresh:
                return None
            self._fresh = False
            return self._value


class Intake(Generic[T]):
    """A bounded line of things none of which should be lost; when it is full the oldest go, and are counted."""

    def __init__(self, most: int = MOST_WAITING):
        self._line: deque[T] = deque(maxlen=most)
        self._lock = threading.Lock()
        self.lost = 0

    def put(self, thing: T) -> None:
        """Add one at the end."""
        with self._lock:
            if len(self._line) == self._line.maxlen:
                self.lost += 1
            self._line.append(thing)

    def drain(self, most: int | None = None) -> list[T]:
        """Take out all that wait, or the first `most`."""
        with self._lock:
            count = len(self._line) if most is None else min(most, len(self._line))
            return [self._line.popleft() for _ in range(count)]

    def __len__(self) -> int:
        return len(self._line)
