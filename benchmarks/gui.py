"""Measure the promises of the window, offscreen: drawing, lateness, memory, start, abort; prints one line per promise.

Drawing is measured in processor time, so that a busy machine does not count against it; lateness, start and abort cannot be.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from qtpy import QtCore, QtWidgets

from benchmarks.gui_ticks import Ticks
from labctl.core.plan import Point, Reading
from labctl.core.plots import Map, Spectrum
from labctl.gui.app import application, ready, wait_until
from labctl.gui.main_window import MainWindow
from labctl.gui.model.measured import LiveRun
from labctl.gui.model.session import Session
from labctl.gui.theme import DARK
from labctl.gui.views.plots import PlotView, build

PIXELS, ROWS, UPDATES = 1024, 121, 10_000
WARM_UPDATES = 2_000         # until the memory of Python and Qt has found its size
LATEST = 3                   # ticks of which it is said what they consisted of
TICK_MS = 10
PATIENCE_S = 120.0
SCAN = {"start": "500 nm", "stop": "530 nm", "step": "0.25 nm"}      # 121 points
START = """
import sys, time
from pathlib import Path
from qtpy import QtCore
from labctl.gui.app import application
from labctl.gui.main_window import MainWindow
from labctl.gui.model.session import Session
from labctl.gui.theme import DARK
app = application()
settings = QtCore.QSettings(sys.argv[1] + "/s.ini", QtCore.QSettings.IniFormat)
window = MainWindow(Session("ying2021", root=Path(sys.argv[1])), DARK, settings)
window.show()
window.start()
app.processEvents()
sys.stdout.write(str(time.time()))
sys.stdout.flush()
window.session.close()
"""


def line(what: str, measured: float, promised: float, unit: str) -> None:
    """Write one promise."""
    kept = "kept" if measured <= promised else "NOT KEPT"
    sys.stdout.write(f"{what:<68} {measured:9.3f} {unit:<3} promised {promised:7.3f}: {kept}\n")
    sys.stdout.flush()


def remark(text: str) -> None:
    """Write something that nobody has promised."""
    sys.stdout.write(f"  {text}\n")
    sys.stdout.flush()


def resident_mb() -> float:
    """Give the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


# ---------------------------------------------------------------- drawing
def header() -> dict:
    """Give the header of a scan of 121 points with a camera of 1024 pixels."""
    plan = [Point({"pump.wavelength": 400.0 + row}, exposure_s=1.0).as_json() for row in range(ROWS)]
    wavelength = {"values": np.linspace(488.0, 562.0, PIXELS).tolist(), "unit": "nm", "long_name": "", "medium": "vacuum"}
    counts = {"unit": "counts", "dims": ["emission_wavelength"], "shape": [PIXELS], "dtype": "u4", "long_name": "Counts",
              "coords": {"emission_wavelength": wavelength}}
    return {"run_id": "0", "plan": [Point(kind="dark").as_json(), *plan], "default_signal": "counts",
            "channels": {"counts": counts}, "constants": {}, "parameters": {}}


def readings() -> list[Reading]:
    """Give a dark frame and the points of a scan, noise and a line that grows."""
    rng = np.random.default_rng(1)
    shape = np.exp(-((np.linspace(488.0, 562.0, PIXELS) - 520.0) / 8.0) ** 2)
    camera = {"exposure_s": 1.0, "effective_exposure_s": 1.0, "gain_e_per_count": 1.0, "read_noise_e": 4.0,
              "saturation_counts": 65535.0}
    made = [Reading(0, Point(kind="dark", exposure_s=1.0), {"counts": rng.poisson(300, PIXELS).astype("u4")}, camera)]
    for row in range(ROWS):
        counts = rng.poisson(300 + 200 * (row + 1) * shape).astype("u4")
        point = Point({"pump.wavelength": 400.0 + row}, exposure_s=1.0)
        made.append(Reading(row + 1, point, {"counts": counts}, {**camera, "elapsed_s": float(row)}))
    return made


@contextmanager
def views(app: QtWidgets.QApplication) -> Iterator[list[PlotView]]:
    """Show a spectrum and a map side by side."""
    window = QtWidgets.QWidget()
    row = QtWidgets.QHBoxLayout(window)
    made = [build(Spectrum("Spectrum"), DARK), build(Map("Map", y="pump.wavelength"), DARK)]
    for view in made:
        row.addWidget(view)
    window.resize(2000, 650)
    window.show()
    app.processEvents()
    yield made
    window.close()


def scan(app: QtWidgets.QApplication, shown: list[PlotView], points: list[Reading]) -> list[float]:
    """Draw a scan point by point; gives the processor time of every update, painting included, in ms."""
    run, spent = LiveRun(header()), []
    for view in shown:
        view.set_run(run)
    for reading in points:
        began = time.process_time()
        run.add(reading)
        for view in shown:
            view.refresh()
        app.processEvents()
        spent.append(1e3 * (time.process_time() - began))
    return spent


def drawing(app: QtWidgets.QApplication) -> None:
    """Time updates of spectrum and map, then draw ten thousand: by how much memory grew, and whether it goes on growing."""
    points = readings()
    with views(app) as shown:
        scan(app, shown, points)
        spent = scan(app, shown, points)[5:]
        line(f"update of a live spectrum and a {PIXELS} x {ROWS} map, mean", float(np.mean(spent)), 4.0, "ms")
        line("the same, 95th percentile", float(np.percentile(spent, 95)), 12.0, "ms")
        for _ in range(WARM_UPDATES // ROWS):
            scan(app, shown, points)
        held = [resident_mb()]
        for _ in range(UPDATES // ROWS):
            scan(app, shown, points)
            held.append(resident_mb())
        line(f"memory grown over {UPDATES} updates", abs(held[-1] - held[0]), 5.0, "MB")
        half = held[len(held) // 2:]
        slope = float(np.polyfit(np.arange(len(half)) * ROWS, half, 1)[0])
        line(f"the same by the slope of the second half, in {UPDATES}", abs(slope) * UPDATES, 5.0, "MB")


# ---------------------------------------------------------------- the whole window
@contextmanager
def window(app: QtWidgets.QApplication, speed: float | None) -> Iterator[MainWindow]:
    """Open the window on the simulated bench."""
    with tempfile.TemporaryDirectory() as folder:
        settings = QtCore.QSettings(f"{folder}/settings.ini", QtCore.QSettings.Format.IniFormat)
        made = MainWindow(Session("ying2021", speed=speed, root=Path(folder)), DARK, settings)
        made.resize(1920, 1080)
        made.show()
        made.start()
        wait_until(app, lambda: ready(made), PATIENCE_S)
        yield made
        made.session.close()
        made.close()


def start_scan(app: QtWidgets.QApplication, shown: MainWindow, **values: str) -> None:
    """Queue a PLE scan and wait until its first points are there."""
    shown.form.choose("ple")
    for name, text in {**SCAN, **values}.items():
        shown.form.type(name, text.split()[0])
    wait_until(app, lambda: shown.form.ready and not shown.form.planning, PATIENCE_S)
    shown.form.enqueue()


def lateness(app: QtWidgets.QApplication) -> None:
    """Watch a timer of the window while a scan runs as fast as the computer can."""
    with window(app, None) as shown:
        ticks = Ticks(TICK_MS)
        start_scan(app, shown)
        wait_until(app, lambda: shown.shown.live is not None and len(shown.shown.live) > 0, PATIENCE_S)
        began = time.perf_counter()
        with ticks.watching(shown):
            wait_until(app, lambda: len(shown.shown.live or ()) >= ROWS or not shown.session.busy, PATIENCE_S)
        took, gaps = time.perf_counter() - began, ticks.gaps
        between = [gap.wall_ms for gap in gaps]
        line(f"between two ticks of a {TICK_MS} ms timer during a PLE scan, 99th percentile", float(np.percentile(between, 99)),
             60.0, "ms")
        line("the same, median", float(np.median(between)), 20.0, "ms")
        remark(f"{len(gaps)} ticks in {took:.2f} s, {sum(gap.own_ms for gap in gaps) / 1e3:.2f} s of the processor for the window")
        for gap in gaps[:LATEST]:
            remark(f"{gap.began - began:.2f} s: {gap}")


def aborting(app: QtWidgets.QApplication) -> None:
    """Click Abort while a run is under way at the speed of the clock on the wall, and see when the shutter is told to close."""
    with window(app, 1.0) as shown:
        start_scan(app, shown)
        bench: Any = shown.session.bench
        wait_until(app, lambda: shown.session.run.done >= 1 or not shown.session.busy, PATIENCE_S)
        told = threading.Event()
        closing = when_called(bench.shutter.device.driver, "park", told)
        clicked = time.perf_counter()
        shown.header.abort.click()
        wait_until(app, told.is_set, 10.0)
        took = 1e3 * (closing[0] - clicked) if closing else float("inf")
        line("Abort clicked to the shutter being told to close", took, 200.0, "ms")


def when_called(thing: object, name: str, told: threading.Event) -> list[float]:
    """Note when a method is called first, before it does anything."""
    calls: list[float] = []
    real: Callable[..., object] = getattr(thing, name)

    def noted(*args: object, **kwargs: object) -> object:
        calls.append(time.perf_counter())
        told.set()
        return real(*args, **kwargs)

    setattr(thing, name, noted)
    return calls


def starting(app: QtWidgets.QApplication) -> None:
    """Start the window in a process of its own."""
    times = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            began = time.time()
            told = subprocess.run([sys.executable, "-c", START, folder], capture_output=True, text=True, check=True,
                                  timeout=PATIENCE_S)
            times.append(float(told.stdout) - began)
    line("from the start of the process to the window, best of three", min(times), 1.5, "s")


def main() -> None:
    """Measure everything, in a state folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LABCTL_STATE"] = folder
        app = application()
        parts = {"drawing": drawing, "lateness": lateness, "abort": aborting, "start": starting}
        for name in sys.argv[1:] or parts:
            parts[name](app)


if __name__ == "__main__":
    main()
