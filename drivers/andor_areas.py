"""What an Andor camera reads of its chip: all rows together, one or several tracks, an image (SDK2 guide, "Readout modes").

Rows and columns count from 1, as in the manual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from drivers._sdk.atmcd import Library
from drivers.device import option
from labctl.core.errors import InstrumentError

FVB, MULTI_TRACK, RANDOM_TRACK, SINGLE_TRACK, IMAGE = range(5)
READ_MODES = {"fvb": FVB, "multi_track": MULTI_TRACK, "random_track": RANDOM_TRACK, "single_track": SINGLE_TRACK, "image": IMAGE}
CAPABILITY = {"fvb": 8, "multi_track": 16, "random_track": 32, "single_track": 4, "image": 1}
"""Bit of a camera's read modes by which it says that it can."""


@dataclass(frozen=True)
class Area:
    """The lines of a frame: `rows` (first, last) that make up each of them, `columns` (first, last) read, `binning` of columns."""

    mode: str
    rows: tuple[tuple[int, int], ...]
    columns: tuple[int, int]
    binning: int = 1

    @property
    def width(self) -> int:
        """Pixels in a line."""
        return (self.columns[1] - self.columns[0] + 1) // self.binning

    @property
    def heights(self) -> tuple[int, ...]:
        """Rows in each line."""
        return tuple(last - first + 1 for first, last in self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a frame: (pixels,) where it has one line, else (lines, pixels)."""
        return (self.width,) if self.mode in ("fvb", "single_track") else (len(self.rows), self.width)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of its dimensions."""
        return ("pixel",) if len(self.shape) == 1 else ("row" if self.mode == "image" else "track", "pixel")

    @property
    def summed(self) -> bool:
        """True where pixels are summed in the register, which holds more than a pixel."""
        return self.binning > 1 or max(self.heights) > 1


class Chip:
    """The chip of one camera, and what can be read of it; `name` is the instrument of which errors speak."""

    def __init__(self, name: str, columns: int, rows: int):
        self.name, self.columns, self.rows = name, columns, rows

    def area(self, mode: str, *, track: Sequence[int] | None, tracks: Sequence[Any] | None, region: Sequence[int] | None,
             binning: Sequence[int]) -> Area:
        """Turn the options of a bench file into an area; raises InstrumentError for what does not fit on the chip."""
        option(self.name, "read_mode", mode, list(READ_MODES))
        whole = (1, self.columns)
        if mode == "fvb":
            return Area(mode, ((1, self.rows),), whole)
        if mode == "single_track":
            centre, height = track or (self.rows // 2, self.rows // 4)
            first = centre - (height - 1) // 2
            what = f"the track of {height} rows around row {centre}"
            if height < 1 or centre - height // 2 < 1 or first + height - 1 > self.rows:
                raise self._misfit(what, "track = [centre, height]")
            return Area(mode, ((first, first + height - 1),), whole)
        if mode == "multi_track":
            return Area(mode, self._even(tracks), whole)
        if mode == "random_track":
            return Area(mode, self._listed(tracks), whole)
        return self._image(region, binning)

    def _even(self, tracks: Sequence[Any] | None) -> tuple[tuple[int, int], ...]:
        """Spread tracks evenly, as the library will; where they really lie is its answer to SetMultiTrack."""
        number, height, offset = (*(tracks or ()), 0)[:3] if tracks and len(tracks) in (2, 3) else (0, 0, 0)
        gap = self.rows // number - height if number else -1
        first = 1 + gap // 2 + offset
        last = first + (number - 1) * (height + gap) + height - 1
        if number < 1 or height < 1 or gap < 0 or first < 1 or last > self.rows:
            raise self._misfit(f"tracks = {tracks!r}", "tracks = [number, height, offset]")
        return tuple((start, start + height - 1) for start in range(first, last + 1, height + gap))

    def _listed(self, tracks: Sequence[Any] | None) -> tuple[tuple[int, int], ...]:
        try:
            pairs = tuple((int(first), int(last)) for first, last in tracks or ())
        except (TypeError, ValueError):
            pairs = ()
        rows = [0, *(row for pair in pairs for row in pair)]
        ascending = all(first <= last for first, last in pairs) and all(
            before[1] < after[0] for before, after in pairwise(pairs))
        if not pairs or not ascending or min(rows[1:]) < 1 or max(rows) > self.rows:
            raise self._misfit(f"tracks = {tracks!r}", "tracks = [[first, last], ...], ascending and apart")
        return pairs

    def _image(self, region: Sequence[int] | None, binning: Sequence[int]) -> Area:
        left, right, low, high = region or (1, self.columns, 1, self.rows)
        horizontal, vertical = binning
        fits = 1 <= left <= right <= self.columns and 1 <= low <= high <= self.rows and horizontal >= 1 and vertical >= 1
        if not fits or (right - left + 1) % horizontal or (high - low + 1) % vertical:
            raise self._misfit(f"the region {list(region or (left, right, low, high))} binned by {list(binning)}",
                               "region = [left, right, low, high], of which the binning has to be a part")
        return Area("image", tuple((row, row + vertical - 1) for row in range(low, high + 1, vertical)), (left, right), horizontal)

    def _misfit(self, what: str, how: str) -> InstrumentError:
        return InstrumentError(self.name, f"{what} does not fit on {self.columns} columns and {self.rows} rows.", state="not set",
                               remedy=f"Correct the option {how} in the bench file.")


def set_area(sdk: Library, area: Area) -> Area:
    """Tell the camera what to read; gives the area as the camera has it."""
    sdk.call("SetReadMode", READ_MODES[area.mode])
    first, last = area.rows[0]
    height = last - first + 1
    if area.mode == "single_track":
        sdk.call("SetSingleTrack", first + (height - 1) // 2, height)
    elif area.mode == "random_track":
        sdk.call("SetRandomTracks", len(area.rows), np.array(area.rows, dtype=np.int32).ravel())
    elif area.mode == "image":
        sdk.call("SetImage", area.binning, height, *area.columns, first, area.rows[-1][1])
    return area


def set_even_tracks(sdk: Library, area: Area, offset: int) -> Area:
    """Tell the camera to spread tracks evenly; gives them where the library says that they are."""
    sdk.call("SetReadMode", MULTI_TRACK)
    height = area.heights[0]
    bottom, gap = sdk.call("SetMultiTrack", len(area.rows), height, offset)
    starts = [bottom + number * (height + gap) for number in range(len(area.rows))]
    return Area(area.mode, tuple((start, start + height - 1) for start in starts), area.columns)
