"""The chip of a camera as it was read out: where the slit lies, where the tracks, where the zero order."""

from __future__ import annotations

import numpy as np

from labctl.core.plots import Image, Plot
from labctl.gui.model.measured import channel_name
from labctl.gui.theme import DARK, Theme
from labctl.gui.views.plots.axes import whole
from labctl.gui.views.plots.base import VIEWS, Table
from labctl.gui.views.plots.marks import line
from labctl.gui.views.plots.picture import PictureView

SIDE_PX = 120
SUMMED = 'The camera sums its rows: set read_mode = "image" in the bench file to see the chip.'


class ImageView(PictureView):
    """Draws an `Image`, with the sum over all columns beside it: the profile along the slit."""

    def __init__(self, spec: Plot, theme: Theme = DARK):
        super().__init__(spec, theme)
        self._counts: np.ndarray | None = None
        self._drawn = -1
        self._limit = float("nan")
        self.profile = self.plot(0, 2)
        self.profile.setYLink(self.main)
        self.profile.setFixedWidth(SIDE_PX)
        self.profile.getAxis("left").setStyle(showValues=False)
        self.profile.getAxis("bottom").say("Mean of a row")
        self._curve = self.profile.plot()
        for side, label in (("bottom", "Column"), ("left", "Row")):
            self.main.getAxis(side).say(label)

    def begin(self) -> None:
        """Forget the last run."""
        self._drawn, self._counts = -1, None
        self.image.clear()
        self._curve.setData([], [])

    @property
    def empty(self) -> bool:
        """Whether no image has come."""
        return self._counts is None

    def follow(self) -> None:
        """Draw the newest image."""
        measured = self.measured
        if measured is None or not len(measured) or measured.changes == self._drawn:
            return
        self._drawn = measured.changes
        counts = measured.counts(len(measured) - 1, channel_name(measured.header, getattr(self.spec, "channel", "")))
        if counts is None:
            return
        if counts.ndim < 2:
            self.readouts.show_values(("", SUMMED, "muted"))
            return
        limits = measured.column("saturation_counts")
        self._limit = float("nan") if limits is None else float(limits[-1])
        first = self._counts is None or self._counts.shape != counts.shape[-2:]
        self._counts = counts.reshape(-1, *counts.shape[-2:])[-1]
        if first:
            rows, columns = self._counts.shape
            self.main.setRange(xRange=(0.5, columns + 0.5), yRange=(0.5, rows + 0.5), padding=0.0)
            row, column = np.unravel_index(int(self._counts.argmax()), self._counts.shape)
            self.cross[0].setValue(float(column) + 1.0)
            self.cross[1].setValue(float(row) + 1.0)
        self.redraw()

    def redraw(self) -> None:
        """Draw again."""
        if self._counts is None:
            return
        rows, columns = self._counts.shape
        self.picture(self._counts.astype(np.float32), (0.5, 0.5, float(columns), float(rows)), "Counts")
        self._curve.setData(self._counts.mean(axis=1), np.arange(1.0, rows + 1.0))
        self.read()

    def read(self) -> None:
        """Write below what stands at the cross, where the light lies and how full the pixels are."""
        if self._counts is None:
            return
        rows, columns = self._counts.shape
        column, row = (int(np.clip(round(float(part.value())), 1, most))
                       for part, most in zip(self.cross, (columns, rows), strict=True))
        profile = self._counts.mean(axis=1) - float(np.percentile(self._counts.mean(axis=1), 20))
        weight = np.clip(profile, 0.0, None)
        middle = float(np.average(np.arange(1.0, rows + 1.0), weights=weight)) if weight.any() else float("nan")
        highest, full = int(self._counts.max()), int(np.count_nonzero(self._counts >= self._limit))
        share = f" · {highest / self._limit:.0%} of full well" if np.isfinite(self._limit) else ""
        self.readouts.show_values(
            ("Cursor", f"column {column} · row {row} · {whole(float(self._counts[row - 1, column - 1]))} counts", ""),
            ("Middle of the light", f"row {middle:.1f}", ""),
            ("Maximum", f"{'■ ' if full else ''}{whole(highest)}{share}", "fault" if full else ""),
            ("Saturated pixels", str(full), "fault" if full else "ok"))

    def colours(self, theme: Theme) -> None:
        """Colour what is drawn."""
        super().colours(theme)
        self._curve.setPen(line(theme.series[0]))

    def table(self) -> Table:
        """Give the image, one column of the table for each row of the chip."""
        if self._counts is None:
            return (), ()
        return [f"row {row + 1}" for row in range(len(self._counts))], list(self._counts)


VIEWS[Image] = ImageView
