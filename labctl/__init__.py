"""labctl: instrument control and acquisition for ultrafast photoluminescence. Public names are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labctl.api import Bench, Order, Outcome, Run, load, make_procedure, open_bench, rehearse, resume, run, scan
    from labctl.core import Point, Procedure
    from labctl.ensembles.session import ensemble

__all__ = [
    "Bench", "Order", "Outcome", "Point", "Procedure", "Run", "ensemble", "load", "make_procedure", "open_bench", "rehearse",
    "resume", "run", "scan",
]
_ELSEWHERE = {"Point": "labctl.core", "Procedure": "labctl.core", "ensemble": "labctl.ensembles.session"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_ELSEWHERE.get(name, "labctl.api")), name)
    raise AttributeError(f"module 'labctl' has no attribute {name!r}")
