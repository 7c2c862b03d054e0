"""A bench in a thread of its own, which does what other threads ask for, point by point, on the engine.

So whatever comes through a door has everything that a run has: the bench is taken and parked, axes move in the dark and settle,
the shutter is open for an exposure and no longer, guards and interlocks are minded, frames are judged, and all light is counted.
Between two requests the shutter is closed, and on a virtual clock no time passes.
"""

from __future__ import annotations

import queue
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from labctl.api import Bench, Order, move
from labctl.core.errors import LabctlError, Refused, UnsafeState
from labctl.core.plan import Point, Problem, Reading
from labctl.core.pump_units import LEVELS
from labctl.core.quality import policies
from labctl.core.steps import drive
from labctl.doors.requests import PATIENCE_S, Course, Request, Status
from labctl.engine import preflight
from labctl.engine.control import Control
from labctl.engine.engine import Engine, RunEnd
from labctl.engine.live import NOTHING, Unsaved
from labctl.engine.preparing import sample_file, taken
from labctl.store import unsafe

LOOK_S = 0.2                # on the wall: how often a waiting engine looks whether somebody wants the end
STOPPED = "the plan was stopped"
SAME_BEAM = (*LEVELS, "attenuator.angle")      # the one set last is the one that holds


class Attendant:
    """Has a bench open in its thread. Use it in a `with` block; everything else may be called from any thread."""

    def __init__(self, make: Callable[[], Bench], order: Order):
        self._make, self._order = make, order.with_seed()
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._opened = Status()
        self._closed = threading.Event()
        self._failed_at_the_end: BaseException | None = None
        self._bench: Bench | None = None
        self._control: Control | None = None         # of the session under way
        self._under_way: Request | None = None
        self._staged: set[int] = set()
        self._wanted: dict[str, float] = {}          # set-points, whoever parked the bench meanwhile
        self._index = 0
        self._asking = threading.RLock()             # of those who ask
        self._asked = self._dropped = 0              # numbers: of the last request, and of the last one that was given up
        self._gathering = False
        self._gathered: Request | None = None        # moves that wait for those that go with them

    def __enter__(self) -> Attendant:
        threading.Thread(target=self._attend, name="bench behind a door", daemon=True).start()
        self._opened.result()
        return self

    def __exit__(self, *exc: object) -> None:
        """Park and close; raises what went wrong with that, UnsafeState when nobody knows how the bench was left."""
        self.drop()
        self._requests.put(None)
        if not self._closed.wait(PATIENCE_S):
            raise UnsafeState(f"The bench has not closed within {PATIENCE_S:.0f} s: an instrument does not answer. It may be lit, "
                              "biased or unblocked: look at it before going on.")
        if self._failed_at_the_end is not None:
            raise self._failed_at_the_end

    # ---------------------------------------------------------------- from any thread
    @property
    def bench(self) -> Bench:
        """The open bench; to look at, not to move."""
        assert self._bench is not None, "use the door in a with block"   # noqa: S101
        return self._bench

    def check(self, point: Point) -> list[Problem]:
        """Say what forbids a point on this bench; touches nothing."""
        bench = self.bench
        found = [*preflight.check_points([point], bench.axes, bench.detectors, bench.actions), *bench.check_light([point])]
        return [problem for problem in found if problem.level == "error"]

    def visit(self, point: Point) -> Request:
        """Ask for a point; raises Refused before anything moves."""
        self._insist(point)
        return self._put(Request(point))

    def move(self, axis: str, target: float) -> Request:
        """Ask for an axis to go somewhere; raises Refused before anything moves.

        Moves that are gathered become one point: their axes move at the same time, in the order in which they depend on each other.
        """
        with self._asking:
            before = self._gathered
            if before is not None and before.point is not None and _go_together(before.point.set, axis):
                together = replace(before.point, set={**before.point.set, axis: target})
                self._insist(together)
                before.point = together
                return before
            self.release()
            point = Point({axis: target}, (), light=False)
            if not self._gathering:
                return self.visit(point)
            self._insist(point)
            self._gathered = Request(point)
            return self._gathered

    def gather(self) -> None:
        """Let the moves that follow wait for each other, until `release` or anything else that is asked for."""
        with self._asking:
            self._gathering = True

    def release(self) -> None:
        """Begin with the moves that were gathered; those that follow go one after the other."""
        with self._asking:
            request, self._gathered = self._gathered, None
            if request is not None:
                self._put(request)

    def ask(self, axis: str) -> Request:
        """Ask an axis where it stands, and wait for the answer."""
        request = self._put(Request(ask=axis))
        request.status.result()
        return request

    def stage(self, who: object) -> None:
        """Keep the bench for somebody until it is given back."""
        self._staged.add(id(who))

    def unstage(self, who: object) -> None:
        """Give it back. The last one waits until it is parked; raises UnsafeState when that failed."""
        self._staged.discard(id(who))
        if not self._staged:
            self.drop()
            self._put(Request()).status.result()

    def drop(self) -> None:
        """Give up, at once, whatever was asked for and is not over, and park; does nothing when nothing is."""
        with self._asking:
            gathered, self._gathered, self._gathering = self._gathered, None, False
            self._dropped = self._asked         # first this, then a look at what is under way: nothing slips through between them
        if gathered is not None:
            gathered.status.finish(LabctlError(STOPPED))
        control, request = self._control, self._under_way
        if control is not None and request is not None and request.number <= self._dropped and not request.status.done:
            control.request(STOPPED)
            control.request(STOPPED)

    def _insist(self, point: Point) -> None:
        if problems := self.check(point):
            raise Refused(problems)

    def _put(self, request: Request) -> Request:
        with self._asking:
            if self._closed.is_set():
                raise LabctlError("The door is closed, and its bench with it. Open it again.")
            if self._gathered is not None:
                self.release()
            self._gathering = False
            self._asked += 1
            request.number = self._asked
            self._requests.put(request)
        return request

    # ---------------------------------------------------------------- in the bench's thread
    def _attend(self) -> None:
        try:
            with self._make() as bench:
                self._bench = bench
                self._opened.finish()
                while (request := self._requests.get()) is not None:
                    self._answer(bench, request)
        except Exception as exc:        # it belongs to whoever opened the door, and to whoever closes it
            self._opened.finish(exc)
            self._failed_at_the_end = exc
        finally:
            with self._asking:
                self._closed.set()
            self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        while not self._requests.empty():
            if (left := self._requests.get()) is not None:
                left.status.finish(LabctlError("The door was closed before this was done."))

    def _answer(self, bench: Bench, request: Request) -> None:
        """Do what is asked for while no session is under way."""
        try:
            if request.ask:
                self._tell(bench, request)
            elif request.point is None:
                request.status.finish()
            elif request.point.read or self._staged:
                self._session(bench, request)
            else:
                self._by_hand(bench, request, request.point)
        except Exception as exc:        # it belongs to whoever asked
            request.status.finish(exc)

    def _tell(self, bench: Bench, request: Request) -> None:
        """Ask an axis; what goes wrong with that belongs to whoever asked, and ends nothing else."""
        try:
            request.stands = float(drive(bench.clock, bench.axes[request.ask].read()))
            self._over(bench, request)
        except Exception as exc:
            request.status.finish(exc)

    def _over(self, bench: Bench, request: Request) -> None:
        request.time = bench.clock.utc().timestamp()
        request.status.finish()

    def _begin(self, request: Request, control: Control) -> bool:
        """Take note of what is under way; False, and it is over, when it was given up before it was begun."""
        self._control, self._under_way = control, request
        if request.point is None or request.number > self._dropped:
            return True
        self._under_way = None
        request.status.finish(LabctlError(STOPPED))
        return False

    def _by_hand(self, bench: Bench, request: Request, point: Point) -> None:
        """Move outside of a plan that has taken the bench: it stays where it was moved to."""
        control = Control()
        try:
            if not self._begin(request, control):
                return
            measured = move(bench, self._due(bench, point.set, self._wanted), control)
        finally:
            self._control = self._under_way = None
        request.reading = Reading(0, point, {}, measured)
        self._over(bench, request)

    def _session(self, bench: Bench, first: Request) -> None:
        """Run the engine as long as somebody has the bench staged; it parks at the end, whatever the end is."""
        control = Control()
        course = Course(first, lambda: self._following(bench, control), lambda asked, standing: self._due(bench, asked, standing),
                        lambda request, reading: self._finish(bench, request, reading), self._index)
        sample, problems = sample_file(bench, self._order.sample)
        if problems:
            raise Refused(problems)
        unsafe.refuse_if_marked(bench.name, simulated=bench.simulated)
        doing, seed = self._order.name, self._order.seed or 0
        try:
            if not self._begin(first, control):
                return
            with taken(bench, sample, doing=doing, mount=self._order.mount, most_lit_s=self._order.most_lit_s, stop=control.request,
                       rehearsal=self._order.rehearsal):
                end = Engine(bench, None, control).run(course, Unsaved(), seed=seed, run_id=uuid.uuid4().hex, procedure=doing,
                                                       estimate=NOTHING, quality=policies(bench.config.policies))
        except Exception as exc:
            if course.request is not None:          # whoever waits for the end, if that is not who began
                course.request.status.finish(exc)
            raise
        finally:
            self._control, self._under_way, self._index = None, None, course.index
        if end.status == "unsafe" and not bench.simulated:
            unsafe.mark(bench.name, end.problems)
        why = _why(end)
        if course.request is not None:
            course.request.status.finish(why)
        elif isinstance(why, UnsafeState):
            self._failed_at_the_end = why           # nobody waits but whoever closes the door

    def _following(self, bench: Bench, control: Control) -> Request | None:
        """Wait for the next request of a session; None when it is over."""
        self._under_way = None
        while self._staged or not self._requests.empty():
            control.gate_abort()
            try:
                request = self._requests.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            if request is None:
                self._requests.put(None)        # the door is being closed: once this session is over
                return None
            if request.ask:
                self._tell(bench, request)
            elif self._begin(request, control):
                return request
        return None

    def _due(self, bench: Bench, asked: Mapping[str, float], standing: Mapping[str, float]) -> dict[str, float]:
        """Give the moves of a point: what is asked for, what depends on it, and what parking has undone."""
        for name in asked:
            for other in SAME_BEAM if name in SAME_BEAM else ():
                self._wanted.pop(other, None)
        self._wanted.update(asked)
        depends = {name for name in self._wanted if set(bench.axes[name].after) & set(asked)}
        return {name: value for name, value in self._wanted.items()
                if name in asked or name in depends or standing.get(name) != value}

    def _finish(self, bench: Bench, request: Request, reading: Reading) -> None:
        self._under_way = None
        request.reading = reading
        self._over(bench, request)


def _why(end: RunEnd) -> BaseException | None:
    """Give what to raise for a request that a session ended with; None for the wish to end it."""
    if end.status == "done":
        return None
    text = "; ".join(str(problem) for problem in end.problems) or "it was stopped"
    if end.status == "unsafe":
        return UnsafeState(f"{text}. The bench may be lit, biased or unblocked: look at it before going on.")
    return LabctlError(f"The bench was parked: {text}")


def _go_together(moves: Mapping[str, float], axis: str) -> bool:
    """Tell whether an axis may move with others: once, and of several ways to set the same beam only one."""
    return axis not in moves and not (axis in SAME_BEAM and any(name in SAME_BEAM for name in moves))
