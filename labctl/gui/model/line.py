"""A line of the window's log, and where the program's own log comes in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Line:
    """Something worth a line: when (on this computer's clock), how grave ("info", "warning", "error"), and what."""

    when: datetime
    level: str
    text: str


def line(text: str, level: str = "info") -> Line:
    """Make a line of now."""
    return Line(datetime.now().astimezone(), level, text)


class LogTap(logging.Handler):
    """Hands warnings of labctl's own log to the window."""

    def __init__(self, tell: Callable[[object], None]):
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        self._tell(line(record.getMessage(), "error" if record.levelno >= logging.ERROR else "warning"))
