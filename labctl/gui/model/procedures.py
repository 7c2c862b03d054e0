"""The procedures one can choose, loaded one after the other in a thread of their own: one that fits brings a second of packages."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from labctl.core import registry
from labctl.gui.model.planner import Planner

log = logging.getLogger("labctl.gui")


@dataclass(frozen=True)
class Choice:
    """A procedure one can choose: its registered name, title, and one sentence about it."""

    name: str
    title: str
    about: str


def load(name: str) -> Choice | None:
    """Load a procedure; None, with a line in the log, for one that cannot be loaded."""
    try:
        cls = registry.find("procedure", name)
    except Exception as exc:     # somebody else's package: it must not keep the window from opening
        log.warning("the procedure %s cannot be loaded: %s", name, exc)
        return None
    about = (cls.__doc__ or "").strip().splitlines()
    return Choice(name, cls.title or name, about[0] if about else "")


class Procedures:
    """What can be chosen so far. `tick` takes up what has been loaded, and never waits."""

    def __init__(self) -> None:
        self.choices: list[Choice] = []         # by title
        self._loader = Planner(newest_only=False)
        self._expected: dict[int, str] = {}

    def load(self, names: Iterable[str]) -> None:
        """Begin to load these, in this order."""
        for name in names:
            self._expected[self._loader.ask(lambda name=name: load(name))] = name

    def tick(self) -> bool:
        """Take up what has been loaded; tells whether something has."""
        before = len(self._expected)
        while (answer := self._loader.answer()) is not None:
            del self._expected[answer.number]
            if answer.value is not None:
                self._add(answer.value)
        return len(self._expected) != before

    def know(self, name: str) -> None:
        """See to it that a procedure can be chosen now; it may take a while if it has not been loaded."""
        if all(each.name != name for each in self.choices):
            found = load(name)
            if found is not None:
                self._add(found)

    def _add(self, found: Choice) -> None:
        others = [each for each in self.choices if each.name != found.name]
        self.choices = sorted([*others, found], key=lambda each: each.title)

    def awaits(self, name: str) -> bool:
        """Whether this one is still being loaded."""
        return name in self._expected.values()

    @property
    def complete(self) -> bool:
        """Whether all have been loaded."""
        return not self._expected

    def title(self, name: str) -> str:
        """Give the title of a procedure; its name where it has not been loaded, or cannot be any more."""
        return next((each.title for each in self.choices if each.name == name), name)

    def close(self) -> None:
        """End the thread."""
        self._loader.close()
