"""Numbers against the time since the start, with the band within which they should stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.analysis.labels import axis_label, shown_as
from labctl.core.plots import Plot, Trace
from labctl.core.quantities import QUANTITIES, long_name
from labctl.engine.quality import DRIFT
from labctl.gui.presenter.fields import shown_in
from labctl.gui.theme import DARK, Theme
from labctl.gui.views.plots.axes import number
from labctl.gui.views.plots.base import VIEWS, PlotView, Table
from labctl.gui.views.plots.marks import faint, legend, line, restyle_legend
from labctl.gui.views.plots.reduced import colours_of
from labctl.gui.views.plots.texts import Texts

MINUTES_FROM_S, HOURS_FROM_S = 300.0, 7200.0
MOST_POINTS = 20_000        # drawn; older ones stay in the run


class TraceView(PlotView):
    """Draws a `Trace`; numbers of different units each relative to their own mean."""

    def __init__(self, spec: Plot, theme: Theme = DARK):
        super().__init__(spec, theme)
        self.main = self.plot()
        self._curves: list[Any] = []
        self._band: Any = pg.LinearRegionItem(orientation="horizontal", movable=False)
        self.main.addItem(self._band, ignoreBounds=True)
        self._band.hide()
        self._legend = legend(self.main.vb)
        self._texts = Texts(self.main)
        self._texts.add(self._legend)
        self._drawn, self._varied = -1, False
        self._shown: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.auto = self.tools.toggle("Auto", True, lambda on: self._redraw(), "Show everything, always")
        self.key("A", self.auto)
        self.relative = self.tools.toggle("Relative", False, lambda on: self._redraw(), "Divide each by its mean")
        self.band_button = self.tools.toggle("Drift band", True, lambda on: self._redraw(), f"± {DRIFT:.0%} around the mean")
        self.add_copy()

    def begin(self) -> None:
        """Forget the last run."""
        self._drawn = -1
        self._varied = self.measured is not None and on_purpose(self.measured.header)
        self.band_button.setVisible(not self._varied)
        self._redraw()

    def follow(self) -> None:
        """Draw what has come."""
        if self.measured is not None and self.measured.changes != self._drawn:
            self._drawn = self.measured.changes
            self._redraw()

    @property
    def empty(self) -> bool:
        """Whether there is no number to be drawn."""
        return not self._shown

    def _columns(self) -> dict[str, np.ndarray]:
        names = getattr(self.spec, "names", ())
        columns = {name: self.measured.column(name) for name in names} if self.measured is not None else {}
        return {name: column[-MOST_POINTS:] for name, column in columns.items() if column is not None and np.isfinite(column).any()}

    def _said(self, name: str) -> tuple[str, str, float]:
        """Give words, unit and factor of a number: as the table of quantities has them, else as the run does."""
        if name.removesuffix("_measured") in QUANTITIES or self.measured is None:
            return long_name(name), *shown_as(name)
        told, column = self.measured.header.get("channels", {}).get(name, {}), self.measured.column(name)
        unit = str(told.get("unit", ""))
        largest = float(np.nanmax(np.abs(column))) if column is not None and np.isfinite(column).any() else 0.0
        return str(told.get("long_name", long_name(name))), *shown_in(unit, largest)

    def _redraw(self) -> None:
        columns = self._columns()
        elapsed = self.measured.column("elapsed_s") if self.measured is not None else None
        while len(self._curves) < len(columns):
            self._curves.append(self.main.plot(connect="finite", symbol="o", symbolSize=3))
        alike = len({self._said(name)[1] for name in columns}) <= 1 and not self.relative.isChecked()
        time, unit = in_words(elapsed[-MOST_POINTS:]) if elapsed is not None and columns else (np.empty(0), "s")
        self._shown = {}
        for curve, colour, (name, values) in zip(self._curves, colours_of(self.theme, len(columns)), columns.items(), strict=False):
            factor = self._said(name)[2] if alike else 1.0 / (float(np.nanmean(np.abs(values))) or 1.0)
            self._shown[name] = time, values * factor
            curve.setData(time, values * factor)
            curve.setPen(line(colour))
            curve.setSymbolPen(None)
            curve.setSymbolBrush(pg.mkBrush(colour))
        for curve in self._curves[len(columns):]:
            curve.setData([], [])
        self._label(columns, alike, unit)
        self._draw_band()
        if self._shown and self.auto.isChecked():
            self.main.vb.autoRange(padding=0.04, items=self._curves[:len(columns)])
        self._texts.keep_clear(lines=list(self._shown.values()))
        self._read_off(columns)

    def _label(self, columns: dict[str, np.ndarray], alike: bool, unit: str) -> None:
        one = next(iter(columns), "")
        said, unit_y, _ = self._said(one) if one else ("", "", 1.0)
        label = "Relative to the mean" if not alike else axis_label(said, unit_y) if len(columns) == 1 else unit_y
        self.main.getAxis("left").say(label)
        self.main.getAxis("bottom").say(f"Time since the start ({unit})")
        names = {self._said(name)[0]: curve for name, curve in zip(columns, self._curves, strict=False)} if len(columns) > 1 else {}
        restyle_legend(self._legend, self.theme, names)
        self._legend.setVisible(bool(names))

    def _draw_band(self) -> None:
        """Show within which band around the mean the first number should stay."""
        values = next(iter(self._shown.values()), (None, np.empty(0)))[1]
        mean = float(np.nanmean(values)) if len(values) and np.isfinite(values).any() else 0.0
        self._band.setVisible(bool(mean) and self.band_button.isChecked() and not self._varied)
        self._band.setRegion(sorted((mean * (1.0 - DRIFT), mean * (1.0 + DRIFT))))

    def _read_off(self, columns: dict[str, np.ndarray]) -> None:
        values = []
        for name, column in columns.items():
            said, unit, factor = self._said(name)
            last, mean = float(column[-1]), float(np.nanmean(column))
            drift = last / mean - 1.0 if mean and not self._varied else 0.0
            role = "warning" if abs(drift) > DRIFT else ""
            text = f"{number(last * factor)} {unit}" + ("" if self._varied else f" ({drift:+.1%} of the mean)")
            values.append((said, f"▲ {text}" if role else text, role))
        self.readouts.show_values(*(values or [("", "none of these numbers stands in the run", "muted")]))

    def colours(self, theme: Theme) -> None:
        """Colour what is drawn."""
        self._band.setBrush(faint(theme.ok, 26))
        for edge in self._band.lines:
            edge.setPen(pg.mkPen(None))
        self._redraw()

    def table(self) -> Table:
        """Give every trace with its time."""
        names = [text for name in self._shown for text in ("time", name)]
        return names, [column for pair in self._shown.values() for column in pair]


def on_purpose(header: Mapping[str, Any]) -> bool:
    """Tell whether the plan sets different things at its points, or decides as it goes: what it measures is meant to change."""
    wanted: dict[str, set[float]] = {}
    for point in header.get("plan", ()):
        for name, value in point.get("set", {}).items():
            wanted.setdefault(name, set()).add(float(value))
    return bool(header.get("bounds")) or any(len(values) > 1 for values in wanted.values())


def in_words(elapsed_s: np.ndarray) -> tuple[np.ndarray, str]:
    """Give a time in the unit a person would say."""
    longest = float(np.nanmax(elapsed_s)) if len(elapsed_s) else 0.0
    if longest > HOURS_FROM_S:
        return elapsed_s / 3600.0, "h"
    return (elapsed_s / 60.0, "min") if longest > MINUTES_FROM_S else (elapsed_s, "s")


VIEWS[Trace] = TraceView
