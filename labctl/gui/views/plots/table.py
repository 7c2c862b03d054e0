"""The numbers of a run as they come: what a plot becomes whose kind nobody can draw."""

from __future__ import annotations

import numpy as np
from qtpy import QtCore, QtWidgets

from labctl.core.plots import Plot
from labctl.core.quantities import long_name, quantity_unit
from labctl.gui.theme import CAPTION_PX, DARK, Theme
from labctl.gui.views.plots.axes import number
from labctl.gui.views.plots.base import PlotView, Table

MOST_ROWS = 500             # the newest are shown; the clipboard has all


class TableView(PlotView):
    """Shows every number of every point, newest last."""

    def __init__(self, spec: Plot, theme: Theme = DARK):
        super().__init__(spec, theme)
        self.grid = QtWidgets.QTableWidget()
        self.grid.setEditTriggers(QtWidgets.QAbstractItemView.NoEditTriggers)
        self.grid.setAccessibleName(f"{spec.title}: numbers of the run")
        self.grid.verticalHeader().setVisible(False)
        self.canvas.hide()
        layout = self.layout()
        assert isinstance(layout, QtWidgets.QVBoxLayout)    # noqa: S101  made so by the base
        layout.insertWidget(1, self.grid, 1)
        self._drawn = -1
        self.add_copy()

    def _names(self) -> list[str]:
        return [] if self.measured is None else list(self.measured.view.names)

    def table(self) -> Table:
        """Give every number of every point."""
        names = self._names()
        columns = [np.empty(0) if self.measured is None else self.measured.column(name) for name in names]
        units = [quantity_unit(name) for name in names]
        return ([f"{long_name(name)} ({unit})" if unit else long_name(name) for name, unit in zip(names, units, strict=True)],
                [np.empty(0) if column is None else column for column in columns])

    def begin(self) -> None:
        """Empty the table."""
        self._drawn = -1
        self.grid.setRowCount(0)

    def follow(self) -> None:
        """Show the newest points."""
        if self.measured is None or self.measured.changes == self._drawn:
            return
        self._drawn = self.measured.changes
        titles, columns = self.table()
        first = max(len(self.measured) - MOST_ROWS, 0)
        self.grid.setColumnCount(len(titles))
        self.grid.setHorizontalHeaderLabels(list(titles))
        self.grid.setRowCount(len(self.measured) - first)
        for place, column in enumerate(columns):
            for row, value in enumerate(column[first:]):
                cell = QtWidgets.QTableWidgetItem(number(float(value), 6))
                cell.setTextAlignment(int(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter))
                self.grid.setItem(row, place, cell)
        self.grid.resizeColumnsToContents()
        self.grid.scrollToBottom()
        self.readouts.show_values(("Points", str(len(self.measured)), ""), ("", f"no view draws a {type(self.spec).__name__}", ""))

    def colours(self, theme: Theme) -> None:
        """Colour the table."""
        self.grid.setStyleSheet(
            f"QTableWidget {{ background: {theme.plot}; color: {theme.text}; gridline-color: {theme.grid}; border: 0;"
            f" font-size: {CAPTION_PX}px; }} QHeaderView::section {{ background: {theme.panel}; color: {theme.muted}; border: 0;"
            f" padding: 4px; font-size: {CAPTION_PX}px; }}")
