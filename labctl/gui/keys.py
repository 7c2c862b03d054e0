"""The keys that work everywhere: in a text field, on a plot, with any dialog open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy import QtCore, QtGui

Modifier, Key = QtCore.Qt.KeyboardModifier, QtCore.Qt.Key

LIST = (
    ("F12", "Abort: stop at once, park everything, the shutter first"),
    ("F11", "Make safe: abort, and switch off what emits"),
    ("F8", "Pause before the next point, or go on"),
    ("F5", "Live: look without saving"),
    ("F6", "Keep what is on the screen as a run"),
    ("F2", "Far view: what can be read from two metres"),
    ("Ctrl+Return", "Queue the run in the form"),
    ("Ctrl+D", "Dry run on the twin"),
    ("Ctrl+T", "Next theme"),
    ("Ctrl+1 … 9", "Tab of that number"),
    ("Ctrl+0", "Every part of the window in its first size"),
    ("Tab", "Next field or button"),
    ("L A B R C I", "on a plot: log, auto, background, reference, cursor, region"),
    ("F1", "These keys"),
)
NAMES = {"F1": Key.Key_F1, "F2": Key.Key_F2, "F5": Key.Key_F5, "F6": Key.Key_F6, "F8": Key.Key_F8, "F11": Key.Key_F11,
         "F12": Key.Key_F12}
WITH_CONTROL = {"Ctrl+Return": Key.Key_Return, "Ctrl+Enter": Key.Key_Enter, "Ctrl+D": Key.Key_D, "Ctrl+T": Key.Key_T,
                **{f"Ctrl+{number}": getattr(Key, f"Key_{number}") for number in range(10)}}


class Keys(QtCore.QObject):
    """An event filter of the application: shortcuts need an active window and end at dialogs; this sees every key."""

    def __init__(self, actions: Mapping[str, Callable[[], object]], parent: QtCore.QObject | None = None):
        super().__init__(parent)
        self._plain = {int(key): actions[name] for name, key in NAMES.items() if name in actions}
        self._control = {int(key): actions[name] for name, key in WITH_CONTROL.items() if name in actions}

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Act on a key; a held one acts once. A key goes to the window first and then to widgets, so only the first counts."""
        if event.type() != QtCore.QEvent.Type.KeyPress or not isinstance(event, QtGui.QKeyEvent):
            return False
        modifiers = event.modifiers() & ~Modifier.KeypadModifier
        found = (self._plain if modifiers == Modifier.NoModifier else self._control if modifiers == Modifier.ControlModifier
                 else {}).get(event.key())
        if found is None:
            return False
        if not event.isAutoRepeat():
            found()
        return True
