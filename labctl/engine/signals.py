"""Signals as wishes: what Ctrl-C, a closed terminal and `kill` mean while a bench is at work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from labctl.engine.control import Control

WANTED = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def signals() -> Iterator[Control]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into abort requests: the first stops at the next gate, the second at once.

    Nothing is torn apart in the middle of a conversation with an instrument. Outside the main thread, where Python delivers no
    signals, it only gives a control.
    """
    control = Control()
    if threading.current_thread() is not threading.main_thread():
        yield control
        return

    def handler(number: int, frame: object) -> None:
        control.interrupted = True
        control.request(f"{signal.Signals(number).name} received")

    wanted = [getattr(signal, name) for name in WANTED if hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in wanted}
    try:
        yield control
    finally:
        for number, old in before.items():
            signal.signal(number, old)
