"""How the parts of the window share its room, and how that is remembered."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy import QtCore, QtWidgets

from labctl.gui.theme import GRID
from labctl.gui.views.parts import panel

LEFT_PX, RIGHT_PX, BOTTOM_PX = 304, 284, 206
LEAST_LEFT_PX, LEAST_RIGHT_PX = 280, 228
LEAST_PX = 1000, 700         # a window smaller than this has its first sizes as if it were not
BOTTOM_LEFT = 64             # per cent of the width at the bottom for what stands on the left there
KEPT = ("whole", "middle", "bottom")


class Arrangement(QtWidgets.QWidget):
    """The window below its header: left, middle over bottom, right; every border between them can be moved."""

    def __init__(self, left: Sequence[QtWidgets.QWidget], centre: Sequence[QtWidgets.QWidget],
                 bottom: Sequence[QtWidgets.QWidget], right: QtWidgets.QWidget):
        """Arrange columns of widgets: the first on the left and the last in the centre get the room there is."""
        super().__init__()
        self.setObjectName("bench")
        frame, column = panel()
        for number, each in enumerate(left):
            column.addWidget(each, int(number == 0))
        frame.setMinimumWidth(LEAST_LEFT_PX)
        right.setMinimumWidth(LEAST_RIGHT_PX)
        above = QtWidgets.QWidget()
        rows = QtWidgets.QVBoxLayout(above)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(GRID)
        for each in centre:
            rows.addWidget(each, int(each is centre[-1]))
        self.bottom = _split(QtCore.Qt.Orientation.Horizontal, *zip(bottom, (3, 2), strict=True))
        self.middle = _split(QtCore.Qt.Orientation.Vertical, (above, 1), (self.bottom, 0))
        self.whole = _split(QtCore.Qt.Orientation.Horizontal, (frame, 0), (self.middle, 1), (right, 0))
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(GRID, GRID, GRID, GRID)
        row.addWidget(self.whole)

    def reset(self, size: QtCore.QSize) -> None:
        """Put every part back to its first size in a window of this size."""
        width, height = max(size.width(), LEAST_PX[0]), max(size.height(), LEAST_PX[1])
        between = width - LEFT_PX - RIGHT_PX
        self.whole.setSizes([LEFT_PX, between - 4 * GRID, RIGHT_PX])
        self.middle.setSizes([height - BOTTOM_PX, BOTTOM_PX])
        self.bottom.setSizes([between * BOTTOM_LEFT // 100, between * (100 - BOTTOM_LEFT) // 100])

    def restore(self, settings: QtCore.QSettings) -> None:
        """Take the sizes that were saved, where there are any."""
        for name in KEPT:
            state = settings.value(name)
            if isinstance(state, QtCore.QByteArray):
                getattr(self, name).restoreState(state)

    def save(self, settings: QtCore.QSettings) -> None:
        """Keep the sizes."""
        for name in KEPT:
            settings.setValue(name, getattr(self, name).saveState())


def _split(orientation: QtCore.Qt.Orientation, *parts: tuple[QtWidgets.QWidget, int]) -> QtWidgets.QSplitter:
    made = QtWidgets.QSplitter(orientation)
    made.setHandleWidth(GRID)
    made.setChildrenCollapsible(False)
    for number, (part, stretch) in enumerate(parts):
        made.addWidget(part)
        made.setStretchFactor(number, stretch)
    return made
