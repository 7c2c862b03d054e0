"""QCoDeS: a Measurement into its SQLite database, flushed after every point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qcodes
from qcodes.dataset import Measurement, initialise_or_create_database_at, load_by_id, load_or_create_experiment
from qcodes.parameters import ManualParameter
from qcodes.validators import Arrays

from benchmarks.peers.scan import NAMES, PIXELS, frames, numbers, position

SETTING = "flush_data_to_database(block=True) after every point; spectra as arrays, without a set-point array"


def write(folder: Path, count: int, done: Callable[[int], None]) -> None:
    """Scan."""
    scan(folder, count, done, cached=True)


def scan(folder: Path, count: int, done: Callable[[int], None], *, cached: bool, flushed: bool = True) -> None:
    """Scan, with or without the cache in memory, which is on unless somebody says otherwise; flushed or as it is installed."""
    qcodes.config.logger.start_logging_on_import = "never"
    initialise_or_create_database_at(str(folder / "scan.db"))
    experiment = load_or_create_experiment("benchmark", "sample")
    axis = ManualParameter("wavelength", unit="nm")
    spectrum = ManualParameter("counts", vals=Arrays(shape=(PIXELS,)))
    scalars = [ManualParameter(name) for name in NAMES]
    measurement = Measurement(exp=experiment)
    if flushed:
        measurement.write_period = 0.001     # the shortest there is
    measurement.register_parameter(axis)
    measurement.register_parameter(spectrum, setpoints=(axis,), paramtype="array")
    for scalar in scalars:
        measurement.register_parameter(scalar, setpoints=(axis,))
    taken = frames()
    with measurement.run(in_memory_cache=cached) as saver:
        for index in range(count):
            axis(position(index))
            found: list[Any] = [(axis, position(index)), (spectrum, taken[index % len(taken)])]
            saver.add_result(*found, *zip(scalars, numbers(index).values(), strict=True))
            if flushed:
                saver.flush_data_to_database(block=True)
            done(index)


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read everything back."""
    initialise_or_create_database_at(str(folder / "scan.db"))
    data = load_by_id(1).get_parameter_data("counts", *NAMES)
    spectra = np.asarray(data["counts"]["counts"]).reshape(-1, PIXELS)
    values = [data["counts"]["wavelength"].reshape(len(spectra), -1)[:, 0], *(data[name][name] for name in NAMES)]
    return spectra.astype("u4"), np.column_stack(values)
