"""The list of keys, beside the window: it stays usable."""

from __future__ import annotations

from qtpy import QtCore, QtWidgets

from labctl.gui.keys import LIST
from labctl.gui.views.parts import button, label


def show_keys(window: QtWidgets.QWidget) -> QtWidgets.QDialog:
    """Show the keys; the list closes itself for good."""
    dialog = QtWidgets.QDialog(window)
    dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("Keys")
    grid = QtWidgets.QGridLayout(dialog)
    for row, (key, words) in enumerate(LIST):
        grid.addWidget(label(key, "strong"), row, 0)
        grid.addWidget(label(words), row, 1)
    grid.addWidget(button("Close", dialog.close), len(LIST), 1, QtCore.Qt.AlignmentFlag.AlignRight)
    dialog.show()
    return dialog
