"""labctl: its engine with all its checks, and its journal; the run file is rendered from the journal when the scan is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine import InstantAxis, InstantBench, InstantCamera
from benchmarks.peers.scan import NAMES, frames, numbers, position
from labctl.core.plan import Estimate, Point
from labctl.core.steps import Steps
from labctl.engine.course import FixedCourse
from labctl.engine.engine import Engine
from labctl.engine.events import Listeners, PointDone
from labctl.store import nexus
from labctl.store.journal import Journal
from labctl.store.run import load

SETTING = "as it is: engine and journal; the run file is rendered at the end, not counted in a point"


class Camera(InstantCamera):
    """A camera that also reads the eight numbers."""

    def __init__(self) -> None:
        super().__init__()
        self._frames = frames()

    def fetch(self) -> Steps[Any]:
        yield from ()
        index, self._number = self._number, self._number + 1
        return {"counts": self._frames[index % len(self._frames)]}, numbers(index), ()


class Axis(InstantAxis):
    """An axis that says nothing besides."""

    def move(self, value: float, at: Mapping[str, float]) -> Steps[Any]:
        yield from ()
        return {"pump.wavelength_measured": value}


def write(folder: Path, count: int, done: Callable[[int], None]) -> None:
    """Scan."""
    bench = InstantBench()
    bench.axes, bench.detectors = {"pump.wavelength": Axis()}, {"spectrum": Camera()}
    points = [Point(set={"pump.wavelength": position(index)}, exposure_s=0.01) for index in range(count)]
    header = {"run_id": "0" * 32, "procedure": "benchmark", "start_utc": "2026-01-01T00:00:00+00:00", "parameters": {}, "seed": 1,
              "scan_axes": ["pump.wavelength"], "plan": [], "default_signal": "counts", "bench": {},
              "channels": {"counts": {"unit": "counts", "dims": ["pixel"], "shape": [2048], "dtype": "u4", "long_name": "Counts",
                                      "coords": {}}}}

    def tell(event: Any) -> None:
        if isinstance(event, PointDone):
            done(event.reading.index)

    with Journal.create(folder / "run.journal", header) as journal:
        end = Engine(bench, Listeners(tell)).run(FixedCourse(points), journal, seed=1, run_id="0" * 32, procedure="benchmark",
                                                 estimate=Estimate(0.0, 0.0, 0, 0))
    if end.status != "done":
        raise SystemExit(f"labctl ended as {end}")


def finish(folder: Path) -> None:
    """Render the run file, and throw the journal away, as every run does at its end."""
    nexus.render(folder / "run.journal", folder / "run.nxs")
    for left in folder.glob("run.journal*"):
        left.unlink()


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read everything back: from the run file, else from the journal of a run that was cut off."""
    whole = folder / "run.nxs"
    with load(whole if whole.is_file() else folder / "run.journal") as run:
        return run.counts(), np.column_stack([run[name] for name in ("pump.wavelength", *NAMES)])
