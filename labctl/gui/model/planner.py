"""Plans what the form asks for, in a thread of its own: the newest wish counts, and scanning goes on meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labctl.gui.model.intake import LatestBox

log = logging.getLogger("labctl.gui")


@dataclass(frozen=True)
class Answer:
    """What came of a wish: its number, and a value or what was raised."""

    number: int
    value: Any = None
    error: Exception | None = None


class Planner:
    """Does the newest of the things it is asked for; those overtaken meanwhile are never begun."""

    def __init__(self) -> None:
        self._wishes: LatestBox[tuple[int, Callable[[], Any]]] = LatestBox()
        self._answers: LatestBox[Answer] = LatestBox()
        self._wake = threading.Event()
        self._closing = False
        self._count = 0
        self._thread: threading.Thread | None = None

    def ask(self, wish: Callable[[], Any]) -> int:
        """Ask for something; gives the number by which its answer is known."""
        self._count += 1
        self._wishes.put((self._count, wish))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="planner", daemon=True)
            self._thread.start()
        self._wake.set()
        return self._count

    def answer(self) -> Answer | None:
        """Give the newest answer once; None when there is none."""
        return self._answers.take()

    def close(self) -> None:
        """End the thread after what it is doing."""
        self._closing = True
        self._wake.set()

    def _run(self) -> None:
        while not self._closing:
            wish = self._wishes.take()
            if wish is None:
                self._wake.wait()
                self._wake.clear()
                continue
            number, work = wish
            try:
                self._answers.put(Answer(number, work()))
            except Exception as exc:     # told, where the form can show it
                self._answers.put(Answer(number, None, exc))
