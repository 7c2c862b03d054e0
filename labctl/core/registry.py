"""What is installed: drivers, procedures, emulators and benches, by entry point, so that other packages can add theirs."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from labctl.core.errors import Refused
from labctl.core.plan import Problem

GROUPS = {"driver": "labctl.drivers", "procedure": "labctl.procedures", "emulator": "labctl.emulators", "bench": "labctl.benches"}
OWN = Path("procedures")     # where people keep procedures of their own, below the folder they work in
_registered: dict[tuple[str, str], Any] = {}


def register(kind: str, name: str, thing: Any) -> None:
    """Add something to what is installed, for this process only: a notebook's own procedure, a test's own driver."""
    _registered[kind, name] = thing


def forget(kind: str, name: str) -> None:
    """Take back what `register` has added."""
    _registered.pop((kind, name), None)


def is_own(kind: str, name: str) -> bool:
    """Tell whether something is known to this process alone."""
    return (kind, name) in _registered


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
    """Import the thing of that name; raises Refused with the nearest names when there is none.

    A procedure that nobody installed may lie in a file of its name, see `local_procedures`; what is installed wins.
    """
    if (kind, name) in _registered:
        return _registered[kind, name]
    known = points(kind)
    if name in known:
        return known[name].load()
    local = local_procedures() if kind == "procedure" else {}
    if name in local:
        return _from_file(name, local[name])
    from labctl.core.suggest import suggestion

    raise Refused([Problem(kind, f"there is no {kind} named {name!r}. {suggestion(name, [*known, *local])}")])


def local_procedures() -> dict[str, Path]:
    """Give the files NAME.py in ./procedures by name, without those whose name is an installed procedure's."""
    installed = points("procedure")
    return {path.stem: path for path in sorted(OWN.glob("*.py"))
            if path.stem.isidentifier() and not path.stem.startswith("_") and path.stem not in installed}


def _from_file(name: str, path: Path) -> Any:
    """Execute a file and give the one procedure that it defines; raises Refused with what is wrong with it."""
    from labctl.core.procedure import Procedure

    spec = spec_from_file_location(f"labctl_local_{name}", path)
    assert spec is not None    # noqa: S101  a file of Python has one
    assert spec.loader is not None    # noqa: S101
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as exc:     # whatever a person may have written
        raise Refused([Problem("procedure", f"{path} cannot be executed: {type(exc).__name__}: {exc}")]) from exc
    found = [thing for thing in vars(module).values()
             if isinstance(thing, type) and issubclass(thing, Procedure) and thing.__module__ == module.__name__]
    if len(found) != 1:
        raise Refused([Problem("procedure", f"{path} defines {len(found)} procedures; it has to define one.")])
    return found[0]
