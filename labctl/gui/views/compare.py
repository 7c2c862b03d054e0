"""Runs side by side: the same plot of each, cursors linked, ratio or difference of two, and what differs in their settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy import QtCore, QtWidgets

from labctl.gui.model.reader import Opened
from labctl.gui.presenter.browser import differing
from labctl.gui.theme import DARK, GRID, Theme
from labctl.gui.views.parts import Choice, Elided, button, label
from labctl.gui.views.plots import PlotView, build
from labctl.gui.views.plots.axes import PlotAxis
from labctl.gui.views.plots.marks import dashed, line

RATIO_PX, ROW_PX = 136, 22
FEW_ROWS, MOST_ROWS = 4, 8   # of settings, before they scroll
LEAST_SHARE = 0.02          # of the highest value, below which a ratio is noise over noise and is not drawn


Drawn = tuple[np.ndarray, np.ndarray]


def against(first: Drawn, second: Drawn, *, ratio: bool) -> Drawn:
    """Give second over first, or second minus first, at the places of the first that both have (arrays 1-D, any order)."""
    (x, y), (other_x, other_y) = first, second
    order = np.argsort(other_x)
    inside = (x >= np.nanmin(other_x)) & (x <= np.nanmax(other_x))
    x, y = x[inside], y[inside]
    other = np.interp(x, other_x[order], other_y[order])
    if not ratio:
        return x, other - y
    with np.errstate(divide="ignore", invalid="ignore"):
        return x, np.where(np.abs(y) > LEAST_SHARE * np.nanmax(np.abs(y), initial=0.0), other / y, np.nan)


class CompareView(QtWidgets.QWidget):
    """The page of comparison."""

    def __init__(self, theme: Theme = DARK, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self.theme = theme
        self.runs: list[Opened] = []
        self.views: list[PlotView] = []
        self.which = Choice("small")
        self.which.setAccessibleName("Plot that is compared")
        self.which.currentIndexChanged.connect(lambda number: self._draw())
        self.ratio_button = button("Ratio", self._ratio, "quiet", "Second over first; else second minus first")
        self.ratio_button.setCheckable(True)
        self.ratio_button.setChecked(True)
        self.every_button = button("All settings", self._list, "quiet", "List the settings that are the same, too")
        self.every_button.setCheckable(True)
        self._hint = label("Choose two to four runs in Runs, or in the queue, and press Compare.", "muted")
        self._hint.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._side = QtWidgets.QHBoxLayout()
        self._side.setSpacing(GRID)
        self.below: Any = pg.PlotWidget(axisItems={side: PlotAxis(side, theme) for side in ("left", "bottom")}, enableMenu=False)
        self.below.setFixedHeight(RATIO_PX)
        self.below.hideButtons()
        self._curve = self.below.plot(connect="finite")
        self._one: Any = pg.InfiniteLine(angle=0, pos=1.0)
        self.below.addItem(self._one, ignoreBounds=True)
        self.table = QtWidgets.QTableWidget()
        self.table.setAccessibleName("Settings of the runs")
        self.table.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.verticalHeader().setDefaultSectionSize(ROW_PX)
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self.which)
        top.addWidget(self.ratio_button)
        top.addStretch(1)
        top.addWidget(self.every_button)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(GRID, GRID, GRID, GRID)
        column.addLayout(top)
        column.addWidget(self._hint, 1)
        column.addLayout(self._side, 1)
        column.addWidget(self.below)
        column.addWidget(self.table)
        self.show_runs([])

    # ---------------------------------------------------------------- what is compared
    def show_runs(self, runs: list[Opened]) -> None:
        """Show runs side by side; the plots are those that all of them declare."""
        self.runs = runs
        common = [plot.title for plot in runs[0].plots if all(plot in run.plots for run in runs)] if runs else []
        self.which.blockSignals(True)
        self.which.clear()
        self.which.addItems(common)
        self.which.blockSignals(False)
        self._hint.setVisible(not common)
        if runs and not common:
            self._hint.setText("These runs have no plot in common: they were measured by different procedures.")
        for each in (self.which, self.table, self.every_button):
            each.setVisible(bool(runs))
        self._draw()
        self._list()

    def _draw(self) -> None:
        while self._side.count():
            widget = self._side.takeAt(0).widget()
            if widget is not None:
                widget.setParent(None)
                widget.deleteLater()
        self.views = []
        title = self.which.currentText()
        for run in self.runs:
            spec = next((plot for plot in run.plots if plot.title == title), None)
            if spec is not None:
                self._side.addWidget(self._one_run(run, build(spec, self.theme)), 1)
        for view in self.views:
            view.chosen.connect(lambda place, sender=view: self._point(place, sender))
        for view in self.views[1:]:
            view.link(self.views[0])
        self._ratio()

    def _one_run(self, run: Opened, view: PlotView) -> QtWidgets.QWidget:
        whole = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        head = Elided("strong")
        head.say(run.headline)
        column.addWidget(head)
        column.addWidget(view, 1)
        self.views.append(view)
        view.be_small()
        view.setMinimumWidth(1)
        view.set_run(run.measured)
        return whole

    def _point(self, place: float, sender: PlotView) -> None:
        """Let the cursors of the other plots follow."""
        for view in self.views:
            if view is not sender:
                view.point_to(place)
        self._ratio()

    def _ratio(self) -> None:
        """Draw the ratio or difference of two runs, where their plots have one curve to compare."""
        curves = [view.curve() for view in self.views]
        first, second = (curves[0], curves[1]) if len(curves) == 2 else (None, None)
        shown = first is not None and second is not None and len(first[0]) > 1 and len(second[0]) > 1
        self.below.setVisible(shown)
        self.ratio_button.setVisible(shown)
        if first is None or second is None or not shown:
            return
        ratio = self.ratio_button.isChecked()
        self._curve.setData(*against(first, second, ratio=ratio))
        self._one.setValue(1.0 if ratio else 0.0)
        self.below.getAxis("bottom").say(self.views[0].curve_label)
        self.below.getAxis("left").say("Second / first" if ratio else "Second − first")
        self.below.getPlotItem().vb.autoRange(padding=0.05)

    def _list(self) -> None:
        """List the settings that differ, marked; all of them where somebody wants to see them."""
        every = differing(self.runs)
        rows = [row for row in every if row[2] or self.every_button.isChecked()]
        self.every_button.setText(f"All settings ({len(every)})")
        self.table.setColumnCount(len(self.runs) + 1)
        self.table.setRowCount(len(rows))
        names = [f"run {run.measured.header.get('run_number', '')}" for run in self.runs]
        self.table.setHorizontalHeaderLabels(["Setting", *names])
        for number, (name, values, differs) in enumerate(rows):
            for column, text in enumerate([f"▲ {name}" if differs else name, *values]):
                cell = QtWidgets.QTableWidgetItem(text)
                colour = self.theme.warning if differs else self.theme.muted
                cell.setForeground(pg.mkBrush(colour))
                self.table.setItem(number, column, cell)
        self.table.resizeColumnsToContents()
        most = MOST_ROWS if self.every_button.isChecked() else FEW_ROWS
        self.table.setFixedHeight(self.table.horizontalHeader().sizeHint().height() + ROW_PX * min(len(rows), most) + GRID // 2)

    def restyle(self, theme: Theme) -> None:
        """Take another theme."""
        self.theme = theme
        for view in self.views:
            view.restyle(theme)
        self.below.setBackground(theme.plot)
        for side in ("left", "bottom"):
            self.below.getAxis(side).restyle(theme)
        self._curve.setPen(line(theme.series[0]))
        self._one.setPen(dashed(theme.muted))
        self._list()
