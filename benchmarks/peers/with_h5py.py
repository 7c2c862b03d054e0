"""Plain h5py: what one writes oneself. Single-writer mode (SWMR) is the one in which a file is promised to stay readable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.peers.scan import NUMBERS, PIXELS, frames, numbers, position

SETTING = "SWMR, flush of both datasets after every point"
WIDTH = 1 + NUMBERS


def write(folder: Path, count: int, done: Callable[[int], None]) -> None:
    """Scan."""
    taken = frames()
    with h5py.File(folder / "scan.h5", "w", libver="latest") as file:
        spectra: Any = file.create_dataset("counts", (0, PIXELS), "u4", maxshape=(None, PIXELS), chunks=(32, PIXELS))
        values: Any = file.create_dataset("values", (0, WIDTH), "f8", maxshape=(None, WIDTH), chunks=(1024, WIDTH))
        file.swmr_mode = True
        for index in range(count):
            spectra.resize(index + 1, axis=0)
            spectra[index] = taken[index % len(taken)]
            values.resize(index + 1, axis=0)
            values[index] = (position(index), *numbers(index).values())
            spectra.flush()
            values.flush()
            done(index)


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read everything back."""
    with h5py.File(folder / "scan.h5", "r", libver="latest", swmr=True) as file:
        spectra: Any = file["counts"]
        values: Any = file["values"]
        whole = min(len(spectra), len(values))
        return spectra[:whole], values[:whole]
