"""Open an HDF5 file that labctl did not write: in a child process with a deadline and a memory limit.

HDF5 files can name other files of this computer, point anywhere, claim any size, and hang or crash the library that parses them.
The child looks first and reads then; what comes back are plain arrays.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.core.errors import StoreError

if TYPE_CHECKING:
    from labctl.store.imports import Foreign

DEADLINE_S = 30.0
MEMORY_BYTES = 2 * 2**30
LARGEST_ANSWER = 2**30
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def open_foreign(path: Path, *, deadline_s: float = DEADLINE_S, memory_bytes: int = MEMORY_BYTES) -> Foreign:
    """Read signal and axes of a foreign HDF5 file; raises StoreError with the reason when it is refused."""
    from labctl.store.imports import Foreign

    told, arrays = _ask(path, deadline_s, memory_bytes)
    values = arrays["values"]
    axis = arrays["axis"] if "axis" in arrays else np.arange(values.shape[-1], dtype=float)
    if np.any(np.diff(axis) <= 0):
        axis = np.arange(values.shape[-1], dtype=float)
        told = {**told, "axis": "sample", "axis_unit": ""}
    return Foreign(told["signal"], told["unit"], told["long_name"], values, told["axis"], told["axis_unit"], axis,
                   medium=told["medium"], told={"group": told["group"]})


def is_ours(path: Path) -> bool:
    """Judge a file that bears no seal of ours: raises StoreError when it is refused, else tells whether labctl wrote it."""
    size, claimed = path.stat().st_size, _claimed_size(path)
    if size < claimed:
        raise StoreError(f"{path} cannot be read: it is cut off, {size} of {claimed} bytes are there. Copy it again, or recover "
                         "the run from its journal.")
    told, _ = _ask(path, DEADLINE_S, MEMORY_BYTES)
    return bool(told["labctl"])


def _claimed_size(path: Path) -> int:
    """Give the end of file that the superblock of an HDF5 file states (versions 0, 2 and 3, 8-byte addresses); 0 if it does not."""
    with path.open("rb") as file:
        head = file.read(48)
    if len(head) < 48 or not head.startswith(SIGNATURE):
        return 0
    at = {0: 40, 2: 28, 3: 28}.get(head[8])
    return 0 if at is None else int.from_bytes(head[at:at + 8], "little")


def _ask(path: Path, deadline_s: float, memory_bytes: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Let the child look and read; gives what it says and its arrays."""
    command = [sys.executable, "-P", "-m", "labctl.store.foreign_child",        # -P: the folder one stands in holds no modules
               str(path.resolve()), str(memory_bytes), str(int(deadline_s) + 1)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=deadline_s, check=False,     # noqa: S603  our own interpreter
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise StoreError(f"{path} could not be read within {deadline_s:g} s and was given up; it may be damaged or made to hang "
                         "its reader.") from None
    head, _, body = done.stdout.partition(b"\n")
    if done.returncode or len(body) > LARGEST_ANSWER:
        raise StoreError(f"{path} crashed its reader (exit code {done.returncode}); it is damaged or needs more than "
                         f"{memory_bytes / 2**20:.0f} MB.")
    told = json.loads(head)
    if "refused" in told:
        raise StoreError(f"{path} is refused: {told['refused']}")
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        return told, {name: arrays[name] for name in arrays.files}
