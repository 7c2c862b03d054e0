"""The person at the bench, as seen by instruments that only a person can set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from labctl.core.clock import Clock


@dataclass
class Request:
    """Something a person was asked to do; `done` once confirmed, `refused` with the reason if it was not done."""

    text: str
    done: bool = False
    refused: str = ""


class Operator(Protocol):
    """Whoever confirms: a person at a terminal or window, `--yes`, or the twin of a simulated bench."""

    def request(self, instrument: str, text: str, settings: Mapping[str, float]) -> Request:
        """Ask for something and return at once; the request is updated when there is an answer."""
        ...


class Assent:
    """Confirms everything at once (`--yes`): for those who have set everything beforehand. `announce` is told each time."""

    def __init__(self, announce: Callable[[str], None]):
        self.announce = announce

    def request(self, instrument: str, text: str, settings: Mapping[str, float]) -> Request:
        """Announce and confirm."""
        self.announce(f"{text} (confirmed by --yes)")
        return Request(text, done=True)


class Asking:
    """Asks a person by a function that waits for the answer, in a thread of its own: the instruments are watched meanwhile.

    `ask(text)` gives True for done, False for not done.
    """

    def __init__(self, ask: Callable[[str], bool], clock: Clock):
        self.ask, self.clock = ask, clock

    def request(self, instrument: str, text: str, settings: Mapping[str, float]) -> Request:
        """Ask; the request is updated when the person has answered."""
        request = Request(text)

        def wait_for_answer() -> None:
            try:
                request.done = self.ask(text)
                request.refused = "" if request.done else "the answer was no"
            except (EOFError, KeyboardInterrupt, OSError):
                request.refused = "nobody is there to answer"

        self.clock.spawn(f"question for {instrument}", wait_for_answer)
        return request
