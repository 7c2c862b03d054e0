"""Points with errors, those left out, and a fit: the parts of one curve. Few points, so lines that are not data are smoothed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.core.reduction import CurveData
from labctl.gui.theme import Theme
from labctl.gui.views.plots.marks import faint, line
from labctl.gui.views.plots.texts import Line

ABOVE = 1.3                 # times the highest used point: what was left out further up stands as an arrow at the edge
MANY = 400                  # points from which on they are dots
TO_ZERO = 0.3               # decades drawn of an error bar that reaches to zero, which a logarithmic axis does not
SYMBOLS = ("o", "s", "t1", "d", "p", "star")    # of several curves, in order
LEAST_SHARE = 1e-3          # of the line, below which a band is not followed on a logarithmic axis
BAND = 1.96                 # standard errors of a 95 % interval


def on_axis(values: np.ndarray, log: bool) -> np.ndarray:
    """Give where values stand on an axis; what a logarithmic one cannot show is NaN."""
    values = np.asarray(values, dtype=float)
    if not log:
        return values
    return np.log10(np.where(values > 0, values, np.nan))


class Band:
    """The 95 % band of a fitted line: where the line itself may lie, not the points."""

    def __init__(self, plot: Any):
        self.edges: tuple[Any, Any] = tuple(pg.PlotCurveItem(connect="finite") for _ in range(2))     # type: ignore[assignment]
        self._filled: Any = pg.FillBetweenItem(*self.edges)
        self._filled.setZValue(-5)
        plot.addItem(self._filled, ignoreBounds=True)

    def clear(self) -> None:
        """Show nothing."""
        for edge in self.edges:
            edge.setData([], [])

    def draw(self, x: np.ndarray, y: np.ndarray, sigma: np.ndarray | None, logs: tuple[bool, bool], colour: str) -> None:
        """Draw the band of a line with its standard errors; without them there is none."""
        if sigma is None:
            self.clear()
            return
        for edge, sign in zip(self.edges, (-BAND, BAND), strict=True):
            height = y + sign * sigma
            if logs[1]:             # an edge below nought runs along the lower end of what can be shown
                height = np.maximum(height, LEAST_SHARE * y)
            edge.setData(on_axis(x, logs[0]), on_axis(height, logs[1]))
        self._filled.setBrush(faint(colour, 50))


class Points:
    """What is drawn of one curve in one plot."""

    def __init__(self, plot: Any):
        self.sample: Any = pg.ScatterPlotItem(size=6)           # the measured points, which also explain themselves in a legend
        self.falling: Any = pg.ScatterPlotItem(size=7, symbol="t")      # those that were measured on the way down
        self.hollow: Any = pg.ScatterPlotItem(size=6)
        self.arrows: Any = pg.ScatterPlotItem(size=8, symbol="t1")
        self.bars: Any = pg.ErrorBarItem(beam=0.0)
        self.fit: Any = pg.PlotCurveItem(antialias=True, connect="finite")
        self.band = Band(plot)
        self._span: tuple[float, float, float, float] | None = None
        self.bars.setData(x=np.empty(0), y=np.empty(0), top=np.empty(0), bottom=np.empty(0))
        for item in (self.bars, self.hollow, self.arrows, self.sample, self.falling, self.fit):
            plot.addItem(item, ignoreBounds=True)

    def span(self) -> tuple[float, float, float, float] | None:
        """Give the edges of what has to be seen (low x, high x, low y, high y on the axes); None when nothing is drawn."""
        return self._span

    def drawn(self) -> tuple[list[Line], list[Line]]:
        """Give what is drawn as points and as lines, as they stand on the axes."""
        dots = [item.getData() for item in (self.sample, self.falling, self.hollow, self.arrows)]
        lines = [(np.empty(0) if x is None else x, np.empty(0) if y is None else y)
                 for x, y in (item.getData() for item in (self.fit, *self.band.edges))]
        x, y, top, bottom = (np.atleast_1d(self.bars.opts[name]) for name in ("x", "y", "top", "bottom"))
        if len(x):
            ends = np.column_stack([y - bottom, y + top, np.full(len(x), np.nan)])
            lines.append((np.repeat(x, 3), ends.ravel()))
        return dots, lines

    def draw(self, curve: CurveData | None, factors: tuple[float, float], logs: tuple[bool, bool], colour: str, *, fit: str,
             theme: Theme, errors: bool, show_fit: bool, falling: np.ndarray | None = None, place: int = 0) -> None:
        """Draw a curve in units for people, the points marked `falling` as hollow triangles; None clears it.

        The `place` of a curve among several decides the shape of its points: colour alone tells nobody in red light.
        """
        self._span = None
        self.sample.setSymbol(SYMBOLS[place % len(SYMBOLS)])
        if curve is None or not len(curve.x):
            for item in (self.sample, self.falling, self.hollow, self.arrows, self.fit):
                item.setData([], [])
            self.band.clear()
            self.bars.setData(x=np.empty(0), y=np.empty(0), top=np.empty(0), bottom=np.empty(0))
            return
        x, y = on_axis(curve.x * factors[0], logs[0]), on_axis(curve.y * factors[1], logs[1])
        used = np.ones(len(x), dtype=bool) if curve.used is None else np.asarray(curve.used, dtype=bool)
        used &= np.isfinite(x) & np.isfinite(y)
        size = 3 if len(x) > MANY else 6
        down = np.zeros(len(x), dtype=bool) if falling is None else falling
        self.falling.setData(x[used & down], y[used & down], brush=pg.mkBrush(None), pen=line(colour))
        self.sample.setData(x[used & ~down], y[used & ~down], brush=pg.mkBrush(colour), pen=pg.mkPen(None), size=size)
        self._draw_left_out(x[~used], y[~used], np.empty(0) if logs[1] else y[used], theme)
        self._draw_errors(curve, x, y, used, factors[1], logs[1], colour, errors)
        self._draw_fit(curve, factors, logs, fit, show_fit)
        bars = None if curve.sigma is None or not errors or logs[1] else np.nan_to_num(np.asarray(curve.sigma) * factors[1])
        self._remember(x, y, used, logs[1], bars)

    def _remember(self, x: np.ndarray, y: np.ndarray, used: np.ndarray, log: bool, bars: np.ndarray | None) -> None:
        seen = used if used.any() and not log else np.isfinite(x) & np.isfinite(y)      # a logarithmic axis has room for all
        if not seen.any():
            return
        heights = y[seen]
        if log:                                # a point near zero would stretch a logarithmic axis for ever
            heights = heights[heights >= np.percentile(heights, 95) - 5.0]
        elif bars is not None:
            heights = np.concatenate([heights - bars[seen], heights + bars[seen]])
        places = x[np.isfinite(x)]
        self._span = float(places.min()), float(places.max()), float(heights.min()), float(heights.max())

    def _draw_left_out(self, x: np.ndarray, y: np.ndarray, kept: np.ndarray, theme: Theme) -> None:
        top = float(kept.max()) if len(kept) else np.inf
        ceiling = top * ABOVE if top > 0 else np.inf
        finite = np.isfinite(x) & np.isfinite(y)
        near, far = finite & (y <= ceiling), finite & (y > ceiling)
        pen = pg.mkPen(theme.muted)
        self.hollow.setData(x[near], y[near], brush=pg.mkBrush(None), pen=pen)
        self.arrows.setData(x[far], np.full(int(far.sum()), top), brush=pg.mkBrush(None), pen=pen)

    def _draw_errors(self, curve: CurveData, x: np.ndarray, y: np.ndarray, used: np.ndarray, factor: float, log: bool, colour: str,
                     wanted: bool) -> None:
        sigma = None if curve.sigma is None or not wanted else np.asarray(curve.sigma, dtype=float) * factor
        if sigma is None:
            self.bars.setData(x=np.empty(0), y=np.empty(0), top=np.empty(0), bottom=np.empty(0))
            return
        value = np.asarray(curve.y, dtype=float) * factor
        with np.errstate(invalid="ignore"):
            used = used & np.isfinite(sigma)
            top = on_axis(value + sigma, log) - y
            lower = y - on_axis(np.where(value > sigma, value - sigma, np.nan), log)
            bottom = np.where(value > sigma, lower, TO_ZERO) if log else sigma
        self.bars.setData(x=x[used], y=y[used], top=top[used], bottom=bottom[used], pen=line(colour))

    def _draw_fit(self, curve: CurveData, factors: tuple[float, float], logs: tuple[bool, bool], colour: str, wanted: bool) -> None:
        if curve.fit_x is None or curve.fit_y is None or not wanted:
            self.fit.setData([], [])
            self.band.clear()
            return
        x, y = np.asarray(curve.fit_x) * factors[0], np.asarray(curve.fit_y) * factors[1]
        self.fit.setData(on_axis(x, logs[0]), on_axis(y, logs[1]), pen=line(colour, 2))
        sigma = None if curve.fit_sigma is None else np.asarray(curve.fit_sigma) * factors[1]
        self.band.draw(x, y, sigma, logs, colour)
