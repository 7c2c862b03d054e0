"""Measure the promises of the engine, each beside plain h5py or the critical path of the same run; prints one line per promise.

`python -m benchmarks.engine overlap aborts` measures those parts only; the others: per_point, preflights, long_scan, long_run.

What only computes is measured in processor time, so that a busy machine does not count against it.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from labctl import api
from labctl.core.clock import RealClock, VirtualClock
from labctl.core.instrument import Channel, SafeAction
from labctl.core.lane import Lane
from labctl.core.plan import Estimate, Point
from labctl.core.steps import Steps
from labctl.engine import preflight
from labctl.engine.control import Control
from labctl.engine.course import FixedCourse
from labctl.engine.engine import Engine
from labctl.engine.events import Listeners, PointDone
from labctl.store.journal import Journal

PIXELS, POINTS, MANY = 2048, 3000, 100_000
TENTH = MANY // 10
TOGETHER = 20                   # points that are compared with one plain append
SHUTTER_S = 0.03
NOTHING = Estimate(0.0, 0.0, 0, 0)


@dataclass(frozen=True)
class Line:
    """One promise: what, measured, promised (None: depends on what else the machine does), unit."""

    what: str
    measured: float
    promised: float | None
    unit: str

    def __str__(self) -> str:
        found = f"{self.what:<68} {self.measured:9.3f} {self.unit:<3}"
        if self.promised is None:
            return found
        return f"{found} promised {self.promised:7.3f}: {'kept' if self.measured <= self.promised else 'NOT KEPT'}"


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

    def move(self, value: float, at: Mapping[str, float]) -> Steps[Any]:
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

    def configure(self, exposure_s: float) -> Steps[Any]:
        yield from ()
        return {"exposure_s": exposure_s, "gain_e_per_count": 1.0, "read_noise_e": 4.0, "saturation_counts": 65535.0}

    def look(self) -> Steps[None]:
        yield from ()

    def moved(self) -> Mapping[str, np.ndarray]:
        return {}

    def expose(self) -> Steps[Any]:
        yield from ()

    def fetch(self) -> Steps[Any]:
        yield from ()
        self._number += 1
        return {"counts": self._frames[self._number % 64]}, {}, ()


class InstantShutter:
    """A shutter that confirms at once."""

    name = "shutter"

    def open(self) -> Steps[Any]:
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

    def hold(self) -> Steps[Any]:
        yield from ()

    release = hold

    def prepare(self, report: Any) -> Steps[Any]:
        yield from ()

    def interlocks(self, *, lit: bool) -> Steps[None]:
        yield from ()

    def point(self, seed: int, index: int) -> None:
        return None

    def checkpoint(self) -> None:
        return None

    def incidents(self) -> list[str]:
        return []


def engine_points(folder: Path, count: int, between: Callable[[int], None] = lambda index: None) -> np.ndarray:
    """Give the seconds of every point of a run, journal included, and check that all are there.

    `between` is called after every point; its time is not counted.
    """
    spent, began = [], time.perf_counter()

    def note(event: Any) -> None:
        nonlocal began
        if isinstance(event, PointDone):
            spent.append(time.perf_counter() - began)
            between(len(spent))
            began = time.perf_counter()

    points = [Point(set={"pump.wavelength": 400.0 + 1e-3 * index}, exposure_s=0.01) for index in range(count)]
    with Journal.create(folder / f"{count}.journal", {"run_id": "0" * 32}) as journal:
        end = Engine(InstantBench(), Listeners(note)).run(
            FixedCourse(points), journal, seed=1, run_id="0" * 32, procedure="benchmark", estimate=NOTHING)
    if end.status != "done" or end.points != count:
        sys.exit(f"the run of {count} points ended as {end}")
    return np.array(spent[1:])


class PlainAppend:
    """What cannot grow: the numbers of a point written as JSON and bytes, checked, and appended to a flat file, now and then."""

    def __init__(self, path: Path):
        self._file = path.open("ab", buffering=0)
        self._frame = np.random.default_rng(1).poisson(900, PIXELS).astype("u4")
        self._numbers = {f"number_{index}": index / 7.0 for index in range(16)}
        self.seconds: list[float] = []

    def __call__(self, index: int) -> None:
        """Append once after every so many points."""
        if index % TOGETHER:
            return
        start = time.perf_counter()
        for _ in range(4):
            data = json.dumps(self._numbers).encode() + self._frame.astype("<u2").tobytes()
            self._file.write(zlib.crc32(data).to_bytes(4, "little") + data)
        self.seconds.append(time.perf_counter() - start)


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


def resident_mb() -> float:
    """Give the memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def long_run(folder: Path) -> Iterator[Line]:
    """A hundred thousand points cost at the end what they cost at the beginning, in time and in memory.

    The speed of a core changes by half within such a run (another machine on the same host, its temperature). A plain loop that
    appends the same numbers to a flat file runs in between, and what is compared are points in units of it, side by side.
    """
    engine_points(folder, 2 * TENTH)                  # whatever grows once has grown
    plain, before = PlainAppend(folder / "flat.bin"), resident_mb()
    times = engine_points(folder, MANY, plain)
    grown = resident_mb() - before
    points = np.median(np.append(times[:1], times).reshape(-1, TOGETHER), axis=1)
    units, part = np.array(plain.seconds), len(points) // 10
    first, last = np.median((points / units)[:part]), np.median((points / units)[-part:])
    told = ", ".join(f"{1e6 * np.median(each[piece]):.0f}" for each in (points, units) for piece in (np.s_[-part:], np.s_[:part]))
    yield Line(f"the last of {MANY} points over the first, in plain appends ({told} µs)", float(last / first), 1.1, "")
    yield Line(f"memory grown over {MANY} points", grown, 10.0, "MB")


# ---------------------------------------------------------------- a bench on which everything takes its time
class TimedAxis(InstantAxis):
    """An axis that takes its time, or for ever: a call that hangs occupies its lane."""

    def __init__(self, bench: TimedBench):
        self.bench, self.seconds, self.hangs = bench, 0.0, False

    def move(self, value: float, at: Mapping[str, float]) -> Steps[Any]:
        if self.hangs:
            yield self.bench.lane.submit(threading.Event().wait, 3600.0)
        yield self.seconds
        return {"pump.wavelength_measured": value}


class TimedCamera(InstantCamera):
    """A camera that exposes, and is blanked while it is read out."""

    overlaps = True
    seconds, read_out_s = 0.0, 0.0

    def configure(self, exposure_s: float) -> Steps[Any]:
        self.seconds = exposure_s
        return (yield from super().configure(exposure_s))

    def expose(self) -> Steps[Any]:
        yield self.seconds

    def fetch(self) -> Steps[Any]:
        yield self.read_out_s
        return (yield from super().fetch())


class TimedShutter(InstantShutter):
    """A shutter that takes 30 ms to open, and to close unless it is closed; it notes when it was told to close."""

    def __init__(self) -> None:
        self.is_open, self.told = False, 0.0

    def open(self) -> Steps[None]:
        yield SHUTTER_S
        self.is_open = True

    def close(self) -> Steps[None]:
        self.told = time.perf_counter()
        if self.is_open:
            yield SHUTTER_S
        self.is_open = False


class TimedBench(InstantBench):
    """One axis, one camera, one shutter, on any clock."""

    def __init__(self, clock: Any):
        super().__init__()
        self.clock, self.lane = clock, Lane("bus", clock)
        self.shutter = TimedShutter()
        self.axis, self.camera = TimedAxis(self), TimedCamera()
        self.axes, self.detectors = {"pump.wavelength": self.axis}, {"spectrum": self.camera}

    def level(self, level: str) -> list[SafeAction]:
        return [SafeAction("shutter", level, self.shutter.close)]


class NoJournal:
    """Where nothing is written: the time of other things is looked at."""

    def point(self, index: int, **found: Any) -> None:
        return None

    def event(self, kind: str, elapsed_s: float, text: str, data: Any = None) -> None:
        return None


def follow(bench: TimedBench, count: int, exposure_s: float, control: Control | None = None) -> float:
    """Run so many points; gives the seconds on the bench's clock."""
    points = [Point(set={"pump.wavelength": 400.0 + index}, exposure_s=exposure_s) for index in range(count)]
    end = Engine(bench, control=control).run(FixedCourse(points), NoJournal(), seed=1, run_id="", procedure="", estimate=NOTHING)
    return end.seconds


def overlapped(clock: Any, move_s: float, read_out_s: float, exposure_s: float, count: int) -> float:
    """Give the time of an overlapped scan over its critical path: shutter, exposure, shutter, the longer of move and read-out."""
    bench = TimedBench(clock)
    bench.axis.seconds, bench.camera.read_out_s = move_s, read_out_s
    lit = count * (exposure_s + 2 * SHUTTER_S)
    return follow(bench, count, exposure_s) / (move_s + lit + (count - 1) * max(move_s, read_out_s) + read_out_s)


def overlap() -> Iterator[Line]:
    """Four cases in virtual time, which are exact, and one on the computer's clock."""
    for move_s, read_out_s in ((0.1, 0.05), (0.3, 0.05), (0.5, 0.4), (1.0, 0.4)):
        what = f"overlapped scan, moves {move_s:g} s, read-out {read_out_s:g} s, over its critical path"
        yield Line(what, overlapped(VirtualClock(), move_s, read_out_s, 1.0, 100), 1.01, "")
    ratio = overlapped(RealClock(), 0.1, 0.05, 1.0, 15)
    yield Line("the same on the computer's clock, moves 0.1 s, read-out 0.05 s", ratio, None, "")


# ---------------------------------------------------------------- ends, preflight, a long scan
def abort_to_shutter(*, hangs: bool, times: int = 15) -> float:
    """Give the median time in ms from an urgent abort to the command that closes the shutter."""
    found = []
    for _ in range(times):
        bench, control = TimedBench(RealClock()), Control()
        bench.axis.hangs = hangs
        pressed: list[float] = []

        def press(control: Control = control, pressed: list[float] = pressed) -> None:
            pressed.append(time.perf_counter())
            control.request("abort")
            control.request("abort")

        bench.clock.call_at(bench.clock.now() + 0.1, press)
        follow(bench, 1, 3600.0, control)
        found.append(1e3 * (bench.shutter.told - pressed[0]))
    return statistics.median(found)


def aborts() -> Iterator[Line]:
    """An urgent abort reaches the shutter, and the process its end, whatever hangs."""
    yield Line("abort to shutter command, exposing", abort_to_shutter(hangs=False), 50.0, "ms")
    yield Line("abort to shutter command, one instrument hung", abort_to_shutter(hangs=True), 50.0, "ms")
    without, hung = exit_s(""), exit_s("abort_to_shutter(hangs=True, times=1)")
    yield Line(f"exit of a process with a hung call (without one {without:.1f} s)", hung, 2.0, "s")


def exit_s(last: str) -> float:
    """Give the seconds from the last line of a program to the end of its process."""
    code = f"from engine import *; {last}\nprint(time.time(), flush=True)"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    return time.time() - float(done.stdout)


def preflight_s(bench: Any, points: list[Point]) -> float:
    """Give the median time of checking the points."""
    times = []
    for _ in range(5):
        start = time.process_time()
        if preflight.check_points(points, bench.axes, bench.detectors, bench.actions):
            sys.exit(f"preflight on {bench.name} finds what is not there")
        times.append(time.process_time() - start)
    return statistics.median(times)


def preflights() -> Iterator[Line]:
    """Every set-point of a hundred thousand points against every limit."""
    points = [Point(set={"pump.wavelength": 500.0 + 1e-4 * index}, exposure_s=1.0) for index in range(MANY)]
    yield Line(f"preflight of {MANY} points on an instant bench", preflight_s(InstantBench(), points), 0.2, "s")
    with api.open_bench("ying2021") as bench:
        yield Line(f"preflight of {MANY} points on ying2021", preflight_s(bench, points), 0.2, "s")


def long_scan(folder: Path) -> Iterator[Line]:
    """A thousand points of a PLE scan on the simulated bench in virtual time, spectra, reduction and run file included."""
    order = api.Order("ple", folder, seed=1, figure=False)
    with api.open_bench("ying2021") as bench:
        api.run("ple", bench, {"start": 520, "stop": 521}, order=order)           # the calibration is a run of its own
    with api.open_bench("ying2021") as bench:
        start, wall = time.process_time(), time.perf_counter()
        outcome = api.run("ple", bench, {"start": 505, "stop": 525, "step": 0.02}, order=order, listeners=Listeners())
        took, wall = time.process_time() - start, time.perf_counter() - wall
    if outcome.points < 1000 or outcome.status != "done":
        sys.exit(f"the scan ended as {outcome.status} with {outcome.points} points")
    what = f"PLE of {outcome.points} points, {outcome.seconds / 60:.0f} min of bench time (by the wall {wall:.0f} s)"
    yield Line(what, took, 20.0, "s")


def main(wanted: list[str]) -> None:
    """Measure all parts, or those that are named."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["LABCTL_STATE"] = name
        folder = Path(name)
        parts = {"per_point": per_point(folder), "overlap": overlap(), "aborts": aborts(), "preflights": preflights(),
                 "long_scan": long_scan(folder), "long_run": long_run(folder)}
        for part in wanted or parts:
            for line in parts[part]:
                print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
