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
from dataclasses import dataclass, field, replace

from labctl.api import Bench, Order, move
from labctl.core.errors import LabctlError, Refused, UnsafeState
from labctl.core.plan import Point, Problem, Reading
from labctl.core.quality import policies
from labctl.core.steps import drive
from labctl.engine import preflight
from labctl.engine.control import Control
from labctl.engine.engine import Engine, RunEnd
from labctl.engine.live import ENDLESS, NOTHING, Unsaved
from labctl.engine.preparing import sample_file, taken
from labctl.store import unsafe

LOOK_S = 0.2                # on the wall: how often a waiting engine looks whether somebody wants the end
PATIENCE_S = 60.0           # on the wall: the longest that opening, parking and closing are waited for
SAME_BEAM = ("pump.power", "pump.photon_flux", "pump.fluence", "attenuator.angle")      # the one set last is the one that holds


class Status:
    """Whether something that was asked for is over, and how it ended; Bluesky's protocol of that name."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Status], None]] = []

    def finish(self, error: BaseException | None = None) -> None:
        """Say that it is over; the first time counts."""
        with self._lock:
            if self._over.is_set():
                return
            self._error = error
            self._over.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def add_callback(self, callback: Callable[[Status], None]) -> None:
        """Have somebody called when it is over, at once if it is."""
        with self._lock:
            if not self._over.is_set():
                self._callbacks.append(callback)
                return
        callback(self)

    def exception(self, timeout: float | None = 0.0) -> BaseException | None:
        """Give what went wrong; raises TimeoutError when it is not over within `timeout` seconds of the wall."""
        if not self._over.wait(timeout):
            raise TimeoutError("it is not over yet")
        return self._error

    def result(self, timeout: float = PATIENCE_S) -> None:
        """Wait for the end, and raise what went wrong."""
        if (error := self.exception(timeout)) is not None:
            raise error

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self._over.is_set()

    @property
    def success(self) -> bool:
        """Whether it is over and went well."""
        return self.done and self._error is None


@dataclass(eq=False)
class Request:
    """What somebody wants: a point visited, or (`ask`) an axis asked where it stands; neither: the session to end."""

    point: Point | None = None
    ask: str = ""
    status: Status = field(default_factory=Status)
    reading: Reading | None = None
    stands: float = 0.0
    time: float = 0.0            # UTC in seconds since 1970, on the bench's clock


Due = Callable[[Mapping[str, float], Mapping[str, float]], dict[str, float]]


class Course:
    """The requests of a session, as the engine asks for them."""

    total = ENDLESS

    def __init__(self, first: Request, following: Callable[[], Request | None], due: Due,
                 finished: Callable[[Request, Reading], None], index: int):
        self.standing: dict[str, float] = {}
        self.request: Request | None = first
        self.index = index
        self._following, self._due, self._finished = following, due, finished
        self._point: Point | None = None

    def everything(self) -> Point:
        """Nothing beforehand: every point sets its detectors up."""
        return Point(read=())

    def upcoming(self) -> tuple[int, Point] | None:
        """Give the point that is wanted now; waits until somebody wants one, None when the session is to end."""
        if self.request is None:
            self.request = self._following()
        if self.request is None or self.request.point is None:
            return None
        if self._point is None:
            wanted = self.request.point
            self._point = replace(wanted, set=self._due(wanted.set, self.standing))
        return self.index, self._point

    def following(self) -> None:
        """Nothing: nobody knows what will be asked for."""

    def finish(self, reading: Reading) -> None:
        """Give the reading to who asked for it."""
        self.standing.update(reading.point.set)
        request, self.request, self._point = self.request, None, None
        self.index += 1
        if request is not None:
            self._finished(request, reading)

    def remarks(self) -> list[Problem]:
        """Nothing."""
        return []


class Attendant:
    """Has a bench open in its thread. Use it in a `with` block; everything else may be called from any thread."""

    def __init__(self, make: Callable[[], Bench], order: Order):
        self._make, self._order = make, order.with_seed()
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._opened = Status()
        self._closed = threading.Event()
        self._bench: Bench | None = None
        self._control: Control | None = None         # of the session under way
        self._under_way: Request | None = None
        self._staged: set[int] = set()
        self._wanted: dict[str, float] = {}          # set-points, whoever parked the bench meanwhile
        self._index = 0

    def __enter__(self) -> Attendant:
        threading.Thread(target=self._attend, name="bench behind a door", daemon=True).start()
        self._opened.result()
        return self

    def __exit__(self, *exc: object) -> None:
        self.drop()
        self._requests.put(None)
        self._closed.wait(PATIENCE_S)

    # ---------------------------------------------------------------- from any thread
    @property
    def bench(self) -> Bench:
        """The open bench; to look at, not to move."""
        assert self._bench is not None, "use the door in a with block"   # noqa: S101
        return self._bench

    def check(self, point: Point) -> list[Problem]:
        """Say what is wrong with a point on this bench; touches nothing."""
        bench = self.bench
        return [*preflight.check_points([point], bench.axes, bench.detectors, bench.actions), *bench.check_light([point])]

    def visit(self, point: Point) -> Request:
        """Ask for a point; raises Refused before anything moves."""
        if problems := [problem for problem in self.check(point) if problem.level == "error"]:
            raise Refused(problems)
        return self._put(Request(point))

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
        """Give up what is under way, at once, and park; does nothing when nothing is."""
        control, request = self._control, self._under_way
        if control is not None and request is not None and not request.status.done:
            control.request("the plan was stopped")
            control.request("the plan was stopped")

    def _put(self, request: Request) -> Request:
        if self._closed.is_set():
            raise LabctlError("The door is closed, and its bench with it. Open it again.")
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
        except Exception as exc:        # it belongs to whoever opened the door
            self._opened.finish(exc)
        finally:
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
        request.stands = float(drive(bench.clock, bench.axes[request.ask].read()))
        self._over(bench, request)

    def _over(self, bench: Bench, request: Request) -> None:
        request.time = bench.clock.utc().timestamp()
        request.status.finish()

    def _by_hand(self, bench: Bench, request: Request, point: Point) -> None:
        """Move outside of a plan that has taken the bench: it stays where it was moved to."""
        self._control, self._under_way = Control(), request
        try:
            measured = move(bench, self._due(bench, point.set, self._wanted), self._control)
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
        self._control, self._under_way = control, first
        doing, seed = self._order.name, self._order.seed or 0
        try:
            with taken(bench, sample, doing=doing, mount=self._order.mount, most_lit_s=self._order.most_lit_s, stop=control.request,
                       rehearsal=self._order.rehearsal):
                end = Engine(bench, None, control).run(course, Unsaved(), seed=seed, run_id=uuid.uuid4().hex, procedure=doing,
                                                       estimate=NOTHING, quality=policies(bench.config.policies))
        finally:
            self._control, self._under_way, self._index = None, None, course.index
        if end.status == "unsafe" and not bench.simulated:
            unsafe.mark(bench.name, end.problems)
        if course.request is not None:
            course.request.status.finish(_why(end))

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
            if not request.ask:
                self._under_way = request
                return request
            self._tell(bench, request)
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
