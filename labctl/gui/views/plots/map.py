"""Every array of a run as a row of an image, with cuts through it at two cursors."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy import QtCore

from labctl.core.plots import Map, Plot
from labctl.core.quantities import QUANTITIES
from labctl.gui.model.map_rows import MapRows
from labctl.gui.model.measured import Measured
from labctl.gui.model.raster import COLOURS, Raster, indexed, levels, lit
from labctl.gui.model.scales import EV, NM, Scale
from labctl.gui.theme import DARK, Theme
from labctl.gui.views.plots.axes import ConvertedAxis, number, place
from labctl.gui.views.plots.base import VIEWS, PlotView, Table
from labctl.gui.views.plots.colours import BAR_PX, TABLES, ColourBar, opaque, table
from labctl.gui.views.plots.marks import dashed, dotted, line, small_font

CUTS_MS = 100               # between two drawings of the cuts
RELEVEL_MS = 500            # colours follow the data so often, not with every row
SHRINK = 0.5                # the scale of a cut shrinks when its values fill less of it
GHOST = 0.35                # opacity of what a rehearsal promises
CUT_PX, LOW_CUT_PX = 150, 100
LEFT_PX, TOP_PX, BOTTOM_PX = 64, 22, 38
ROWS_TO_SEE = 3             # from which it is seen where in the frame the light is
ROOM_FOR_ROW_PX = 400       # of height, from which the cut along a row is shown


class MapView(PlotView):
    """Draws a `Map`."""

    row_chosen = QtCore.Signal(int)         # of the run, in visiting order; -1: the newest again

    def __init__(self, spec: Plot, theme: Theme = DARK):
        super().__init__(spec, theme)
        assert isinstance(spec, Map)        # noqa: S101 - chosen by type
        self.map_spec = spec
        self.scale: Scale = NM
        self.log, self.normalise, self.masked, self.auto = False, False, False, True
        self._top = ConvertedAxis("top", theme, EV.from_nm, EV.to_nm, EV.unit)
        self.main = self.plot(0, 0, axes={"top": self._top})
        self.ghost: Any = pg.ImageItem(axisOrder="row-major", opacity=GHOST)
        self.image: Any = pg.ImageItem(axisOrder="row-major")
        for item in (self.ghost, self.image):
            self.main.addItem(item)
        self.main.showGrid(x=False, y=False)
        self.cut = self.plot(0, 1)
        self.bar = ColourBar(self.canvas, 0, 2, theme)
        self._axes.append(self.bar.axis)
        self.row_cut = self.plot(1, 0)
        self._lay_out_panels()
        self._across: Any = pg.InfiniteLine(angle=90, movable=True)
        self._along: Any = pg.InfiniteLine(angle=0, movable=True, label="",
                                           labelOpts={"position": 0.01, "anchors": [(0, 1), (0, 0)]})
        self._along.label.setFont(small_font())
        for cursor in (self._across, self._along):
            self.main.addItem(cursor, ignoreBounds=True)
        for plot in (self.cut, self.row_cut):
            plot.showGrid(x=False, y=False)
            plot.vb.disableAutoRange()
        self._curves = {"cut": self.cut.plot(connect="finite"), "promised": self.cut.plot(connect="finite"),
                        "row": self.row_cut.plot(connect="finite")}
        self._across.sigPositionChanged.connect(lambda: self._draw_cuts())
        self._along.sigDragged.connect(lambda: self._pin_row())
        self._leveled, self._cut_at, self._stale = QtCore.QElapsedTimer(), QtCore.QElapsedTimer(), False
        self._tables = table("viridis"), opaque(table("viridis"), theme.plot)
        self._forget()
        self._build_tools()

    def _lay_out_panels(self) -> None:
        """Let the panels end at the same edges, whatever their axes say."""
        self.cut.setYLink(self.main)
        self.cut.setFixedWidth(CUT_PX)
        self.cut.getAxis("left").setStyle(showValues=False)
        self.row_cut.setXLink(self.main)
        self.bar.plot.setFixedWidth(BAR_PX + LEFT_PX + 8)
        for plot in (self.main, self.row_cut):
            plot.getAxis("left").setWidth(LEFT_PX)
        for plot, sides in ((self.cut, ("top",)), (self.bar.plot, ("top", "bottom"))):
            for side in sides:
                plot.showAxis(side)
                plot.getAxis(side).setStyle(showValues=False, tickLength=0)
                plot.getAxis(side).setPen(pg.mkPen(None))
        for plot in (self.main, self.cut, self.bar.plot):
            plot.getAxis("top").setHeight(TOP_PX)
            plot.getAxis("bottom").setHeight(BOTTOM_PX)

    def _build_tools(self) -> None:
        tools = self.tools
        self.units = tools.choice((NM.unit, EV.unit), 0, self._set_scale, "Unit of the axis")
        tools.gap()
        self.log_button = tools.toggle("Log", False, functools.partial(self._set, "log"), "Logarithmic colours")
        self.key("L", self.log_button)
        self.key("A", tools.toggle("Auto", True, functools.partial(self._set, "auto"), "Let the colours follow the data"))
        tools.toggle("Normalise", False, functools.partial(self._set, "normalise"),
                     "Divide every row by the photon flux that was measured with it")
        tools.toggle("Mask line", False, functools.partial(self._set, "masked"),
                     "Leave out where the pump's own scattered line lies")
        tools.gap()
        self.cuts_button = tools.toggle("Cuts", True, lambda on: self._show_cuts(), "Cuts at the two cursors")
        self.ghost_button = tools.toggle("Rehearsal", True, lambda on: self.ghost.setVisible(on),
                                         "Show what the rehearsal promises")
        self._table_name = "viridis"
        self.colour_button = tools.button(self._table_name, self._next_table, "Colours: viridis, cividis or grey", right=True)
        self.add_copy()

    # ---------------------------------------------------------------- what comes in
    def _forget(self) -> None:
        self.rows: MapRows | None = None
        self._laid: Raster | None = None        # the raster that axes and images were laid out for
        self._pinned = self._zoomed = False
        self._low, self._high = 0.0, 1.0
        self._index = np.zeros((1, 1), dtype=np.uint8)
        self._promised: Raster | None = None

    @property
    def raster(self) -> Raster | None:
        """The rows as they are drawn; None when there are none."""
        return None if self.rows is None else self.rows.raster

    def begin(self) -> None:
        """Lay out rows and columns of a run."""
        self._forget()
        self.image.clear()
        self.ghost.clear()
        for curve in self._curves.values():
            curve.setData([], [])
        self.ghost_button.setEnabled(False)
        if self.measured is None:
            return
        self.rows = rows = MapRows(self.measured, self.map_spec.y, self.map_spec.channel)
        self._tell_rows()
        for button in self.units.buttons():
            button.setEnabled(rows.in_nm)
        self.main.showAxis("top", rows.in_nm)
        if rows.raster is not None:
            self.log_button.setChecked(self.log or rows.raster.grid.log)
            self._lay_out(rows.raster)

    def _tell_rows(self) -> None:
        """Hand the switches on to the rows, and make them anew."""
        if self.rows is not None:
            self.rows.scale, self.rows.normalise, self.rows.masked = self.scale, self.normalise, self.masked
            self.rows.lay_out()

    def _lay_out(self, raster: Raster) -> None:
        """Let axes and image lie as the rows do."""
        assert self.rows is not None        # noqa: S101  there is a raster
        if self._laid is None:
            self._across.setValue(float(raster.x[len(raster.x) // 2]))
        self._laid, grid = raster, raster.grid
        for plot in (self.main, self.cut):
            plot.getAxis("left").decades(grid.log)
        self.main.getAxis("left").say(self.rows.y_label)
        self._label_places()
        self.main.setRange(xRange=(raster.x[0], raster.x[-1]), yRange=(grid.low, grid.high), padding=0.0)
        self._index = np.zeros((1, 1), dtype=np.uint8)
        self._leveled.invalidate()

    def refresh(self) -> None:
        """Take the rows that have come."""
        rows, measured = self.rows, self.measured
        if rows is None or measured is None:
            return
        if len(measured) == rows.seen:
            if self._stale and self._cut_at.hasExpired(CUTS_MS):
                self._draw_cuts()
            return
        first = rows.seen == 0
        for new in rows.take():
            if rows.raster is self._laid and rows.raster is not None and self._index.shape == rows.raster.z.shape:
                self._index[new] = indexed(rows.raster.z[new], self._low, self._high, self.log)
        if rows.raster is None or not rows.row_of:
            return
        if rows.raster is not self._laid:
            self._lay_out(rows.raster)
        if not self._leveled.isValid() or self._leveled.hasExpired(RELEVEL_MS) or not measured.live:
            self._relevel()
        self._paint(self.image, self._index)
        self._look(first)
        self._stale = True
        if not measured.live or not self._cut_at.isValid() or self._cut_at.hasExpired(CUTS_MS):
            self._draw_cuts()

    def _look(self, first: bool) -> None:
        """Go to where the light is: once the cursor and the part of the frame, always the newest row unless one is held."""
        rows, raster, measured = self.rows, self.raster, self.measured
        assert rows is not None and raster is not None and measured is not None      # noqa: S101, PT018  there are rows
        if first and not self._pinned:
            self._across.setValue(float(raster.x[rows.brightest_column()]))
        if not self._zoomed and (rows.seen >= ROWS_TO_SEE or not measured.live):
            self._zoomed = True
            low, high = lit(raster.z[rows.plain()])
            self.main.setXRange(float(raster.x[low]), float(raster.x[high]), padding=0.0)
        if not self._pinned:
            self._to_line(rows.last if measured.live else rows.brightest_line(raster.column(float(self._across.value()))))

    # ---------------------------------------------------------------- drawing
    def _relevel(self) -> None:
        """Let the colours follow the data."""
        rows, raster, measured = self.rows, self.raster, self.measured
        assert rows is not None and raster is not None and measured is not None      # noqa: S101, PT018  there are rows
        self._leveled.start()
        if self.auto:
            self._low, self._high = levels(raster.z[rows.plain()], self.log)
        self._index = indexed(raster.z, self._low, self._high, self.log)
        label = measured.signal_label + (" · meV⁻¹" if self.scale is EV and rows.in_nm else "")
        self.bar.show_levels(self._low, self._high, self.log, label)

    def _paint(self, item: Any, index: np.ndarray) -> None:
        """Show an image where the raster lies."""
        raster = self.raster
        assert raster is not None      # noqa: S101  asked for only with rows
        grid = raster.grid
        fresh = item.image is None
        item.setImage(index if grid.even else index[grid.owner], autoLevels=False, levels=(0, COLOURS))
        rect = (float(raster.x[0] - raster.step / 2), grid.low, raster.step * len(raster.x), grid.high - grid.low)
        if fresh or getattr(item, "lies", None) != (rect, item.image.shape):
            item.lies = rect, item.image.shape
            item.setRect(*rect)

    def _redo(self) -> None:
        """Make every row anew, after a switch."""
        if self.rows is None or not self.rows.seen:
            return
        across, pinned = float(self._across.value()), self._pinned
        line_was = self.rows.raster.grid.nearest(float(self._along.value())) if self.rows.raster is not None else 0
        self._tell_rows()
        self._pinned = self._zoomed = True
        self.refresh()
        self._pinned, self._zoomed = pinned, True
        self._across.setValue(across)
        self._to_line(line_was)
        self._draw_ghost()
        self._draw_cuts()

    def set_rehearsal(self, measured: Measured | None) -> None:
        """Show faintly what the rehearsal promises where nothing was measured."""
        super().set_rehearsal(measured)
        self._draw_ghost()

    def _draw_ghost(self) -> None:
        promised = self.rows.promised(self.rehearsed) if self.rows is not None and self.rehearsed is not None else None
        self.ghost_button.setEnabled(promised is not None)
        self._promised = promised
        self._colour_image()
        if promised is None:
            self.ghost.clear()
            return
        self._paint(self.ghost, indexed(promised.z, *levels(promised.z, self.log), self.log))
        self.ghost.setVisible(self.ghost_button.isChecked())

    # ---------------------------------------------------------------- cursors and cuts
    def _to_line(self, chosen: int) -> None:
        rows, raster = self.rows, self.raster
        assert rows is not None and raster is not None      # noqa: S101, PT018  there are rows
        value = float(raster.grid.values[chosen])
        self._along.setValue(float(raster.grid.position(np.array(value))))
        total = f" of {rows.planned}" if rows.planned else ""
        self._along.label.setFormat(f"{rows.words(chosen, place(value))} · row {rows.row_of.get(chosen, chosen) + 1}{total}")

    def _pin_row(self) -> None:
        """Hold the row to which somebody has moved the cursor."""
        if self.rows is None or self.raster is None or not self.rows.seen:
            return
        self._pinned = True
        chosen = self.raster.grid.nearest(float(self._along.value()))
        self._to_line(chosen)
        self.row_chosen.emit(self.rows.row_of.get(chosen, -1))
        self._draw_cuts()

    def show_all(self) -> None:
        """Show everything, and follow the newest row again."""
        super().show_all()
        self._pinned = False
        self.row_chosen.emit(-1)
        if self.rows is not None and self.rows.seen:
            self._to_line(self.rows.last)
            self._draw_cuts()

    def _draw_cuts(self) -> None:
        rows, raster = self.rows, self.raster
        if rows is None or raster is None or not rows.seen:
            return
        self._stale = False
        self._cut_at.start()
        column, chosen = raster.column(float(self._across.value())), raster.grid.nearest(float(self._along.value()))
        unit = f" {self.scale.unit}" if rows.in_nm else ""
        if self.cuts_button.isChecked():
            up = raster.grid.position(raster.grid.values)
            self._curves["cut"].setData(raster.z[:, column], up)
            self._follow(self.cut, 0, raster.z[:, column])
            if self._promised is not None and self.ghost_button.isChecked():
                self._curves["promised"].setData(self._promised.z[:, column], up)
            self.cut.getAxis("bottom").say(f"at {place(float(raster.x[column]))}{unit}")
            self._curves["row"].setData(raster.x, raster.z[chosen])
            self._follow(self.row_cut, 1, raster.z[chosen])
        self._read_off(rows, raster, column, chosen)
        if rows.in_nm:
            self.chosen.emit(float(self.scale.to_nm(np.array(raster.x[column]))))

    def _follow(self, panel: Any, axis: int, values: np.ndarray) -> None:
        """Let the scale of a cut follow its values, with patience: an axis that moves is drawn anew."""
        finite = values[np.isfinite(values) & ((values > 0) | (not self.log))]
        if not len(finite):
            return
        low, high = float(finite.min()), float(finite.max())
        if self.log:
            low, high = float(np.log10(low)), float(np.log10(high))
        now, span = panel.vb.viewRange()[axis], max(high - low, 1e-12)
        if high > now[1] or low < now[0] - 0.1 * span or span < SHRINK * (now[1] - now[0]):
            panel.vb.setRange(**{"xRange" if axis == 0 else "yRange": (low - 0.05 * span, high + 0.2 * span)}, padding=0.0)

    def _read_off(self, rows: MapRows, raster: Raster, column: int, chosen: int) -> None:
        unit = f" {self.scale.unit}" if rows.in_nm else ""
        value = float(raster.z[chosen, column])
        flagged = sum(1 for flags in rows.measured.flags if "saturated" in flags)
        total = f" of {rows.planned}" if rows.planned else ""
        where = f"{place(float(raster.x[column]))}{unit} · {rows.words(chosen, place(float(raster.grid.values[chosen])))}"
        self.readouts.show_values(
            ("Cursor", where, ""), ("Value", number(value) if np.isfinite(value) else "not measured", ""),
            ("Rows", f"{rows.seen}{total}", ""),
            ("Saturated rows", f"{'▲ ' if flagged else ''}{flagged}", "warning" if flagged else "ok"))

    def _show_cuts(self) -> None:
        on = self.cuts_button.isChecked()
        low = on and self.height() >= ROOM_FOR_ROW_PX
        self.cut.setVisible(on)
        self.cut.setFixedWidth(CUT_PX if on else 0)
        self.row_cut.setVisible(low)
        self.row_cut.setFixedHeight(LOW_CUT_PX if low else 0)
        self._label_places()
        self._draw_cuts()

    def _label_places(self) -> None:
        """Label the places once, below whichever panel is the lowest."""
        low = self.row_cut.isVisible()
        label = "" if self.rows is None else self.scale.label if self.rows.in_nm else self.rows.x_label
        self.main.getAxis("bottom").say("" if low else label)
        self.row_cut.getAxis("bottom").say(label)

    def resizeEvent(self, event: Any) -> None:
        """Show the cut along a row only where there is room for it."""
        super().resizeEvent(event)
        self._show_cuts()

    def curve(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Give the cut along the quantity that was scanned, at the cursor."""
        raster = self.raster
        if raster is None or self.rows is None or not self.rows.seen:
            return None
        return raster.grid.values, raster.z[:, raster.column(float(self._across.value()))].astype(float)

    @property
    def curve_label(self) -> str:
        """The quantity that was scanned."""
        return "" if self.rows is None else self.rows.y_label

    def be_small(self) -> None:
        """Leave out the cuts too."""
        super().be_small()
        self.cuts_button.setChecked(False)

    def point_to(self, place: float) -> None:
        """Put the cursor at a vacuum wavelength."""
        wanted = float(self.scale.from_nm(np.array(place)))
        if self.rows is not None and self.rows.in_nm and not np.isclose(wanted, float(self._across.value())):
            self._across.setValue(wanted)

    # ---------------------------------------------------------------- switches
    def _set(self, name: str, on: bool) -> None:
        setattr(self, name, on)
        if name == "log":
            for plot, axis in ((self.cut, "bottom"), (self.row_cut, "left")):
                plot.getAxis(axis).decades(on)
                for curve in plot.listDataItems():
                    curve.setLogMode(on and axis == "bottom", on and axis == "left")
        if name in ("normalise", "masked"):
            self._redo()
        elif self.rows is not None and self.rows.seen and self.raster is not None:
            self._relevel()
            self._paint(self.image, self._index)
            self._draw_ghost()
            self._draw_cuts()

    def _set_scale(self, chosen: int) -> None:
        old, self.scale = self.scale, (NM, EV)[chosen]
        scale, other = self.scale, (EV, NM)[chosen]
        self._top.convert_by(lambda value: other.from_nm(scale.to_nm(value)), lambda value: scale.from_nm(other.to_nm(value)),
                             other.unit)
        ends = [float(scale.from_nm(old.to_nm(np.array(end)))) for end in self.main.vb.viewRange()[0]]
        self._across.setValue(float(scale.from_nm(old.to_nm(np.array(self._across.value())))))
        self._redo()
        self.main.setXRange(min(ends), max(ends), padding=0.0)

    def _colour_image(self) -> None:
        """Let the ghost shine through only where there is one."""
        self.image.setLookupTable(self._tables[0 if self._promised is not None else 1])

    def _next_table(self) -> None:
        self._table_name = TABLES[(TABLES.index(self._table_name) + 1) % len(TABLES)]
        self.colour_button.setText(self._table_name)
        self.colours(self.theme)

    # ---------------------------------------------------------------- looks and clipboard
    def colours(self, theme: Theme) -> None:
        """Colour what is drawn."""
        red = theme.colormap not in TABLES
        self.colour_button.setEnabled(not red)
        colours = table(theme.colormap if red else self._table_name)
        self._tables = colours, opaque(colours, theme.plot)
        self._colour_image()
        self.ghost.setLookupTable(self._tables[0])
        self.bar.recolour(colours)
        bright = theme.text if red else "#ffffff"       # the images are dark in every theme
        self._across.setPen(dashed(bright))
        self._along.setPen(line(bright))
        self._along.label.setColor(bright)
        self._along.label.fill = pg.mkBrush(0, 0, 0, 110)
        for name, pen in (("cut", line(theme.series[0])), ("row", line(theme.series[0])), ("promised", dotted(theme.simulated))):
            self._curves[name].setPen(pen)

    def table(self) -> Table:
        """Give the map as it is drawn: places, then one column per row."""
        if self.raster is None or self.rows is None:
            return (), ()
        names = [f"{value:.9g} {self.rows.unit}".rstrip() for value in self.raster.grid.values]
        return [self.scale.label if self.rows.in_nm else self.rows.x_label, *names], [self.raster.x, *self.raster.z]

    def places(self, x: float, y: float) -> Mapping[str, float]:
        """Give the scanned quantity at a place."""
        if self.raster is None or self.rows is None or self.rows.repeats or self.rows.y_name not in QUANTITIES:
            return {}
        return {self.rows.y_name: float(10.0**y if self.raster.grid.log else y) / self.rows.factor}


VIEWS[Map] = MapView
