"""Emulators on a virtual clock, and the one way tests talk to them directly."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labctl.core.clock import VirtualClock
from sim_instruments.wire import ByteDevice, Unit

Ask = Callable[..., bytes]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def ask(clock: VirtualClock) -> Ask:
    """Send bytes, let `seconds` pass (enough for any immediate answer), take what has come."""

    def ask_device(device: ByteDevice, data: bytes, seconds: float = 0.1) -> bytes:
        device.feed(data)
        clock.wait(seconds)
        return device.take(1_000_000)

    return ask_device


@pytest.fixture
def make(clock: VirtualClock) -> Callable[..., ByteDevice]:
    """Make an emulator that serves one unit alone."""

    def make_device(factory: Callable[..., ByteDevice], driver: str = "", seed: int = 7, **options: object) -> ByteDevice:
        return factory([Unit("unit", driver, options)], twin=None, clock=clock, seed=seed)

    return make_device
