"""One number per place over two set-points; places that were not visited stay empty."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labctl.analysis.labels import axis_label, quantity_label, shown_as
from labctl.core.plots import HeatMap, Plot
from labctl.core.quantities import QUANTITIES, long_name, quantity_unit
from labctl.gui.model.measured import planned
from labctl.gui.theme import DARK, Theme
from labctl.gui.views.plots.axes import number, place
from labctl.gui.views.plots.base import VIEWS, Table
from labctl.gui.views.plots.picture import PictureView
from labctl.gui.views.plots.reduced import refusal, short_text, words

MOST_READOUTS = 3


class HeatMapView(PictureView):
    """Draws a `HeatMap`: the reduced number where there is one, else the run's own."""

    def __init__(self, spec: Plot, theme: Theme = DARK):
        super().__init__(spec, theme)
        assert isinstance(spec, HeatMap)    # noqa: S101 - chosen by type
        self.heat = spec
        self._drawn = -1
        self._columns = self._rows = np.empty(0)
        self._z = np.empty((0, 0))
        self._label = ""

    def begin(self) -> None:
        """Lay out the places that are planned."""
        self._drawn = -1
        self.image.clear()
        self._z = np.empty((0, 0))
        self.main.getAxis("bottom").say(quantity_label(self.heat.x))
        self.main.getAxis("left").say(quantity_label(self.heat.y))
        self.main.setAspectLocked(bool(quantity_unit(self.heat.x)) and quantity_unit(self.heat.x) == quantity_unit(self.heat.y))

    @property
    def empty(self) -> bool:
        """Whether there is no place to be drawn."""
        return not self._z.size

    def follow(self) -> None:
        """Draw the places that have come."""
        if self.measured is not None and self.measured.changes != self._drawn:
            self._drawn = self.measured.changes
            self.redraw()

    def draw_reduced(self) -> None:
        """Draw what the analysis made of the run."""
        self.redraw()

    def redraw(self) -> None:
        """Draw every place."""
        measured = self.measured
        if measured is None or not len(measured):
            return
        x, y = measured.column(self.heat.x), measured.column(self.heat.y)
        values, unit = self._values()
        if x is None or y is None or values is None or len(values) != len(x):
            self.readouts.show_values(("Places", str(len(measured)), ""), *refusal(measured))
            return
        plan = [planned(measured.header, name) for name in (self.heat.x, self.heat.y)]
        spans = [shown_as(name)[1] * np.unique(wanted if len(wanted) and np.isfinite(wanted).all() else found)
                 for name, wanted, found in zip((self.heat.x, self.heat.y), plan, (x, y), strict=True)]
        self._columns, self._rows = spans
        self._z = np.full((len(self._rows), len(self._columns)), np.nan)
        across = np.abs(self._columns[:, None] - x * shown_as(self.heat.x)[1]).argmin(axis=0)
        up = np.abs(self._rows[:, None] - y * shown_as(self.heat.y)[1]).argmin(axis=0)
        shown_unit, factor = shown_as(self.heat.z, unit)
        self._z[up, across] = values * factor
        self._label = axis_label(self._name(), shown_unit)
        wide, high = (float(np.diff(span).mean()) if len(span) > 1 else 1.0 for span in spans)
        left, bottom = float(self._columns[0]) - wide / 2, float(self._rows[0]) - high / 2
        width, height = wide * len(self._columns), high * len(self._rows)
        self.picture(self._z, (left, bottom, width, height), self._label)
        self.main.setRange(xRange=(left, left + width), yRange=(bottom, bottom + height), padding=0.0)
        top = np.unravel_index(int(np.nanargmax(self._z)), self._z.shape)
        self.cross[0].setValue(float(self._columns[top[1]]))
        self.cross[1].setValue(float(self._rows[top[0]]))
        self.read()

    def _values(self) -> tuple[np.ndarray | None, str]:
        assert self.measured is not None        # noqa: S101  asked for only with points
        curve = self.measured.reduction.curves.get(self.heat.z) if self.measured.reduction else None
        if curve is not None:
            return curve.y, curve.unit
        return self.measured.column(self.heat.z), quantity_unit(self.heat.z)

    def _name(self) -> str:
        reduction = self.measured.reduction if self.measured else None
        curve = reduction.curves.get(self.heat.z) if reduction else None
        return long_name(self.heat.z).capitalize() if curve is None else curve.label

    def read(self) -> None:
        """Write below what stands at the cross, and what the analysis found."""
        if not self._z.size or self.measured is None:
            return
        x, y = (float(part.value()) for part in self.cross)
        column, row = int(np.abs(self._columns - x).argmin()), int(np.abs(self._rows - y).argmin())
        units = [shown_as(name, quantity_unit(name))[0] for name in (self.heat.x, self.heat.y)]
        value = float(self._z[row, column])
        results = self.measured.reduction.results if self.measured.reduction else {}
        self.readouts.show_values(
            ("Cursor", f"{place(float(self._columns[column]))} {units[0]} · {place(float(self._rows[row]))} {units[1]}", ""),
            ("Value", number(value) if np.isfinite(value) else "not measured", ""),
            ("Places", f"{np.count_nonzero(np.isfinite(self._z))} of {self._z.size}", ""),
            *((words(name), short_text(result), "") for name, result in list(results.items())[:MOST_READOUTS]))

    def table(self) -> Table:
        """Give rows of places and their numbers."""
        if not self._z.size:
            return (), ()
        across, up = np.meshgrid(self._columns, self._rows)
        names = (quantity_label(self.heat.x), quantity_label(self.heat.y), self._label)
        return names, (across.ravel(), up.ravel(), self._z.ravel())

    def places(self, x: float, y: float) -> Mapping[str, float]:
        """Give both quantities at a place."""
        return {name: value / shown_as(name)[1] for name, value in ((self.heat.x, x), (self.heat.y, y)) if name in QUANTITIES}


VIEWS[HeatMap] = HeatMapView
