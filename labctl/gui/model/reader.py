"""Run files are opened in a thread of their own: one on a slow disk says that it is being read, and the window goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labctl import api
from labctl.analysis.labels import value_text
from labctl.core.errors import LabctlError
from labctl.core.plots import Plot, from_json
from labctl.gui.model.measured import StoredRun
from labctl.gui.model.planner import Planner
from labctl.store import notes

SLOW_S = 0.2             # a file that takes longer than this is said to be read


@dataclass
class Opened:
    """A run that is looked at: its data, what to draw of it, and what was written about it."""

    path: Path
    measured: StoredRun
    plots: tuple[Plot, ...]
    notes: Sequence[notes.Note]

    @property
    def headline(self) -> str:
        """One line that says which run it is."""
        return self.measured.run.headline

    def results(self) -> list[tuple[str, str]]:
        """Give the results, names and values as people read them."""
        return [(name, value_text(result)) for name, result in self.measured.run.results.items()]

    def parameters(self) -> dict[str, str]:
        """Give the parameters by their labels, values with units."""
        return {str(told["label"]): f"{told['value']} {told['unit'] if told['unit'] != '1' else ''}".strip()
                for told in self.measured.header.get("parameters", {}).values()}

    def close(self) -> None:
        """Close the file."""
        self.measured.run.close()


@dataclass(frozen=True)
class Unreadable:
    """A file that cannot be shown, and why."""

    path: Path
    reason: str


Read = Opened | Unreadable
Then = Callable[[list[Opened]], object]


def read(path: Path) -> Read:
    """Open a run and read what its plots will ask for; waits for the disk."""
    try:
        measured = StoredRun(api.load(path))
        measured.prepare()
        plots = tuple(from_json(told) for told in measured.header.get("plots", ()))
        return Opened(path, measured, plots, notes.read(notes.path_of(path)))
    except (LabctlError, OSError, KeyError) as exc:
        return Unreadable(path, str(exc))


class Reader:
    """Opens run files and hands them over in the window's thread, in `tick`. Who gets a run closes it."""

    def __init__(self, say: Callable[[str, str], None], *, newest_only: bool = False):
        self._say, self._newest_only = say, newest_only
        self._planner = Planner(newest_only=newest_only)
        self._asked: dict[int, tuple[Then, tuple[Path, ...], float]] = {}

    def open(self, paths: Sequence[Path], then: Then) -> None:
        """Have files opened; `then` gets those that could be, in their order. Overtaken wishes are dropped by `newest_only`."""
        wanted = tuple(paths)
        if self._newest_only:
            self._asked.clear()
        self._asked[self._planner.ask(lambda: [read(path) for path in wanted])] = then, wanted, time.monotonic()

    def forget(self) -> None:
        """Let nobody have what is being read."""
        self._asked.clear()

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return bool(self._asked)

    @property
    def words(self) -> str:
        """Name what has been read for a while; empty when nothing has."""
        slow = [path.name for _, paths, since in self._asked.values() if time.monotonic() - since > SLOW_S for path in paths]
        return f"reading {', '.join(slow)} …" if slow else ""

    def tick(self) -> None:
        """Hand over what has been read."""
        while (answer := self._planner.answer()) is not None:
            found: list[Read] = answer.value or []
            opened = [each for each in found if isinstance(each, Opened)]
            asked = self._asked.pop(answer.number, None)
            if asked is None:
                for each in opened:
                    each.close()
                continue
            for each in found:
                if isinstance(each, Unreadable):
                    self._say(f"{each.path.name} cannot be shown: {each.reason}", "error")
            if answer.error is not None:
                self._say(f"{', '.join(path.name for path in asked[1])} cannot be shown: {answer.error}", "error")
            asked[0](opened)

    def close(self) -> None:
        """End the thread; what is being read is closed by nobody but the end of the program."""
        self._asked.clear()
        self._planner.close()
