"""A bench of fakes for the engine: axes, a detector and a shutter that write down what was done to them, in order."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from labctl.core.clock import VirtualClock
from labctl.core.errors import BadReply, InstrumentError
from labctl.core.instrument import Channel, SafeAction
from labctl.core.plan import Problem


@dataclass
class Journal:
    """Remembers instead of writing."""

    points: list = field(default_factory=list)
    events: list = field(default_factory=list)

    def point(self, index, **values):
        self.points.append((index, values))

    def event(self, kind, elapsed_s, text, data=None):
        self.events.append((kind, text))


class FakeShutter:
    name = "shutter"

    def __init__(self, bench):
        self.bench, self.is_open, self.stuck = bench, False, False

    def _go(self, opened):
        self.bench.did("open" if opened else "close")
        yield 0.01
        if self.stuck:
            raise InstrumentError("shutter", "does not confirm")
        self.is_open = opened

    def open(self):
        return self._go(True)

    def close(self):
        return self._go(False)


class FakeAxis:
    unit = "nm"

    def __init__(self, bench, name, *, seconds=0.1, illuminates=False, after=()):
        self.bench, self.name, self.seconds, self.illuminates, self.after = bench, name, seconds, illuminates, after
        self.fail = 0
        self.hang = False

    def check(self, value, at):
        return [] if 0 <= value <= 1000 else [Problem(self.name, f"{value} is outside 0 to 1000")]

    def eta(self, start, stop):
        return self.seconds

    def move(self, value, at):
        self.bench.did(f"move {self.name} {value:g}")
        assert not (self.illuminates and self.bench.shutter.is_open), "an illuminating axis moved while the sample was lit"
        if self.fail:
            self.fail -= 1
            raise BadReply(self.name, "garbled")
        yield 1e9 if self.hang else self.seconds
        self.bench.did(f"there {self.name} {value:g}")
        return {f"{self.name}_measured": value}

    def read(self):
        yield 0.0
        return 0.0

    def stop(self):
        yield 0.0


class FakeDetector:
    bytes_per_point = 8
    overlaps = False

    def __init__(self, bench, name="spectrum", *, exposed=True):
        self.bench, self.name, self.exposed = bench, name, exposed
        self.bad_frames = 0
        self.level = 100

    def check(self, exposure_s):
        return [] if exposure_s > 0 else [Problem("exposure", "must be above 0")]

    def cost(self, exposure_s):
        return exposure_s + 0.05

    def channels(self):
        return [Channel("counts" if self.exposed else self.name, "counts", ("pixel",), (4,), "u4")]

    def configure(self, exposure_s):
        self.bench.did(f"configure {self.name}")
        yield 0.0
        self.exposure_s = exposure_s
        return {"exposure_s": exposure_s, "saturation_counts": 1000.0}

    def look(self):
        yield from ()

    def moved(self):
        return {}

    def expose(self):
        self.bench.did(f"expose {self.name} {'lit' if self.bench.shutter.is_open else 'dark'}")
        yield self.exposure_s

    def fetch(self):
        self.bench.did(f"fetch {self.name} {'lit' if self.bench.shutter.is_open else 'dark'}")
        yield 0.05
        size = 4
        if self.bad_frames:
            self.bad_frames -= 1
            size = 3
        return {"counts": np.full(size, self.level, dtype="u4")}, {}, ()

    def abort(self):
        yield 0.0


class FakeBench:
    name = "fake"
    simulated = True

    def __init__(self):
        self.clock = VirtualClock()
        self.done = []
        self.shutter = FakeShutter(self)
        self.axes = {
            "pump.wavelength": FakeAxis(self, "pump.wavelength", illuminates=True),
            "pump.power": FakeAxis(self, "pump.power", illuminates=True, after=("pump.wavelength",)),
            "analyser.angle": FakeAxis(self, "analyser.angle", seconds=0.3),
        }
        self.detectors = {"spectrum": FakeDetector(self), "power": FakeDetector(self, "power", exposed=False)}
        self.actions = {"power_meter.zero": None}
        self.failing_levels = set()
        self.announced = []
        self.guards = []

    def did(self, what):
        self.done.append(what)

    def level(self, level):
        def run(role):
            self.did(f"{level} {role}")
            yield 0.01
            if (level, role) in self.failing_levels:
                raise InstrumentError(role, "cannot")
            if role == "shutter":
                yield from self.shutter.close()

        return [SafeAction(role, level, lambda role=role: run(role)) for role in ("shutter", "attenuator", "laser")]

    def hold(self):
        self.did("hold")
        yield 0.0

    def release(self):
        self.did("release")
        yield 0.0

    def prepare(self, report):
        self.did("prepare")
        yield 0.0

    def interlocks(self, *, lit):
        yield 0.0

    def action(self, name):
        self.did(f"do {name}")
        yield 0.0

    def point(self, seed, index):
        self.announced.append((seed, index))

    def checkpoint(self):
        return b"checkpoint"

    def restore(self, checkpoint):
        self.did("restore")

    def incidents(self):
        return []


@pytest.fixture
def bench():
    return FakeBench()


@pytest.fixture
def journal():
    return Journal()
