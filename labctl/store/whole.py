"""Files that are there as a whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path


def write_whole(target: Path, text: str, *, new: bool = False) -> None:
    """Write a file beside its place, sync and rename it: who reads sees the old one or the new one, and never half of it.

    Whoever may read its neighbours may read it. A `new` file needs a free name. Raises FileExistsError where somebody took it,
    OSError where the file cannot be written.
    """
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        beside.write_text(text, encoding="utf-8")
        if new:
            target.open("x").close()
        put_whole(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def put_whole(beside: Path, target: Path) -> None:
    """Sync a finished file and give it its name, in place of an older one; raises OSError where that cannot be done."""
    sync(beside)
    os.replace(beside, target)
    sync_folder(target.parent)


def sync(path: Path) -> None:
    """Bring what is in a file to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where system and share can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):       # some shares know no such thing
            os.fsync(handle)
    finally:
        os.close(handle)
