"""What is installed: drivers, procedures, emulators and benches, by entry point, so that other packages can add theirs."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from labctl.core.errors import Refused
from labctl.core.plan import Problem

GROUPS = {"driver": "labctl.drivers", "procedure": "labctl.procedures", "emulator": "labctl.emulators", "bench": "labctl.benches"}


_registered: dict[tuple[str, str], Any] = {}


def register(kind: str, name: str, thing: Any) -> None:
    """Add something to what is installed, for this process only: a notebook's own procedure, a test's own driver."""
    _registered[kind, name] = thing


def forget(kind: str, name: str) -> None:
    """Take back what `register` has added."""
    _registered.pop((kind, name), None)


def points(kind: str) -> dict[str, EntryPoint]:
    """Give the entry points of a kind ("driver", "procedure", "emulator", "bench") by name; nothing is imported."""
    own = {name: EntryPoint(name, f"{thing.__module__}:{thing.__qualname__}", GROUPS[kind])
           for (of, name), thing in _registered.items() if of == kind}
    return {**_installed(GROUPS[kind], tuple(sys.path)), **own}


@lru_cache(maxsize=64)
def _installed(group: str, path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Read the metadata of everything installed, once: 10 ms in a full environment, and opening a bench asks some 25 times."""
    return {point.name: point for point in entry_points(group=group)}


def find(kind: str, name: str) -> Any:
    """Import the thing of that name; raises Refused with the nearest names when there is none."""
    if (kind, name) in _registered:
        return _registered[kind, name]
    known = points(kind)
    if name not in known:
        from labctl.core.suggest import suggestion

        raise Refused([Problem(kind, f"there is no {kind} named {name!r}. {suggestion(name, known)}")])
    return known[name].load()
