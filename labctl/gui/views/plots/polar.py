"""A signal against the angle of an analyser, round the circle and beside it as a curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy import QtCore, QtWidgets

from labctl.analysis.labels import quantity_label
from labctl.core.plots import Plot, Polar
from labctl.core.quantities import long_name
from labctl.core.reduction import CurveData
from labctl.gui.theme import CAPTION_PX, DARK, GRID, Theme
from labctl.gui.views.plots.base import VIEWS, PlotView, Table
from labctl.gui.views.plots.marks import legend, legend_size, line, restyle_legend
from labctl.gui.views.plots.points import SYMBOLS, Points
from labctl.gui.views.plots.reduced import colours_of, curves_named, refusal, short_text, words

RINGS = (0.25, 0.5, 0.75, 1.0)
EVERY_DEG = 30
REACH = 1.22                # of the circle: room for the angles around it
MOST_READOUTS = 8
NAMES_A_ROW = 4
CIRCLE = np.deg2rad(np.arange(0, 361, 3))


def around(angle_deg: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give x and y of angles counted from the right, against the clock; below zero is noise about zero and is drawn there."""
    radius = np.clip(radius, 0.0, None)
    return radius * np.cos(np.deg2rad(angle_deg)), radius * np.sin(np.deg2rad(angle_deg))


class PolarView(PlotView):
    """Draws a `Polar`: every curve relative to its own maximum."""

    def __init__(self, spec: Plot, theme: Theme = DARK):
        super().__init__(spec, theme)
        self.circle = self.plot(0, 0)
        self.flat = self.plot(0, 1)
        self._grid: list[Any] = []
        self._labels: list[Any] = []
        self._axes_lines: list[Any] = []
        self._marks: list[Any] = []
        self._fits: list[Any] = []
        self._flat: list[Points] = []
        self._lay_out_circle()
        self._names: Any = pg.GraphicsWidget()              # many curves have many names: below the plots nothing lies under them
        self.canvas.addItem(self._names, row=1, col=0, colspan=2)
        self._legend = legend(self._names)
        self._drawn = -1
        self._shown: dict[str, CurveData] = {}
        self.fit_button = self.tools.toggle("Fit", True, lambda on: self._redraw(), "Show the fit of the analysis")
        self.axes_button = self.tools.toggle("Axes", True, lambda on: self._redraw(), "Show the axis of every line")
        self.flat_button = self.tools.toggle("Cartesian", True, self._show_flat, "The same as curves against the angle")
        self.others = self.tools.toggle("Other pumps", True, lambda on: self._redraw(), "Show the turns under another pump too")
        self.add_copy()

    def _lay_out_circle(self) -> None:
        self.circle.setAspectLocked(True)
        self.circle.hideAxis("left")
        self.circle.hideAxis("bottom")
        self.circle.showGrid(x=False, y=False)
        self.circle.setMouseEnabled(False, False)
        self.circle.setRange(xRange=(-REACH, REACH), yRange=(-REACH, REACH), padding=0.0)
        for ring in RINGS:
            self._grid.append(pg.PlotCurveItem(ring * np.cos(CIRCLE), ring * np.sin(CIRCLE), antialias=True))
        for degrees in range(0, 360, EVERY_DEG):
            x, y = around(np.array([degrees, degrees]), np.array([0.0, 1.0]))
            self._grid.append(pg.PlotCurveItem(x, y, antialias=True))
            label = pg.TextItem(f"{degrees}°", anchor=(0.5, 0.5))
            label.setPos(*(float(part[0]) for part in around(np.array([degrees]), np.array([1.11]))))
            self._labels.append(label)
        for item in (*self._grid, *self._labels):
            self.circle.addItem(item, ignoreBounds=True)

    # ---------------------------------------------------------------- what comes in
    def begin(self) -> None:
        """Forget the last run."""
        self._drawn = -1
        self._redraw()

    def follow(self) -> None:
        """Draw raw numbers as they come, where the analysis has made nothing of them yet."""
        if self.measured is not None and self.measured.changes != self._drawn:
            self._drawn = self.measured.changes
            if not curves_named(self.measured.reduction, getattr(self.spec, "radius", "")):
                self._redraw()

    def draw_reduced(self) -> None:
        """Draw what the analysis made of the run."""
        self._redraw()

    @property
    def empty(self) -> bool:
        """Whether there is no point to be drawn."""
        return not self._shown

    def _curves(self) -> dict[str, CurveData]:
        assert isinstance(self.spec, Polar)     # noqa: S101 - chosen by type
        if self.measured is None:
            return {}
        found = curves_named(self.measured.reduction, self.spec.radius)
        if found:
            return found if self.others.isChecked() else {key: curve for key, curve in found.items() if not key.endswith("_off")}
        angle, radius = self.measured.column(self.spec.angle), self.measured.column(self.spec.radius)
        if angle is None or radius is None:
            return {}
        return {self.spec.radius: CurveData(self.spec.angle, angle, radius, "", long_name(self.spec.radius))}

    # ---------------------------------------------------------------- drawing
    def _redraw(self) -> None:
        curves = self._curves()
        self._shown = curves
        self._grow(len(curves))
        colours = colours_of(self.theme, len(curves))
        for place in range(len(self._marks)):
            curve = list(curves.values())[place] if place < len(curves) else None
            self._draw(place, curve, colours[place] if curve is not None else "")
        entries = {curve.label: self._marks[place] for place, curve in enumerate(curves.values())} if len(curves) > 1 else {}
        restyle_legend(self._legend, self.theme, entries)
        self._legend.setVisible(bool(entries))
        self._legend.setColumnCount(NAMES_A_ROW)
        self._names.setFixedHeight(legend_size(self._legend)[1] if entries else 0)
        self._legend.anchor((0, 0), (0, 0), (GRID, 0))
        self.flat.getAxis("bottom").say(quantity_label(getattr(self.spec, "angle", "")))
        self.flat.getAxis("left").say("Relative to the maximum")
        if curves:
            angles = np.concatenate([curve.x for curve in curves.values()])
            self.flat.setRange(xRange=(float(angles.min()), float(angles.max())), yRange=(0.0, 1.15), padding=0.02)
        self._read_off()

    def _grow(self, count: int) -> None:
        while len(self._marks) < count:
            self._marks.append(pg.ScatterPlotItem(size=6))
            self._fits.append(pg.PlotCurveItem(antialias=True))
            self._axes_lines.append(pg.PlotCurveItem(antialias=True))
            for item in (self._axes_lines[-1], self._fits[-1], self._marks[-1]):
                self.circle.addItem(item, ignoreBounds=True)
            self._flat.append(Points(self.flat))

    def _draw(self, place: int, curve: CurveData | None, colour: str) -> None:
        marks, fit, axis = self._marks[place], self._fits[place], self._axes_lines[place]
        for item in (marks, fit, axis):
            item.setData([], [])
        if curve is None:
            self._flat[place].draw(None, (1.0, 1.0), (False, False), "", fit="", theme=self.theme, errors=False, show_fit=False)
            return
        top = float(np.nanmax(curve.fit_y if curve.fit_y is not None else curve.y)) or 1.0
        used = np.ones(len(curve.x), dtype=bool) if curve.used is None else np.asarray(curve.used, dtype=bool)
        marks.setSymbol(SYMBOLS[place % len(SYMBOLS)])
        marks.setData(*around(curve.x[used], curve.y[used] / top), brush=pg.mkBrush(colour), pen=pg.mkPen(None))
        if curve.fit_x is not None and curve.fit_y is not None and self.fit_button.isChecked():
            fit.setData(*around(curve.fit_x, curve.fit_y / top), pen=line(colour, 2))
            if self.axes_button.isChecked():
                brightest = float(curve.fit_x[int(np.argmax(curve.fit_y))])
                axis.setData(*around(np.array([brightest, brightest + 180.0]), np.ones(2)), pen=pg.mkPen(colour, style=DASH))
        self._flat[place].draw(curve, (1.0, 1.0 / top), (False, False), colour, fit=colour, theme=self.theme, errors=True,
                               show_fit=self.fit_button.isChecked(), place=place)

    def _read_off(self) -> None:
        measured = self.measured
        if measured is None:
            self.readouts.show_values()
            return
        results = measured.reduction.results if measured.reduction else {}
        first = [name for name in results if name.startswith(("axis_", "dolp_", "dipole")) and "standard" not in name]
        values = [(words(name), short_text(results[name]), "") for name in (first or list(results))[:MOST_READOUTS]]
        self.readouts.show_values(*(values or [("Angles", str(len(measured)), "")]), *refusal(measured))

    # ---------------------------------------------------------------- switches, looks, clipboard
    def _show_flat(self, on: bool) -> None:
        self.flat.setVisible(on)
        self.flat.setMaximumWidth(16777215 if on else 0)
        self._redraw()

    def colours(self, theme: Theme) -> None:
        """Colour what is drawn."""
        font = QtWidgets.QApplication.font()
        font.setPixelSize(CAPTION_PX)
        for item in self._grid:
            item.setPen(line(theme.border))
        for label in self._labels:
            label.setColor(theme.muted)
            label.setFont(font)
        self._redraw()

    def table(self) -> Table:
        """Give every curve with its errors, then the fits."""
        names: list[str] = []
        columns: list[np.ndarray] = []
        for key, curve in self._shown.items():
            for name, column in (("angle (deg)", curve.x), (f"signal ({curve.unit})", curve.y), ("standard error", curve.sigma),
                                 ("fit angle", curve.fit_x), ("fit", curve.fit_y)):
                if column is not None:
                    names.append(f"{key}: {name}")
                    columns.append(np.asarray(column, dtype=float))
        return names, columns


DASH = QtCore.Qt.PenStyle.DashLine
VIEWS[Polar] = PolarView
