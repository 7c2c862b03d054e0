"""Which run the plots show: the one under way, or a finished one that somebody has opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qtpy import QtCore

from labctl import api
from labctl.core.errors import LabctlError
from labctl.core.plan import Point, Reading
from labctl.core.plots import Plot, from_json
from labctl.engine.events import RunClosed
from labctl.engine.prospect import Prospect
from labctl.gui.model.measured import LiveRun, Measured, StoredRun
from labctl.gui.model.reader import Opened
from labctl.gui.model.session import Session

MOST_LAID_OUT = 10_000      # points of a plan, up to which empty plots are laid out for it


class ShownPresenter(QtCore.QObject):
    """Feeds the run under way, and opens files of others; says when plots have to be made anew."""

    plots = QtCore.Signal(object)        # the declarations to draw
    run = QtCore.Signal(object)          # Measured, or None for empty plots
    planned = QtCore.Signal(object)      # Measured without points: where a run would go that has not been started
    rehearsal = QtCore.Signal(object)    # Measured of a dry run
    reduced = QtCore.Signal()

    def __init__(self, session: Session, journal: Callable[[str], Path | None] = lambda run_id: None):
        super().__init__()
        self.session, self.journal = session, journal
        self.live: LiveRun | None = None
        self.opened: StoredRun | None = None
        self.promised: StoredRun | None = None
        self._laid_out: tuple[Point, ...] = ()
        session.prepared.connect(self._begin)
        session.point.connect(self._add)
        session.closed.connect(self._end)

    @property
    def measured(self) -> Measured | None:
        """What is on the screen."""
        return self.opened or self.live

    def choose(self, specs: tuple[Plot, ...]) -> None:
        """Show the empty plots of a procedure, unless a run is under way."""
        if not self.session.busy or self.live is None:
            before, self.live, self.opened = self.opened, None, None
            self._laid_out = ()
            self.plots.emit(specs)
            self._close(before)

    def plan(self, prospect: Prospect | None) -> None:
        """Lay out empty plots as the form plans them, while no run is on the screen."""
        points = () if prospect is None else prospect.plan.points
        if self.measured is None and points and points != self._laid_out and len(points) <= MOST_LAID_OUT:
            self._laid_out = points
            self.planned.emit(LiveRun({"plan": [point.as_json() for point in points]}))

    def open(self, path: Path, then: Callable[[Opened], object] = lambda found: None) -> None:
        """Show a finished run as soon as its file has been read, and then do what else is wanted with it."""
        def show(found: list[Opened]) -> None:
            for each in found:
                self._show(each)
                then(each)

        self.session.reader.open([path], show)

    def _show(self, found: Opened) -> None:
        before, self.opened = self.opened, found.measured
        self.plots.emit(found.plots)
        self.run.emit(found.measured)
        self.reduced.emit()
        self._close(before)
        self.session.say(f"shown: {found.path.name}, {found.measured.header.get('title', '')}, {len(found.measured)} points")

    def back(self) -> None:
        """Show the run under way again."""
        if self.live is not None:
            before, self.opened = self.opened, None
            self.plots.emit(_specs(self.live.header))
            self.run.emit(self.live)
            self._close(before)

    def promise(self, outcome: api.Outcome) -> None:
        """Show what a dry run has given behind the plots."""
        if outcome.run is not None:
            self.session.reader.open([outcome.run], self._promise)

    def _promise(self, found: list[Opened]) -> None:
        for each in found:
            before, self.promised = self.promised, each.measured
            if self.measured is None:
                self.planned.emit(LiveRun(each.measured.header))
            self.rehearsal.emit(self.promised)
            self._close(before)

    def close(self) -> None:
        """Close the files."""
        for each in (self.opened, self.promised):
            self._close(each)
        self.opened = self.promised = None

    # ---------------------------------------------------------------- what the session says
    def _begin(self, header: Mapping[str, Any]) -> None:
        before, self.opened = self.opened, None
        self.live = self._resumed(header) or LiveRun(header)
        self.plots.emit(_specs(header))
        self.run.emit(self.live)
        self._close(before)
        if self.promised is not None and self.promised.header.get("procedure") == header.get("procedure"):
            self.rehearsal.emit(self.promised)

    def _resumed(self, header: Mapping[str, Any]) -> LiveRun | None:
        """Begin with what an interrupted run had measured; None for a new run."""
        journal = self.journal(str(header.get("run_id", "")))
        try:
            return None if journal is None else LiveRun.resumed(header, journal)
        except LabctlError as exc:
            self.session.say(f"the earlier points are not shown: {exc}", "warning")
            return None

    def _add(self, reading: Reading) -> None:
        if self.live is not None:
            self.live.add(reading)

    def _end(self, closed: RunClosed) -> None:
        if self.live is not None and self.live.header.get("run_id") == closed.run_id:
            found = closed.reduction
            if found is not None and (found.results or found.curves):       # of an aborted run the last live fit stays
                self.live.reduction = found
            self.live.live = False
            self.live.refusal = next((problem.text for problem in closed.problems if problem.field == "analysis"), "")
            self.live.changes += 1
            self.reduced.emit()

    @staticmethod
    def _close(opened: StoredRun | None) -> None:
        """Close a file that nobody draws any more: plots are given the next run before the last one is gone."""
        if opened is not None:
            opened.run.close()


def _specs(header: Mapping[str, Any]) -> tuple[Plot, ...]:
    return tuple(from_json(told) for told in header.get("plots", ()))
