"""What is installed: drivers, procedures, emulators and benches, by entry point, so that other packages can add theirs."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from labctl.core.errors import Refused
from labctl.core.plan import Problem

GROUPS = {"driver": "labctl.drivers", "procedure": "labctl.procedures", "emulator": "labctl.emulators", "bench": "labctl.benches"}


def points(kind: str) -> dict[str, EntryPoint]:
    """Give the entry points of a kind ("driver", "procedure", "emulator", "bench") by name; nothing is imported."""
    return dict(_installed(GROUPS[kind], tuple(sys.path)))


@lru_cache(maxsize=64)
def _installed(group: str, path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Read the metadata of everything installed, once: 10 ms in a full environment, and opening a bench asks some 25 times."""
    return {point.name: point for point in entry_points(group=group)}


def find(kind: str, name: str) -> Any:
    """Import the thing of that name; raises Refused with the nearest names when there is none."""
    known = points(kind)
    if name not in known:
        from labctl.core.suggest import suggestion

        raise Refused([Problem(kind, f"there is no {kind} named {name!r}. {suggestion(name, known)}")])
    return known[name].load()
