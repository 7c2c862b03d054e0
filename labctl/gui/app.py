"""`labctl gui`: the application, and pictures of it without a display."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from qtpy import QtCore, QtWidgets

from labctl.gui.main_window import SETTINGS, MainWindow
from labctl.gui.model.session import BROKEN, Session
from labctl.gui.theme import DARK, THEMES

LOOK_MS = 10
PATIENCE_S = 120.0           # longest wait for a picture to be ready
QUIET_S = 1.0                # how long nothing may happen before a picture is taken


@functools.cache                 # which also keeps it alive
def application() -> QtWidgets.QApplication:
    """Give the application, made if there is none."""
    found = QtWidgets.QApplication.instance()
    if isinstance(found, QtWidgets.QApplication):
        return found
    for attribute in (QtCore.Qt.ApplicationAttribute.AA_EnableHighDpiScaling, QtCore.Qt.ApplicationAttribute.AA_UseHighDpiPixmaps):
        QtWidgets.QApplication.setAttribute(attribute, True)
    made = QtWidgets.QApplication(sys.argv[:1])
    made.setApplicationName("labctl")
    return made


def show(bench: str, *, speed: float | None, theme: str = "", root: Path | None = None, run: Path | None = None,
         tab: str = "", procedure: str = "", first: str = "") -> int:
    """Show the window until it is closed; gives the exit code. Raises Refused for a bench that does not exist.

    `procedure` is the one whose form is shown; without it the one chosen last, and `first` when there was none.
    """
    app = application()
    settings = QtCore.QSettings(*SETTINGS)
    chosen = THEMES[theme or str(settings.value("theme", DARK.name))]
    window = MainWindow(Session(bench, speed=speed, root=root), chosen, settings,
                        procedure or str(settings.value("procedure", first)))
    window.show()
    window.start()
    if run is not None:
        window.open_runs([run], tab)
    elif tab:
        window.centre.select(tab)
    return app.exec()


def screenshot(target: Path, bench: str, *, theme: str = "", root: Path | None = None, run: Path | None = None, tab: str = "",
               size: tuple[int, int] = (1920, 1080), procedure: str = "") -> None:
    """Draw the window into a file once the bench is open and the plan is made; needs no display."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = application()
    settings = QtCore.QSettings(str(target.with_suffix(".ini")), QtCore.QSettings.Format.IniFormat)
    window = MainWindow(Session(bench, root=root), THEMES[theme or DARK.name], settings, procedure)
    window.resize(*size)
    window.show()
    window.reset_layout()
    window.start()
    wait_until(app, lambda: ready(window), PATIENCE_S)
    if run is not None:
        window.open_runs([run])
        wait_until(app, lambda: not window.session.reader.busy, PATIENCE_S)
    if tab:
        window.centre.select(tab)
    wait_for(app, QUIET_S)
    window.grab().save(str(target))
    window.session.close()
    window.close()
    Path(settings.fileName()).unlink(missing_ok=True)


def ready(window: MainWindow) -> bool:
    """Whether the bench is open and idle, and the form has been judged."""
    session = window.session
    return session.state == BROKEN or (session.bench is not None and not session.busy and not window.form.planning
                                       and session.procedures.complete)


def wait_until(app: QtCore.QCoreApplication, done: Callable[[], bool], longest_s: float) -> bool:
    """Let the application work until something is so, or the patience ends; gives whether it is."""
    end = time.monotonic() + longest_s
    looks = QtCore.QTimer()              # something has to happen now and then, or nobody looks
    looks.start(LOOK_MS)
    while not done() and time.monotonic() < end:
        app.processEvents(QtCore.QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    return done()


def wait_for(app: QtCore.QCoreApplication, seconds: float) -> None:
    """Let the application work for so long."""
    end = time.monotonic() + seconds
    wait_until(app, lambda: time.monotonic() >= end, 2 * seconds)
