"""The emulated Andor library with somebody who calls it."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from sim_instruments.andor import make_lib

SUCCESS = 20002


class Client:
    """Calls the library as a driver would; outputs become return values after the code."""

    def __init__(self, library):
        self.library = library

    def __call__(self, name, *arguments):
        return getattr(self.library, name)(*arguments)

    def ints(self, name, *arguments, count=1):
        """Call a function whose last arguments are int pointers; gives (code, value, ...)."""
        values = [ctypes.c_int32() for _ in range(count)]
        code = self(name, *arguments, *(ctypes.byref(value) for value in values))
        return (code, *(value.value for value in values))

    def floats(self, name, *arguments, count=1):
        """Call a function whose last arguments are float pointers; gives (code, value, ...)."""
        values = [ctypes.c_float() for _ in range(count)]
        code = self(name, *arguments, *(ctypes.byref(value) for value in values))
        return (code, *(value.value for value in values))

    def text(self, name, *arguments):
        """Call a function that fills a text buffer."""
        buffer = ctypes.create_string_buffer(256)
        code = self(name, *arguments, buffer)
        return code, buffer.value.decode()

    def data(self, pixels, name="GetAcquiredData16"):
        """Fetch the acquisition."""
        buffer = np.zeros(pixels, dtype=np.uint16 if name.endswith("16") else np.int32)
        kind = ctypes.c_uint16 if name.endswith("16") else ctypes.c_int32
        return self(name, buffer.ctypes.data_as(ctypes.POINTER(kind)), pixels), buffer

    def images(self, first, last, pixels):
        """Fetch frames by number."""
        buffer = np.zeros(pixels, dtype=np.uint16)
        low, high = ctypes.c_int32(), ctypes.c_int32()
        code = self("GetImages16", first, last, buffer.ctypes.data_as(ctypes.POINTER(ctypes.c_uint16)), pixels, ctypes.byref(low),
                    ctypes.byref(high))
        return code, buffer, low.value, high.value

    @property
    def status(self):
        """IDLE or ACQUIRING."""
        return self.ints("GetStatus")[1]


@pytest.fixture
def library(clock):
    return make_lib(clock=clock, seed=3)


@pytest.fixture
def sdk(library):
    """An initialised camera, 0.1 s exposures, FVB."""
    client = Client(library)
    assert client("Initialize", b"") == SUCCESS
    client("SetExposureTime", 0.1)
    return client


@pytest.fixture
def calling():
    """The way to call another library."""
    return Client
