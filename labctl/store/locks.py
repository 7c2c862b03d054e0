"""Things that one process may have at a time: a port, a bench, the run queue. The owner says who it is and what it is doing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from labctl.store import processes, state


@dataclass(frozen=True)
class Owner:
    """Who has a lock: process id (0 where it is not known), since when (ISO time, UTC) and what for."""

    pid: int
    since: str = ""
    doing: str = ""

    def __str__(self) -> str:
        if not self.pid:
            return "another process, which has not yet said who it is"
        doing = f", {self.doing}" if self.doing else ""
        since = f" since {self.since[11:16]} UTC" if self.since else ""
        return f"process {self.pid}{doing}{since}"


class ProcessLock:
    """A lock across processes, kept by the operating system: it is free the moment its owner is dead, however that died.

    Beside `<name>.lock` lies `<name>.owner`, which is only read by those who are refused.
    """

    def __init__(self, folder: Path, name: str):
        state.make(folder)
        plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
        self._owner = folder / f"{plain}.owner"
        self._lock = FileLock(folder / f"{plain}.lock")

    def acquire(self, doing: str = "") -> Owner | None:
        """Take it, for a purpose; gives None, or the owner when somebody else has it."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return self.owner()
        told = {**processes.me(), "since": datetime.now(UTC).isoformat(timespec="seconds"), "doing": doing}
        self._owner.write_text(json.dumps(told), encoding="utf-8")
        return None

    def owner(self) -> Owner:
        """Give who has it. What a dead process left behind is not believed."""
        try:
            told = json.loads(self._owner.read_text(encoding="utf-8"))
            if processes.lives(told) is False:
                return Owner(0)
            return Owner(int(told["pid"]), str(told["since"]), str(told["doing"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Owner(0)

    def release(self) -> None:
        """Give it back; harmless when it is not ours."""
        if self._lock.is_locked:
            self._owner.unlink(missing_ok=True)
            self._lock.release()
