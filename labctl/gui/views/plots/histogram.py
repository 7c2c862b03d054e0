"""Counts against time delay, logarithmic: a decay with its fit, residuals and the pile-up that would falsify it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.analysis.labels import axis_label
from labctl.core.plots import Histogram, Plot
from labctl.core.reduction import CurveData
from labctl.engine.quality import SHARE_OF_SYNC
from labctl.gui.model.measured import abscissa, channel_name
from labctl.gui.theme import DARK, Theme
from labctl.gui.views.plots.axes import number, whole
from labctl.gui.views.plots.base import VIEWS, PlotView, Table
from labctl.gui.views.plots.marks import dashed, legend, line, restyle_legend
from labctl.gui.views.plots.points import Band
from labctl.gui.views.plots.reduced import colours_of, curves_named, refusal, short_text, words
from labctl.gui.views.plots.texts import Texts

RESIDUALS_PX, ROOM_PX = 96, 300
MOST_EARLIER = 5            # decays shown beside the newest
MOST_SIGMA = 5.0            # residuals are shown to at least so many
RESULTS = ("lifetime", "decay_tau_1", "decay_tau_2", "irf_fwhm")


class HistogramView(PlotView):
    """Draws a `Histogram`: the newest reading over some earlier ones, or what the analysis made of them with its fits."""

    def __init__(self, spec: Plot, theme: Theme = DARK):
        super().__init__(spec, theme)
        self.log, self.fit = True, True
        self.main = self.plot(0, 0)
        self.below = self.plot(1, 0)
        self.below.setXLink(self.main)
        for plot in (self.main, self.below):
            plot.getAxis("left").setWidth(64)
        self._curves: list[Any] = []
        self._fits: list[Any] = []
        self._bands: list[Band] = []
        self._residual: Any = self.below.plot(connect="finite")
        self._zero: Any = pg.InfiniteLine(angle=0, pos=0.0)
        self.below.addItem(self._zero, ignoreBounds=True)
        self._legend = legend(self.main.vb)
        self._texts = Texts(self.main)
        self._texts.add(self._legend)
        self._drawn, self._fresh = -1, True
        self._shown: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.key("L", self.tools.toggle("Log", True, functools.partial(self._set, "log"), "Logarithmic counts"))
        self.auto = self.tools.toggle("Auto", True, lambda on: self._redraw(), "Show everything, always")
        self.key("A", self.auto)
        self.tools.gap()
        self.tools.toggle("Fit", True, functools.partial(self._set, "fit"), "Show the fit of the analysis")
        self.residuals_button = self.tools.toggle("Residuals", True, lambda on: self._redraw(),
                                                  "Data minus fit, in standard errors")
        self.add_copy()

    # ---------------------------------------------------------------- what comes in
    def begin(self) -> None:
        """Forget the last run."""
        self._drawn, self._fresh = -1, True
        self._redraw()

    def follow(self) -> None:
        """Draw the newest histogram."""
        if self.measured is not None and self.measured.changes != self._drawn:
            self._drawn = self.measured.changes
            self._redraw()

    def draw_reduced(self) -> None:
        """Draw what the analysis made of the run."""
        self._fresh = True
        self._redraw()

    @property
    def empty(self) -> bool:
        """Whether there is no histogram to be drawn."""
        return not self._shown

    def _raw(self) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], str]:
        """Give the newest histogram and some earlier ones, oldest first, and the unit of their delay."""
        measured = self.measured
        if measured is None or not len(measured):
            return {}, "ns"
        channel = channel_name(measured.header, getattr(self.spec, "channel", ""))
        found = abscissa(measured.view, channel)
        last = len(measured) - 1
        rows = sorted({last, *np.linspace(0, last, min(last + 1, MOST_EARLIER + 1)).astype(int).tolist()})
        shown = {}
        for row in rows:
            counts = measured.counts(row, channel)
            if counts is not None:
                height = counts.reshape(-1, counts.shape[-1]).sum(axis=0)
                place = found[2] if found is not None and len(found[2]) == len(height) else np.arange(float(len(height)))
                shown[f"{row + 1} of {last + 1}"] = (place, height)
        return shown, found[1] if found is not None else "bins"

    # ---------------------------------------------------------------- drawing
    def _redraw(self) -> None:
        reduced = curves_named(self.measured.reduction if self.measured else None, getattr(self.spec, "channel", ""))
        raw, unit = ({}, "ns") if reduced else self._raw()
        self._shown = raw or {curve.label or key: (curve.x, curve.y) for key, curve in reduced.items()}
        colours = colours_of(self.theme, len(self._shown))
        self._draw_all(list(self._shown.values()), list(reduced.values()), colours)
        residual = self._draw_residuals(list(reduced.values()))
        names = dict(zip(self._shown, self._curves, strict=False)) if len(self._shown) > 1 else {}
        restyle_legend(self._legend, self.theme, names)
        self._legend.setVisible(bool(names))
        self.main.getAxis("left").decades(self.log)
        self.main.getAxis("left").say("Counts per bin")
        self.main.getAxis("bottom").say("" if residual else axis_label("Time delay", unit))
        self.below.getAxis("bottom").say(axis_label("Time delay", unit))
        self.below.getAxis("left").say("Δ (σ)")
        if self._shown and (self.auto.isChecked() or self._fresh):
            self._show_range()
        self._texts.keep_clear(lines=[(x, self._height(y)) for x, y in self._shown.values()])
        self._fresh = not self._shown
        self._read_off(list(reduced.values()), unit)

    def _height(self, counts: np.ndarray) -> np.ndarray:
        counts = np.asarray(counts, dtype=float)
        return np.log10(np.where(counts > 0, counts, np.nan)) if self.log else counts

    def _draw_all(self, data: list[tuple[np.ndarray, np.ndarray]], reduced: list[CurveData], colours: list[str]) -> None:
        while len(self._curves) < len(data):
            curve = self.main.plot(connect="finite")
            curve.setDownsampling(auto=True, method="peak")         # 65 536 bins on a thousand dots
            curve.setClipToView(True)
            self._curves.append(curve)
            self._fits.append(self.main.plot(connect="finite"))
            self._bands.append(Band(self.main))
        for place, (curve, fit) in enumerate(zip(self._curves, self._fits, strict=True)):
            if place < len(data):
                curve.setData(data[place][0], self._height(data[place][1]))
                curve.setPen(line(colours[place]))
            else:
                curve.setData([], [])
            fitted = reduced[place] if self.fit and place < len(reduced) else None
            if fitted is not None and fitted.fit_x is not None and fitted.fit_y is not None:
                fit.setData(fitted.fit_x, self._height(fitted.fit_y))
                colour = self.theme.warning if len(data) == 1 else self.theme.text
                fit.setPen(line(colour, 2))
                self._bands[place].draw(fitted.fit_x, fitted.fit_y, fitted.fit_sigma, (False, self.log), colour)
            else:
                fit.setData([], [])
                self._bands[place].clear()

    def _draw_residuals(self, reduced: list[CurveData]) -> bool:
        """Draw data minus fit in standard errors, of the last decay that has a fit; tells whether there is one."""
        curve = next((one for one in reversed(reduced) if one.fit_x is not None and one.fit_y is not None), None)
        shown = curve is not None and self.fit and self.residuals_button.isChecked() and self.height() > ROOM_PX
        self.below.setVisible(shown)
        self.below.setFixedHeight(RESIDUALS_PX if shown else 0)
        self.residuals_button.setEnabled(curve is not None)
        if curve is None or not shown or curve.fit_x is None or curve.fit_y is None:
            return False
        inside = (curve.x >= curve.fit_x[0]) & (curve.x <= curve.fit_x[-1])
        expected = np.interp(curve.x[inside], curve.fit_x, curve.fit_y)
        pull = (curve.y[inside] - expected) / np.sqrt(np.maximum(expected, 1.0))
        self._residual.setData(curve.x[inside], pull)
        reach = max(MOST_SIGMA, float(np.percentile(np.abs(pull), 99.5)) * 1.1)
        self.below.setYRange(-reach, reach, padding=0.0)
        return True

    def _show_range(self) -> None:
        places = np.concatenate([place for place, _ in self._shown.values()])
        heights = np.concatenate([self._height(counts) for _, counts in self._shown.values()])
        heights = heights[np.isfinite(heights)]
        if len(heights):
            low = min(float(heights.min()), 0.0)
            self.main.setRange(xRange=(float(places.min()), float(places.max())), yRange=(low, float(heights.max())), padding=0.03)

    # ---------------------------------------------------------------- what is read off
    def _read_off(self, reduced: list[CurveData], unit: str) -> None:
        measured = self.measured
        if measured is None or not len(measured):
            self.readouts.show_values()
            return
        values = []
        results = measured.reduction.results if measured.reduction else {}
        values += [(words(name), short_text(results[name]), "") for name in RESULTS if name in results]
        if self._shown:
            place, counts = list(self._shown.values())[-1]
            peak = int(np.argmax(counts))
            values.append(("Peak", f"{whole(float(counts[peak]))} counts at {number(float(place[peak]), 4)} {unit}", ""))
        values.append(self._pile_up())
        self.readouts.show_values(*(value for value in values if value[1]), *refusal(measured))

    def _pile_up(self) -> tuple[str, str, str]:
        """Say how many photons come per pulse, against the share from which later ones are lost."""
        assert self.measured is not None        # noqa: S101  asked for only with points
        count, sync = (self.measured.column(name) for name in ("count_rate", "sync_rate"))
        if count is None or sync is None:
            return "Rate / sync", "", ""
        if not sync[-1] > 0.0:
            return "Rate / sync", "■ no sync", "fault"
        share = float(count[-1] / sync[-1])
        role = "warning" if share > SHARE_OF_SYNC else "ok"
        text = f"{100 * share:.3g} % (pile-up limit {100 * SHARE_OF_SYNC:g} %)"
        return "Rate / sync", f"▲ {text}" if role == "warning" else text, role

    # ---------------------------------------------------------------- switches, looks, clipboard
    def _set(self, name: str, on: bool) -> None:
        setattr(self, name, on)
        self._fresh = True
        self._redraw()

    def resizeEvent(self, event: Any) -> None:
        """Show residuals only where there is room for them."""
        super().resizeEvent(event)
        self._redraw()

    def colours(self, theme: Theme) -> None:
        """Colour what is drawn."""
        self._residual.setPen(line(theme.muted))
        self._zero.setPen(dashed(theme.muted))
        self._redraw()

    def table(self) -> Table:
        """Give every histogram that is drawn."""
        names = [name for label in self._shown for name in (f"{label}: delay", f"{label}: counts")]
        return names, [column for pair in self._shown.values() for column in pair]


VIEWS[Histogram] = HistogramView
