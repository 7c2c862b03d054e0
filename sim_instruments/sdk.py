"""Emulated vendor libraries: objects whose attributes are C function pointers, as `ctypes.CDLL` would give them.

Callers may assign `argtypes`, `restype` and `errcheck` as usual. A C `long` of a vendor's 32-bit interface is `c_int32` here.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sim_instruments.clock import Clock

LOG = logging.getLogger(__name__)

INT = ctypes.c_int32
FLOAT = ctypes.c_float
INT_OUT = ctypes.POINTER(ctypes.c_int32)
FLOAT_OUT = ctypes.POINTER(ctypes.c_float)
WORDS_OUT = ctypes.POINTER(ctypes.c_uint16)
UINT = ctypes.c_uint32
TEXT = ctypes.c_char_p
TEXT_OUT = ctypes.c_void_p         # a char buffer to write into; c_char_p would hand the callback a copy


@dataclass
class Failure:
    """A planned error: after `skip` calls, `function` (or any, "*") returns `code` `times` times without doing anything."""

    function: str
    code: int
    skip: int = 0
    times: float = 1

    def strikes(self, function: str) -> bool:
        """Decide whether this call is hit; counts down."""
        if self.function not in ("*", function) or self.times <= 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


def function(name: str, *argument_types: Any) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Export a method as the C function `name`; it takes the C arguments and returns the status code."""
    def mark(method: Callable[..., int]) -> Callable[..., int]:
        method.c_name, method.c_types = name, argument_types   # type: ignore[attr-defined]
        return method
    return mark


def write_text(address: int, text: str, room: int = 256) -> None:
    """Write a zero-terminated string into the caller's buffer."""
    data = text.encode("ascii")[: room - 1] + b"\0"
    ctypes.memmove(address, data, len(data))


def _lenient(kind: Any) -> Any:
    """Make a number type that takes any ctypes number, as a function without `argtypes` would."""
    class Lenient(kind):
        @classmethod
        def from_param(cls, value: Any) -> Any:
            return kind(getattr(value, "value", value))

    return Lenient


LENIENT: dict[Any, Any] = {kind: _lenient(kind) for kind in (INT, UINT, FLOAT)}


class Library:
    """An emulated library: every method marked with `function`, on this object or on one of its `parts`, under its C name.

    Fault attributes: `failures` (planned error codes) and `hang` (the names of functions that never return). What goes wrong inside
    an emulated function is logged and returned as `internal_error`, because no exception can cross a C call.
    """

    internal_error: ClassVar[int] = -1
    result_type: ClassVar[Any] = ctypes.c_uint32

    def __init__(self, clock: Clock, *parts: Any):
        self.clock = clock
        self.failures: list[Failure] = []
        self.hang: set[str] = set()
        for part in (self, *parts):
            for attribute in dir(type(part)):
                method = getattr(type(part), attribute, None)
                if hasattr(method, "c_name"):
                    self.export(method.c_name, method.c_types, getattr(part, attribute))   # type: ignore[union-attr]

    def export(self, name: str, argument_types: tuple[Any, ...], implementation: Callable[..., int]) -> None:
        """Make `implementation` callable from C under `name`; any pointer will do for a pointer, as in a real library."""
        pointers = [kind if issubclass(kind, ctypes._Pointer) else None for kind in argument_types]
        c_types: list[Any] = [kind if target is None else ctypes.c_void_p
                              for kind, target in zip(argument_types, pointers, strict=True)]

        def call(*given: Any) -> int:
            arguments = tuple(value if target is None else ctypes.cast(value, target)
                              for value, target in zip(given, pointers, strict=True))
            if name in self.hang:
                self.clock.event().wait()
            for failure in self.failures:
                if failure.strikes(name):
                    return failure.code
            try:
                return int(self.guard(name, implementation, arguments))
            except Exception:
                LOG.exception("emulated %s failed", name)
                return self.internal_error
        pointer: Any = ctypes.CFUNCTYPE(self.result_type, *c_types)(call)
        pointer.argtypes = [LENIENT.get(kind, kind) for kind in c_types]
        pointer.__name__ = name   # type: ignore[attr-defined]  as functions of a CDLL have
        setattr(self, name, pointer)

    def guard(self, name: str, implementation: Callable[..., int], arguments: tuple[Any, ...]) -> int:
        """Carry out a call; libraries refuse here what the state does not allow."""
        return implementation(*arguments)
