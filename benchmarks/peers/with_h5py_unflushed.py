"""Plain h5py as most scripts use it: a file that is closed at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.peers.scan import PIXELS, frames, numbers, position
from benchmarks.peers.with_h5py import WIDTH

SETTING = "no flush, no SWMR: written when the file is closed"


def write(folder: Path, count: int, done: Callable[[int], None]) -> None:
    """Scan."""
    taken = frames()
    with h5py.File(folder / "scan.h5", "w") as file:
        spectra: Any = file.create_dataset("counts", (0, PIXELS), "u4", maxshape=(None, PIXELS), chunks=(32, PIXELS))
        values: Any = file.create_dataset("values", (0, WIDTH), "f8", maxshape=(None, WIDTH), chunks=(1024, WIDTH))
        for index in range(count):
            spectra.resize(index + 1, axis=0)
            spectra[index] = taken[index % len(taken)]
            values.resize(index + 1, axis=0)
            values[index] = (position(index), *numbers(index).values())
            done(index)


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read everything back."""
    with h5py.File(folder / "scan.h5", "r") as file:
        spectra: Any = file["counts"]
        values: Any = file["values"]
        whole = min(len(spectra), len(values))
        return spectra[:whole], values[:whole]
