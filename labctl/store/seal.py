"""The seal of a run file: what run it is, and a checksum of everything before it, as the last two lines of the file.

HDF5 ignores what stands behind its own end, so every reader opens a sealed file; its own checksums cover neither small arrays nor
attributes. A seal that does not fit says that the file was altered or damaged after it was finished. The catalogue reads the first
line, forty times faster than the same attributes of the HDF5 root.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal

FACTS = b"\nlabctl run "
MARK = b"\nlabctl sha256 "
LENGTH = len(MARK) + 64 + 1
CHECKED_AT_ONCE = 64 * 1024 * 1024      # larger files are checked by `labctl verify` alone: opening must stay quick
PIECE = 1024 * 1024
LONGEST_FACTS = 4096

Verdict = Literal["whole", "altered", "none"]


def add(path: Path, facts: Mapping[str, Any]) -> None:
    """Seal a finished file that nobody has open, with short facts about its run."""
    with path.open("rb+") as file:
        file.seek(0, 2)
        file.write(FACTS + json.dumps(facts, separators=(",", ":")).encode())
        digest = _digest(file, file.tell())
        file.seek(0, 2)
        file.write(MARK + digest.encode() + b"\n")


def bears(path: Path) -> bool:
    """Tell whether a file bears a seal, be it broken or not."""
    with path.open("rb") as file:
        file.seek(max(file.seek(0, 2) - LENGTH, 0))
        return file.read().startswith(MARK)


def facts(path: Path) -> dict[str, Any] | None:
    """Give the facts a seal states, without checking the file; None when it states none."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(end - LENGTH - LONGEST_FACTS, 0))
        tail = file.read()[:-LENGTH]
    where = tail.rfind(FACTS)
    try:
        told = json.loads(tail[where + len(FACTS):]) if where >= 0 else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def check(path: Path) -> Verdict:
    """Compare a file with its seal; "none" when it has none, as files of other programs."""
    size = path.stat().st_size
    if size < LENGTH:
        return "none"
    with path.open("rb") as file:
        file.seek(size - LENGTH)
        line = file.read(LENGTH)
        if not line.startswith(MARK):
            return "none"
        return "whole" if line[len(MARK):-1] == _digest(file, size - LENGTH).encode() else "altered"


def _digest(file: IO[bytes], length: int) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while length > 0 and (piece := file.read(min(PIECE, length))):
        digest.update(piece)
        length -= len(piece)
    return digest.hexdigest()
