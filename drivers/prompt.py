"""Thorlabs boxes with a prompt (shutter SC10, filter wheels FW102C): the line is echoed, then the answer, then "> ".

The echo tells which question is being answered; a message with another echo is late and is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from drivers.device import Device
from drivers.line import damaged
from drivers.link import Port
from labctl.core.errors import DeviceFault

ERROR_MARKS = ("CMD_", "Error", "error")


class CommandRefused(DeviceFault):
    """The box does not know the command or does not take its value (CMD_NOT_DEFINED, CMD_ARG_INVALID)."""


class PromptPort(Port):
    """A serial line on which every message ends in the prompt."""

    end = b">"       # the blank behind it arrives with the next message, or is discarded
    cancel = b"\r"

    def take(self, command: str, who: str) -> Callable[[bytes], str | None]:
        """Give the judge of messages for a command: its answer without echo and prompt."""
        def judge(message: bytes) -> str | None:
            if not message.isascii():
                raise damaged(who, message)
            lines = [line.strip(" \n") for line in message.decode("ascii").removesuffix(">").split("\r")]
            if command not in lines:
                return None
            answer = " ".join(lines[lines.index(command) + 1:]).strip()
            if any(mark in answer for mark in ERROR_MARKS):
                raise CommandRefused(who, f"it refuses {command!r}: {answer}.", state="unchanged",
                                     remedy="Compare the model and its firmware with the driver's.")
            return answer

        return judge


class PromptDevice(Device):
    """A box that speaks in lines: questions end in "?", settings are "name=value"."""

    Port: ClassVar[type[PromptPort]] = PromptPort
    port: Any

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Ask a question."""
        return self.port.ask(_line(command), self.port.take(command, self.name))

    def write(self, command: str, **options: Any) -> None:
        """Give a setting; if the prompt does not come back, the setting is read before it is given again."""
        name, _, value = command.partition("=")
        self.command(command, lambda: self.ask(f"{name}?") == value)

    def command(self, command: str, carried_out: Callable[[], bool]) -> None:
        """Give any command; `carried_out` asks the device, in case the prompt is lost."""
        take = self.port.take(command, self.name)
        self.port.order(lambda: self.port.converse(_line(command), take), carried_out, repr(command))


def switch(word: str, docs: str) -> Any:
    """Declare a setting that is 0 or 1 in the box and bool here."""
    def validate(value: Any, _: Any) -> int:
        if value not in (False, True):
            raise ValueError(f"{value!r} is not True or False")
        return int(value)

    return Device.control(f"{word}?", f"{word}=%d", docs, cast=int, get_process=bool, validator=validate)


def _line(command: str) -> bytes:
    return f"{command}\r".encode("ascii")
