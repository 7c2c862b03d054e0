"""What somebody wrote about a run afterwards: lines in a file beside it, since a finished run file is never written again."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from labctl.core.errors import StoreError

SUFFIX = ".notes"


@dataclass(frozen=True)
class Note:
    """One remark: when (ISO 8601, UTC), about which run, by whom, what, and tags to find the run by."""

    time: str
    run_id: str
    user: str
    text: str
    tags: tuple[str, ...] = ()


def path_of(run: Path) -> Path:
    """Give the notes file of a run; all its files (_r1, _r2 ...) share one."""
    return run.with_name(re.sub(r"_r\d+$", "", run.stem) + SUFFIX)


def append(run: Path, note: Note) -> Path:
    """Add a note in one write, so that two people writing at once lose nothing; raises StoreError when it cannot be written."""
    path = path_of(run)
    line = json.dumps(asdict(note), ensure_ascii=False) + "\n"
    try:
        with path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        raise StoreError(f"The note could not be written to {path}: {exc.strerror or exc}. The run is untouched; free space or "
                         "make its folder writable, then write the note again.") from exc
    return path


def read(path: Path) -> Sequence[Note]:
    """Read a notes file; a line torn by a full disk is left out, the others count."""
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            told = json.loads(line)
            found.append(Note(str(told["time"]), str(told["run_id"]), str(told["user"]), str(told["text"]), tuple(told["tags"])))
        except (ValueError, KeyError, TypeError):
            continue
    return found
