"""What a form orders, in threads of its own: a run put into the queue, a rehearsal on the twin, a spot that is counted anew."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy import QtCore

from labctl import api
from labctl.core.dose import Spot
from labctl.core.errors import Refused
from labctl.engine.prospect import count_from_nought
from labctl.gui.model.planner import Planner
from labctl.gui.model.session import Session


class Orders(QtCore.QObject):
    """Gives orders and tells what came of them; `tick` takes up the answers in the window's thread."""

    queued = QtCore.Signal(object)       # the item
    rehearsed = QtCore.Signal(object)    # the outcome of a dry run
    renewed = QtCore.Signal()            # light is counted from nought
    changed = QtCore.Signal()            # a rehearsal has begun or ended

    def __init__(self, session: Session):
        super().__init__()
        self.session = session
        self.rehearsing = False
        self._rehearser = Planner()
        self._enqueuer = Planner(newest_only=False)          # nobody's run is forgotten

    def enqueue(self, name: str, settings: Mapping[str, str], order: str) -> None:
        """Put a run at the end of the queue."""
        session = self.session
        options = {"out": str(session.root), "sample": session.sample, "note": session.note, "order": order}
        own = session.path.suffix and session.bench_name.endswith(".toml")
        where, bench = str(session.path) if own else session.bench_name, session.bench
        self._enqueuer.ask(lambda: api.enqueue(name, where, settings, options, opened=bench))

    def rehearse(self, name: str, settings: Mapping[str, str]) -> None:
        """Run it on the twin, in virtual time; what the bench does meanwhile is not disturbed."""
        if self.rehearsing:
            return
        session = self.session
        order = api.Order(name, session.root, sample=session.sample, figure=False)
        self.rehearsing = True
        session.say(f"dry run of {name} on the twin")
        self.changed.emit()
        self._rehearser.ask(lambda: api.rehearse(name, session.bench_name, settings, order=order, announce=session.announce))

    def new_spot(self) -> None:
        """Say that the beam now falls where no light has fallen."""
        self._enqueuer.ask(lambda: count_from_nought(self.session.bench, self.session.sample))

    def tick(self) -> None:
        """Take up what has become of the orders."""
        queued = self._enqueuer.answer()
        if queued is not None:
            self._take_queued(queued.value, queued.error)
        rehearsed = self._rehearser.answer()
        if rehearsed is not None:
            self._take_rehearsed(rehearsed.value, rehearsed.error)

    def _take_queued(self, item: api.Item | Spot | None, error: Exception | None) -> None:
        if error is not None:
            for problem in _problems(error):
                self.session.say(f"not queued: {problem}", "error")
        elif isinstance(item, Spot):
            self.session.say(f"{item}: light is counted from nought")
            self.renewed.emit()
        else:
            self.queued.emit(item)

    def _take_rehearsed(self, outcome: api.Outcome | None, error: Exception | None) -> None:
        self.rehearsing = False
        self.changed.emit()
        for problem in [] if error is None else _problems(error):
            self.session.say(f"dry run: {problem}", "error")
        if outcome is not None:
            peak = outcome.forecast.peak if outcome.forecast is not None else None
            self.session.say(f"dry run {outcome.status}" + ("" if peak is None else f": brightest {peak}"))
            self.rehearsed.emit(outcome)

    def close(self) -> None:
        """End the threads."""
        self._enqueuer.close()
        self._rehearser.close()


def _problems(error: Exception) -> list[object]:
    return list(error.problems) if isinstance(error, Refused) else [error]
