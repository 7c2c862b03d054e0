"""What every plot of the window can do, and which view draws which declaration.

The window gives all views of a run one `Measured`, and calls `refresh` of those that are visible, at most 30 times a second: each
view draws what has come since. Views never touch an instrument, a file or a thread.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy import QtCore, QtGui, QtWidgets

from labctl.core.plots import Plot
from labctl.gui.model.measured import Measured
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.plots.axes import PlotAxis
from labctl.gui.views.plots.rows import ReadoutRow, ToolRow
from labctl.gui.views.plots.texts import Note

Table = tuple[Sequence[str], Sequence[np.ndarray]]          # names with units, and columns


class PlotView(QtWidgets.QWidget):
    """One plot of a run: a row of switches, the drawing, a row of values. Subclasses draw one kind of declaration."""

    go_to = QtCore.Signal(dict)             # quantity -> value: somebody wants to go there; sent only while the bench is idle
    chosen = QtCore.Signal(float)           # a cursor was moved: its place on the plot's horizontal axis, for linked plots

    def __init__(self, spec: Plot, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.spec, self.theme = spec, theme
        self.measured: Measured | None = None
        self.rehearsed: Measured | None = None
        self.idle = False
        self.setAccessibleName(spec.title)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.tools, self.readouts = ToolRow(self), ReadoutRow(self)
        self.tools.stretch()
        self.canvas: Any = pg.GraphicsLayoutWidget()
        self.canvas.ci.layout.setContentsMargins(GRID // 2, GRID // 2, GRID, 0)
        self.canvas.ci.layout.setSpacing(GRID)
        self.canvas.setMinimumHeight(96)
        self._axes: list[PlotAxis] = []
        self._note: Note | None = None
        self._keys: dict[int, QtWidgets.QAbstractButton] = {}
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addWidget(self.tools)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.readouts)

    # ---------------------------------------------------------------- what the window calls
    def set_run(self, measured: Measured | None) -> None:
        """Begin anew for a run; None shows an empty plot."""
        self.measured = measured
        self.begin()
        self.refresh()

    def refresh(self) -> None:
        """Draw what has come since the last call."""
        self.follow()
        self._tell_empty()

    def reduced(self) -> None:
        """The analysis has made something new of the run (`measured.reduction`): draw it."""
        self.draw_reduced()
        self._tell_empty()

    def set_rehearsal(self, measured: Measured | None) -> None:
        """Show what a rehearsal of this run has promised, behind the data; None shows nothing."""
        self.rehearsed = measured

    def set_idle(self, idle: bool) -> None:
        """Allow going somewhere by a click only while nothing runs."""
        self.idle = idle

    def restyle(self, theme: Theme) -> None:
        """Take another theme; subclasses recolour their curves in `colours`."""
        self.theme = theme
        self.canvas.setBackground(theme.plot)
        self.tools.restyle(theme)
        self.readouts.restyle(theme)
        for axis in self._axes:
            axis.restyle(theme)
        if self._note is not None:
            self._note.setColor(theme.muted)
        self.colours(theme)

    def _tell_empty(self) -> None:
        """Say in an empty plot what it waits for, and take meaningless numbers off its axes."""
        if self._note is None:
            return
        self._note.say("" if not self.empty else words_for(self.measured))
        for axis in self._axes:
            axis.know(not self.empty or axis in self.planned_axes)

    # ---------------------------------------------------------------- what subclasses fill in
    def begin(self) -> None:
        """Forget the last run."""

    def follow(self) -> None:
        """Draw what has come since the last call."""

    def draw_reduced(self) -> None:
        """Draw what the analysis has made of the run."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to be seen."""
        return self.measured is None or not len(self.measured)

    @property
    def planned_axes(self) -> Collection[PlotAxis]:
        """The axes whose numbers are known before anything is measured."""
        return ()

    def colours(self, theme: Theme) -> None:
        """Colour what is drawn."""

    def table(self) -> Table:
        """Give what is drawn as columns, for the clipboard."""
        return (), ()

    def places(self, x: float, y: float) -> Mapping[str, float]:
        """Give the quantities to which a click at a place of the main plot could go, in their own units; none by default."""
        return {}

    def curve(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Give the one curve by which runs are compared, as it is drawn; None where there is none."""
        return None

    @property
    def curve_label(self) -> str:
        """What the abscissa of `curve` is."""
        main = getattr(self, "main", None)
        return "" if main is None else str(main.getAxis("bottom").labelText)

    def be_small(self) -> None:
        """Leave out what needs room: a plot that is shown beside something else."""
        self.tools.hide()

    def point_to(self, place: float) -> None:
        """Put the cursor where that of another plot stands (`chosen`)."""

    def link(self, other: PlotView) -> None:
        """Show the same part of the horizontal axis as another plot of the kind."""
        mine, its = getattr(self, "main", None), getattr(other, "main", None)
        if mine is not None and its is not None:
            mine.setXLink(its)

    # ---------------------------------------------------------------- parts for subclasses
    def plot(self, row: int = 0, col: int = 0, *, axes: Mapping[str, PlotAxis] | None = None, **options: Any) -> Any:
        """Add a plot to the canvas with axes of ours, without pyqtgraph's own menu and buttons."""
        found = {side: PlotAxis(side, self.theme) for side in ("left", "bottom")} | dict(axes or {})
        made: Any = self.canvas.addPlot(row=row, col=col, axisItems=found, enableMenu=False, **options)
        made.hideButtons()
        made.showGrid(x=True, y=True, alpha=0.25)
        for side in ("top", "right"):
            if side not in found:
                made.hideAxis(side)
        self._axes += found.values()
        for axis in found.values():         # drawn again only when it changes
            axis.setCacheMode(QtWidgets.QGraphicsItem.CacheMode.DeviceCoordinateCache)
        if self._note is None:
            self._note = Note(made)
        made.scene().sigMouseClicked.connect(lambda event, made=made: self._clicked(made, event))
        return made

    def key(self, key: str, button: QtWidgets.QAbstractButton) -> None:
        """Let a letter press a button while the plot has the focus."""
        self._keys[getattr(QtCore.Qt.Key, f"Key_{key}")] = button
        button.setToolTip(f"{button.toolTip()}  [{key}]")

    def add_copy(self) -> None:
        """Add the button that every plot has at the right of its switches; what was put there before stands left of it."""
        self.tools.button("Copy", self.copy, "Copy: picture and numbers (CSV)", right=True)

    # ---------------------------------------------------------------- the clipboard
    def csv(self) -> str:
        """Give what is drawn as text: one line of names, then numbers, columns of different length padded with nothing."""
        names, columns = self.table()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        for row in range(max((len(column) for column in columns), default=0)):
            writer.writerow([f"{column[row]:.9g}" if row < len(column) else "" for column in columns])
        return text.getvalue()

    def copy(self) -> None:
        """Put the plot on the clipboard, as a picture and as numbers: a drawing takes the one, a table the other."""
        told = QtCore.QMimeData()
        text = self.csv()
        told.setText(text)
        told.setData("text/csv", text.encode())
        told.setImageData(self.grab().toImage())
        QtWidgets.QApplication.clipboard().setMimeData(told)

    # ---------------------------------------------------------------- mouse and keys
    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Press the button of a letter."""
        button = self._keys.get(event.key())
        if button is None or event.modifiers() != QtCore.Qt.KeyboardModifier.NoModifier or not button.isEnabled():
            super().keyPressEvent(event)
        else:
            button.click()

    def _clicked(self, plot: Any, event: Any) -> None:
        """Open the menu of a right click; a double click shows everything again."""
        if not plot.vb.sceneBoundingRect().contains(event.scenePos()):
            return
        if event.double():
            plot.vb.autoRange(padding=0.02)
        elif event.button() == QtCore.Qt.MouseButton.RightButton:
            where = plot.vb.mapSceneToView(event.scenePos())
            self.menu(where.x(), where.y()).popup(event.screenPos().toPoint())

    def menu(self, x: float, y: float) -> QtWidgets.QMenu:
        """Make the menu of a place: go there, copy, show everything."""
        made = QtWidgets.QMenu(self)
        made.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        for name, value in self.places(x, y).items():
            action = made.addAction(f"Go to {name} {value:.6g}" + ("" if self.idle else " (only when nothing runs)"))
            action.setEnabled(self.idle)
            action.triggered.connect(lambda _, name=name, value=value: self.go_to.emit({name: value}))
        made.addAction("Show everything", self.show_all)
        made.addAction("Copy picture and numbers", self.copy)
        return made

    def show_all(self) -> None:
        """Show all that there is to see."""
        for item in self.canvas.ci.items:
            if isinstance(item, pg.PlotItem):
                item.vb.autoRange(padding=0.02)


def words_for(measured: Measured | None) -> str:
    """Say what an empty plot waits for."""
    if measured is None:
        return "nothing measured yet"
    if not len(measured):
        return "waiting for the first point" if measured.live else "nothing was measured"
    return "not enough points yet" if measured.live else "nothing to be drawn: the analysis gives no such result"


VIEWS: dict[type[Plot], Callable[[Plot, Theme], PlotView]] = {}


def build(spec: Plot, theme: Theme = DARK) -> PlotView:
    """Make the view of a declaration; an unknown kind becomes a table of the run's numbers, never an error."""
    from labctl.gui.views.plots.table import TableView

    made = VIEWS.get(type(spec), TableView)(spec, theme)
    made.restyle(theme)
    return made
