"""Measure the promises of the store, each beside plain h5py doing the same; prints one line per promise.

Both clocks are shown: processor time, by which the verdict goes because other programs on the machine disturb it least, and wall
time, which also waits for the disk.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from labctl.core.plan import Point, plan_hash
from labctl.store import nexus, seal
from labctl.store.catalogue import Catalogue, Query
from labctl.store.journal import Journal
from labctl.store.run import load

POINTS, PIXELS, BINS, FILES = 1000, 2048, 65536, 10_000
POINT = Point(set={"pump.wavelength": 500.0}, exposure_s=1.0)
SCALARS = {f"value_{index}": 0.1 * index for index in range(8)}


class Spent(NamedTuple):
    """Processor and wall time of one piece of work, in s."""

    processor: float
    wall: float

    def __mul__(self, factor: float) -> Spent:     # type: ignore[override]
        """Give the times in another unit."""
        return Spent(self.processor * factor, self.wall * factor)


@dataclass(frozen=True)
class Line:
    """One promise: what, measured (processor time, or a number), promised, unit, wall time, and what plain h5py takes."""

    what: str
    measured: float
    promised: float
    unit: str
    wall: float | None = None
    h5py: float | None = None

    def __str__(self) -> str:
        wall = "" if self.wall is None else f"wall {self.wall:8.1f}"
        beside = "" if self.h5py is None else f"   h5py {self.h5py:8.1f}, ratio {self.measured / self.h5py:5.2f}"
        verdict = "kept" if self.measured <= self.promised else "NOT KEPT"
        return f"{self.what:<48} {self.measured:8.1f} {self.unit:<8} {wall:<14} promised {self.promised:7.1f}: {verdict:<8}{beside}"


def promise(what: str, ours: Spent, promised: float, unit: str, plain: Spent | None = None) -> Line:
    """Judge a time by the processor's."""
    return Line(what, ours.processor, promised, unit, ours.wall, None if plain is None else plain.processor)


def spectra() -> np.ndarray:
    """Spectra as a camera gives them: offset, read noise and shot noise on a broad line."""
    rng = np.random.default_rng(7)
    line = 3000 * np.exp(-0.5 * ((np.arange(PIXELS) - 900) / 60) ** 2)
    light = rng.poisson(line * np.linspace(0.2, 1, POINTS)[:, None])
    return np.clip(300 + light + rng.normal(0, 4, (POINTS, PIXELS)), 0, None).astype("u4")


def header(points: list[Point]) -> dict[str, Any]:
    axis = {"values": np.linspace(500, 600, PIXELS).tolist(), "unit": "nm", "long_name": "", "medium": "air"}
    channel = {"unit": "counts", "dims": ["emission_wavelength"], "shape": [PIXELS], "dtype": "u4", "long_name": "Counts",
               "coords": {"emission_wavelength": axis}}
    return {"run_id": "0" * 32, "run_number": 1, "procedure": "ple", "title": "benchmark", "parameters": {}, "seed": 1,
            "plan": [point.as_json() for point in points], "plan_hash": plan_hash(points), "scan_axes": ["pump.wavelength"],
            "shape": None, "channels": {"counts": channel}, "default_signal": "counts", "start_utc": "2026-11-21T13:00:00+00:00"}


def spent(work: Callable[[], object]) -> Spent:
    """Do the work once."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Spent(time.process_time() - processor, time.perf_counter() - wall)


def median(calls: Iterable[Callable[[], object]]) -> Spent:
    """Give the median time of calls, the first tenth left out."""
    times = [spent(call) for call in calls]
    kept = times[len(times) // 10:]
    return Spent(statistics.median(one.processor for one in kept), statistics.median(one.wall for one in kept))


def append(journal: Journal, index: int, arrays: dict[str, np.ndarray]) -> None:
    point = Point(set={"pump.wavelength": 400.0 + 0.1 * index}, exposure_s=1.0)
    values = {"pump.wavelength": 400.0 + 0.1 * index, **SCALARS}
    journal.point(index, point=point.as_json(), started_s=float(index), arrays=arrays, values=values, flags=())


def plain_appends(folder: Path, frames: np.ndarray) -> Iterator[Callable[[], object]]:
    """Append a row to a resizable dataset and flush, as most programs do."""
    with h5py.File(folder / f"plain_{frames.shape[1]}.h5", "w") as file:
        length = frames.shape[1]
        data = file.create_dataset("counts", (0, length), "u4", maxshape=(None, length), chunks=(1, length))
        scalars = file.create_dataset("scalars", (0, 8), "f8", maxshape=(None, 8), chunks=(64, 8))
        for index, frame in enumerate(frames):
            def call(index: int = index, frame: np.ndarray = frame) -> None:
                data.resize(index + 1, 0)
                data[index] = frame
                scalars.resize(index + 1, 0)
                scalars[index] = list(SCALARS.values())
                file.flush()
            yield call


def appending(folder: Path, frames: np.ndarray) -> Iterator[Line]:
    points = [Point(set={"pump.wavelength": 400.0 + 0.1 * index}, exposure_s=1.0) for index in range(POINTS)]
    with Journal.create(folder / "run.journal", header(points)) as journal:
        ours = median(lambda i=i: append(journal, i, {"counts": frames[i]}) for i in range(POINTS))
        journal.end("done", end={})
    yield promise("journal: append 2048 u4 + 8 f8, median", ours * 1e6, 60, "us", median(plain_appends(folder, frames)) * 1e6)
    many = np.random.default_rng(1).poisson(3.0, (100, BINS)).astype("u4")
    with Journal.create(folder / "histograms.journal", {}) as journal:
        ours = median(lambda i=i: append(journal, i, {"histogram": many[i]}) for i in range(len(many)))
    yield promise("journal: append a 65536-bin histogram, median", ours * 1e6, 500, "us", median(plain_appends(folder, many)) * 1e6)
    with Journal.create(folder / "wide.journal", {}) as journal:
        ours = median(lambda i=i: append(journal, i, {"histogram": many[i] + 0x10000}) for i in range(len(many)))
    yield promise("  the same with counts above 65535, median", ours * 1e6, 1000, "us")


def memory(folder: Path, frames: np.ndarray) -> Line:
    """How much memory grows between point 100 and the last."""
    with Journal.create(folder / "memory.journal", {}) as journal:
        tracemalloc.start()
        for index in range(POINTS):
            append(journal, index, {"counts": frames[index]})
            if index == 100:
                before = tracemalloc.get_traced_memory()[0]
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    return Line("journal: memory grown over 900 points", grown / 1e3, 100, "kB")


def rendering(folder: Path, frames: np.ndarray) -> Iterator[Line]:
    def plain() -> None:
        with h5py.File(folder / "plain.h5", "w") as file:
            file.create_dataset("counts", data=frames, chunks=(32, PIXELS), compression="gzip", compression_opts=4, shuffle=True)

    path = folder / "run.nxs"
    ours = spent(lambda: nexus.render(folder / "run.journal", path))
    yield promise("render 1000 points", ours * 1e3, 500, "ms", spent(plain) * 1e3)
    size, beside = path.stat().st_size / POINTS, (folder / "plain.h5").stat().st_size / POINTS
    yield Line("size of the run file", size, 2500, "B/point", None, beside)


def loading(folder: Path) -> Line:
    def ours() -> None:
        with load(folder / "run.nxs") as run:
            run.counts()

    def plain() -> None:
        with h5py.File(folder / "plain.h5") as file:
            file["counts"][()]      # type: ignore[index]

    return promise("load 1000 x 2048", median([ours] * 10) * 1e3, 50, "ms", median([plain] * 10) * 1e3)


def indexing(folder: Path) -> Iterator[Line]:
    small = folder / "small.journal"
    with Journal.create(small, header([POINT])) as journal:
        append(journal, 0, {"counts": np.zeros(PIXELS, "u4")})
        journal.end("done", end={})
    raw = nexus.render(small, folder / "small.nxs").read_bytes()
    body, tail = raw[: raw.rfind(seal.FACTS)], raw[-seal.LENGTH:]
    facts = seal.facts(folder / "small.nxs") or {}
    for number in range(FILES):
        facts |= {"run_id": f"{number:032x}", "number": number, "start": f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}T12:00"}
        place = folder / "many" / f"{number // 500:03d}" / f"{number:05d}.nxs"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body + seal.FACTS + json.dumps(facts).encode() + tail)
    with Catalogue(folder / "many", folder / "index.sqlite") as catalogue:
        yield promise("catalogue: index 10000 files", spent(catalogue.refresh), 10, "s")
        query = Query(procedure="ple", since="2026-01-01")
        yield promise("catalogue: query", median([lambda: catalogue.find(query)] * 50) * 1e3, 10, "ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["LABCTL_STATE"] = str(folder / "state")
        frames = spectra()
        for line in appending(folder, frames):
            print(line, flush=True)
        print(memory(folder, frames), flush=True)
        for line in rendering(folder, frames):
            print(line, flush=True)
        print(loading(folder), flush=True)
        for line in indexing(folder):
            print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
