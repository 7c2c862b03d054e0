"""The seal of a run file: a checksum of everything before it, as the last line of the file.

HDF5 ignores what stands behind its own end, so every reader opens a sealed file; its own checksums cover neither small arrays nor
attributes. A seal that does not fit says that the file was altered or damaged after it was finished.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, Literal

MARK = b"\nlabctl sha256 "
LENGTH = len(MARK) + 64 + 1
CHECKED_AT_ONCE = 64 * 1024 * 1024      # larger files are checked by `labctl verify` alone: opening must stay quick
PIECE = 1024 * 1024

Verdict = Literal["whole", "altered", "none"]


def add(path: Path) -> None:
    """Seal a finished file that nobody has open."""
    with path.open("rb+") as file:
        digest = _digest(file, path.stat().st_size)
        file.seek(0, 2)
        file.write(MARK + digest.encode() + b"\n")


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
