"""Small files that are there as a whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_whole(target: Path, text: str, *, new: bool = False) -> None:
    """Write a file beside its place, sync and rename it: who reads sees the old one or the new one, and never half of it.

    Whoever may read its neighbours may read it. A `new` file needs a free name. Raises FileExistsError where somebody took it,
    OSError where the file cannot be written.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}_{threading.get_ident()}.partial")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if new:
            target.open("x").close()
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
