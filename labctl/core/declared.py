"""pymeasure's declarations of parameters, without the third of a second that its own files of results would cost at every start.

The one file that imports pymeasure.experiment. That package imports pandas, for files which labctl does not write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


@contextmanager
def put_off(name: str) -> Iterator[None]:
    """Let whoever imports a module meanwhile have a stand-in, which loads the true one at its first use; others never see it."""
    if name in sys.modules:
        yield
        return
    stand_in = ModuleType(name)

    def first_use(attribute: str) -> Any:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
        return getattr(import_module(name), attribute)

    vars(stand_in)["__getattr__"] = first_use
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]


with put_off("pandas"):
    from pymeasure.experiment import BooleanParameter, FloatParameter, IntegerParameter, ListParameter, Parameter, Procedure

__all__ = ["BooleanParameter", "FloatParameter", "IntegerParameter", "ListParameter", "Parameter", "Procedure"]
