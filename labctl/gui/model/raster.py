"""Rows on an even raster: what a map needs to be an image, which is two hundred times cheaper to draw than a mesh of cells.

For display only: every row is read off at even steps of its axis; rows at uneven places fill as many lines as their cell is high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EVEN = 0.02                 # relative deviation of steps that still count as one
LEAST_RATIO = 3.0           # of last over first, from which a geometric series is drawn on a logarithmic axis
FINEST = 4                  # lines per row, on average, where rows are unevenly spaced
MOST_LINES = 1024
VISIBLE = 12.0              # scatters of neighbouring columns by which there is light
NOT_MEASURED = 0            # index of the colour table that is transparent
COLOURS = 255               # of the others


@dataclass(frozen=True)
class Grid:
    """Where the rows of a map lie: `values` ascending; `low` and `high` are the edges, log10 of them where `log`.

    `owner` names for every line of the image the row that it shows.
    """

    values: np.ndarray
    log: bool
    low: float
    high: float
    owner: np.ndarray

    @property
    def even(self) -> bool:
        """True where every row is one line."""
        return len(self.owner) == len(self.values)

    def position(self, value: np.ndarray | float) -> np.ndarray:
        """Give where a value lies on the axis."""
        return np.log10(value) if self.log else np.asarray(value, dtype=float)

    def lines_of(self, row: int) -> slice:
        """Give the lines of the image that show a row."""
        if self.even:
            return slice(row, row + 1)
        return slice(int(np.searchsorted(self.owner, row)), int(np.searchsorted(self.owner, row, "right")))

    def nearest(self, position: float) -> int:
        """Give the row at a position of the axis."""
        line = int((position - self.low) / (self.high - self.low) * len(self.owner))
        return int(self.owner[min(max(line, 0), len(self.owner) - 1)])


def grid_of(values: np.ndarray) -> Grid:
    """Lay out rows at these values (1-D, any order, no repetition)."""
    ordered = np.sort(np.asarray(values, dtype=float))
    if len(ordered) < 2:
        centre = float(ordered[0]) if len(ordered) else 0.0
        return Grid(ordered, False, centre - 0.5, centre + 0.5, np.zeros(1, dtype=int))
    log = bool(ordered[0] > 0 and ordered[-1] > LEAST_RATIO * ordered[0] and not _even(ordered) and _even(np.log10(ordered)))
    place = np.log10(ordered) if log else ordered
    middle = (place[1:] + place[:-1]) / 2
    low, high = float(2 * place[0] - middle[0]), float(2 * place[-1] - middle[-1])
    if _even(place):
        return Grid(ordered, log, low, high, np.arange(len(ordered)))
    lines = min(max(FINEST * len(ordered), len(ordered)), max(MOST_LINES, len(ordered)))
    centres = low + (np.arange(lines) + 0.5) * (high - low) / lines
    return Grid(ordered, log, low, high, np.searchsorted(middle, centres))


def _even(values: np.ndarray) -> bool:
    steps = np.diff(values)
    return bool(np.all(np.abs(steps - steps.mean()) <= EVEN * abs(steps.mean())))


class Raster:
    """The rows of a map, on an even axis of as many places as there are pixels. Rows that were not measured are NaN."""

    def __init__(self, grid: Grid, x: np.ndarray):
        """Take the places of the pixels (1-D, ascending or descending)."""
        self.grid = grid
        self._order = slice(None) if x[0] <= x[-1] else slice(None, None, -1)
        self._x = np.asarray(x, dtype=float)[self._order]
        self.x = np.linspace(self._x[0], self._x[-1], len(x))
        self.z = np.full((len(grid.values), len(x)), np.nan, dtype=np.float32)

    @property
    def step(self) -> float:
        """Distance of two columns."""
        return float(self.x[1] - self.x[0]) if len(self.x) > 1 else 1.0

    def put(self, row: int, values: np.ndarray) -> None:
        """Put the values of the pixels into a row."""
        self.z[row] = np.interp(self.x, self._x, values[self._order])

    def column(self, place: float) -> int:
        """Give the column at a place of the axis."""
        return int(np.clip(round((place - self.x[0]) / self.step), 0, len(self.x) - 1))


def levels(z: np.ndarray, log: bool) -> tuple[float, float]:
    """Give the darkest and the brightest level of rows (n, pixels), log10 of them where `log`.

    They reach from the noise to the brightest lines; a few pixels may be brighter (cosmic rays). NaN counts for nothing.
    """
    finite = z[np.isfinite(z)]
    if not len(finite):
        return (0.0, 1.0)
    high = float(np.partition(finite, -_few(len(finite)))[-_few(len(finite))])
    if not log:
        low = float(np.partition(finite, len(finite) // 50)[len(finite) // 50])
        return (low, high) if high > low else (low, low + 1.0)
    steps = np.abs(np.diff(z, axis=1))
    scatter = float(np.nanmedian(steps)) if np.isfinite(steps).any() else 0.0
    floor = max(scatter, high * 1e-6, 1e-30)
    return float(np.log10(floor)), float(np.log10(max(high, 10.0 * floor)))


def lit(z: np.ndarray) -> tuple[int, int]:
    """Give first and last column between which the mean of rows (n, pixels) stands out of its scatter; all if none does."""
    mean = np.nan_to_num(np.nanmean(z, axis=0)) if np.isfinite(z).any() else np.zeros(z.shape[1])
    scatter = float(np.median(np.abs(np.diff(mean)))) / 0.6745 / np.sqrt(2.0)
    clear = np.flatnonzero(mean - np.percentile(mean, 10) > VISIBLE * scatter)
    if len(clear) < 2:
        return 0, z.shape[1] - 1
    spread = max((clear[-1] - clear[0]) // 10, 5)
    return max(int(clear[0] - spread), 0), min(int(clear[-1] + spread), z.shape[1] - 1)


def _few(count: int) -> int:
    return max(1, min(count // 2000, 30))


def indexed(z: np.ndarray, low: float, high: float, log: bool) -> np.ndarray:
    """Give places in a colour table: 1 to 255 from `low` to `high`, 0 where nothing was measured."""
    measured = np.isfinite(z)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log10(z) if log else z
    share = np.where(measured, (level - low) / (high - low), 0.0)
    share = np.where(np.isnan(share), 0.0, np.clip(share, 0.0, 1.0))
    return np.where(measured, 1 + np.rint(share * (COLOURS - 1)), NOT_MEASURED).astype(np.uint8)
