"""QCoDeS as it is installed: it writes when 5 s have passed since it last did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.peers.with_qcodes import read, scan

SETTING = "the default write_period of 5 s, and no flush"
__all__ = ["SETTING", "read", "write"]


def write(folder: Path, count: int, done: Callable[[int], None]) -> None:
    """Scan."""
    scan(folder, count, done, cached=True, flushed=False)
