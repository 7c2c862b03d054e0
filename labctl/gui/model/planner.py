"""Work that touches no instrument, in a thread of its own: plans for the form, dry runs. Scanning goes on meanwhile."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

log = logging.getLogger("labctl.gui")


@dataclass(frozen=True)
class Answer:
    """What came of a wish: its number, and a value or what was raised."""

    number: int
    value: Any = None
    error: Exception | None = None


class Planner:
    """Does what it is asked for, in order; with `newest_only`, wishes that are overtaken are never begun."""

    def __init__(self, *, newest_only: bool = True):
        self.newest_only = newest_only
        self._wishes: deque[tuple[int, Callable[[], Any]]] = deque()
        self._answers: deque[Answer] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._count = 0
        self._thread: threading.Thread | None = None

    def ask(self, wish: Callable[[], Any]) -> int:
        """Ask for something; gives the number by which its answer is known."""
        with self._changed:
            self._count += 1
            if self.newest_only:
                self._wishes.clear()
            self._wishes.append((self._count, wish))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="planner", daemon=True)
                self._thread.start()
            self._changed.notify()
            return self._count

    def answer(self) -> Answer | None:
        """Give the oldest answer that has not been given yet; None when there is none."""
        return self._answers.popleft() if self._answers else None

    def close(self) -> None:
        """End the thread after what it is doing; what waits is forgotten."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wishes or self._closing)
                if self._closing:
                    return
                number, work = self._wishes.popleft()
            try:
                self._answers.append(Answer(number, work()))
            except Exception as exc:     # told, where the form can show it
                self._answers.append(Answer(number, None, exc))
