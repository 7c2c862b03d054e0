"""Devices that take commands line by line, and the table of commands every emulator is written as."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, ClassVar, TypeVar

from sim_instruments.clock import Clock, Handle
from sim_instruments.wire import ByteDevice

Work = Generator[float, None, bytes]
"""A command that takes time: yields the seconds it waits (infinity: it never comes back), returns its answer."""

LONGEST_LINE = 4096
"""Input longer than this without an end is forgotten: no box has endless memory."""

Method = TypeVar("Method", bound=Callable[..., Any])


def command(pattern: bytes, flags: int = 0) -> Callable[[Method], Method]:
    """Mark a method as the answer to input that `pattern` matches; the groups become its arguments."""

    def mark(method: Method) -> Method:
        method.answers_to = re.compile(pattern, flags)  # type: ignore[attr-defined]
        return method

    return mark


def command_table(cls: type) -> list[tuple[re.Pattern[bytes], Callable[..., Any]]]:
    """Collect the marked methods of a class, in the order they are written, base classes last."""
    return [(method.answers_to, method) for base in cls.__mro__ for method in vars(base).values() if hasattr(method, "answers_to")]


class LineDevice(ByteDevice):
    """A device that reads lines and works them off one after the other.

    A command method returns its answer, or is a generator (`Work`) when it blocks the device: lines that come meanwhile wait.
    `echo` repeats each line before its answer, `prompt` follows the answer; what no pattern matches goes to `unknown`.
    """

    line_end: ClassVar[bytes] = b"\r"
    echo: bool = False
    prompt: ClassVar[bytes] = b""
    commands: ClassVar[list[tuple[re.Pattern[bytes], Callable[..., Any]]]] = []

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        cls.commands = command_table(cls)

    def __init__(self, *, clock: Clock, name: str, seed: int = 0):
        super().__init__(clock=clock, name=name, seed=seed)
        self._partial = b""
        self._lines: deque[bytes] = deque()
        self._job: Work | None = None
        self._wait: Handle | None = None

    def receive(self, data: bytes) -> None:
        """Cut the input into lines."""
        *lines, rest = (self._partial + data).split(self.line_end)
        self._partial = rest if len(rest) <= LONGEST_LINE else b""
        self._lines.extend(lines)
        self._work_off()

    def forget_input(self) -> None:
        """Drop the begun line and those not yet read; a command under way goes on."""
        self._partial = b""
        self._lines.clear()

    def power_cycle(self) -> None:
        """Switch the power off and on: the command under way is never answered."""
        with self.lock:
            if self._wait is not None:
                self._wait.cancel()
            self._job = self._wait = None
            super().power_cycle()

    def obey(self, line: bytes) -> bytes | Work:
        """Find the command in the table and carry it out."""
        for pattern, method in self.commands:
            if match := pattern.fullmatch(line):
                return method(self, *match.groups())
        return self.unknown(line)

    def unknown(self, line: bytes) -> bytes:
        """Answer a line that is no command (subclasses)."""
        return b""

    def _work_off(self) -> None:
        while self._lines and self._job is None:
            line = self._lines.popleft().strip()
            echo = line + self.line_end if self.echo else b""
            answer = self.obey(line)
            if isinstance(answer, Generator):
                if echo:
                    self.send(echo)
                self._job = answer
                self._advance()
            elif message := echo + answer + self.prompt:
                self.send(message)

    def _advance(self) -> None:
        """Run the blocking command to its next wait, or to its end."""
        assert self._job is not None  # noqa: S101  only a waiting job is advanced
        try:
            seconds = next(self._job)
        except StopIteration as end:
            self._job = None
            if message := end.value + self.prompt:
                self.send(message)
        else:
            if seconds < float("inf"):
                self._wait = self.after(seconds, self._go_on)

    def _go_on(self) -> None:
        self._advance()
        self._work_off()
