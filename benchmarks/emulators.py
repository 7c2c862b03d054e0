"""Measure how many frames each emulator decodes and answers in a second of processor time; prints the ratio to the goal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from labctl.core import registry
from labctl.core.clock import VirtualClock
from sim_instruments import andor, picoharp
from sim_instruments.wire import ByteDevice, Unit

GOAL_HZ = 1e4
FRAMES, ROUNDS = 2000, 5

# driver name, what is asked before, the question that is repeated
QUESTIONS: tuple[tuple[str, bytes, bytes], ...] = (
    ("superk_laser", b"", bytes.fromhex("0D0FA20466C7B60A")),        # status
    ("elliptec", b"", b"0gp"),
    ("k10cr1", b"", bytes.fromhex("110401005001")),                  # position
    ("filter_wheel", b"", b"pos?\r"),
    ("spectrapro", b"NO-ECHO\r", b"?NM\r"),
    ("keithley2400", b"", b":SOUR:VOLT?\n"),
    ("keithley2450", b"", b":SOUR:VOLT?\n"),
    ("pm100d", b"", b"SENS:CORR:WAV?\n"),
    ("lakeshore336", b"", b"KRDG? A\n"),
    ("sc10", b"", b"ens?\r"),
    ("esp301", b"", b"1TP\r"),
)


def answer(device: ByteDevice, clock: VirtualClock, question: bytes) -> bytes:
    """Ask, and let as much time pass as any answer without a move takes."""
    device.feed(question)
    clock.wait(1.0)
    return device.take(1_000_000)


def frames_per_second(driver: str, before: bytes, question: bytes) -> float:
    """Give the best rate of several rounds: frames fed in one piece, every answer counted."""
    clock = VirtualClock()
    device = registry.find("emulator", driver)([Unit("unit", driver)], twin=None, clock=clock, seed=1)
    if before:
        answer(device, clock, before)
    expected = len(answer(device, clock, question))
    if not expected:
        raise SystemExit(f"{driver} does not answer {question!r}")
    best = 0.0
    for _ in range(ROUNDS):
        start = time.process_time()
        got = len(answer(device, clock, question * FRAMES))
        clock.wait(FRAMES * 0.1)
        got += len(device.take(1_000_000))
        best = max(best, FRAMES / (time.process_time() - start))
        if got != expected * FRAMES:
            raise SystemExit(f"{driver} left {FRAMES - got / expected:g} frames unanswered")
    return best


def calls_per_second(call: Callable[[], Any]) -> float:
    """Give the best rate of several rounds of calls through C function pointers."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(FRAMES):
            call()
        best = max(best, FRAMES / (time.process_time() - start))
    return best


def sdk_rates() -> dict[str, float]:
    """Give calls per second of the two emulated libraries."""
    import ctypes

    camera, counter, status = andor.make_lib(clock=VirtualClock()), picoharp.make_lib(clock=VirtualClock()), ctypes.c_int32()
    camera.Initialize(b"")
    serial = ctypes.create_string_buffer(8)
    counter.PH_OpenDevice(0, serial)
    counter.PH_Initialize(0, 0)
    return {"andor (GetStatus)": calls_per_second(lambda: camera.GetStatus(ctypes.byref(status))),
            "picoharp (PH_CTCStatus)": calls_per_second(lambda: counter.PH_CTCStatus(0, ctypes.byref(status)))}


def main() -> None:
    rates = {driver: frames_per_second(driver, before, question) for driver, before, question in QUESTIONS} | sdk_rates()
    print(f"{'emulator':<26}{'frames/s':>12}{'of the goal':>14}")
    for name, rate in rates.items():
        print(f"{name:<26}{rate:>12.0f}{rate / GOAL_HZ:>13.1f}x{'' if rate >= GOAL_HZ else '   NOT KEPT'}")


if __name__ == "__main__":
    main()
