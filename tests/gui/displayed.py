"""A window on a display of its own, for tests that press real keys: `python -m tests.gui.displayed FOLDER SPEED EXPOSURE`.

What happens is told in lines of JSON on stdout: where things stand on the screen once the window is ready, then every change.
Words on stdin do what a keyboard cannot: "hang ROLE NAME" plants a fault, "dialog" opens a modal dialog, "close" closes the window.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from qtpy import QtCore, QtWidgets

from labctl.gui.app import application, ready
from labctl.gui.main_window import MainWindow
from labctl.gui.model.session import Session
from labctl.gui.theme import DARK

SETTINGS = {"start": "522", "stop": "524", "step": "0.1", "dark_frames": "1"}


class Teller(QtCore.QObject):
    """Tells what happens, and hears words."""

    def __init__(self, window: MainWindow):
        super().__init__()
        self.window, self.words = window, deque[str]()
        self._said: dict[str, Any] = {}
        self._placed = False
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(20)
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        for line in sys.stdin:
            self.words.append(line.strip())

    def tell(self, **what: Any) -> None:
        sys.stdout.write(json.dumps({"at": time.monotonic(), **what}) + "\n")
        sys.stdout.flush()

    def _look(self) -> None:
        window = self.window
        if not self._placed and ready(window):
            self._placed = True
            QtWidgets.QApplication.sendPostedEvents()        # the last answer may have asked for room that it has not got yet
            self.tell(ready=True, places={name: self._middle(widget) for name, widget in (
                ("abort", window.header.abort), ("queue", window.before.queue), ("sample", window.header.sample),
                ("start", window.form_view.fields["start"].editor))})
        bench = window.session.bench
        now = {"state": window.session.state, "run": window.session.run.status, "beam": window.run.beam()[0].word}
        if bench is not None:
            now["open"] = bench.emulator("shutter").shutter.opening.target > 0.0
            now["moving"] = any(None in device.positions.values() for device in bench.devices.values())
        order = window.session.stopping
        now["stopped"] = order is not None and order.done
        now["queueable"] = window.before.queue.isEnabled()
        if now != self._said:
            self._said = now
            self.tell(**now)
        while self.words:
            self._do(*self.words.popleft().split())

    def _do(self, word: str, *more: str) -> None:
        if word == "hang" and self.window.session.bench is not None:
            self.window.session.bench.emulator(more[0]).hang.update(more[1:])
        elif word == "dialog":
            dialog = QtWidgets.QDialog(self.window)
            dialog.setModal(True)
            dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
            QtWidgets.QLineEdit(dialog).setFocus()
            dialog.resize(300, 120)
            dialog.show()
        elif word == "close":
            self.window.close()
        self.tell(did=word)

    def _middle(self, widget: QtWidgets.QWidget) -> tuple[int, int]:
        middle = widget.mapToGlobal(widget.rect().center())
        return middle.x(), middle.y()


def main(folder: str, speed: str, exposure: str) -> int:
    """Show the window until it is closed."""
    app = application()
    settings = QtCore.QSettings(str(Path(folder) / "window.ini"), QtCore.QSettings.Format.IniFormat)
    window = MainWindow(Session("ying2021", speed=float(speed), root=Path(folder)), DARK, settings, "ple")
    window.move(0, 0)
    window.resize(1366, 768)
    window.show()
    window.start()
    window.form.choose("ple")
    for name, text in {**SETTINGS, "exposure": exposure}.items():
        window.form.type(name, text)
    teller = Teller(window)
    code = app.exec()
    teller.tell(closed=True, emission=window.session.bench.twin.source.emission if window.session.bench else None)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
