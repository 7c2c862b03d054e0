"""While the window has something to do, a simulated bench lets it go first."""

from __future__ import annotations

from qtpy import QtCore

from labctl.core.pacing import Courtesy


class RightOfWay(QtCore.QObject):
    """Asks for the right of way with the first event that comes, and gives it back before the application sleeps."""

    def __init__(self, courtesy: Courtesy, parent: QtCore.QObject | None = None):
        super().__init__(parent)
        self._courtesy, self._on = courtesy, False

    def begin(self, app: QtCore.QCoreApplication) -> None:
        """Look at every event of the application from now on."""
        self._on = True
        app.installEventFilter(self)
        QtCore.QAbstractEventDispatcher.instance().aboutToBlock.connect(self._sleeps)

    def end(self, app: QtCore.QCoreApplication) -> None:
        """Look no more; the bench waits for nobody. A window may be closed twice."""
        if not self._on:
            return
        self._on = False
        app.removeEventFilter(self)
        QtCore.QAbstractEventDispatcher.instance().aboutToBlock.disconnect(self._sleeps)
        self._courtesy.idle()

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Keep nothing from anybody."""
        self._courtesy.busy()
        return False

    def _sleeps(self) -> None:
        self._courtesy.idle()
