"""Runs one after the other, attended or not: what follows a failure, until when, how much light, and how the bench is left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from labctl.bench.bench import Bench
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Problem
from labctl.engine.control import Control
from labctl.engine.dependence import NotWanted, holding, resolve
from labctl.engine.events import Event, Listeners, RunStarted
from labctl.engine.runner import Outcome
from labctl.store import state, unsafe
from labctl.store.locks import ProcessLock
from labctl.store.waiting import RUNNING, SKIPPED, WAITING, Item, Waiting

log = logging.getLogger("labctl.engine")

AFTER_FAILURE = ("stop", "skip", "retry", "retry-skip", "safe")
END_LEVELS = ("park", "safe", "shutdown")
FAILED = ("failed", "refused")
MOST_TRIES = 2               # of "retry": once more

Say = Callable[[str], None]
Allow = Callable[[Item], bool]


def everything(item: Item) -> bool:
    """Let every item pass: who starts the queue at a prompt has read what is in it."""
    return True


@dataclass(frozen=True)
class Terms:
    """Under which terms a queue is run.

    Attributes
    ----------
    on_failure : "stop" ends the queue, "skip" goes on with the next run, "retry" goes on with the failed run once, then stops,
        "retry-skip" then goes on with the next, "safe" stops and switches emission off. An item's own `on_failure` wins.
    end_level : how every bench is left at the end: "park", "safe" (emission off) or "shutdown" (heater off, camera warmed up).
    until : no run goes on after this time; one that would not be over by then is not begun. Aware of its time zone.
    most_lit_s : longest time for which the sample may be lit, over all runs.
    max_failures : the queue ends when so many of its runs have failed, whatever follows a failure.
    stop_when : conditions over results (`labctl.core.expression`); the queue ends when one holds.

    """

    on_failure: str = "stop"
    end_level: str = "park"
    until: datetime | None = None
    most_lit_s: float | None = None
    max_failures: int | None = None
    stop_when: tuple[str, ...] = ()

    def check(self) -> list[Problem]:
        """Say what is wrong with them."""
        problems = []
        for name, allowed in (("on_failure", AFTER_FAILURE), ("end_level", END_LEVELS)):
            if getattr(self, name) not in allowed:
                problems.append(Problem(name, f"{getattr(self, name)!r} is not one of {', '.join(allowed)}."))
        if self.until is not None and self.until.tzinfo is None:
            problems.append(Problem("until", "the latest time has no time zone."))
        if self.most_lit_s is not None and not self.most_lit_s > 0.0:
            problems.append(Problem("longest_lit", f"{self.most_lit_s:g} s is no time for which light may fall."))
        return problems


class Hands(Protocol):
    """What the queue needs done by those who know bench files and procedures."""

    def open(self, bench: str) -> AbstractContextManager[Bench]:
        """Open a bench by the name in the item."""
        ...

    def run(self, item: Item, bench: Bench, *, most_lit_s: float | None, listeners: Listeners, control: Control) -> Outcome:
        """Run an item, or go on with the run it has begun."""
        ...


@dataclass(frozen=True)
class Ended:
    """How a session with the queue ended: why, what it ran (as it now stands in the queue), and what failed at the end level."""

    reason: str
    items: tuple[Item, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def status(self) -> str:
        """The worst of all: unsafe, aborted, failed or done."""
        found = {item.status for item in self.items} | ({"unsafe"} if self.problems else set())
        found = {"failed" if status == "refused" else status for status in found}
        return next((status for status in ("unsafe", "aborted", "failed") if status in found), "done")


class Worker:
    """Runs what waits, in order. One worker at a time on a computer."""

    def __init__(self, waiting: Waiting, hands: Hands, terms: Terms | None = None, *, listeners: Listeners | None = None,
                 control: Control | None = None, say: Say = lambda text: None, allow: Allow = everything,
                 today: Callable[[], datetime] = lambda: datetime.now(UTC), mine: Callable[[Item], bool] = lambda item: True,
                 over: Callable[[Item], None] = lambda item: None, lit_s: float = 0.0, lock: str = "queue"):
        self.waiting, self.hands, self.terms = waiting, hands, terms or Terms()
        self._today = today                # the time while no bench is open
        self._last: datetime | None = None  # on the clock of the bench that was open before: simulated time runs ahead
        self._mine, self._over = mine, over
        self._lock = lock                  # one worker at a time has it
        self._end_level = self.terms.end_level
        self.control, self.say, self.allow = control or Control(), say, allow
        self._listeners = listeners or Listeners()
        self._stack = ExitStack()
        self._bench: Bench | None = None
        self._name = ""                    # of the bench that is open, as the item says it
        self._used: list[str] = []
        self._ran: list[int] = []
        self._lit_s = lit_s                # so far
        self._time_is_up = False

    def run(self) -> Ended:
        """Run until nothing waits, a term ends it, or somebody does. Raises Refused when another process runs the queue."""
        if problems := self.terms.check():
            raise Refused(problems)
        lock = ProcessLock(state.folder() / "locks", self._lock)
        owner = lock.acquire("labctl queue run")
        if owner is not None:
            raise Refused([Problem("queue", f"the queue is being run by {owner}.")])
        try:
            self.waiting.pause(False)
            reason = self._work()
            problems = self._leave()
        finally:
            self._close()
            lock.release()
        items = {item.id: item for item in self.waiting.items()}
        return Ended(reason, tuple(items[number] for number in self._ran if number in items), tuple(problems))

    # ---------------------------------------------------------------- one after the other
    def _work(self) -> str:
        while True:
            item = next((item for item in self.waiting.items() if self._mine(item) and (item.status == WAITING or item.abandoned)),
                        None)
            if item is None:
                return "nothing waits any more"
            reason = self._forbidden(item)
            if reason:
                return reason
            if item.id not in self._ran:
                self._ran.append(item.id)
            reason = self._one(item)
            self._over(self.waiting.item(item.id))
            if reason:
                return reason

    def _forbidden(self, item: Item) -> str:
        """Say why no further run may begin."""
        if self.control.requests:
            return self.control.reason
        if self.waiting.paused:
            return "the queue was paused"
        if not self.allow(item):
            return f"item {item.id} has steps that nobody has confirmed"
        lit = self._lit_s + (item.lit_s or 0.0)
        if self.terms.most_lit_s is not None and (lit > self.terms.most_lit_s or self._lit_s >= self.terms.most_lit_s):
            return (f"item {item.id} would light the sample for {item.lit_s or 0.0:.0f} s; {self._lit_s:.0f} s of "
                    f"{self.terms.most_lit_s:.0f} s are used")
        if self.terms.until is not None and self._now() + timedelta(seconds=item.seconds or 0.0) >= self.terms.until:
            return f"item {item.id} would not be over by {self.terms.until:%H:%M}"
        return ""

    def _now(self) -> datetime:
        """Give the time on the bench's clock, which is virtual on a simulated bench."""
        if self._bench is not None:
            return self._bench.clock.utc()
        return max(self._today(), self._last) if self._last is not None else self._today()

    def _one(self, item: Item) -> str:
        """Run one; gives why the queue ends after it, or nothing."""
        self.say(f"item {item.id}: {item.procedure} on {item.bench}{', going on' if item.run_id else ''}")
        self.waiting.begin(item)
        try:
            item = resolve(item, self.waiting.items())
            bench = self._opened(item.bench)
            left = None if self.terms.most_lit_s is None else self.terms.most_lit_s - self._lit_s
            timer = self._watch_the_clock(bench)
            outcome = self.hands.run(item, bench, most_lit_s=left, listeners=self._heard(item), control=self.control)
            if timer is not None:
                timer.cancel()
        except NotWanted as exc:
            self.say(f"item {item.id} {exc}")
            self.waiting.end(item.id, SKIPPED, str(exc))
            return ""
        except Refused as exc:
            self._close()
            self.waiting.end(item.id, "refused", str(exc))
            return self._after_failure(item, "refused", str(exc))
        except LabctlError as exc:
            self._close()
            self.waiting.end(item.id, "failed", str(exc))
            return self._after_failure(item, "failed", str(exc))
        self._lit_s += outcome.light.lit_s
        self.waiting.note(item.id, run=str(outcome.run or ""), run_id=outcome.run_id, lit_s=outcome.light.lit_s)
        return self._after(item, outcome)

    def _after(self, item: Item, outcome: Outcome) -> str:
        message = "; ".join(str(problem) for problem in outcome.problems if problem.level == "error")
        if outcome.status == "aborted" and (limit := self._limit()):
            self.waiting.wait_again(item.id, f"held up: {limit}; it goes on when the queue is run again")
            return limit
        self.waiting.end(item.id, outcome.status, message)
        if outcome.status == "done":
            return self._stopped_by(item)
        self._close()            # whatever went wrong, the next run begins with fresh connections
        if outcome.status == "aborted":
            return self.control.reason or "a run was aborted"
        if outcome.status == "unsafe":
            return "a run left the bench unsafe"
        return self._after_failure(item, outcome.status, message)

    def _stopped_by(self, item: Item) -> str:
        """Say which condition ends the queue after a run; one that cannot be judged does."""
        try:
            held = holding([item.options.get("stop_when", ""), *self.terms.stop_when], item, self.waiting.items())
        except Refused as exc:
            return f"a condition cannot be judged: {exc}"
        return f"stop_when: {held} holds" if held else ""

    def _limit(self) -> str:
        """Say which term has ended a run."""
        if self._time_is_up and self.terms.until is not None:
            return f"it is {self.terms.until:%H:%M}, the latest time"
        if self.terms.most_lit_s is not None and self._lit_s >= self.terms.most_lit_s:
            return f"the sample has been lit for {self._lit_s:.0f} s"
        return ""

    def _after_failure(self, item: Item, status: str, message: str) -> str:
        """Give why the queue ends after a failure, or nothing, by the item's policy or the queue's."""
        policy, said = item.options.get("on_failure") or self.terms.on_failure, f"item {item.id} {status}: {message}"
        if policy in ("retry", "retry-skip") and status == "failed" and item.tries + 1 < MOST_TRIES:
            self.say(f"item {item.id} failed and is tried once more: {message}")
            self.waiting.wait_again(item.id, f"failed once: {message}")
            return ""
        failed = sum(each.status in FAILED for each in self.waiting.items() if self._mine(each))
        if self.terms.max_failures is not None and failed >= self.terms.max_failures:
            return f"{failed} runs have failed, the most that this night allows. {said}"
        if policy in ("skip", "retry-skip"):
            self.say(said)
            return ""
        if policy == "safe" and self._end_level == "park":
            self._end_level = "safe"
        return said

    # ---------------------------------------------------------------- benches
    def _opened(self, name: str) -> Bench:
        """Give the bench, kept open while the runs on it follow each other."""
        if self._bench is None or self._name != name:
            self._close()
            self._bench, self._name = self._stack.enter_context(self.hands.open(name)), name
            if name not in self._used:
                self._used.append(name)
        return self._bench

    def _close(self) -> None:
        if self._bench is not None:
            self._last = self._bench.clock.utc()
        self._bench = None
        self._stack.close()

    def _leave(self) -> list[Problem]:
        """Bring every bench that was used to the end level; one that fails is marked unsafe."""
        if self._end_level == "park":
            return []                      # every run has ended parked
        problems: list[Problem] = []
        for name in reversed(self._used):
            try:
                bench = self._opened(name)
                failed = bench.run_level(self._end_level)
                if failed and not bench.simulated:
                    unsafe.mark(bench.name, failed)
            except LabctlError as exc:
                failed = [Problem("bench", f"{name} could not be left {self._end_level}: {exc}")]
            problems += failed
            self.say(f"{name}: {self._end_level}{' FAILED' if failed else ''}")
        return problems

    # ---------------------------------------------------------------- while one runs
    def _watch_the_clock(self, bench: Bench) -> Any:
        """End the run when the latest time has come, on the bench's clock."""
        if self.terms.until is None:
            return None

        def time_is_up() -> None:
            self._time_is_up = True
            self.control.request("the latest time has come")

        return bench.clock.call_at(bench.clock.now() + (self.terms.until - bench.clock.utc()).total_seconds(), time_is_up)

    def _heard(self, item: Item) -> Listeners:
        """Keep the run's id and its estimate as soon as they are known: that is what a later process goes on with."""
        def heard(event: Event) -> None:
            if isinstance(event, RunStarted):
                self.waiting.note(item.id, run_id=event.run_id, seconds=event.estimate.seconds, lit_s=event.estimate.lit_seconds)
            self._listeners.tell(event)

        return Listeners(heard)


def expected_end(items: list[Item], now: datetime) -> tuple[datetime, int]:
    """Give when everything will be over, and of how many runs nobody knows how long they take."""
    end, unknown = now, 0
    for item in items:
        if item.status not in (WAITING, RUNNING):
            continue
        if item.seconds is None:
            unknown += 1
            continue
        begun = datetime.fromisoformat(item.started) if item.status == RUNNING and not item.abandoned else end
        end = max(begun + timedelta(seconds=item.seconds), end)
    return end, unknown


def latest(text: str, now: datetime | None = None) -> datetime | None:
    """Read a latest time: HH:MM is the next such time on this computer's clock, anything else an ISO time; Refused else."""
    if not text:
        return None
    now = now or datetime.now().astimezone()
    try:
        if len(text) <= len("07:00"):
            hour, _, minute = text.partition(":")
            today = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
            return today if today > now else today + timedelta(days=1)
        told = datetime.fromisoformat(text)
        return told if told.tzinfo is not None else told.replace(tzinfo=now.tzinfo)
    except ValueError:
        raise Refused([Problem("until", f"{text!r} is no time; write 07:00 or 2026-11-22T07:00.")]) from None
