"""labctl: instrument control and acquisition for ultrafast photoluminescence. Public names are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labctl.api import Order, Outcome, load, make_procedure, open_bench, rehearse, resume, run
    from labctl.core import Point, Procedure

__all__ = ["Order", "Outcome", "Point", "Procedure", "load", "make_procedure", "open_bench", "rehearse", "resume", "run"]
_CORE = {"Point", "Procedure"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("labctl.core" if name in _CORE else "labctl.api"), name)
    raise AttributeError(f"module 'labctl' has no attribute {name!r}")
