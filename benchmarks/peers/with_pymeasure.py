"""PyMeasure: a Procedure in a Worker, results in CSV. A column holds one number, so every pixel is a column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pymeasure.experiment import IntegerParameter, Procedure, Results, Worker

from benchmarks.peers.scan import NAMES, PIXELS, frames, numbers, position

SETTING = "Worker and CSV, which is flushed after every record; one column per pixel"
COLUMNS = tuple(f"pixel_{index}" for index in range(PIXELS))
LONGEST_S = 600


class Scan(Procedure):
    """The scan, as a user of PyMeasure declares it."""

    points = IntegerParameter("Points", default=1)
    DATA_COLUMNS = ["wavelength", *NAMES, *COLUMNS]     # noqa: RUF012  as PyMeasure declares them
    done: Callable[[int], None]

    def execute(self) -> None:
        emit: Any = self.emit
        taken = [dict(zip(COLUMNS, frame.tolist(), strict=True)) for frame in frames()]
        for index in range(self.points):
            emit("results", {"wavelength": position(index), **numbers(index), **taken[index % len(taken)]})
            self.done(index)


def write(folder: Path, count: int, done: Callable[[int], None]) -> None:
    """Scan."""
    scan = Scan(points=count)
    scan.done = done
    worker = Worker(Results(scan, str(folder / "scan.csv")))
    worker.start()
    worker.join(timeout=LONGEST_S)


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read everything back, as PyMeasure's own windows do."""
    data = Results.load(str(folder / "scan.csv")).data
    return data[list(COLUMNS)].to_numpy("u4"), data[["wavelength", *NAMES]].to_numpy(float)
