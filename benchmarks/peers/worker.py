"""One tool in a process of its own: `write` and time every point, `read` everything back, or write until it is killed (`die`)."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.scan import NAMES, PIXELS, frames, numbers, position


def resident_mb() -> float:
    """Give the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def write(tool: Any, folder: Path, count: int, longest_s: float) -> dict[str, Any]:
    """Give the times at which the points were durable, in s of the wall and of the processor, and by how much memory has grown.

    Memory is looked at from the fiftieth point on. The processor's time is that of all threads: a busy machine does not change it.
    After `longest_s` the process tells what there is and ends at once: nobody waits for a scan that takes ever longer.
    """
    wall: list[float] = []
    spent: list[float] = []
    memory: list[float] = []

    def found(finish_s: float) -> dict[str, Any]:
        size = sum(path.stat().st_size for path in folder.rglob("*"))
        return {"wall": [each - wall[0] for each in wall], "processor": [each - spent[0] for each in spent],
                "grown_mb": resident_mb() - memory[0], "finish_s": finish_s, "bytes": size}

    def done(index: int) -> None:
        wall.append(time.perf_counter())
        spent.append(time.process_time())
        if index == min(50, count // 4):
            memory.append(resident_mb())
        if wall[-1] - wall[0] > longest_s:
            sys.stdout.write(json.dumps(found(0.0)) + "\n")
            sys.stdout.flush()
            os._exit(0)

    tool.write(folder, count, done)
    grown = found(0.0)["grown_mb"]
    began = time.process_time()
    if hasattr(tool, "finish"):
        tool.finish(folder)
    return {**found(time.process_time() - began), "grown_mb": grown}


def read(tool: Any, folder: Path) -> dict[str, Any]:
    """Give how many points come back right, from the first one on, and how long that takes."""
    began = time.process_time()
    try:
        spectra, values = tool.read(folder)
    except Exception as exc:        # nothing comes back: that is a finding
        return {"points": 0, "seconds": 0.0, "error": f"{type(exc).__name__}: {exc}"[:200]}
    seconds = time.process_time() - began
    taken = frames()
    expected = np.array([[position(index), *numbers(index).values()] for index in range(len(values))]).reshape(-1, 1 + len(NAMES))
    same = (spectra.reshape(-1, PIXELS) == taken[np.arange(len(spectra)) % len(taken)]).all(axis=1)
    right = same & np.isclose(values, expected, rtol=1e-12, atol=0.0).all(axis=1)
    return {"points": int(len(right) if right.all() else np.argmin(right)), "seconds": seconds, "error": ""}


def die(tool: Any, folder: Path, count: int, pace_s: float) -> None:
    """Write, saying after every point that it is done, until somebody kills this process."""
    def done(index: int) -> None:
        sys.stdout.write(f"{index}\n")
        sys.stdout.flush()
        time.sleep(pace_s)      # noqa: TID251  of an instrument, which is not labctl's

    tool.write(folder, count, done)


def main() -> None:
    module, what, folder, count, pace_s, longest_s = sys.argv[1:7]
    tool = importlib.import_module(f"benchmarks.peers.{module}")
    if what == "die":
        die(tool, Path(folder), int(count), float(pace_s))
    else:
        found = write(tool, Path(folder), int(count), float(longest_s)) if what == "write" else read(tool, Path(folder))
        print(json.dumps(found))


if __name__ == "__main__":
    main()
