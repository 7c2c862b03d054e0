"""The hand that sets what has no interface: it turns the twin's elements as a person would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim_instruments.clock import Clock
from sim_instruments.twin.motion import Mover
from sim_instruments.wire import Unit

UNITS = ("", "_nm", "_j", "_hz", "_s", "_mm", "_deg")
"""Endings by which an element's attribute may name its unit."""


@dataclass
class Asked:
    """A request; `done` once carried out, `refused` with a reason if not."""

    text: str
    done: bool = False
    refused: str = ""


class ManualBox:
    """Carries out what it is asked, `answer_s` later. Fault attributes: `refuses` (says no), `away` (never answers)."""

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        self.clock = clock
        self.elements = {unit.role: unit.element for unit in units}
        self.answer_s = 2.0
        self.refuses = self.away = False
        self.heard: list[str] = []

    def request(self, instrument: str, text: str, settings: Mapping[str, float]) -> Asked:
        """Hear a request; it is carried out a little later."""
        asked = Asked(text)
        self.heard.append(text)
        if not self.away:
            self.clock.call_at(self.clock.now() + self.answer_s, lambda: self._answer(asked, instrument, settings))
        return asked

    def _answer(self, asked: Asked, instrument: str, settings: Mapping[str, float]) -> None:
        if self.refuses:
            asked.refused = "the answer was no"
            return
        for name, value in settings.items():
            self._set(self.elements.get(instrument), name, value)
        asked.done = True

    @staticmethod
    def _set(element: Any, name: str, value: float) -> None:
        """Turn the element's attribute of this name; what the twin does not have, it need not know."""
        attribute = next((name + unit for unit in UNITS if hasattr(element, name + unit)), None)
        if attribute is None:
            return
        present = getattr(element, attribute)
        if isinstance(present, Mover):
            present.move(value)
        else:
            setattr(element, attribute, bool(value) if isinstance(present, bool) else value)
