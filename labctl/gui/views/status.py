"""The status bar: what is being written where, how fast the window is, and the keys."""

from __future__ import annotations

import shutil
import time
from collections import deque
from importlib.metadata import version

from qtpy import QtCore, QtWidgets

from labctl.core.words import human_bytes
from labctl.gui.model import session as model
from labctl.gui.model.session import Session
from labctl.gui.theme import GLYPHS, GRID, Theme
from labctl.gui.views.parts import Choice, Elided, label

STATUS_PX = 24
KEYS = "F5 live · F6 keep · F8 pause · F11 make safe · F12 abort · F1 all keys"
SPEEDS: tuple[tuple[str, float | None], ...] = (("1×", 1.0), ("3×", 3.0), ("10×", 10.0), ("30×", 30.0), ("100×", 100.0),
                                                ("as fast as it goes", None))
LOOK_S = 2.0
TICKS = 60


class StatusView(QtWidgets.QFrame):
    """One line at the foot of the window."""

    def __init__(self, session: Session, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.session = session
        self.setObjectName("status")
        self.setFixedHeight(STATUS_PX)
        self._saved, self._file, self._free, self._keys, self._rate = (
            label("", "muted"), Elided("muted"), label("", "muted"), Elided("muted"), label("", "muted"))
        self._point_at = 0.0
        self._looked = 0.0
        self._ticks: deque[tuple[float, float]] = deque(maxlen=TICKS)
        flag = QtCore.Qt.AlignmentFlag
        self._keys.setAlignment(flag.AlignRight | flag.AlignVCenter)     # type: ignore[arg-type]  the stubs call it a number
        self._keys.say(KEYS)
        session.point.connect(self._written)
        self.speed = Choice("small")
        self.speed.setAccessibleName("Speed of simulated time")
        self.speed.setToolTip("How fast simulated time passes; changing it opens the bench anew")
        self.speed.setFixedHeight(STATUS_PX - 4)
        own = () if session.speed in [speed for _, speed in SPEEDS] else ((f"{session.speed:g}×", session.speed),)
        for words, speed in (*own, *SPEEDS):
            self.speed.addItem(words, speed)
        self.speed.setCurrentIndex(max(self.speed.findData(session.speed), 0) if session.speed else self.speed.count() - 1)
        self.speed.setVisible(session.config.simulated)
        self.speed.activated.connect(lambda number: session.reopen(self.speed.itemData(number)))
        self._time = label("simulated time", "muted")
        self._time.setVisible(session.config.simulated)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(GRID + 4, 0, GRID + 4, 0)
        row.setSpacing(2 * GRID)
        for each in (self._saved, self._free):
            row.addWidget(each)
        row.addWidget(self._file, 2)
        row.addWidget(self._keys, 3)
        for each in (self._time, self.speed, self._rate, label(f"labctl {version('labctl')}", "muted")):
            row.addWidget(each)

    def _written(self, reading: object) -> None:
        self._point_at = time.monotonic()

    def ticked(self, began: float, ended: float) -> None:
        """Note when a look of the window began and ended."""
        self._ticks.append((began, ended - began))

    def refresh(self) -> None:
        """Show the present state; the disk is asked every two seconds."""
        session = self.session
        running = session.state in (model.RUNNING, model.PAUSED, model.ARMED)
        age = f"last point {time.monotonic() - self._point_at:.1f} s ago" if self._point_at else "nothing written yet"
        self._saved.setText(f"{GLYPHS['ok'] if running else GLYPHS['off']} every point is saved · {age}")
        self._file.say(str(session.run.file or session.root))
        self.speed.setEnabled(not session.busy)
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        there = next((folder for folder in (session.root, *session.root.resolve().parents) if folder.exists()), None)
        if there is not None:
            self._free.setText(f"{human_bytes(shutil.disk_usage(there).free)} free")
        if len(self._ticks) > 1:
            span = self._ticks[-1][0] - self._ticks[0][0]
            took = sorted(each for _, each in self._ticks)[len(self._ticks) // 2]
            self._rate.setText(f"display {(len(self._ticks) - 1) / span:.0f} Hz · {took * 1e3:.0f} ms" if span > 0 else "")

    def restyle(self, theme: Theme) -> None:
        """Nothing of its own to colour."""
