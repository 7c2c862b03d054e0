"""All randomness of the twin: one stream per acquisition, and properties that a bench keeps for its lifetime."""

from __future__ import annotations

import zlib

import numpy as np


class Streams:
    """Random streams by device and acquisition.

    The n-th acquisition of a device within a visit of a point draws from `default_rng([run_seed, crc32(device), index, n])`, so a
    repeated point repeats its noise. Before the first point (live view) the run seed is the bench seed and every acquisition has an
    index of its own.
    """

    def __init__(self, bench_seed: int):
        self.bench_seed = bench_seed
        self.run_seed, self.index = bench_seed, 0
        self.in_run = False
        self.taken: dict[str, int] = {}

    def visit(self, run_seed: int, index: int) -> None:
        """Start a visit of point `index`: acquisitions count from 0 again."""
        self.run_seed, self.index, self.in_run = run_seed, index, True
        self.taken.clear()

    def acquisition(self, device: str) -> np.random.Generator:
        """Give the stream of the device's next acquisition."""
        number = self.taken.get(device, 0)
        self.taken[device] = number + 1
        place = [self.index, number] if self.in_run else [number, 0]
        return np.random.default_rng([self.run_seed, zlib.crc32(device.encode()), *place])


def frozen(bench_seed: int, device: str, what: str) -> np.random.Generator:
    """Give the stream of a property that never changes on this bench, e.g. a plate's offset."""
    return np.random.default_rng([bench_seed, zlib.crc32(device.encode()), zlib.crc32(what.encode())])


class Wander:
    """An Ornstein-Uhlenbeck process: wanders about 0 with a standard deviation and a memory of `tau_s`."""

    def __init__(self, sd: float, tau_s: float, value: float, now: float):
        self.sd, self.tau_s = sd, tau_s
        self.value, self.since = value, now

    def advance(self, now: float, draw: np.random.Generator) -> float:
        """Step to `now` with one normal number of `draw`, exactly: x e^{−dt/τ} + sd √(1−e^{−2dt/τ}) ξ."""
        step = round(max(now - self.since, 0.0), 6)
        keep = np.exp(-step / self.tau_s)
        self.value = float(self.value * keep + self.sd * np.sqrt(1.0 - keep**2) * draw.normal())
        self.since = now
        return self.value
