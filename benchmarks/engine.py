"""Measure the promises of the engine, each beside plain h5py or the critical path of the same run; prints one line per promise."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from labctl.core.clock import RealClock
from labctl.core.instrument import Channel, SafeAction
from labctl.core.plan import Estimate, Point
from labctl.engine.course import FixedCourse
from labctl.engine.engine import Engine
from labctl.engine.events import Listeners, PointDone
from labctl.store.journal import Journal

PIXELS, POINTS, MANY = 2048, 3000, 100_000
NOTHING = Estimate(0.0, 0.0, 0, 0)


@dataclass(frozen=True)
class Line:
    """One promise: what, measured, promised, unit."""

    what: str
    measured: float
    promised: float
    unit: str

    def __str__(self) -> str:
        verdict = "kept" if self.measured <= self.promised else "NOT KEPT"
        return f"{self.what:<64} {self.measured:9.3f} {self.unit:<6} promised {self.promised:7.3f}: {verdict}"


# ---------------------------------------------------------------- a bench on which everything takes no time
class InstantAxis:
    """An axis that is there at once."""

    name, unit, illuminates, after = "pump.wavelength", "nm", True, ()

    def check(self, value: float, at: Mapping[str, float]) -> list[Any]:
        return [] if 0.0 <= value <= 1e6 else ["outside"]

    def fine(self, values: np.ndarray, at: Mapping[str, np.ndarray]) -> np.ndarray:
        return (values >= 0.0) & (values <= 1e6)

    def eta(self, start: float | None, stop: float) -> float:
        return 0.0

    def move(self, value: float, at: Mapping[str, float]) -> Iterator[Any]:
        yield from ()
        return {"pump.wavelength_measured": value, "power": 1e-6, "pump.power": 2e-5, "pump.photon_flux_measured": 5e13}


class InstantCamera:
    """A camera that has always just read out."""

    name, exposed, overlaps, bytes_per_point = "spectrum", True, False, 4 * PIXELS

    def __init__(self) -> None:
        self._frames = np.random.default_rng(1).poisson(900, (64, PIXELS)).astype("u4")
        self._number = 0

    def check(self, exposure_s: float) -> list[Any]:
        return []

    def cost(self, exposure_s: float) -> float:
        return exposure_s

    def channels(self) -> list[Channel]:
        return [Channel("counts", "counts", ("pixel",), (PIXELS,), "u4")]

    def configure(self, exposure_s: float) -> Iterator[Any]:
        yield from ()
        return {"exposure_s": exposure_s, "gain_e_per_count": 1.0, "read_noise_e": 4.0, "saturation_counts": 65535.0}

    def expose(self) -> Iterator[Any]:
        yield from ()

    def fetch(self) -> Iterator[Any]:
        yield from ()
        self._number += 1
        return {"counts": self._frames[self._number % 64]}, {}, ()


class InstantShutter:
    """A shutter that confirms at once."""

    name = "shutter"

    def open(self) -> Iterator[Any]:
        yield from ()

    close = open


class InstantBench:
    """What the engine asks of a bench, answered at once."""

    name, simulated = "instant", True

    def __init__(self) -> None:
        self.clock = RealClock()
        self.shutter = InstantShutter()
        self.axes = {"pump.wavelength": InstantAxis()}
        self.detectors = {"spectrum": InstantCamera()}
        self.actions: dict[str, Any] = {}
        self.guards: list[Any] = []

    def level(self, level: str) -> list[SafeAction]:
        return []

    def hold(self) -> Iterator[Any]:
        yield from ()

    release = hold

    def prepare(self, report: Any) -> Iterator[Any]:
        yield from ()

    def point(self, seed: int, index: int) -> None:
        return None

    def checkpoint(self) -> None:
        return None

    def incidents(self) -> list[str]:
        return []


def engine_points(folder: Path, count: int) -> np.ndarray:
    """Give the seconds of every point of a run, journal included, and check that all are there."""
    times: list[float] = []

    def note(event: Any) -> None:
        if isinstance(event, PointDone):
            times.append(time.perf_counter())

    points = [Point(set={"pump.wavelength": 400.0 + 1e-3 * index}, exposure_s=0.01) for index in range(count)]
    with Journal.create(folder / f"{count}.journal", {"run_id": "0" * 32}) as journal:
        end = Engine(InstantBench(), Listeners(note)).run(
            FixedCourse(points), journal, seed=1, run_id="0" * 32, procedure="benchmark", estimate=NOTHING)
    if end.status != "done" or end.points != count:
        sys.exit(f"the run of {count} points ended as {end}")
    return np.diff(times)


def plain_points(folder: Path, count: int) -> np.ndarray:
    """Give the seconds of every append and flush of the same numbers with plain h5py."""
    frames = np.random.default_rng(1).poisson(900, (64, PIXELS)).astype("u4")
    scalars = np.arange(8, dtype=float)
    times = []
    with h5py.File(folder / f"{count}.h5", "w") as file:
        spectra: Any = file.create_dataset("counts", (0, PIXELS), "u4", maxshape=(None, PIXELS), chunks=(32, PIXELS))
        values: Any = file.create_dataset("values", (0, 8), "f8", maxshape=(None, 8), chunks=(1024, 8))
        for index in range(count):
            spectra.resize(index + 1, axis=0)
            spectra[index] = frames[index % 64]
            values.resize(index + 1, axis=0)
            values[index] = scalars
            file.flush()
            times.append(time.perf_counter())
    return np.diff(times)


def per_point(folder: Path) -> Iterator[Line]:
    """The engine beside plain h5py, in turns so that a busy machine troubles both alike."""
    ours, theirs = [], []
    for turn in range(3):
        (folder / str(turn)).mkdir()
        theirs.append(statistics.median(plain_points(folder / str(turn), POINTS)))
        ours.append(statistics.median(engine_points(folder / str(turn), POINTS)))
    ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
    what = f"a point ({1e6 * statistics.median(ours):.0f} µs) over plain h5py ({1e6 * statistics.median(theirs):.0f} µs)"
    yield Line(what, ratio, 1.0, "")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        for line in per_point(Path(name)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
