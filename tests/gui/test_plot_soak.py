"""Ten minutes of drawing at 30 Hz: memory stays flat, and the window stays quick."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from qtpy import QtCore

from labctl.core.plots import Map, Spectrum
from labctl.gui.model.measured import LiveRun
from labctl.gui.views.plots import build
from tests.gui.made_up import header, reading

SECONDS, TICK_MS, ROWS = 600.0, 33, 121
WARM_S = 30.0
MOST_GROWN_MB = 5.0
MOST_LATE_MS = 300.0        # five times what is promised of a quiet machine


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
    began = time.monotonic()

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
    assert np.percentile(1e3 * np.diff(ticks), 99) < MOST_LATE_MS
