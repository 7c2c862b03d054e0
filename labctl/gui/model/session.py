"""What the window knows: the bench, the run under way, the queue, the log. No widget, and no call that waits for an instrument.

Everything that happens elsewhere arrives through one intake, which `tick` empties 30 times a second in the window's thread; signals
are sent from there only.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtpy import QtCore

from labctl import api
from labctl.bench.panel import Card, Ordered, Watch, cards
from labctl.core.errors import Aborted, LabctlError, Refused
from labctl.core.operator import Request
from labctl.core.pacing import Courtesy, PacedClock
from labctl.engine import events
from labctl.engine.events import Listeners
from labctl.gui.model.intake import Intake, LatestBox
from labctl.gui.model.line import Line, LogTap, line
from labctl.gui.model.procedures import Procedures
from labctl.gui.model.reader import Reader
from labctl.gui.model.worker import BenchThread, Job, JobEnded, NotOpened, Opened

log = logging.getLogger("labctl.gui")

OPENING, IDLE, ARMED, RUNNING, PAUSED, FINISHING, BROKEN = (
    "opening", "idle", "armed", "running", "paused", "finishing", "not open")
CALIBRATING = "calibrating"      # the job that takes what a simulated bench lacks
QUEUE = "queue"                  # the job that runs what waits
MOST_A_TICK = 500                # events taken in at a time, so that a flood does not freeze the window
JOIN_S = 30.0                    # longest wait for the bench's thread when the window closes


@dataclass
class RunState:
    """The run that is under way or was the last."""

    run_id: str = ""
    procedure: str = ""
    done: int = 0
    total: int = 0
    left_s: float = 0.0              # on the bench's clock
    status: str = ""                 # once it is over: done, aborted, failed, unsafe
    file: Path | None = None
    started: float = 0.0             # on this computer's clock

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0


@dataclass(frozen=True)
class Question:
    """Something a person is asked to set; answer by `request.done` or `request.refused`."""

    instrument: str
    request: Request


class Session(QtCore.QObject):
    """One window's bench and what is done with it."""

    changed = QtCore.Signal()               # state, progress or what instruments say; at most once a tick
    opened = QtCore.Signal()
    queue_changed = QtCore.Signal()
    began = QtCore.Signal(object)           # RunStarted
    prepared = QtCore.Signal(object)        # header
    point = QtCore.Signal(object)           # Reading
    closed = QtCore.Signal(object)          # RunClosed
    frames = QtCore.Signal()                # a box of `live` has something new
    said = QtCore.Signal(object)            # Line
    asked = QtCore.Signal(object)           # Question
    job_ended = QtCore.Signal(object)       # JobEnded

    def __init__(self, bench: str, *, speed: float | None = None, root: Path | None = None):
        super().__init__()
        self.config, self.text, self.path = api.load_bench_file(bench)
        self.name, self.bench_name = self.config.name, bench
        self.speed = speed if self.config.simulated else None
        self.root = root or Path(self.config.data.root)
        self.sample = self.note = ""
        self.state, self.run = OPENING, RunState()
        self.procedures, self.reader = Procedures(), Reader(self.say)
        self.courtesy = Courtesy()       # a simulated bench lets the window go first
        self.bench: api.Bench | None = None
        self.watch: Watch | None = None
        self.cards: tuple[Card, ...] = ()
        self.stopping: Ordered | None = None
        self.lines: list[Line] = []
        self.live: dict[str, LatestBox[Any]] = {}
        self._intake: Intake[object] = Intake()
        self._tap = LogTap(self._intake.put)
        self._thread: BenchThread | None = None
        self._told_stopping = True
        self._wanted = 0                 # jobs that have not ended

    # ---------------------------------------------------------------- opening and closing
    def open(self) -> None:
        """Begin to open the bench."""
        logging.getLogger("labctl").addHandler(self._tap)
        self.say(f"opening {self.name} ({self.config.backend}) from {self.path}")
        self.state = OPENING
        self._thread = BenchThread(self._make, self._intake.put)

    def _make(self) -> api.Bench:
        return api.open_bench(self.bench_name, speed=self.speed, watched=True, operator=lambda clock: self)

    def leave(self) -> None:
        """Abort what is under way, make the bench safe and close it; `gone` tells when that is done."""
        logging.getLogger("labctl").removeHandler(self._tap)
        if self._thread is None:
            return
        if self.bench is not None:
            self.stopping, self._told_stopping = Ordered(self.bench, "safe"), False
        self._thread.close()

    @property
    def gone(self) -> bool:
        """Whether the bench is closed, or was never open."""
        return self._thread is None or self._thread.join(0.0)

    def close(self) -> bool:
        """As `leave`, and wait for the end; False when it has not come in time."""
        self.leave()
        ended = self._thread is None or self._thread.join(JOIN_S)
        self._thread = None
        return ended

    @property
    def lost(self) -> bool:
        """Whether a connection was given up after a call had hung: only opening the bench anew brings it back."""
        return self.bench is not None and any(lane.dead for lane in self.bench.lanes.values())

    def reopen(self, speed: float | None) -> None:
        """Close the idle bench and open it anew, with fresh connections."""
        self.close()
        self.bench = self.watch = None
        self._wanted = 0
        self.speed = speed if self.config.simulated else None
        self.open()

    # ---------------------------------------------------------------- what others may have done
    @property
    def busy(self) -> bool:
        """Whether something is being done with the bench, or waits to be."""
        return self._wanted > 0

    @property
    def doing(self) -> str:
        """Name of the job under way."""
        return self._thread.doing if self._thread is not None else ""

    def do(self, name: str, job: Job) -> None:
        """Have a job done with the bench, after those that wait."""
        if self._thread is not None:
            self._wanted += 1
            self._thread.do(name, job)

    def listeners(self) -> Listeners:
        """Give listeners that hand the engine's events to the window."""
        return Listeners(self._intake.put)

    def announce(self, text: str) -> None:
        """Say something from any thread."""
        self._intake.put(line(text))

    def request(self, instrument: str, text: str, settings: Mapping[str, float]) -> Request:
        """Ask the person at the window (`labctl.core.operator.Operator`)."""
        request = Request(text)
        self._intake.put(Question(instrument, request))
        return request

    def say(self, text: str, level: str = "info") -> None:
        """Write a line of the log; in the window's thread."""
        self._line(line(text, level))

    def run_queue(self, allow: Callable[[api.Item], bool]) -> None:
        """Run what waits, in order, as far as `allow` lets it; that is asked in the bench's thread."""
        self.do(QUEUE, lambda bench, control: api.run_queue(
            listeners=self.listeners(), control=control, opened=bench, operator=lambda clock: self, announce=self.announce,
            allow=allow))

    def pause(self, paused: bool) -> None:
        """Pause the run under way before its next point, or go on."""
        control = self._thread.control if self._thread is not None else None
        if control is not None:
            control.pause() if paused else control.resume()

    def order(self, level: str, reason: str) -> None:
        """Stop everything at once and bring the bench to "park" or "safe", waiting for nobody."""
        if self._thread is not None:
            self._thread.stop(reason)
        if self.bench is not None:
            self.stopping, self._told_stopping = Ordered(self.bench, level), False
            if not self.busy:
                self.do("closing the shutter", lambda bench, control: api.light(bench, on=False))
        self.say(f"{reason}: {level} ordered from every instrument, the shutter first", "warning")

    # ---------------------------------------------------------------- 30 times a second
    def tick(self) -> None:
        """Take in what has happened, ask instruments what is due, and tell the window."""
        waiting = self._intake.drain(MOST_A_TICK)
        for thing in waiting:
            self._take(thing)
        heard = self.watch.tick(idle=not self.busy) if self.watch is not None else False
        self._follow_stopping()
        self.reader.tick()
        if waiting or heard or not self._told_stopping:
            self.changed.emit()
        self.frames.emit()

    def _follow_stopping(self) -> None:
        if self.stopping is None or self._told_stopping or not self.stopping.done:
            return
        self._told_stopping = True
        failed = {role: answer for role, answer in self.stopping.answers().items() if answer != "done"}
        for role, answer in failed.items():
            self.say(f"{role}: {self.stopping.level} FAILED: {answer}", "error")
        good = len(self.stopping.answers()) - len(failed)
        self.say(f"{self.stopping.level}: {good} of {len(self.stopping.answers())} instruments confirmed in "
                 f"{self.stopping.seconds:.1f} s", "error" if failed else "info")

    @functools.singledispatchmethod
    def _take(self, thing: Any) -> None:
        """Take in one thing that has happened; what nobody asked about is dropped."""

    @_take.register
    def _(self, opened: Opened) -> None:
        self.bench, self.state = opened.bench, IDLE
        if isinstance(opened.bench.clock, PacedClock):
            opened.bench.clock.courtesy = self.courtesy
        self.watch, self.cards = Watch(opened.bench), cards(opened.bench)
        self.say(f"{self.name} is open: {len(self.cards)} instruments")
        self.opened.emit()
        if opened.bench.simulated:
            self.do(CALIBRATING, lambda bench, control: api.calibrate(
                bench, api.Order("", self.root), listeners=self.listeners(), control=control, announce=self.announce))

    @_take.register
    def _(self, failed: NotOpened) -> None:
        self.state = BROKEN
        problems = failed.error.problems if isinstance(failed.error, Refused) else [failed.error]
        for problem in problems:
            self.say(f"{self.name} could not be opened: {problem}", "error")

    @_take.register
    def _(self, ended: JobEnded) -> None:
        self._wanted -= 1
        self.state = IDLE
        if ended.error is not None and not isinstance(ended.error, Aborted):
            problems = ended.error.problems if isinstance(ended.error, Refused) else [ended.error]
            for problem in problems:
                self.say(f"{ended.name}: {problem}", "error")
            if not isinstance(ended.error, LabctlError):
                log.error("defect while %s", ended.name, exc_info=ended.error)
        elif isinstance(ended.value, api.Ended):
            self.say(f"the queue has ended: {ended.value.reason}")
        self.job_ended.emit(ended)
        self.queue_changed.emit()

    @_take.register
    def _(self, spoken: Line) -> None:
        self._line(spoken)

    @_take.register
    def _(self, question: Question) -> None:
        self.say(question.request.text, "warning")
        self.asked.emit(question)

    @_take.register
    def _(self, started: events.RunStarted) -> None:
        self.run = RunState(started.run_id, started.procedure, 0, started.points, started.estimate.seconds,
                            started=time.monotonic())
        self.state = ARMED
        self.began.emit(started)
        self.queue_changed.emit()

    @_take.register
    def _(self, ready: events.Prepared) -> None:
        self.state = RUNNING
        self.prepared.emit(ready.header)

    @_take.register
    def _(self, done: events.PointDone) -> None:
        self.point.emit(done.reading)

    @_take.register
    def _(self, progress: events.Progress) -> None:
        self.run.done, self.run.total, self.run.left_s = progress.done, progress.total, progress.left_s

    @_take.register
    def _(self, paused: events.Paused) -> None:
        self.state = PAUSED if paused.paused else RUNNING
        self.say("paused: the bench is parked" if paused.paused else "the run goes on")

    @_take.register
    def _(self, spoken: events.LogLine) -> None:
        self.say(spoken.text, spoken.level)

    @_take.register
    def _(self, ended: events.RunEnded) -> None:
        self.state, self.run.status, self.run.left_s = FINISHING, ended.status, 0.0

    @_take.register
    def _(self, closed: events.RunClosed) -> None:
        self.run.status, self.run.file = closed.status, closed.run
        for problem in closed.problems:
            self.say(str(problem), problem.level)
        good = closed.status == "done"
        self.say(f"{self.run.procedure} {closed.status}: {closed.run or 'no file'}", "info" if good else "warning")
        self.closed.emit(closed)

    def _line(self, spoken: Line) -> None:
        self.lines.append(spoken)
        self.said.emit(spoken)
