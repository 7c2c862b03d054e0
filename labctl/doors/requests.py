"""What other threads ask of a bench: requests, how they end, and the course of points that they make for the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from labctl.core.plan import Point, Problem, Reading
from labctl.engine.course import Left
from labctl.engine.live import ENDLESS

PATIENCE_S = 60.0           # on the wall: the longest that opening, parking and closing are waited for


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
    number: int = 0              # in the order in which they were asked for
    reading: Reading | None = None
    stands: float = 0.0
    time: float = 0.0            # UTC in seconds since 1970, on the bench's clock


Due = Callable[[Mapping[str, float], Mapping[str, float]], dict[str, float]]


class Course:
    """The requests of a session, as the engine asks for them."""

    total = ENDLESS

    def __init__(self, first: Request, following: Callable[[], Request | None], due: Due,
                 finished: Callable[[Request, Reading], None], index: int):
        self.left = Left()
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
            self._point = replace(wanted, set=self._due(wanted.set, self.left.standing))
        return self.index, self._point

    def following(self) -> None:
        """Nothing: nobody knows what will be asked for."""

    def finish(self, reading: Reading) -> None:
        """Give the reading to who asked for it."""
        self.left.finish(reading)
        request, self.request, self._point = self.request, None, None
        self.index += 1
        if request is not None:
            self._finished(request, reading)

    def remarks(self) -> list[Problem]:
        """Nothing."""
        return []
