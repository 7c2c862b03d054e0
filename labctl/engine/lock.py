"""One run at a time on a bench: across processes on a real one; within this process on a simulated one, which is private to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from labctl.bench.bench import Bench
from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.store import state
from labctl.store.locks import ProcessLock

_inside = threading.Lock()
_held: dict[int, str] = {}          # id of a bench that this process runs on -> what for


@contextmanager
def held(bench: Bench, doing: str) -> Iterator[None]:
    """Have a bench to oneself; raises Refused, naming the owner, before anything is sent or written."""
    with _inside:
        if id(bench) in _held:
            raise Refused([_refusal(bench, f"this program ({_held[id(bench)]})")])
        lock = None if bench.simulated else ProcessLock(state.folder() / "locks", f"bench {bench.name}")
        owner = lock.acquire(doing) if lock is not None else None
        if owner is not None:
            raise Refused([_refusal(bench, str(owner))])
        _held[id(bench)] = doing
    try:
        yield
    finally:
        with _inside:
            del _held[id(bench)]
            if lock is not None:
                lock.release()


def _refusal(bench: Bench, owner: str) -> Problem:
    return Problem("bench", f"{bench.name} is in use by {owner}. Nothing was sent and nothing written. Wait for its end, or "
                            "abort it there.")
