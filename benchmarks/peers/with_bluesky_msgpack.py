"""Bluesky with the quickest writer that we could think of: msgpack takes arrays as they are; flushed after every document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import msgpack_numpy
import numpy as np

from benchmarks.peers.with_bluesky import columns, scan

SETTING = "RunEngine, list_scan, a callback of ours: msgpack, flushed after every document"
FILE = "scan.msgpack"


def write(folder: Path, count: int, done: Callable[[int], None]) -> None:
    """Scan."""
    with (folder / FILE).open("wb") as file:
        def writer(name: str, document: dict[str, Any]) -> None:
            file.write(msgpack.packb((name, document), default=msgpack_numpy.encode))      # type: ignore[arg-type]
            file.flush()

        scan(writer, count, done, lists=False)


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read everything back; a last document that was cut off is left out."""
    with (folder / FILE).open("rb") as file:
        documents = msgpack.Unpacker(file, object_hook=msgpack_numpy.decode)
        return columns([document["data"] for name, document in documents if name == "event"])
