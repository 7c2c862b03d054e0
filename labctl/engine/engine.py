"""The engine: visits points safely, journals each, and parks the bench on every way out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from labctl.core.clock import Forever
from labctl.core.errors import Aborted, Interlocked, LabctlError, Refused, UnsafeState
from labctl.core.plan import Estimate, Point, Problem
from labctl.core.quality import Policy
from labctl.core.secrets import without_secrets
from labctl.core.steps import Interrupt, Steps, drive
from labctl.engine.control import Control, Dropped
from labctl.engine.course import Course
from labctl.engine.events import Listeners, LogLine, Paused, PointDone, Prepared, Progress, RunEnded, RunStarted
from labctl.engine.exposing import Visit
from labctl.engine.guards import BACK_S, LONGEST_PAUSE_S, LOOK_S, Guard, Monitor, first_tripped
from labctl.engine.quality import Held
from labctl.engine.safety import carry_out
from labctl.engine.visit import TakeAgain, Visitor

log = logging.getLogger("labctl.engine")

PAUSE_LOOK_S = 0.5           # how often a paused engine looks up even when nobody calls it
REST_S = 0.5                 # after axes were put back: some must rest before their next move, and the point may not last longer
NO_POINT = 2**31 - 1         # the visit announced while axes are put back where they stood: its noise belongs to no point


class Recorder(Protocol):
    """Where the engine writes down what happened (the journal)."""

    def point(self, index: int, *, point: dict[str, Any], started_s: float, arrays: Any, values: Any, flags: Sequence[str],
              checkpoint: bytes | None) -> None:
        """Write one point, durable when it returns."""
        ...

    def event(self, kind: str, elapsed_s: float, text: str, data: dict[str, Any] | None = None) -> None:
        """Write one line of the run's log."""
        ...


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: status done, aborted, failed or unsafe; points in the journal; what went wrong."""

    status: str
    points: int
    problems: tuple[Problem, ...]
    seconds: float


@dataclass(frozen=True)
class Earlier:
    """What an interrupted run had measured: how many points, the simulated history after the last, and what its arrays are."""

    points: int = 0
    checkpoint: bytes | None = None
    channels: Mapping[str, Any] = field(default_factory=dict)


class Engine:
    """Runs plans on a bench. One run at a time."""

    def __init__(self, bench: Any, listeners: Listeners | None = None, control: Control | None = None):
        self.bench = bench
        self.clock = bench.clock
        self.listeners = listeners or Listeners()
        self.control = control or Control()
        self._wake = self.clock.event()
        self._busy = False
        self._started = 0.0
        self._checkpoint: bytes | None = None      # the simulated history after the last point, or before the first
        self._recorder: Recorder | None = None
        self._ahead: Visit | None = None           # the next point, already approached while the last was read out
        self._point_started = 0.0
        self._interlocked = False                  # an interlock has ended the run: park is not enough
        self._disturbed = False                    # the bench may stand elsewhere than the points so far have left it

    def run(self, course: Course, recorder: Recorder, *, seed: int, run_id: str, procedure: str,
            estimate: Estimate, before_first: Callable[[], Mapping[str, Any]] = dict, earlier: Earlier | None = None,
            quality: Mapping[str, Policy] | None = None) -> RunEnd:
        """Follow a course. Preflight must have passed; never raises for anything that happens to the bench.

        `before_first` is called when the bench is prepared and the detectors are configured, before the first point, and gives
        the header that describes them. `earlier` tells what an interrupted run had already measured; the course begins after
        that. `quality` says what is done about the flags of a point.
        """
        if self._busy:
            raise LabctlError("This bench is already running a procedure; wait for its end or abort it.")
        self._busy, self._recorder, self._started = True, recorder, self.clock.now()
        problems: list[Problem] = []
        self._quality = quality
        self._course, self._done = course, earlier.points if earlier else 0
        self._monitor = Monitor(self.clock, (), self.control.trip)
        status = "aborted"             # what becomes of a run that something tears out of here (SystemExit)
        try:
            self.listeners.tell(RunStarted(0.0, run_id, procedure, course.total, estimate))
            status = self._guarded(seed, estimate, before_first, problems, earlier or Earlier())
        finally:
            status = self._leave_whatever_comes(status, problems)
            self._busy = False
        seconds = self.clock.now() - self._started
        self.listeners.tell(RunEnded(seconds, status, self._done, tuple(problems)))
        return RunEnd(status, self._done, tuple(problems), seconds)

    def _guarded(self, seed: int, estimate: Estimate, before_first: Callable[[], Mapping[str, Any]], problems: list[Problem],
                 earlier: Earlier) -> str:
        """Run, and turn whatever happens into a status and a problem."""
        try:
            if failures := carry_out(self.clock, self.bench.level("park")):
                problems += failures
                return "unsafe"
            self._drive(self.bench.hold(), self.control.abort_now)
            self._drive(self.bench.prepare(lambda text: self._log("info", text)), self.control.abort_now)
            visitor = Visitor(self.bench, self.control.gate, lambda text: self._log("warning", text), self._quality)
            everything = self._course.everything()
            self._drive(visitor.configure(everything), self.control.abort_now)
            self._course.left.exposed = dict.fromkeys(everything.read, everything.exposure_s) | self._course.left.exposed
            header = before_first()
            visitor.exposer.declare(header.get("channels", {}))
            self.listeners.tell(Prepared(self.clock.now() - self._started, header))
            self._checkpoint = earlier.checkpoint or self.bench.checkpoint()
            self._monitor = Monitor(self.clock, self.bench.guards, self.control.trip)
            self._disturbed = bool(earlier.points)
            while (step := self._course.upcoming()) is not None:
                self._undisturbed(visitor, *step, seed)
                self._progress(self._course.total, estimate)
            problems += self._course.remarks()
        except Aborted as exc:
            self._log("warning", f"aborted: {exc}")
            return "aborted"
        except KeyboardInterrupt:    # whoever catches signals does not let one come here; another program may (a notebook's kernel)
            self.control.interrupted = True
            self._log("warning", "aborted: interrupted")
            return "aborted"
        except Interlocked as exc:
            problems.append(Problem(exc.instrument, str(exc), point=self._done))
            self._log("error", str(exc))
            self._interlocked = True
            return "aborted"
        except UnsafeState as exc:
            problems.append(Problem("bench", str(exc)))
            return "unsafe"
        except Refused as exc:       # an adaptive plan wanted what it must not
            problems += [replace(problem, point=self._done) for problem in exc.problems]
            self._log("error", str(exc))
            return "failed"
        except LabctlError as exc:
            problems.append(Problem(getattr(exc, "instrument", "run"), str(exc), point=self._done))
            self._log("error", str(exc))
            return "failed"
        except Exception as exc:     # a defect must still park the bench and close the run
            log.exception("defect while running point %d", self._done)
            problems.append(Problem("run", f"defect in labctl or in the procedure: {type(exc).__name__}: {exc}",
                                    point=self._done))
            self._log("error", f"{type(exc).__name__}: {exc}")
            return "failed"
        return "done"

    def _undisturbed(self, visitor: Visitor, index: int, point: Point, seed: int) -> None:
        """Visit a point; after a pause the bench stands as before it, so that the point comes out as if nothing had happened."""
        held, visit, overlap = "", Visit(index, point), True
        while True:
            if self._mind_guards():
                visitor.soaker.forget()
                self._disturbed = True
            if self.control.paused:
                self._pause(LONGEST_PAUSE_S if held else Forever)
                self._disturbed, held = True, ""
            try:
                if self._disturbed:
                    self._stand_again(visitor, seed)
                return self._one(visitor, visit, seed, overlap=overlap)
            except TakeAgain as exc:
                self._log("warning", str(exc))
                visit, overlap = Visit(index, point, takes=exc.takes, lit_s=exc.lit_s), False
            except Dropped:
                visit = Visit(index, point, takes=visit.takes, lit_s=visit.lit_s)
            except Held as exc:
                held, visit = str(exc), Visit(index, point, takes=0, lit_s=visit.lit_s)
                self._log("warning", f"{held}: the run waits until somebody has looked and says to go on")
                self.control.pause()
            self._disturbed = True
            step = self._course.upcoming()
            if step is None or step[0] != index:     # it was in the journal already when what came after it was given up
                return None

    def _mind_guards(self) -> bool:
        """Look at the guards, park and wait while one is out of band; True if the run was held up. Raises Aborted, UnsafeState."""
        found = first_tripped(self.clock, self.bench.guards)
        if found is None:
            held_up, self.control.tripped = self.control.tripped, False
            return held_up
        self._monitor.hold()
        guard, reason = found
        self._log("warning", f"guard {guard.name}: {reason}")
        if guard.action == "abort":
            raise Aborted(f"guard {guard.name}: {reason}")
        self._park()
        self._wait_for_band(guard)
        self.control.tripped = False
        self._monitor.watch()
        return True

    def _wait_for_band(self, guard: Guard) -> None:
        """Wait until every guard has been in band for a while; raises Aborted when that takes too long or the user ends it."""
        give_up, good_since = self.clock.now() + LONGEST_PAUSE_S, None
        while good_since is None or self.clock.now() - good_since < BACK_S:
            self.control.gate_abort()
            if self.clock.now() > give_up:
                raise Aborted(f"guard {guard.name}: not back in band after {LONGEST_PAUSE_S / 60:.0f} min")
            self.clock.wait(LOOK_S)
            tripped = first_tripped(self.clock, self.bench.guards)
            good_since = None if tripped else good_since if good_since is not None else self.clock.now()
        self._log("info", f"guard {guard.name}: back in band, the run goes on")

    def _park(self) -> None:
        if failures := carry_out(self.clock, self.bench.level("park")):
            raise UnsafeState("; ".join(str(failure) for failure in failures))

    def _pause(self, longest_s: float) -> None:
        """Park, and wait until somebody says to go on; raises Aborted, also when nobody does for too long, or UnsafeState."""
        give_up = self.clock.now() + longest_s
        self._park()
        self._log("info", "paused: the bench is parked")
        self._tell_paused(True)
        while self.control.paused:
            wake = self.clock.event()
            self.control.attach(wake.set)
            self.control.gate_abort()
            if self.clock.now() > give_up:
                raise Aborted(f"nobody said to go on for {longest_s / 60:.0f} min")
            if self.control.paused:
                wake.wait(PAUSE_LOOK_S)
        self._log("info", "resumed")
        self._tell_paused(False)

    def _stand_again(self, visitor: Visitor, seed: int) -> None:
        """Put everything back as the points so far had left it, and the simulated history with it."""
        def steps() -> Steps[None]:
            yield from visitor.stand_again(self._course.left)
            yield REST_S

        self._ahead = None
        self.bench.point(seed, NO_POINT)
        self._drive(steps())
        if self._checkpoint is not None:
            self.bench.restore(self._checkpoint)
        self._disturbed = False

    def _tell_paused(self, paused: bool) -> None:
        self.listeners.tell(Paused(self.clock.now() - self._started, paused))

    def _one(self, visitor: Visitor, visit: Visit, seed: int, *, overlap: bool) -> None:
        """Visit a point once and write it down; the next moves run meanwhile where the detector allows."""
        self.control.gate()
        ahead, self._ahead = self._ahead, None
        approached = ahead is not None and ahead.index == visit.index
        if approached and ahead is not None:
            visit = ahead
        else:
            self.bench.point(seed, visit.index)
        self._point_started = self.clock.now() - self._started
        following = self._course.following()
        if overlap and following is not None and visitor.may_move_on(visit.point, following[1]):
            ahead = Visit(*following)
            if self._drive(visitor.visit_and_move_on(visit, self._started, ahead, lambda: self.bench.point(seed, following[0]),
                                                     self._commit, approached=approached)):
                self._ahead = ahead
            return
        self._drive(visitor.visit(visit, self._started, approached=approached))
        self._commit(visit)

    def _commit(self, visit: Visit) -> None:
        """Write a point down and tell everybody."""
        assert self._recorder is not None   # noqa: S101  set by run()
        reading = visit.reading()
        self._collect_incidents()
        self._checkpoint = visit.checkpoint or self.bench.checkpoint()
        self._recorder.point(visit.index, point=visit.point.as_json(), started_s=self._point_started, arrays=reading.arrays,
                             values=reading.values, flags=reading.flags, checkpoint=self._checkpoint)
        self._course.finish(reading)
        self._done += 1
        self.listeners.tell(PointDone(self.clock.now() - self._started, reading))

    def _leave_whatever_comes(self, status: str, problems: list[Problem]) -> str:
        """Park, and begin anew when an interrupt tears it apart: every action may be repeated, the shutter comes first."""
        while True:
            try:
                return self._leave(status, problems)
            except KeyboardInterrupt:
                self.control.interrupted = True

    def _leave(self, status: str, problems: list[Problem]) -> str:
        """Park; when that fails make safe, and call the bench unsafe. Nothing the user does interrupts this."""
        self._monitor.stop()
        failures = carry_out(self.clock, self.bench.level("safe" if self._interlocked else "park"))
        if failures or status == "unsafe":
            for failure in failures:
                self._log("error", str(failure))
            problems += failures
            problems += [p for p in carry_out(self.clock, self.bench.level("safe")) if p.field not in {f.field for f in failures}]
            status = "unsafe"
        try:
            drive(self.clock, self.bench.release())
        except Exception as exc:     # the bench is parked; a watchdog that stays armed errs on the safe side
            self._log("warning", f"the watchdog was not disarmed: {exc}")
        self._collect_incidents()
        return status

    def _drive(self, steps: Steps[Any], interrupt: Interrupt | None = None) -> Any:
        self.control.attach(self._wake.set)
        return drive(self.clock, steps, interrupt or self.control.now, self._wake)

    def _collect_incidents(self) -> None:
        for incident in self.bench.incidents():
            self._log("warning", incident)

    def _progress(self, total: int, estimate: Estimate) -> None:
        elapsed, done = self.clock.now() - self._started, self._done
        share = done / total
        left = (1 - share) * (estimate.seconds if done < 3 else elapsed / share)
        self.listeners.tell(Progress(elapsed, done, total, left))

    def _log(self, level: str, text: str) -> None:
        """Write a line of the run's log; a journal that cannot take it must not keep the bench from being parked."""
        text = without_secrets(text)
        elapsed = self.clock.now() - self._started
        try:
            if self._recorder is not None:
                self._recorder.event(level, elapsed, text)
        except LabctlError:
            log.exception("the journal did not take: %s", text)
        self.listeners.tell(LogLine(elapsed, level, text))
