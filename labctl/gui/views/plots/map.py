"""Every array of a run as a row of an image, with cuts through it at two cursors."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from qtpy import QtCore

from labctl.analysis.labels import quantity_label
from labctl.core.plots import Map, Plot
from labctl.core.quantities import QUANTITIES
from labctl.gui.model.map_rows import MapRows
from labctl.gui.model.measured import Measured
from labctl.gui.model.raster import Grid, Raster, lit
from labctl.gui.model.scales import EV, NM, Scale
from labctl.gui.theme import DARK, Theme
from labctl.gui.views.plots.axes import ConvertedAxis, PlotAxis, place
from labctl.gui.views.plots.base import VIEWS, PlotView, Table
from labctl.gui.views.plots.colours import BAR_PX, ColourBar, ColourChoice
from labctl.gui.views.plots.map_cursors import MapCursors, values_at
from labctl.gui.views.plots.map_cuts import Cuts, without_axis
from labctl.gui.views.plots.map_image import MapImage

CUTS_MS = 100               # between two drawings of the cuts
LEFT_PX, TOP_PX, BOTTOM_PX = 64, 22, 38
ROWS_TO_SEE = 3             # from which it is seen where in the frame the light is


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
        self.main.showGrid(x=False, y=False)
        self.main.vb.disableAutoRange()
        self.cuts = Cuts(self.main, self.plot(0, 1), self.plot(1, 0))
        self.bar = ColourBar(self.canvas, 0, 2, theme)
        self._axes.append(self.bar.axis)
        self._lay_out_panels()
        self.cursors = MapCursors(self.main)
        self.cursors.across.sigPositionChanged.connect(lambda: self._draw_cuts())
        self.cursors.along.sigDragged.connect(lambda: self._pin_row())
        self._cut_at, self._stale = QtCore.QElapsedTimer(), False
        self._build_tools()
        self.image = MapImage(self.main, self.bar, self._choice)
        self._forget()

    def _lay_out_panels(self) -> None:
        """Let the panels end at the same edges, whatever their axes say."""
        beside, below = self.cuts.beside, self.cuts.below
        self.bar.plot.setFixedWidth(BAR_PX + LEFT_PX + 8)
        for plot in (self.main, below):
            plot.getAxis("left").setWidth(LEFT_PX)
        without_axis(beside, "top")
        without_axis(self.bar.plot, "top", "bottom")
        for plot in (self.main, beside, self.bar.plot):
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
        self.ghost_button = tools.toggle("Rehearsal", True, lambda on: self.image.ghost.setVisible(on),
                                         "Show what the rehearsal promises")
        self._choice = ColourChoice(tools, lambda: self.colours(self.theme))
        self.add_copy()

    # ---------------------------------------------------------------- what comes in
    def _forget(self) -> None:
        self.rows: MapRows | None = None
        self._laid: Raster | None = None        # the raster that axes and images were laid out for
        self._pinned = self._zoomed = False

    @property
    def raster(self) -> Raster | None:
        """The rows as they are drawn; None when there are none."""
        return None if self.rows is None else self.rows.raster

    @property
    def empty(self) -> bool:
        """Whether no row has come."""
        return self.rows is None or not self.rows.seen

    @property
    def planned_axes(self) -> Collection[PlotAxis]:
        """The axis of what is scanned, and that of the frame once the camera is known."""
        rows = self.rows
        if rows is None or not rows.planned:
            return ()
        return (self.main.getAxis("left"), *((self._top, *self._bottoms) if rows.raster is not None else ()))

    @property
    def _bottoms(self) -> tuple[PlotAxis, PlotAxis]:
        return self.main.getAxis("bottom"), self.cuts.below.getAxis("bottom")

    def begin(self) -> None:
        """Lay out rows and columns of a run."""
        self._forget()
        self.image.clear()
        self.cuts.clear()
        self.ghost_button.setEnabled(False)
        self.cursors.show(False)
        if self.measured is not None:
            self.rows = rows = MapRows(self.measured, self.map_spec.y, self.map_spec.channel)
            self._tell_rows()
            for button in self.units.buttons():
                button.setEnabled(rows.in_nm)
            self.main.showAxis("top", rows.in_nm or rows.unknown)
            if rows.raster is not None:
                self.log_button.setChecked(self.log or rows.raster.grid.log)
                self._lay_out(rows.raster)
            elif rows.planned:
                self._lay_out_rows(rows.grid)
        self._label_places()

    def _tell_rows(self) -> None:
        """Hand the switches on to the rows, and make them anew."""
        if self.rows is not None:
            self.rows.scale, self.rows.normalise, self.rows.masked = self.scale, self.normalise, self.masked
            self.rows.lay_out()

    def _lay_out_rows(self, grid: Grid) -> None:
        """Let the axis of the rows be as long as what is scanned."""
        for plot in (self.main, self.cuts.beside):
            plot.getAxis("left").decades(grid.log)
        self.main.setYRange(grid.low, grid.high, padding=0.0)

    def _lay_out(self, raster: Raster) -> None:
        """Let axes and image lie as the rows do."""
        if self._laid is None:
            self.cursors.across.setValue(float(raster.x[len(raster.x) // 2]))
        self._laid = raster
        self._lay_out_rows(raster.grid)
        self._label_places()
        self.main.setXRange(float(raster.x[0]), float(raster.x[-1]), padding=0.0)
        self.image.begin_anew()

    def follow(self) -> None:
        """Take the rows that have come."""
        rows, measured = self.rows, self.measured
        if rows is None or measured is None:
            return
        if len(measured) == rows.seen:
            if self._stale and self._cut_at.hasExpired(CUTS_MS):
                self._look()
            return
        first = rows.seen == 0
        lines = list(rows.take())
        if rows.raster is None or not rows.row_of:
            return
        if rows.raster is not self._laid:
            self._lay_out(rows.raster)
        if self.image.due or not measured.live:
            self._level()
        else:
            self.image.put(rows.raster, lines)
        self._stale = True
        if first:
            self._show_cursors()
        if first or not measured.live or self._cut_at.hasExpired(CUTS_MS):
            self._look()

    def _show_cursors(self) -> None:
        """Show the cursors where the light is."""
        rows, raster = self.rows, self.raster
        assert rows is not None and raster is not None      # noqa: S101, PT018  there are rows
        self.cursors.show(True)
        if not self._pinned:
            self.cursors.across.setValue(float(raster.x[rows.brightest_column()]))

    def _look(self) -> None:
        """Go to where the light is: once to the part of the frame, always to the newest row unless one is held."""
        rows, raster, measured = self.rows, self.raster, self.measured
        assert rows is not None and raster is not None and measured is not None      # noqa: S101, PT018  there are rows
        if not self._zoomed and (rows.seen >= ROWS_TO_SEE or not measured.live):
            self._zoomed = True
            low, high = lit(raster.z[rows.plain()])
            self.main.setXRange(float(raster.x[low]), float(raster.x[high]), padding=0.0)
        if not self._pinned:
            self._to_line(rows.last if measured.live else rows.brightest_line(self.cursors.column(raster)))
        self._draw_cuts()

    # ---------------------------------------------------------------- drawing
    def _level(self) -> None:
        """Let the colours follow the data, and draw every row."""
        rows, raster, measured = self.rows, self.raster, self.measured
        assert rows is not None and raster is not None and measured is not None      # noqa: S101, PT018  there are rows
        label = measured.signal_label + (" · meV⁻¹" if self.scale is EV and rows.in_nm else "")
        self.image.level(raster, rows.plain(), label)

    def _redo(self) -> None:
        """Make every row anew, after a switch."""
        if self.rows is None or not self.rows.seen:
            return
        across, pinned = float(self.cursors.across.value()), self._pinned
        line_was = self.cursors.line(self.rows.raster) if self.rows.raster is not None else 0
        self._tell_rows()
        self._pinned = self._zoomed = True
        self.follow()
        self._pinned, self._zoomed = pinned, True
        self.cursors.across.setValue(across)
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
        self.image.promise(promised, self.theme)
        self.image.ghost.setVisible(self.ghost_button.isChecked())

    # ---------------------------------------------------------------- cursors and cuts
    def _to_line(self, chosen: int) -> None:
        rows, raster = self.rows, self.raster
        assert rows is not None and raster is not None      # noqa: S101, PT018  there are rows
        self.cursors.to_line(raster, chosen, labelled=rows.measured.live)

    def _pin_row(self) -> None:
        """Hold the row to which somebody has moved the cursor."""
        if self.rows is None or self.raster is None or not self.rows.seen:
            return
        self._pinned = True
        chosen = self.cursors.line(self.raster)
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
        column, chosen = self.cursors.column(raster), self.cursors.line(raster)
        self.cursors.tell(rows, raster, chosen)
        if self.cuts_button.isChecked():
            promised = self.image.promised if self.ghost_button.isChecked() else None
            unit = f" {self.scale.unit}" if rows.in_nm else ""
            self.cuts.draw((raster.z[:, column], raster.grid.position(raster.grid.values)), (raster.x, raster.z[chosen]),
                           None if promised is None else promised.z[:, column],
                           f"at {place(float(raster.x[column]))}{unit}")
        self.readouts.show_values(*values_at(rows, raster, self.scale, column, chosen))
        if rows.in_nm:
            self.chosen.emit(float(self.scale.to_nm(np.array(raster.x[column]))))

    def _show_cuts(self) -> None:
        self.cuts.show(self.cuts_button.isChecked(), self.height())
        self._label_places()
        self._draw_cuts()

    def _label_places(self) -> None:
        """Label the rows, and the places once, below whichever panel is the lowest."""
        rows, low = self.rows, self.cuts.below.isVisible()
        usual = self.scale.label if self.map_spec.channel == "counts" else ""
        label = usual if rows is None or rows.in_nm or rows.unknown else rows.x_label
        for axis, shown in zip(self._bottoms, (not low, True), strict=True):
            axis.say(label if shown else "")
        self.main.getAxis("left").say(quantity_label(self.map_spec.y) if rows is None else rows.y_label)

    def resizeEvent(self, event: Any) -> None:
        """Show the cut along a row only where there is room for it."""
        super().resizeEvent(event)
        self._show_cuts()

    def curve(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Give the cut along the quantity that was scanned, at the cursor."""
        raster = self.raster
        if raster is None or self.rows is None or not self.rows.seen:
            return None
        return raster.grid.values, raster.z[:, self.cursors.column(raster)].astype(float)

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
        if self.rows is not None and self.rows.in_nm and not np.isclose(wanted, float(self.cursors.across.value())):
            self.cursors.across.setValue(wanted)

    # ---------------------------------------------------------------- switches
    def _set(self, name: str, on: bool) -> None:
        setattr(self, name, on)
        if name == "log":
            self.cuts.set_log(on)
            self.image.log = on
        self.image.auto = self.auto
        if name in ("normalise", "masked"):
            self._redo()
        elif self.rows is not None and self.rows.seen and self.raster is not None:
            self._level()
            self._draw_ghost()
            self._draw_cuts()

    def _set_scale(self, chosen: int) -> None:
        old, self.scale = self.scale, (NM, EV)[chosen]
        scale, other = self.scale, (EV, NM)[chosen]
        self._top.convert_by(lambda value: other.from_nm(scale.to_nm(value)), lambda value: scale.from_nm(other.to_nm(value)),
                             other.unit)
        ends = [float(scale.from_nm(old.to_nm(np.array(end)))) for end in self.main.vb.viewRange()[0]]
        self.cursors.across.setValue(float(scale.from_nm(old.to_nm(np.array(self.cursors.across.value())))))
        self._redo()
        self.main.setXRange(min(ends), max(ends), padding=0.0)

    # ---------------------------------------------------------------- looks and clipboard
    def colours(self, theme: Theme) -> None:
        """Colour what is drawn."""
        self.image.restyle(theme)
        self.cursors.restyle(theme)
        self.cuts.restyle(theme)

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
