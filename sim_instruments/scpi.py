"""Devices that speak SCPI: a table of headers in the manual's spelling, chains, the error queue, the IEEE 488.2 commands."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

from sim_instruments.clock import Clock
from sim_instruments.lines import LineDevice, Work

Method = TypeVar("Method", bound=Callable[..., Any])

ERROR_QUEUE_LENGTH = 20
"""Errors kept before the last becomes "Queue overflow" (unverified; SCPI-99 asks for at least two)."""

EVENT_BIT = {-1: 5, -2: 4, -3: 3, -4: 2}
"""Bit of the standard event register for each hundred of error numbers (SCPI-99, volume 1, 21.8)."""


BETWEEN_UNITS = re.compile(r""";(?=(?:[^"]*"[^"]*")*[^"]*$)""")
"""The semicolons of a chain; one inside of a quoted text is none."""


class ScpiError(Exception):
    """A command failed: `code` and `text` go to the error queue."""

    def __init__(self, code: int, text: str):
        super().__init__(code, text)
        self.code, self.text = code, text


def header_pattern(manual: str) -> re.Pattern[str]:
    """Turn a header as manuals print it ("SENSe[:POWer]:RANGe?") into a pattern: long or short, any case, optional nodes."""
    pattern = ""
    for part in re.findall(r"\[|\]|[*?]|:?[A-Za-z0-9]+", manual):
        if part in "[]":
            pattern += "(?:" if part == "[" else ")?"
        elif part in "*?":
            pattern += re.escape(part)
        else:
            word = part.removeprefix(":")
            name = word.rstrip("0123456789") or word
            short = name.rstrip("abcdefghijklmnopqrstuvwxyz")
            optional = f"(?:{name[len(short):]})?" if name != short else ""
            pattern += ":" * (word != part) + short + optional + word[len(name):]
    return re.compile(pattern, re.IGNORECASE)


def head_and_argument(text: str) -> tuple[str, str]:
    """Split a command at its first white space, blanks or tabs."""
    head, *rest = text.split(None, 1)
    return head, rest[0].strip() if rest else ""


def header(*manual: str) -> Callable[[Method], Method]:
    """Mark a method as the command or query with this header; it gets the text after the header and returns the answer, if any."""

    def mark(method: Method) -> Method:
        method.headers = [header_pattern(text) for text in manual]  # type: ignore[attr-defined]
        return method

    return mark


def number(argument: str, low: float, high: float, default: float | None = None) -> float:
    """Read a decimal parameter, or MIN, MAX and DEF; out of range raises -222, nonsense -104, nothing -109."""
    words = {"MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high}
    if default is not None:
        words |= {"DEF": default, "DEFAULT": default}
    if not argument:
        raise ScpiError(-109, "Missing parameter")
    try:
        value = words[argument.upper()] if argument.upper() in words else float(argument)
    except ValueError:
        raise ScpiError(-104, "Data type error") from None
    if not low <= value <= high:
        raise ScpiError(-222, "Parameter data out of range")
    return value


def switch(argument: str) -> bool:
    """Read a Boolean parameter: ON, OFF, 1, 0."""
    states = {"ON": True, "1": True, "OFF": False, "0": False}
    if not argument:
        raise ScpiError(-109, "Missing parameter")
    try:
        return states[argument.upper()]
    except KeyError:
        raise ScpiError(-104, "Data type error") from None


class ScpiDevice(LineDevice):
    """A SCPI device: lines end with LF, the units of a chain are answered in one message joined by semicolons."""

    line_end = b"\n"
    reply_end = b"\n"
    no_error: ClassVar[str] = '+0,"No error"'
    table: ClassVar[list[tuple[re.Pattern[str], Callable[..., Any]]]] = []

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        methods = [method for base in cls.__mro__ for method in vars(base).values()]
        cls.table = [(pattern, method) for method in methods for pattern in getattr(method, "headers", ())]

    def __init__(self, *, clock: Clock, name: str, seed: int = 0):
        super().__init__(clock=clock, name=name, seed=seed)
        self.errors: deque[tuple[int, str]] = deque()
        self.events = self.event_enable = self.service_enable = 0
        self._spent_s = 0.0

    def spend(self, seconds: float) -> None:
        """Let the command being carried out take time: its answer, and the next line, wait for it."""
        self._spent_s += seconds

    def obey(self, line: bytes) -> bytes | Work:
        """Work off one line, a chain of commands."""
        answers, path = [], ""
        for text in BETWEEN_UNITS.split(line.decode("latin-1")):
            if text := text.strip():
                answer, path = self._unit(text, path)
                answers += [] if answer is None else [answer]
        message = ";".join(answers).encode("latin-1") + self.reply_end if answers else b""
        seconds, self._spent_s = self._spent_s, 0.0
        return self._late(seconds, message) if seconds else message

    @staticmethod
    def _late(seconds: float, message: bytes) -> Work:
        yield seconds
        return message

    @classmethod
    @lru_cache(maxsize=4096)
    def find(cls, head: str) -> Callable[..., Any] | None:
        """Give the method for a header, None if there is none; what clients really say is soon known by heart."""
        return next((method for pattern, method in cls.table if pattern.fullmatch(head)), None)

    def _unit(self, text: str, path: str) -> tuple[str | None, str]:
        """Carry out one command; gives its answer and the path the next header of the chain is relative to."""
        head, argument = head_and_argument(text)
        # A device that were strict would only try the relative header; drivers in the wild rely on both.
        full = [head.removeprefix(":")] if head.startswith((":", "*")) or not path else [f"{path}:{head}", head]
        try:
            for candidate in full:
                if method := self.find(candidate):
                    below = path if head.startswith("*") else candidate.rpartition(":")[0]
                    return method(self, argument), below
            raise ScpiError(-113, "Undefined header")
        except ScpiError as error:
            self.complain(error)
            return None, path

    def complain(self, error: ScpiError) -> None:
        """Queue an error and set its bit of the standard event register."""
        if len(self.errors) >= ERROR_QUEUE_LENGTH:
            self.errors[-1] = (-350, "Queue overflow")
        else:
            self.errors.append((error.code, error.text))
        self.events |= 1 << EVENT_BIT.get(-(-error.code // 100), 3)

    def reset(self) -> None:
        """Go back to the state of *RST (subclasses)."""

    def identity(self) -> str:
        """Give the answer to *IDN? (subclasses)."""
        raise NotImplementedError

    @header("*IDN?")
    def _identity(self, argument: str) -> str:
        return self.identity()

    @header("*RST")
    def _reset(self, argument: str) -> None:
        self.reset()

    @header("*CLS")
    def _clear(self, argument: str) -> None:
        self.errors.clear()
        self.events = 0

    @header("*OPC?")
    def _complete(self, argument: str) -> str:
        return "1"

    @header("*OPC")
    def _note_completion(self, argument: str) -> None:
        self.events |= 1           # every command here is complete when the next is read

    @header("*WAI")
    def _wait(self, argument: str) -> None:
        """Nothing is pending."""

    @header("*ESE")
    def _set_event_enable(self, argument: str) -> None:
        self.event_enable = int(number(argument, 0, 255))

    @header("*ESE?")
    def _event_enable(self, argument: str) -> str:
        return str(self.event_enable)

    @header("*SRE")
    def _set_service_enable(self, argument: str) -> None:
        self.service_enable = int(number(argument, 0, 255))

    @header("*SRE?")
    def _service_enable(self, argument: str) -> str:
        return str(self.service_enable)

    @header("*ESR?")
    def _event_register(self, argument: str) -> str:
        events, self.events = self.events, 0
        return str(events)

    @header("*STB?")
    def _status_byte(self, argument: str) -> str:
        return str(self.status_bits | (64 if self.status_bits & self.service_enable else 0))

    @property
    def status_bits(self) -> int:
        """The status byte without its request for service: errors queued (4), enabled events (32)."""
        return (4 if self.errors else 0) | (32 if self.events & self.event_enable else 0)

    @header("*TST?")
    def _self_test(self, argument: str) -> str:
        return "0"

    @header("SYSTem:VERSion?")
    def _scpi_version(self, argument: str) -> str:
        return "1999.0"

    @header("SYSTem:CLEar")
    def _clear_errors(self, argument: str) -> None:
        self.errors.clear()

    @header("SYSTem:ERRor[:NEXT]?")
    def _next_error(self, argument: str) -> str:
        if not self.errors:
            return self.no_error
        code, text = self.errors.popleft()
        return f'{code:+d},"{text}"'
