"""QCoDeS without its cache in memory, which grows with every point and costs more each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.peers.with_qcodes import read, scan

SETTING = "the same with in_memory_cache=False"
__all__ = ["SETTING", "read", "write"]


def write(folder: Path, count: int, done: Callable[[int], None]) -> None:
    """Scan."""
    scan(folder, count, done, cached=False)
