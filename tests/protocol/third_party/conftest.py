"""Other people's drivers on our emulators: servers on a fast real clock, and every shim those drivers need, all of them here.

The code of the drivers' packages is not modified; the shims bend what surrounds them.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import sys
from collections.abc import Callable

import pytest
import serial

from labctl.core.clock import RealClock

if sys.platform == "win32":
    collect_ignore_glob = ["test_*"]      # pseudo-terminals are POSIX only


@pytest.fixture
def no_modem_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pyserial set RTS and DTR on a pseudo-terminal, which has no such lines, to no effect."""

    def tolerant(original: Callable[[serial.Serial], None]) -> Callable[[serial.Serial], None]:
        def update(port: serial.Serial) -> None:
            with contextlib.suppress(OSError):
                original(port)

        return update

    for name in ("_update_rts_state", "_update_dtr_state"):
        monkeypatch.setattr(serial.Serial, name, tolerant(getattr(serial.Serial, name)))


@pytest.fixture
def clock() -> RealClock:
    return RealClock(speed=50)


@pytest.fixture
def serve():
    """Start servers; stop them when the test ends."""
    running = []

    def start(server):
        running.append(server.start())
        return server

    yield start
    for server in reversed(running):
        server.stop()


@pytest.fixture
def open_client():
    """Open a driver; close it when the test ends."""
    opened = []

    def open_with(factory, *arguments, **options):
        opened.append(factory(*arguments, **options))
        return opened[-1]

    yield open_with
    for client in opened:
        client.close()


@pytest.fixture
def load_andor(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], type]:
    """Let pyLabLib find an emulated Andor library where it would load the vendor's; gives its camera class.

    Its signatures are made on import, so that happens here, with a C long of the 32 bits it has in the vendor's interface.
    """
    with monkeypatch.context() as patch:
        patch.setattr(ctypes, "c_long", ctypes.c_int32)
        patch.setattr(ctypes, "c_ulong", ctypes.c_uint32)
        importlib.import_module("pylablib.devices.Andor.atmcd32d_defs")
    sdk = importlib.import_module("pylablib.devices.Andor.AndorSDK2")
    library_module = importlib.import_module("pylablib.devices.Andor.atmcd32d_lib")
    monkeypatch.setitem(importlib.import_module("pylablib").par, "devices/only_windows_dlls", False)

    def load(library: object) -> type:
        monkeypatch.setattr(library_module.load_lib, "load_lib", lambda *arguments, **options: library)
        monkeypatch.setattr(library_module.wlib, "_initialized", False)
        monkeypatch.setattr(sdk.libctl, "initialized", False)
        return sdk.AndorSDK2Camera

    return load
