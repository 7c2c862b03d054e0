"""One number per point against a set-point, with the fit that the same analysis makes of it as offline."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from labctl.analysis.labels import axis_label, quantity_label, shown_as
from labctl.core.plots import Curve, Plot, from_json
from labctl.core.quantities import QUANTITIES, long_name, quantity_unit
from labctl.core.reduction import CurveData
from labctl.gui.model.ladders import falling
from labctl.gui.model.measured import planned
from labctl.gui.theme import DARK, Theme
from labctl.gui.views.plots.axes import PlotAxis
from labctl.gui.views.plots.base import VIEWS, PlotView, Table
from labctl.gui.views.plots.marks import legend, restyle_legend
from labctl.gui.views.plots.points import Points, on_axis
from labctl.gui.views.plots.reduced import colours_of, curves_named, marked, refusal, short_text, table_of, words
from labctl.gui.views.plots.result_mark import ResultMark
from labctl.gui.views.plots.right import RightAxis
from labctl.gui.views.plots.texts import Texts

MOST_READOUTS = 6
SAME_POINTS = {"emission", "kink"}      # curves that differ by their fit alone
MOST_ROOM = 0.5             # of the height, that texts may take above the data
AGAINST = re.compile(r" by( \w+)?$")          # ends the name of a curve that has several abscissas


class CurveView(PlotView):
    """Draws a `Curve`."""

    def __init__(self, spec: Plot, theme: Theme = DARK):
        super().__init__(spec, theme)
        assert isinstance(spec, Curve)      # noqa: S101 - chosen by type
        self.curve_spec = spec
        self.log_x, self.log_y = spec.log_x, spec.log
        self.main = self.plot()
        self._points: list[Points] = []
        self._fresh = True
        self._drawn = -1
        self._shown: dict[str, CurveData] = {}
        self._marked = ""
        self._planned: tuple[float, float] | None = None
        self._other: Curve | None = None
        self._mark = ResultMark(self.main)
        self._legend = legend(self.main.vb)
        self._texts = Texts(self.main)
        for text, at in ((self._mark.told, (0.5, 0.0)), (self._legend, (1.0, 0.0))):
            self._texts.add(text, at)
        self._right = RightAxis(self.main, theme)
        self._axes.append(self._right.axis)
        self._build_tools()

    def _build_tools(self) -> None:
        tools = self.tools
        self._logs = (tools.toggle("Log x", self.log_x, functools.partial(self._set_log, "log_x"), "Logarithmic abscissa"),
                      tools.toggle("Log y", self.log_y, functools.partial(self._set_log, "log_y"), "Logarithmic ordinate"))
        self.key("L", self._logs[1])
        tools.button("Log-log", self._toggle_logs, "Both scales logarithmic; again: both linear")
        self.auto = tools.toggle("Auto", True, lambda on: self._redraw(), "Show everything, always")
        self.key("A", self.auto)
        tools.gap()
        self.fit_button = tools.toggle("Fit", True, lambda on: self._redraw(), "Show the fit of the analysis and its result")
        self.errors_button = tools.toggle("Errors", True, lambda on: self._redraw(), "Show standard errors")
        self.ways_button = tools.toggle("Up/down", True, lambda on: self._redraw(), "Tell the way up from the way down")
        self.ways_button.hide()
        self.right_button = tools.toggle("Right axis", False, lambda on: self._redraw(), "Another curve over the same abscissa")
        self.right_button.hide()
        self.add_copy()

    # ---------------------------------------------------------------- what comes in
    def begin(self) -> None:
        """Forget the last run; find the curve that could stand on the right axis."""
        self._drawn, self._fresh = -1, True
        self._redraw()
        self._planned = self._plan()
        if self._planned is not None and self.empty:
            self.main.setXRange(*self._planned, padding=0.04)
        told = () if self.measured is None else self.measured.header.get("plots", ())
        others = [plot for plot in map(from_json, told) if isinstance(plot, Curve) and plot.x == self.curve_spec.x
                  and plot.y != self.curve_spec.y and not plot.optional
                  and not {plot.y, self.curve_spec.y} <= SAME_POINTS and plot.y != "kink"]
        self._other = others[0] if others else None
        self.right_button.setVisible(self._other is not None)
        if self._other is not None:
            self.right_button.setText(f"+ {self._other.title}")

    def _plan(self) -> tuple[float, float] | None:
        """Give the ends of what is to be scanned, as they stand on the axis."""
        wanted = np.empty(0) if self.measured is None else planned(self.measured.header, self.curve_spec.x)
        places = on_axis(wanted * shown_as(self.curve_spec.x)[1], self.log_x)
        places = places[np.isfinite(places)]
        return (float(places.min()), float(places.max())) if len(places) and places.min() < places.max() else None

    def follow(self) -> None:
        """Draw raw numbers as they come, where the analysis has not made anything of them yet."""
        if self.measured is not None and self.measured.changes != self._drawn:
            self._drawn = self.measured.changes
            if not curves_named(self.measured.reduction, self.curve_spec.y) or self._fresh:
                self._redraw()

    def draw_reduced(self) -> None:
        """Draw what the analysis has made of the run."""
        self._redraw()

    @property
    def empty(self) -> bool:
        """Whether there is no point to be drawn."""
        return not self._shown

    @property
    def planned_axes(self) -> Collection[PlotAxis]:
        """The axis of what is scanned, where the plan tells its values."""
        return () if self._planned is None else (self.main.getAxis("bottom"),)

    @property
    def x_name(self) -> str:
        """The quantity along the abscissa: the declared one, else the one that the analysis has found to be varied."""
        return self.curve_spec.x or next((curve.x_name for curve in self._shown.values()), "")

    def _curves(self) -> dict[str, CurveData]:
        """Give what is to be drawn: the reduced curves, else the run's own numbers, else nothing."""
        measured = self.measured
        if measured is None:
            return {}
        if found := curves_named(measured.reduction, self.curve_spec.y):
            return found
        x, y = measured.column(self.curve_spec.x), measured.column(self.curve_spec.y)
        if x is None or y is None:
            return {}
        name = self.curve_spec.y
        return {name: CurveData(self.curve_spec.x, x, y, quantity_unit(name), long_name(name))}

    # ---------------------------------------------------------------- drawing
    def _redraw(self) -> None:
        curves = self._curves()
        self._shown = curves
        while len(self._points) < len(curves):
            self._points.append(Points(self.main))
        factors = shown_as(self.x_name)[1], shown_as(self.curve_spec.y)[1]
        colours = colours_of(self.theme, len(curves))
        several = len(curves) > 1
        for place, points in enumerate(self._points):
            curve = list(curves.values())[place] if place < len(curves) else None
            colour = colours[place] if curve is not None else ""
            points.draw(curve, factors, (self.log_x, self.log_y), colour, fit=colour if several else self.theme.text,
                        theme=self.theme, errors=self.errors_button.isChecked(), show_fit=self.fit_button.isChecked(),
                        falling=self._falling(curve), place=place)
        self._draw_mark(curves)
        right = self._draw_right()
        self._explain(curves, right)
        self._label(curves)
        if curves and (self.auto.isChecked() or self._fresh):
            self._show_range()
        if curves and not self._place_texts() and self.auto.isChecked():
            self._leave_room()
        self._fresh = not curves

    def _falling(self, curve: CurveData | None) -> np.ndarray | None:
        """Mark the points of the way down, where the run went both ways and the switch is on."""
        found = None if curve is None else falling(self.measured, curve)
        self.ways_button.setVisible(found is not None)
        return found if self.ways_button.isChecked() else None

    def _place_texts(self) -> bool:
        """Find places for the result and the legend; tells whether there was room for both."""
        parts = [points.drawn() for points in self._points]
        lines = [line for _, lines in parts for line in lines] + [self._right.drawn()]
        if self._mark.shown:
            lines.append(self._mark.drawn())
            self._texts.add(self._mark.told, (self._mark.across, 0.0))
        return self._texts.keep_clear([dots for each, _ in parts for dots in each], lines)

    def _leave_room(self) -> None:
        """Let the scale reach higher, so that the texts stand above the data."""
        low, high = self.main.vb.viewRange()[1]
        box = self.main.vb.boundingRect().height()
        share = min(self._texts.needed_px / box, MOST_ROOM) if box > 0 else 0.0
        self.main.setYRange(low, low + (high - low) / (1.0 - share), padding=0.0)
        self._place_texts()

    def _show_range(self) -> None:
        """Show all points that the fit uses; those left out far above do not flatten them."""
        spans = [span for points in self._points if (span := points.span()) is not None]
        if not spans:
            return
        low_x, high_x, low_y, high_y = (function(values) for function, values in
                                        zip((min, max, min, max), zip(*spans, strict=True), strict=True))
        if not self.log_y and 0 < low_y < 0.3 * high_y:
            low_y = 0.0                         # a rate is read against zero
        self.main.setRange(xRange=(low_x, high_x), yRange=(low_y, high_y if high_y > low_y else low_y + 1.0), padding=0.04)

    def _draw_mark(self, curves: Mapping[str, CurveData]) -> None:
        """Mark the result that is a place on this axis, with its 95 % interval."""
        factor = shown_as(self.x_name)[1]
        every = np.concatenate([curve.x for curve in curves.values()]) * factor if curves else np.empty(0)
        reduction = self.measured.reduction if self.measured is not None else None
        span = (float(every.min()), float(every.max())) if len(every) else (0.0, 0.0)
        found = marked(reduction, self.x_name, self.curve_spec.fit, *span)
        if found is None or not self.fit_button.isChecked() or not (self.curve_spec.fit or len(curves) == 1):
            self._marked = ""
            self._mark.hide()
            return
        self._marked = found[0]
        self._mark.show(*found, every, log=self.log_x)

    def _explain(self, curves: Mapping[str, CurveData], right: str) -> None:
        """Name several curves, the one on the right axis, or the points left out of one; write the results below."""
        entries: dict[str, Any] = {}
        if len(curves) > 1:
            entries = {curve.label: self._points[place].sample for place, curve in enumerate(curves.values())}
        for curve in curves.values() if len(curves) == 1 else ():
            if self._falling(curve) is not None:
                entries |= {"on the way up": self._points[0].sample, "on the way down": self._points[0].falling}
            if right:
                entries |= {f"{curve.label} (left)": self._points[0].sample, f"{right} (right)": self._right.sample}
            if curve.used is not None and curve.left_out and not np.all(curve.used):
                entries[curve.left_out] = self._points[0].hollow
        restyle_legend(self._legend, self.theme, entries)
        self._legend.setVisible(bool(entries))
        measured = self.measured
        if measured is None:
            self.readouts.show_values()
            return
        results = measured.reduction.results if measured.reduction else {}
        ordered = sorted(results, key=lambda name: name != self._marked)
        values = [(words(name), short_text(results[name]), "warning" if name == self._marked else "")
                  for name in ordered[:MOST_READOUTS]]
        self.readouts.show_values(*(values or [("Points", str(len(measured)), "")]), *refusal(measured))

    def _label(self, curves: Mapping[str, CurveData]) -> None:
        spec = self.curve_spec
        for side, log in (("bottom", self.log_x), ("left", self.log_y)):
            self.main.getAxis(side).decades(log)
        one = next(iter(curves.values()), None)
        unit = shown_as(spec.y, one.unit if one is not None else quantity_unit(spec.y))[0]
        label = one.label if one is not None and len(curves) == 1 else AGAINST.sub("", long_name(spec.y)).capitalize()
        self.main.getAxis("bottom").say(quantity_label(self.x_name))
        self.main.getAxis("left").say(axis_label(label, unit))

    def _draw_right(self) -> str:
        """Draw another curve of the run over the same abscissa, on an axis of its own; gives its words, "" when there is none."""
        other = self._other if self.right_button.isChecked() else None
        found = curves_named(self.measured.reduction if self.measured else None, other.y) if other is not None else {}
        curve = next(iter(found.values()), None)
        if other is None or curve is None:
            self._right.clear()
            return ""
        unit, factor = shown_as(other.y, curve.unit)
        x = curve.x * shown_as(other.x)[1]
        self._right.show(np.log10(x) if self.log_x else x, curve.y * factor, axis_label(curve.label, unit), self.theme.series[1])
        return curve.label

    def curve(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Give the points as they are drawn, where there is one curve."""
        curve = next(iter(self._shown.values()), None)
        if curve is None or len(self._shown) > 1:
            return None
        used = np.ones(len(curve.x), dtype=bool) if curve.used is None else np.asarray(curve.used, dtype=bool)
        return curve.x[used] * shown_as(self.x_name)[1], curve.y[used] * shown_as(self.curve_spec.y)[1]

    # ---------------------------------------------------------------- switches, looks, clipboard
    def _toggle_logs(self) -> None:
        """Let both scales be logarithmic, or neither."""
        both = not (self.log_x and self.log_y)
        for each in self._logs:
            each.setChecked(both)

    def _set_log(self, name: str, on: bool) -> None:
        setattr(self, name, on)
        self._fresh = True
        self._redraw()

    def colours(self, theme: Theme) -> None:
        """Colour what is drawn."""
        self._mark.restyle(theme)
        self._redraw()

    def table(self) -> Table:
        """Give every curve with its errors and whether a point was used, then the fits."""
        return table_of(self._shown, self.x_name, self.curve_spec.y)

    def places(self, x: float, y: float) -> Mapping[str, float]:
        """Give the scanned quantity at a place."""
        if self.x_name not in QUANTITIES:
            return {}
        return {self.x_name: float(10.0**x if self.log_x else x) / shown_as(self.x_name)[1]}


VIEWS[Curve] = CurveView
