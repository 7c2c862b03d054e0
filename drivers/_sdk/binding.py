"""Calling a vendor's C library: arguments by a short signature, written values handed back.

A C `int` or `long` is 32 bit in the vendors' libraries on every platform; `ctypes.c_long` is 64 bit on Linux: never used here.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np

from labctl.core.errors import Disconnected

TEXT_ROOM = 256       # longer than any text these libraries write
TYPES: dict[str, Any] = {"i": ctypes.c_int32, "u": ctypes.c_uint32, "f": ctypes.c_float, "d": ctypes.c_double}


def load(windows_name: str, name: str, maker: str) -> Any:
    """Load a vendor's library by its name on this platform; raises Disconnected if it is not installed."""
    name = windows_name if sys.platform == "win32" else name
    loader = ctypes.WinDLL if sys.platform == "win32" else ctypes.CDLL
    try:
        return loader(name)
    except OSError as exc:
        raise Disconnected(maker, f"the vendor's library {name} cannot be loaded ({exc}).", state="nothing was sent",
                           remedy=f"Install the {maker} and put its folder on the library path.") from exc


def invoke(function: Any, signature: str, inputs: tuple[Any, ...], result_type: Any) -> tuple[int, list[Any]]:
    """Call a C function; gives its return code and the values it wrote.

    `signature`: i int32, u uint32, f float32, d float64, s text in; with * behind it the value is written and handed back; w a
    uint16 buffer, followed by its size; b a 32-bit buffer, signed or not as the array is; p a structure that is filled in.
    """
    function.restype = result_type
    given, outputs, arguments = list(inputs), [], []
    for kind in signature.split():
        if kind in ("w", "b"):
            buffer: np.ndarray = given.pop(0)
            item = np.ctypeslib.as_ctypes_type(buffer.dtype)
            arguments.append(buffer.ctypes.data_as(ctypes.POINTER(item)))
            if kind == "w":
                given.insert(0, buffer.size)
        elif kind == "p":
            arguments.append(ctypes.byref(given.pop(0)))
        elif kind == "s":
            arguments.append(ctypes.c_char_p(given.pop(0).encode()))
        elif kind == "s*":
            outputs.append(ctypes.create_string_buffer(TEXT_ROOM))
            arguments.append(outputs[-1])
        elif kind.endswith("*"):
            outputs.append(TYPES[kind[0]]())
            arguments.append(ctypes.byref(outputs[-1]))
        else:
            arguments.append(TYPES[kind](given.pop(0)))
    code = int(function(*arguments))
    written = [output.value for output in outputs]
    return code, [value.decode("ascii", "replace") if isinstance(value, bytes) else value for value in written]
