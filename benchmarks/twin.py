"""Measure what the documents promise about the twin's speed and memory; prints one line each."""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from labctl.core.clock import VirtualClock
from sim_instruments.twin.counting import Response, dead_time, incident, recorded
from sim_instruments.twin.decay import neutral
from sim_instruments.twin.detection import Chip
from sim_instruments.twin.elements import CcdReadout
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.populations import poisson
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.spectrograph import Geometry, photons_per_column, window
from sim_instruments.twin.twin import PathItem, Twin

COLUMNS = 2048
READOUT = CcdReadout((0, 255), 1.0, 1.0, 4.0, -60.0)
PERIOD_S = 12.8e-9


def milliseconds(work: Callable[[int], object], repeats: int = 200) -> float:
    """Give the median processor time of one call, which other programs on the machine disturb least; each call gets its number."""
    times = []
    for number in range(repeats):
        start = time.thread_time()
        work(number)
        times.append(time.thread_time() - start)
    return 1e3 * statistics.median(times)


def spectrum(name: str, wavelength_nm: float, fluence_j_cm2: float, pulse_s: float, *, camera: bool,
             gaussian: bool = False) -> Callable[[int], object]:
    """Make the work of one spectrum of another fluence each time: sample, spectrograph, and camera if asked for."""
    sample, chip, draw = load_sample(name), Chip(COLUMNS, 256, 1, "ccd"), np.random.default_rng(1)
    seen = window(Geometry(320.0, 12.0, COLUMNS, 13.0), 1200.0, 530.0, 50.0)

    def work(number: int) -> object:
        pump = Pump.monochromatic(wavelength_nm, fluence_j_cm2 * (1.0 + 1e-3 * number), pulse_s, gaussian=gaussian)
        columns = photons_per_column(emission(pump, sample, sample.lines.temperature_k), seen, None, 0.0)
        return chip.expose(columns * (1e4 / columns.max()), READOUT, draw) if camera else columns
    return work


def histogram(bins: int) -> Callable[[int], object]:
    """Make the work of one histogram of another fluence each time: decay of the cascade, response, wrap-around, dead time."""
    kinetics, edges = load_sample("wang2015").kinetics, np.linspace(0.0, PERIOD_S, bins + 1)
    dead = dead_time(edges, 95e-9)

    def work(number: int) -> object:
        fading = neutral(poisson(0.5 + 1e-3 * number), kinetics)
        light = incident(edges, fading, Response(180e-12), PERIOD_S, start_s=1e-9, rate_hz=1e5)
        return recorded(light * (0.02 / fading.photons), dead)
    return work


def growth_kilobytes(frames: int) -> float:
    """Give by how much memory grows over many frames of a whole twin."""
    clock = VirtualClock()
    path = [PathItem("laser", "opa", {"wavelength_nm": 400.0, "pulse_energy_j": 3e-6}), PathItem("shutter", "shutter"),
            PathItem("sample", "sample", {"spot_diameter_um": 2800.0, "lens": 1.0}), PathItem("bias", "bias"),
            PathItem("spectrograph", "spectrograph"), PathItem("ccd", "camera"), PathItem("counter", "counter")]
    twin = Twin(path, sample="qin2021", clock=clock, bench_seed=1)
    twin.element("shutter").opening.move(1.0)       # type: ignore[attr-defined]
    camera = twin.element("ccd")

    def take(count: int) -> None:
        for _ in range(count):
            gate = camera.open_gate()               # type: ignore[attr-defined]
            clock.wait(0.01)
            camera.read_out(gate, READOUT)          # type: ignore[attr-defined]

    tracemalloc.start()
    take(1200)        # until everything that is remembered for a while is full
    before = tracemalloc.get_traced_memory()[0]
    take(frames)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown / 1024.0


PROMISES: list[tuple[str, float, Callable[[int], object]]] = [
    ("stripe spectrum through the camera, 2048 columns", 0.8, spectrum("qin2021", 400.0, 9e-5, 1e-13, camera=True)),
    ("cavity spectrum, 34 modes x 8 nodes", 1.0, spectrum("sun2024", 1500.0, 3.5e-3, 75e-15, camera=False, gaussian=True)),
    ("photon histogram, 3200 bins", 0.7, histogram(3200)),
]


def main(frames: int = 2000) -> None:
    print(f"numpy {version('numpy')}, one thread is meant: set OMP_NUM_THREADS=1")
    for what, promised, work in PROMISES:
        work(0)
        took = milliseconds(work)
        print(f"{what:<50} {took:6.2f} ms   promised <= {promised:g} ms: {'kept' if took <= promised else 'NOT KEPT'}")
    grown = growth_kilobytes(frames)
    print(f"memory over {frames} frames {grown:+28.0f} kB   promised flat: {'kept' if grown < 500 else 'NOT KEPT'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
