"""Measure what the documents promise about speed; prints one line each."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

LABCTL = Path(sys.executable).with_name("labctl")


def seconds(arguments: Sequence[str], repeats: int) -> float:
    """Give the median wall time of a labctl command, each time with fresh state and data folders."""
    times = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            subprocess.run([LABCTL, *arguments], cwd=folder, env={**os.environ, "LABCTL_STATE": folder}, check=True,
                           capture_output=True)
            times.append(time.perf_counter() - start)
    return statistics.median(times)


PROMISES = [(0.6, 7, ["--help"]), (10.0, 3, ["run", "ple", "--bench", "ying2021", "--seed", "1", "--json"])]


def main() -> None:
    for promised, repeats, arguments in PROMISES:
        took = seconds(arguments, repeats)
        verdict = "kept" if took < promised else "NOT KEPT"
        print(f"labctl {' '.join(arguments):<50} {took:7.2f} s   promised < {promised:g} s: {verdict}")


if __name__ == "__main__":
    main()
