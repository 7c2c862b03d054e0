"""Which process writes a journal, and whether it still lives."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STILL_ACTIVE = 259                      # GetExitCodeProcess of a process that runs
PROCESS_QUERY_LIMITED_INFORMATION = 0x1000


def me() -> dict[str, Any]:
    """Name this process: id, host, and start time in the kernel's ticks, since ids are given out again."""
    return {"pid": os.getpid(), "host": socket.gethostname(), "started": _started(os.getpid())}


def lives(writer: Mapping[str, Any]) -> bool | None:
    """Tell whether a process that was named by `me` still runs; None when it was on another computer."""
    if writer.get("host") != socket.gethostname():
        return None
    pid = int(writer.get("pid", 0))
    if not _exists(pid):
        return False
    then, now = writer.get("started"), _started(pid)
    return then is None or now is None or then == now


def _exists(pid: int) -> bool:
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return _exists_on_windows(pid)
    try:
        os.kill(pid, 0)         # signal 0 asks, it does not send
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _exists_on_windows(pid: int) -> bool:
    import ctypes

    kernel: Any = ctypes.windll.kernel32        # type: ignore[attr-defined]
    handle = kernel.OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, False, pid)
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == STILL_ACTIVE


def _stat(pid: int) -> list[str]:
    """Give the fields of /proc/<pid>/stat after the name, which may hold spaces; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _is_zombie(pid: int) -> bool:
    return _stat(pid)[:1] == ["Z"]


def _started(pid: int) -> int | None:
    """Give field 22 of proc(5), the start time in ticks since boot; None on other systems."""
    fields = _stat(pid)
    return int(fields[19]) if len(fields) > 19 else None
