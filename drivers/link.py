"""The base of every driver that talks bytes: one port per connection, one conversation at a time, always in step.

A box answers in order but not always, not always in time, and not always when asked. A `Port` therefore

* discards what lies in the line before it asks;
* gives every reply a deadline, and lets the protocol decide which message is the reply (`take`);
* after any failure drains the line and asks a question of another kind: once that answer is here, nothing of before can follow,
  so a late reply is never taken for the answer to the next question;
* repeats questions (they change nothing), but repeats a command only when the device was asked and has not carried it out.

No error of PyVISA, of decoding or of conversion leaves this module: what leaves is typed (labctl.core.errors).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pymeasure.adapters import Adapter

from drivers.line import Line, wire
from labctl.core.clock import Clock
from labctl.core.errors import BadReply, Busy, CommunicationError, Disconnected, NoReply

T = TypeVar("T")
Take = Callable[[bytes], T | None]
"""Judge a message: the answer, or None if it is not the one waited for; raises BadReply or DeviceFault."""

QUIET_S = 0.05          # a line silent for this long has nothing more to say
DRAIN_LIMIT_S = 1.0     # a line that is still talking after this long is broken
LOCK_WAIT_S = 3.0       # longest wait for another thread's conversation: one reply deadline, retries included
BUSY_PAUSE_S = 0.02     # between two tries while the device says that it is busy
BUSY_LIMIT_S = 2.0


@dataclass(frozen=True)
class Incident:
    """Something a link had to repeat, skip or throw away; the run went on."""

    time_s: float
    port: str
    text: str

    def __str__(self) -> str:
        return f"{self.port}: {self.text}"


@dataclass(frozen=True)
class Errand:
    """A command whose answer comes only when the device has finished (a wheel that prompts on arrival)."""

    request: bytes
    take: Take[Any]
    give_up: float


class Port:
    """One connection, shared by all drivers on it.

    Subclasses declare the line: `end` (the last byte of every message), `serial` settings, `reply_timeout_s`, `cancel` (bytes that
    end a half-received command) and `sync`: two harmless questions, each with a mark that only its own answer bears. Protocols
    without an end mark bring their own `line_class`.
    """

    end: ClassVar[bytes] = b"\n"
    serial: ClassVar[Mapping[str, Any]] = {"baud_rate": 9600}
    reply_timeout_s: float = 0.6
    tries: ClassVar[int] = 3
    cancel: ClassVar[bytes] = b""
    sync: ClassVar[tuple[tuple[bytes, bytes], ...]] = ()
    line_class: ClassVar[type[Line]] = Line

    def __init__(self, resource: str | Adapter, *, clock: Clock, name: str = "", visa_library: Any = None):
        self.clock = clock
        self.name = name or str(resource)
        self.lock = threading.RLock()
        self.incidents: list[Incident] = []
        self.errand: Errand | None = None
        self._astray: dict[bytes, bytes] = {}   # by party: the request after which it may be out of step
        self._last = b""
        self._line = self.line_class(resource, name=self.name, end=self.end, serial=self.serial, timeout_s=self.reply_timeout_s,
                                     visa_library=visa_library)

    @property
    def adapter(self) -> Adapter:
        """The pymeasure adapter below."""
        return self._line.adapter

    def close(self) -> None:
        """Close the connection; the device stays as it is."""
        self._line.close()

    def note(self, text: str) -> None:
        """Record an incident; the engine collects them as events."""
        wire.debug("%s ! %s", self.name, text)
        self.incidents.append(Incident(self.clock.now(), self.name, text))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the port for one conversation; raises CommunicationError if another thread keeps it.

        The waiting goes through the clock: blocking on the lock itself would stop virtual time.
        """
        give_up = self.clock.now() + LOCK_WAIT_S
        while not self.lock.acquire(blocking=False):
            if self.clock.now() >= give_up:
                raise CommunicationError(
                    self.name, f"another conversation has held the port for {LOCK_WAIT_S:g} s.", state="unknown",
                    remedy="The connection hangs: check cable and power, then reopen the bench.")
            self.clock.wait(0.002)
        try:
            yield
        finally:
            self.lock.release()

    # ------------------------------------------------------------ conversations
    def ask(self, request: bytes, take: Take[T], *, timeout_s: float | None = None) -> T:
        """Ask a question, repeating it after a failure: questions change nothing."""
        return self.question(lambda: self.converse(request, take, timeout_s=timeout_s), repr(request))

    def question(self, attempt: Callable[[], T], what: str) -> T:
        """Try a conversation up to `tries` times; busy devices are asked again until BUSY_LIMIT_S."""
        busy_until = self.clock.now() + BUSY_LIMIT_S
        failures = 0
        while True:
            try:
                return attempt()
            except Busy:
                if self.clock.now() >= busy_until:
                    raise
                self.clock.wait(BUSY_PAUSE_S)
            except Disconnected:
                raise
            except CommunicationError as exc:
                failures += 1
                if failures >= self.tries or isinstance(exc, OutOfStep):
                    raise
                self.note(f"{what} asked again: {exc.what}")

    def order(self, attempt: Callable[[], Any], carried_out: Callable[[], bool], what: str) -> None:
        """Give a command. If it is not acknowledged, look whether the device has carried it out; only if not, give it again."""
        def attempt_once() -> Any:
            try:
                return attempt()
            except (NoReply, BadReply) as exc:
                return exc

        failure = self.question(attempt_once, what)
        if not isinstance(failure, CommunicationError):
            return
        if isinstance(failure, OutOfStep):
            raise failure
        self.note(f"{what} was not acknowledged: {failure.what}")
        if not carried_out():
            self.note(f"{what} given again: the device had not carried it out")
            attempt()

    def converse(self, request: bytes, take: Take[T], *, timeout_s: float | None = None) -> T:
        """Send a request and wait for the message that `take` accepts: one try, in step, or an exception."""
        limit_s = self.reply_timeout_s if timeout_s is None else timeout_s
        return self._talk(request, lambda: self._collect(request, take, limit_s))

    def post(self, request: bytes) -> None:
        """Send a command that is not answered."""
        self._talk(request, lambda: None)

    def _talk(self, request: bytes, collect: Callable[[], T]) -> T:
        """Send a request on a line that holds nothing old; after a failure the line counts as out of step."""
        with self.held():
            self._finish_errand()
            self._get_in_step(request)
            self._last = request
            try:
                self._line.discard()
                self._line.send(request)
                return collect()
            except CommunicationError:
                self._astray[self.party(request)] = request
                raise

    def _collect(self, request: bytes, take: Take[T], timeout_s: float) -> T:
        give_up = self.clock.now() + timeout_s
        while True:
            message = self._receive(give_up, request)
            answer = take(message)
            if answer is not None:
                return answer
            if not self.is_expected(message):
                self.note(f"skipped {message!r} while waiting for the answer to {request!r}")
            if self.clock.now() >= give_up:
                raise NoReply(self.name, f"no answer to {request!r}, but others.", state="unknown")

    def is_expected(self, message: bytes) -> bool:
        """Tell whether a message that nobody asked for is normal on this line."""
        return False

    # ------------------------------------------------------------ commands answered at their end
    def start_errand(self, request: bytes, take: Take[Any], limit_s: float) -> None:
        """Send a command that is answered when the device has finished; ask `errand_done` from time to time."""
        self.post(request)
        self.errand = Errand(request, take, self.clock.now() + limit_s)

    def errand_done(self) -> bool:
        """Look whether the answer to the errand has come; True also when there is none, or when it was given up (noted)."""
        with self.held():
            errand = self.errand
            if errand is None:
                return True
            message = self._line.look()
            try:
                if message is not None and errand.take(message) is not None:
                    self.errand = None
            except CommunicationError as exc:
                self._abandon(errand, exc.what)
            except Exception:
                self.errand = None       # the device has answered, with a fault of its own
                raise
            if self.errand is not None and self.clock.now() >= errand.give_up:
                self._abandon(errand, "no answer when its time was up.")
            return self.errand is None

    def _abandon(self, errand: Errand, why: str) -> None:
        self.note(f"{errand.request!r}: {why}")
        self.errand, self._astray[self.party(errand.request)] = None, errand.request

    def _finish_errand(self) -> None:
        """Let an errand end before anything else is said; a device in the middle of one is busy."""
        if self.errand is None:
            return
        give_up = self.clock.now() + self.reply_timeout_s
        while not self.errand_done():
            if self.clock.now() >= give_up:
                raise Busy(self.name, "it is still carrying out a command.", state="moving", remedy="Ask again when it has ended.")
            self.clock.wait(BUSY_PAUSE_S)

    def _receive(self, give_up: float, request: bytes) -> bytes:
        try:
            return self._line.message(max(give_up - self.clock.now(), 0.0))
        except NoReply:
            raise NoReply(self.name, f"no answer to {request!r}.", state="unknown", remedy="Check power and cable.") from None

    # ------------------------------------------------------------ staying in step
    def drain(self) -> None:
        """Throw away whatever comes until the line is quiet; raises CommunicationError if it never is."""
        with self.held():
            give_up = self.clock.now() + DRAIN_LIMIT_S
            while self.clock.now() < give_up:
                if not self._line.throw_away(QUIET_S):
                    return
            raise OutOfStep(self.name, f"the line does not fall silent within {DRAIN_LIMIT_S:g} s.", state="unknown",
                            remedy="Check that the right device is on this port, and its baud rate.")

    def party(self, request: bytes) -> bytes:
        """Give the unit that a request is for: on a bus each is kept in step for itself, so that a dead one blocks only its own."""
        return b""

    def sync_questions(self, party: bytes) -> tuple[tuple[bytes, bytes], ...]:
        """Give the two questions that bring a party into step."""
        return self.sync

    def _get_in_step(self, request: bytes) -> None:
        party = self.party(request)
        if party not in self._astray:
            return
        self.drain()
        questions = sorted(self.sync_questions(party), key=lambda pair: pair[0] == self._astray[party])     # another kind first
        if not questions and self.cancel:
            self._line.send(self.cancel)
            self.drain()
        for query, mark in questions:
            self._line.send(self.cancel + query)
            try:
                self._wait_for(mark)
            except NoReply:
                continue
            self.drain()
            break
        else:
            if questions:
                raise OutOfStep(self.name, "it answers nothing any more.", state="unknown",
                                remedy="Check power and cable; switch the instrument off and on, then start again.")
        del self._astray[party]

    def _wait_for(self, mark: bytes) -> None:
        """Skip messages until one bears the mark; whatever was cut off is skipped too."""
        give_up = self.clock.now() + self.reply_timeout_s
        found = False
        while not found:
            try:
                found = mark in self._receive(give_up, b"resynchronising")
            except BadReply:
                continue

    def mistrust(self, text: str) -> None:
        """Note that a reply made no sense; the line is brought back into step before the next conversation."""
        self.note(text)
        self._astray[self.party(self._last)] = b""


class OutOfStep(NoReply):
    """The line could not be brought back into step: there is no use in asking again."""
