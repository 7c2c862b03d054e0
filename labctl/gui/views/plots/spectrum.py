"""The newest array against wavelength, energy or wavenumber, with everything that is read off it at the bench."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from qtpy import QtCore

from labctl.analysis.labels import axis_label
from labctl.analysis.read_off import inside, read_off
from labctl.core.plots import Plot, Spectrum
from labctl.gui.model.measured import Measured, abscissa, channel_name
from labctl.gui.model.scales import EV, NM, SCALES, density, density_unit
from labctl.gui.theme import DARK, Theme
from labctl.gui.views.plots.axes import ConvertedAxis, PlotAxis, number
from labctl.gui.views.plots.base import VIEWS, PlotView, Table
from labctl.gui.views.plots.marks import dashed, dotted, legend, line, restyle_legend
from labctl.gui.views.plots.pointers import Pointers
from labctl.gui.views.plots.readings import background, maximum, width_text
from labctl.gui.views.plots.rows import Value
from labctl.gui.views.plots.saturation import Saturation
from labctl.gui.views.plots.texts import Texts, upright

HEADROOM, SHRINK = 1.25, 0.45   # the scale leaves so much above the peak, and shrinks when the peak falls below so much of it
PLACE_MS = 500              # between two looks for places of the texts: a text that moves cannot be read


@dataclass(frozen=True)
class Kept:
    """A spectrum that stays on the screen for comparison: vacuum wavelengths or bare places, counts, and what it is called."""

    place: np.ndarray
    counts: np.ndarray
    name: str


class SpectrumView(PlotView):
    """Draws a `Spectrum`: counts as they came, so that saturation shows; background, reference and rehearsal beside them."""

    def __init__(self, spec: Plot, theme: Theme = DARK):
        super().__init__(spec, theme)
        self.scale, self.log, self.auto = NM, False, True
        self.subtract = self.per_energy = self.full = False
        self.reference: Kept | None = None
        self.row: int | None = None                 # a row that was chosen; None follows the newest
        self._drawn = (-1, -1)
        self._place: np.ndarray | None = None
        self._unit = ""
        self._counts: np.ndarray | None = None
        self._top = ConvertedAxis("top", theme, EV.from_nm, EV.to_nm, EV.unit)
        self.main = self.plot(axes={"top": self._top})
        self.main.vb.setMouseMode(pg.ViewBox.RectMode)
        self.main.showGrid(x=False, y=False)        # it costs as much as the data, thirty times a second
        self._curves = {name: self.main.plot(connect="finite") for name in ("rehearsal", "reference", "data")}
        self.saturation = Saturation(self.main)
        self.pointers = Pointers(self.main, lambda: self._tell_cursor(), lambda: self._read_off())
        self._legend = legend(self.main.vb)
        self._texts = Texts(self.main)
        for text, at in ((self.pointers.told, (0.5, 0.0)), (self.saturation.told, (0.0, 0.0)), (self._legend, (1.0, 0.0))):
            self._texts.add(text, at)
        self._placed = QtCore.QElapsedTimer()
        self._build_tools()

    def _build_tools(self) -> None:
        tools = self.tools
        self.units = tools.choice([scale.unit for scale in SCALES], 0, lambda number: self._set_scale(number), "Unit of the axis")
        tools.gap()
        self.key("L", tools.toggle("Log", False, functools.partial(self._set, "log"), "Logarithmic counts"))
        self.key("A", tools.toggle("Auto", True, functools.partial(self._set, "auto"), "Follow the peak"))
        tools.gap()
        self.background_button = tools.toggle("Background", False, functools.partial(self._set, "subtract"),
                                              "Subtract the dark frame of the same exposure")
        self.reference_button = tools.toggle("Reference", False, lambda on: self._redraw(), "Show the reference")
        self.key("B", self.background_button)
        self.key("R", self.reference_button)
        tools.button("Set ref", self.keep_reference, "Keep this spectrum as the reference")
        self.energy_button = tools.toggle("Per energy", False, functools.partial(self._set, "per_energy"),
                                          "Divide by the width of a pixel on this axis (per nm, meV or cm⁻¹)")
        tools.gap()
        self.key("I", tools.toggle("Region", False, functools.partial(self._show_pointer, "region"), "Sum over a region"))
        self.key("C", tools.toggle("Cursor", False, functools.partial(self._show_pointer, "cursor"), "Read off at a cursor"))
        self.add_copy()

    # ---------------------------------------------------------------- what comes in
    @property
    def empty(self) -> bool:
        """Whether no frame has come."""
        return self._counts is None

    @property
    def planned_axes(self) -> Collection[PlotAxis]:
        """The axis of the frame, once the camera is known."""
        return () if self._place is None else (self.main.getAxis("bottom"), self._top)

    def begin(self) -> None:
        """Take the places of the pixels from the run."""
        assert isinstance(self.spec, Spectrum)      # noqa: S101 - chosen by type
        self._drawn, self.row, self._counts = (-1, -1), None, None
        measured = self.measured
        found = None if measured is None else abscissa(measured.view, channel_name(measured.header, self.spec.channel))
        self._in_nm = found is not None and found[1] == "nm"
        self._place = None if found is None else found[2]
        self._unit = "" if found is None or self._in_nm else found[1]       # of a time: what is counted into is a bin
        self._what = "Pixel" if found is None else axis_label(found[0].replace("_", " ").capitalize(), found[1])
        self._offer_units()
        for curve in self._curves.values():
            curve.setData([], [])
        self._legend.hide()
        self.saturation.clear()
        self._fresh_range = True
        self.readouts.show_values()

    def _know_nm(self) -> None:
        """Take the places of the pixels for wavelengths, where only a row could tell."""
        if not self._in_nm:
            self._in_nm, self._what = True, axis_label("Emission.wavelength", "nm")
            self._offer_units()

    def _offer_units(self) -> None:
        """Offer what a wavelength can be shown as, where there is one."""
        for button in (*self.units.buttons(), self.energy_button):
            button.setEnabled(self._in_nm)
        self.main.showAxis("top", self._in_nm)
        self._label_axes()

    def show_row(self, row: int | None) -> None:
        """Show a row of the run; None follows the newest again."""
        self.row = row
        self.follow()

    def set_reference(self, kept: Kept | None) -> None:
        """Show a spectrum of an earlier run behind this one."""
        self.reference = kept
        self.reference_button.setChecked(kept is not None)
        self._redraw()

    def keep_reference(self) -> None:
        """Keep what is on the screen as the reference."""
        if self._counts is not None:
            now = QtCore.QTime.currentTime().toString("HH:mm")
            self.set_reference(Kept(self._places(), self._counts.copy(), f"reference {now}"))

    def set_rehearsal(self, measured: Measured | None) -> None:
        """Show the same row of a rehearsal."""
        super().set_rehearsal(measured)
        self._redraw()

    def follow(self) -> None:
        """Draw the newest row, or the chosen one, when it has changed."""
        measured = self.measured
        if measured is None or not len(measured):
            return
        row = len(measured) - 1 if self.row is None else min(self.row, len(measured) - 1)
        if (measured.changes, row) == self._drawn:
            return
        assert isinstance(self.spec, Spectrum)      # noqa: S101 - chosen by type
        counts = measured.counts(row, self.spec.channel)
        if counts is None:
            return
        own = measured.wavelength(row)
        if own is not None:         # the spectrograph stood elsewhere than where the run began
            self._place = own
            self._know_nm()
        self._drawn = measured.changes, row
        self._counts = counts if counts.ndim == 1 else counts.reshape(-1, counts.shape[-1]).sum(axis=0)
        self._draw()

    # ---------------------------------------------------------------- drawing
    def _places(self) -> np.ndarray:
        assert self._counts is not None     # noqa: S101  asked for only with counts
        if self._place is None or len(self._place) != len(self._counts):
            self._place = np.arange(float(len(self._counts)))
        return self._place

    def _x(self, place: np.ndarray) -> np.ndarray:
        return self.scale.from_nm(place) if self._in_nm else place

    def _y(self, place: np.ndarray, counts: np.ndarray, dark: np.ndarray | None) -> np.ndarray:
        values = np.asarray(counts, dtype=float)
        if dark is not None and dark.shape == values.shape:
            values = values - dark
        if self.per_energy and self._in_nm:
            values = density(place, values, self.scale)
        return np.where(values > 0, values, np.nan) if self.log else values

    def _redraw(self) -> None:
        if self._counts is not None:
            self._draw()

    def _dark(self) -> np.ndarray | None:
        """Give what is to be subtracted; None when nothing is, or when no dark frame fits."""
        if not self.subtract or self.measured is None:
            return None
        exposure = self.measured.column("exposure_s")
        return self.measured.dark(None if exposure is None else float(exposure[self._drawn[1]]))

    def _draw(self) -> None:
        place, counts = self._places(), self._counts
        assert counts is not None   # noqa: S101  asked for only with counts
        dark = self._dark()
        x, y = self._x(place), self._y(place, counts, dark)
        self._curves["data"].setData(x, y)
        self._shown = x, y
        limits = None if self.measured is None else self.measured.column("saturation_counts")
        self.saturation.limit = float("nan") if limits is None else float(limits[self._drawn[1]])
        self.saturation.draw(x, y, counts, dark=dark, log=self.log, densities=self.per_energy and self._in_nm)
        self._draw_others(dark)
        self._set_range(x, y)
        self.saturation.tell()
        if not self._placed.isValid() or self._placed.hasExpired(PLACE_MS):
            self._placed.start()
            self._place_texts()
        self.readouts.offer(self._values)

    def _draw_others(self, dark: np.ndarray | None) -> None:
        """Draw reference and rehearsal, each in the present scale."""
        reference = self.reference if self.reference_button.isChecked() else None
        expected = None
        if self.rehearsed is not None and self._drawn[1] < len(self.rehearsed):
            expected = self.rehearsed.counts(self._drawn[1], getattr(self.spec, "channel", ""))
        promised = None if expected is None else Kept(self._places(), expected, "rehearsal")
        for name, kept in (("reference", reference), ("rehearsal", promised)):
            if kept is None or kept.counts.ndim != 1 or len(kept.place) != len(kept.counts):
                if self._curves[name].xData is not None and len(self._curves[name].xData):
                    self._curves[name].setData([], [])
            else:
                self._curves[name].setData(self._x(kept.place), self._y(kept.place, kept.counts, dark))
        names = {"data": "live", "reference": reference.name if reference else "", "rehearsal": promised.name if promised else ""}
        restyle_legend(self._legend, self.theme, {names[name]: curve for name, curve in self._curves.items() if names[name]})
        self._legend.setVisible(bool(names["reference"] or names["rehearsal"]))

    def _set_range(self, x: np.ndarray, y: np.ndarray) -> None:
        """Let the scales follow: the horizontal one once, the vertical one with some patience, so that it does not flicker."""
        if self._fresh_range:
            self.main.setXRange(float(np.nanmin(x)), float(np.nanmax(x)), padding=0.0)
        finite = y[np.isfinite(y)]
        if not len(finite) or not (self.auto or self._fresh_range):
            return
        low, high = float(finite.min()), float(finite.max())
        low, high = (np.log10(low), np.log10(high)) if self.log else (low, self.saturation.reach(high))
        now = self.main.vb.viewRange()[1]
        span = max(high - low, 1e-12)
        too_large = span < SHRINK * (now[1] - now[0])
        if self._fresh_range or high > now[1] or low < now[0] or too_large:
            self.main.setYRange(low - 0.04 * span, low + HEADROOM * span, padding=0.0)
        self._fresh_range = False

    def _label_axes(self) -> None:
        unknown = self._place is None and getattr(self.spec, "channel", "") == "counts"    # until the run tells
        self.main.getAxis("bottom").say(self.scale.label if self._in_nm or unknown else self._what)
        per = f"per {density_unit(self.scale)}" if self.per_energy and self._in_nm else "per bin" if self._unit else "per pixel"
        self.main.getAxis("left").say(f"Counts {per}{', background subtracted' if self.subtract else ''}")
        other = EV if self.scale is NM else NM
        scale = self.scale
        self._top.convert_by(lambda value: other.from_nm(scale.to_nm(value)), lambda value: scale.from_nm(other.to_nm(value)),
                             other.unit)

    # ---------------------------------------------------------------- switches
    def _set(self, name: str, on: bool) -> None:
        setattr(self, name, on)
        if name == "log":
            self.main.setLogMode(False, on)
        self._fresh_range |= name in ("log", "per_energy", "subtract", "auto")
        self._label_axes()
        self._redraw()

    def _set_scale(self, chosen: int) -> None:
        old, self.scale = self.scale, SCALES[chosen]
        self.pointers.convert(lambda place: float(self.scale.from_nm(old.to_nm(np.array(place)))))
        self._fresh_range = True
        self._label_axes()
        self._redraw()

    def _show_pointer(self, name: str, on: bool) -> None:
        """Show the region or the cursor, first where it is of use."""
        shown = None if self._counts is None else self._shown
        (self.pointers.show_region if name == "region" else self.pointers.show_cursor)(on, shown)
        self._tell_cursor()
        self._read_off()

    def _tell_cursor(self) -> None:
        """Write at the cursor what stands there, on every scale; let other plots follow."""
        if self._counts is None or not self.pointers.cursor.isVisible():
            self._place_texts()
            return
        nm = self.pointers.tell(*self._shown, self.scale if self._in_nm else None, self._what)
        self._place_texts()
        if nm is not None:
            self.chosen.emit(nm)

    def _place_texts(self) -> None:
        """Find places for legend, limit and cursor, clear of the curves."""
        if not self._texts.any:
            return
        curves = [curve.curve.getData() for curve in self._curves.values()]
        lines = [(x, y) for x, y in curves if x is not None and y is not None]
        lines += self.saturation.drawn()
        if self.pointers.cursor.isVisible():
            lines.append(upright(float(self.pointers.cursor.value()), self.main))
        self._texts.keep_clear(lines=lines)

    # ---------------------------------------------------------------- what is read off
    def _read_off(self) -> None:
        if self._counts is not None:
            self.readouts.show_values(*self._values())

    def _values(self) -> list[Value]:
        x, y = self._shown
        found = read_off(x, y)
        unit = self.scale.unit if self._in_nm else self._unit
        values: list[Value] = [("Peak", f"{number(found.peak, 5)} {unit}", ""),
                               ("Centroid", f"{number(found.centroid, 5)} {unit}", ""),
                               ("FWHM", width_text(self.scale if self._in_nm else None, found.peak, found.fwhm, self._unit), "")]
        if self.pointers.region.isVisible():
            values.append(("Region", f"{number(inside(x, y, *self.pointers.region.getRegion()))} counts", ""))
        assert self._counts is not None     # noqa: S101  asked for only with counts
        values.append(maximum(float(self._counts.max()), self.saturation.limit))
        if self.subtract and self.measured is not None:
            values.append(background(self.measured, self._drawn[1], found=self._dark() is not None))
        marks = self.measured.flags[self._drawn[1]] if self.measured is not None else ()
        return values + [("", f"▲ {mark.replace('_', ' ')}", "warning") for mark in marks if mark != "saturated"]

    def curve(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Give the spectrum as it is drawn."""
        return None if self._counts is None else self._shown

    def point_to(self, place: float) -> None:
        """Put the cursor at a vacuum wavelength."""
        if self._in_nm and not np.isclose(float(self.scale.to_nm(np.array(self.pointers.cursor.value()))), place):
            self.pointers.cursor.setValue(float(self.scale.from_nm(np.array(place))))

    # ---------------------------------------------------------------- looks and clipboard
    def colours(self, theme: Theme) -> None:
        """Colour what is drawn."""
        self._curves["data"].setPen(line(theme.series[0]))
        self._curves["reference"].setPen(dashed(theme.muted))
        self._curves["rehearsal"].setPen(dotted(theme.simulated))
        self.saturation.restyle(theme)
        self.pointers.restyle(theme)
        self._redraw()

    def table(self) -> Table:
        """Give place, counts as they came, and what is drawn."""
        if self._counts is None:
            return (), ()
        x, y = self._shown
        return ((self.main.getAxis("bottom").labelText, "Counts as they came", self.main.getAxis("left").labelText),
                (x, self._counts, y))


VIEWS[Spectrum] = SpectrumView
