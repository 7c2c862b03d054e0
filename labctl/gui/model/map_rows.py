"""The rows of a map: where each belongs, and what is made of it before it is drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labctl.analysis.labels import axis_label, shown_as
from labctl.analysis.pump import margin
from labctl.core.quantities import long_name
from labctl.gui.model.measured import Measured, abscissa, channel_name, columns, planned, spectrograph_moves
from labctl.gui.model.raster import Grid, Raster, grid_of
from labctl.gui.model.scales import EV, NM, Scale, density

ASIDE = ("pump_overlap", "saturated")       # rows so flagged do not say how bright the others are drawn
FLUX = ("pump.photon_flux_measured", "pump.power_measured", "power")
USUAL_BANDWIDTH_NM, USUAL_FWHM_NM = 2.0, 0.3        # of pump and instrument where the run does not say


class MapRows:
    """Rows of one run over one quantity, in units for people.

    A run whose values repeat, or that nobody could plan, has its points one after the other.
    """

    def __init__(self, measured: Measured, y_name: str, channel: str = ""):
        self.measured, self.y_name = measured, y_name
        self.unit, self.factor = shown_as(y_name)
        self.scale: Scale = NM
        self.normalise = self.masked = False
        self.moves = spectrograph_moves(measured.header)
        name = channel_name(measured.header, channel)
        found = columns(measured.header, name) if self.moves else abscissa(measured.view, name)
        self.in_nm = found is not None and found[1] == "nm"
        self.place = None if found is None else found[2]
        self.x_label = "Pixel" if found is None else axis_label(found[0].replace("_", " ").capitalize(), found[1])
        wanted = planned(measured.header, y_name) * self.factor
        self.repeats = len(np.unique(wanted)) < len(wanted)
        self._values = np.arange(1.0, len(wanted) + 1) if self.repeats else wanted
        self.planned = len(wanted) if len(wanted) and np.isfinite(self._values).all() else 0
        self.raster: Raster | None = None
        self.lay_out()

    def lay_out(self) -> None:
        """Begin anew with empty rows; where there is no plan the rows are those that have come."""
        self.seen = 0
        self.row_of: dict[int, int] = {}        # line of the map -> row of the run that it shows
        self.last = 0                           # the line that was filled last
        if not self.planned:
            self._as_measured()
        if self.place is not None and len(self._values):
            x = self.scale.from_nm(self.place) if self.in_nm else self.place
            self.raster = Raster(self.grid, x)

    @property
    def grid(self) -> Grid:
        """Where the rows lie."""
        return grid_of(np.unique(self._values))

    @property
    def unknown(self) -> bool:
        """Whether nobody knows yet which places the pixels have."""
        return self.place is None and not self.seen

    def _as_measured(self) -> None:
        measured = self.measured
        if not len(measured):
            return
        if self.place is None and (counts := measured.counts(0)) is not None:
            self.place = np.arange(float(counts.shape[-1]))
        values = measured.column(self.y_name)
        self.repeats = values is None or len(np.unique(values)) < len(values)
        self._values = np.arange(1.0, len(measured) + 1) if values is None or self.repeats else values * self.factor

    def take(self) -> Iterator[int]:
        """Fill in the rows that have come since the last call; gives their lines one by one."""
        if self.seen < len(self.measured) and not self.planned:
            self.lay_out()
        if not self.seen and len(self.measured) and not self.moves and (own := self.measured.wavelength(0)) is not None:
            self.place = own            # the spectrograph went to its one place after the run had described itself
            self.lay_out()
        for row in range(self.seen, len(self.measured)):
            self.seen = row + 1
            if (line := self._fill(row)) is not None:
                yield line

    def _fill(self, row: int) -> int | None:
        raster, values = self.raster, self.measured.column(self.y_name)
        signal = self.measured.signal(row)
        if raster is None:
            return None
        value = row + 1.0 if self.repeats or values is None else float(values[row]) * self.factor
        line = self.last = self.line_at(value)
        self.row_of[line] = row
        if signal is None or signal.shape[-1] != len(raster.x):
            return None
        raster.put(line, self._made_of(signal.reshape(-1, signal.shape[-1]).sum(axis=0) if signal.ndim > 1 else signal, row))
        return line

    def line_at(self, value: float) -> int:
        """Give the line that is nearest to a value."""
        assert self.raster is not None      # noqa: S101  asked for only with rows
        return int(np.argmin(np.abs(self.raster.grid.values - value)))

    def _made_of(self, signal: np.ndarray, row: int) -> np.ndarray:
        """Make of a row what is to be drawn: per energy on an axis in eV, per flux, without the scattered line."""
        values = np.asarray(signal, dtype=float)
        assert self.place is not None       # noqa: S101  there is a raster
        if self.normalise and (flux := self._flux()) is not None:
            values = values * (float(np.nanmean(flux)) / flux[row])
        if self.masked and (pump := self.measured.column("pump.wavelength")) is not None:
            told = self.measured.header.get("constants", {})
            away = margin(float(told.get("pump.bandwidth", USUAL_BANDWIDTH_NM)),
                          float(told.get("detection.instrument_fwhm", USUAL_FWHM_NM)))
            values = np.where(np.abs(self.place - pump[row]) < away, np.nan, values)
        return density(self.place, values, EV) if self.in_nm and self.scale is EV else values

    def _flux(self) -> np.ndarray | None:
        columns = (self.measured.column(name) for name in FLUX)
        return next((column for column in columns if column is not None and np.all(column > 0)), None)

    # ---------------------------------------------------------------- what is asked of them
    def plain(self) -> list[int]:
        """Give the lines whose brightness counts: measured, and not flagged for light that is not the sample's."""
        flags = self.measured.flags
        plain = [line for line, row in self.row_of.items() if not any(flag in ASIDE for flag in flags[row])]
        return plain or list(self.row_of)

    def brightest_line(self, column: int) -> int:
        """Give the line that is the brightest in a column."""
        assert self.raster is not None      # noqa: S101  asked for only with rows
        heights = np.nan_to_num(self.raster.z[:, column], nan=-np.inf)
        return max(self.plain(), key=lambda line: float(heights[line]))

    def brightest_column(self) -> int:
        """Give the column that is the brightest in most rows; a cosmic ray is in one only."""
        assert self.raster is not None      # noqa: S101  asked for only with rows
        return int(np.argmax(np.median(np.nan_to_num(self.raster.z[self.plain()], nan=-np.inf), axis=0)))

    def promised(self, rehearsed: Measured) -> Raster | None:
        """Give the rows of a rehearsal on the same raster; None where they cannot be told apart."""
        values = rehearsed.column(self.y_name)
        if self.raster is None or values is None or self.repeats or self.place is None:
            return None
        made = Raster(self.raster.grid, self.scale.from_nm(self.place) if self.in_nm else self.place)
        for row, value in enumerate(values * self.factor):
            signal = rehearsed.signal(row)
            if signal is not None and signal.shape == self.raster.x.shape:
                made.put(self.line_at(float(value)), signal)
        return made

    @property
    def y_label(self) -> str:
        """Words and unit of the rows."""
        return "Point number" if self.repeats else axis_label(long_name(self.y_name), self.unit)

    def words(self, line: int, text: str) -> str:
        """Say which row a line is; `text` is its value as written."""
        return f"point {line + 1}" if self.repeats else f"{text} {self.unit}".rstrip()
