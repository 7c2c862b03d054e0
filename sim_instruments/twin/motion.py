"""Things that move: a mover knows where it is at any time, and tells the twin before and after it changes course."""

from __future__ import annotations

from collections.abc import Callable

from sim_instruments.clock import Clock, moment


class Mover:
    """A coordinate that travels linearly in time between set-points.

    The emulator of the device decides target and duration (that is what its manual knows); the twin only asks where the
    mover stands. `on_change` is called just before the course changes, so that light already on its way is accounted for with
    the old course.
    """

    def __init__(self, clock: Clock, position: float = 0.0, on_change: Callable[[], None] | None = None):
        self._clock = clock
        self._from = self._to = float(position)
        self._start = self._end = clock.now()
        self._on_change = on_change or (lambda: None)

    @property
    def position(self) -> float:
        """Where it is now."""
        return self.at(self._clock.now())

    @property
    def target(self) -> float:
        """Where it is going (or stands)."""
        return self._to

    @property
    def arrival(self) -> float:
        """Clock time at which the present move ends (in the past when it stands)."""
        return self._end

    @property
    def moving(self) -> bool:
        """True while it travels."""
        return self._clock.now() < self._end

    def at(self, when: float) -> float:
        """Give the position at clock time `when` on the present course."""
        if when >= self._end or self._end <= self._start:
            return self._to
        return self._from + (self._to - self._from) * max(when - self._start, 0.0) / (self._end - self._start)

    def move(self, target: float, duration: float = 0.0) -> None:
        """Start travelling to `target`, arriving after `duration` seconds."""
        self._on_change()
        here = self.position
        now = self._clock.now()
        self._from, self._to, self._start, self._end = here, float(target), now, moment(now + max(duration, 0.0))

    def stop(self) -> None:
        """Stay where it is."""
        self.move(self.position)

    def course(self) -> tuple[float, float, float, float]:
        """Give the present course: from, to, and the seconds from now to its start and to its end."""
        now = self._clock.now()
        return self._from, self._to, self._start - now, self._end - now

    def resume(self, course: tuple[float, float, float, float]) -> None:
        """Put it on a course given by `course`, as if now were then."""
        self._on_change()
        now = self._clock.now()
        self._from, self._to, self._start, self._end = course[0], course[1], moment(now + course[2]), moment(now + course[3])
