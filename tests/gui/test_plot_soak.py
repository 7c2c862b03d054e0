"""Ten minutes of drawing at 30 Hz: memory stays flat, and drawing stays cheap."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from qtpy import QtCore

from labctl.core.plots import Map, Spectrum
from labctl.gui.model.measured import LiveRun
from labctl.gui.views.plots import build
from tests.gui.made_up import header, reading

SECONDS, TICK_MS, ROWS = 600.0, 33, 121
WARM_S = 30.0
MOST_GROWN_MB = 5.0
MOST_BUSY_MS = 20.0         # of the processor for one update, five times what is promised: a busy machine must not count


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.soak
def test_ten_minutes_at_30_hz(qtbot):
    views = [build(Spectrum("Spectrum")), build(Map("Map", y="pump.wavelength"))]
    for view in views:
        qtbot.addWidget(view)
        view.resize(900, 480)
        view.show()
    state = {"run": LiveRun(header(ROWS)), "row": ROWS, "warm": 0.0}
    ticks: list[float] = []
    began, busy = time.monotonic(), time.process_time()

    def tick() -> None:
        ticks.append(time.monotonic())
        if state["row"] == ROWS:
            state["run"], state["row"] = LiveRun(header(ROWS)), 0
            state["run"].add(reading(0, kind="dark"))
            for view in views:
                view.set_run(state["run"])
        state["row"] += 1
        state["run"].add(reading(state["row"], 50.0 * state["row"]))
        for view in views:
            view.refresh()
        if not state["warm"] and ticks[-1] - began > WARM_S:
            state["warm"] = resident_mb()

    timer = QtCore.QTimer()
    timer.setTimerType(QtCore.Qt.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(TICK_MS)
    qtbot.waitUntil(lambda: time.monotonic() - began > SECONDS, timeout=int(2e3 * SECONDS))
    timer.stop()
    assert abs(resident_mb() - state["warm"]) < MOST_GROWN_MB
    assert 1e3 * (time.process_time() - busy) / len(ticks) < MOST_BUSY_MS
