"""Windows to test: a simulated bench behind each, opened and closed within the test."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qtpy import QtCore

from labctl import api
from labctl.engine.events import PointDone
from labctl.gui.app import application, ready, wait_until
from labctl.gui.main_window import MainWindow
from labctl.gui.model.session import Session
from labctl.gui.theme import DARK, Theme

PATIENCE_S = 60.0
COARSE = {"wavelengths": 6, "angles": 10}
SHORT = {"start": "522", "stop": "524", "step": "1"}
LIT = {"start": "520", "stop": "524", "step": "0.1", "exposure": "60", "dark_frames": "1"}      # so long that nobody comes too late


_calibrated: set[tuple[str, str]] = set()


def calibrate(bench: str, folder: Path) -> None:
    """Calibrate the power of a bench coarsely, unless it is calibrated."""
    known = (bench, os.environ["LABCTL_STATE"])
    if known in _calibrated:
        return
    _calibrated.add(known)
    with api.open_bench(bench) as opened:
        if opened.calibrations.get("power_calibration") is None:
            order = api.Order("power_calibration", folder, seed=1, figure=False)
            assert api.run("power_calibration", opened, COARSE, order=order).status == "done"


def until(done: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
    """Let the window work until something is so; fails when it does not come."""
    assert wait_until(application(), lambda: bool(done()), patience_s), "what the test waits for did not come"


@contextmanager
def opened(root: Path, bench: str = "ying2021", *, speed: float | None = None, theme: Theme = DARK,
           size: tuple[int, int] = (1600, 960), calibrated: bool = True,
           procedure: str = "ple") -> Iterator[MainWindow]:
    """Open a window on a bench, and close it with its bench whatever the test does."""
    application()
    if calibrated:
        calibrate(bench, root)
    settings = QtCore.QSettings(str(root / "settings.ini"), QtCore.QSettings.Format.IniFormat)
    window = MainWindow(Session(bench, speed=speed, root=root), theme, settings, procedure)
    for item in window.queue_model.items:
        window.queue_model.waiting.remove([item.id])
    window.queue_model.reread()
    window.resize(*size)
    window.show()
    window.start()
    try:
        until(lambda: ready(window))
        yield window
    finally:
        assert window.session.close(), "the bench's thread did not end"
        window.close()
        application().processEvents()
        window.deleteLater()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


def choose(window: MainWindow, procedure: str, **texts: str) -> None:
    """Choose a procedure, type values, and wait for the judgement."""
    window.form.choose(procedure)
    for name, text in texts.items():
        window.form.type(name, text)
    until(lambda: not window.form.planning)


def run_to_end(window: MainWindow) -> None:
    """Queue what is in the form and wait until it is over."""
    before = len(window.queue_model.items)
    window.form.enqueue()
    until(lambda: len(window.queue_model.items) > before and window.queue_model.items[-1].status not in ("waiting", "running")
          and not window.session.busy)


def dark(window: MainWindow) -> bool:
    """Tell whether the shutter of the simulated bench really is closed, whatever anybody says."""
    return window.session.bench.emulator("shutter").shutter.opening.target == 0.0


def scanned(event: object) -> bool:
    """Whether an event of the engine is a point that was not taken in the dark."""
    return isinstance(event, PointDone) and event.reading.point.kind == "scan"


@contextmanager
def held(intake: Any, wanted: Callable[[object], bool]) -> Iterator[None]:
    """Let the bench's thread wait at the first event that is wanted, until the block ends: nothing overtakes the test.

    `intake` is where that thread leaves its events; the block begins before the job that is to be held.
    """
    put, reached, go = intake.put, threading.Event(), threading.Event()

    def hold(thing: object) -> None:
        put(thing)
        if not reached.is_set() and wanted(thing):
            reached.set()
            go.wait(PATIENCE_S)

    setattr(intake, "put", hold)  # noqa: B010  a method, for pyright
    try:
        yield
    finally:
        setattr(intake, "put", put)  # noqa: B010
        go.set()


def watch_for(seconds: float) -> None:
    """Let the window work for a while."""
    end = time.monotonic() + seconds
    wait_until(application(), lambda: time.monotonic() >= end, 2 * seconds + 1)
