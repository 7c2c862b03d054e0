"""Run the standard scan on every tool in turns, kill every tool while it writes, and print one table.

What only computes is measured in processor time, so that a busy machine does not count against anybody.

Usage: `python -m benchmarks.peers [COUNT ...] [--keep FILE]`; without counts 200, 1000 and 5000 points and the kills. With `--keep`
what was measured stays in a file, and the table is printed of all that is in it, so that it can be measured in pieces.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

TREE = Path(__file__).resolve().parents[2]
TOOLS = {
    "with_labctl": "labctl", "with_h5py": "plain h5py, SWMR", "with_pymeasure": "PyMeasure, CSV", "with_qcodes": "QCoDeS",
    "with_qcodes_uncached": "QCoDeS, uncached",
    "with_bluesky": "Bluesky, JSON lines", "with_bluesky_msgpack": "Bluesky, msgpack"}
AS_INSTALLED = {"with_qcodes_default": "QCoDeS, write period of 5 s", "with_h5py_unflushed": "plain h5py, closed at the end"}
FRAMEWORKS = ("with_pymeasure", "with_qcodes", "with_qcodes_uncached", "with_bluesky", "with_bluesky_msgpack")
BLUESKY = ("with_bluesky", "with_bluesky_msgpack")
VERSIONS = ("pymeasure", "qcodes", "bluesky", "h5py", "numpy")
ROUNDS = {200: 3, 1000: 3, 5000: 2}
KILLS, PACES_S, KILLED_AFTER = 3, (0.0, 0.01), (20, 120)
PYTHON = "LABCTL_PEERS_PYTHON"          # the interpreter that has the peers
EDGE = 0.1              # the first and the last tenth are compared
SETTLED = 10            # points that are left out at the beginning: imports, first allocations
LONGEST_S = 300


def command(tool: str, what: str, folder: str, count: int, pace_s: float = 0.0) -> list[str]:
    python = sys.executable if tool == "with_labctl" else os.environ[PYTHON]
    return [python, "-m", "benchmarks.peers.worker", tool, what, folder, str(count), str(pace_s)]


def asked(tool: str, what: str, folder: str, count: int) -> dict[str, Any]:
    """Let a tool work in a process of its own; gives the JSON object on its last line."""
    done = subprocess.run(command(tool, what, folder, count), cwd=TREE, env=environment(folder), capture_output=True, text=True,
                          timeout=LONGEST_S, check=False)
    if done.returncode:
        raise SystemExit(f"{tool} {what}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def environment(folder: str) -> dict[str, str]:
    """Give each a home and a state of its own, and one thread."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "HOME": folder, "LABCTL_STATE": f"{folder}/state", "PYTHONDONTWRITEBYTECODE": "1"}


def scans(count: int, rounds: int, names: list[str]) -> Iterator[dict[str, Any]]:
    """Scan so many points with every tool, in turns that begin with another tool each time."""
    for turn in range(rounds):
        for tool in names[turn:] + names[:turn]:
            with tempfile.TemporaryDirectory(prefix="labctl-peers-") as folder:
                written = asked(tool, "write", folder, count)
                found = asked(tool, "read", folder, count)
            if found["points"] != count:
                raise SystemExit(f"{tool}: {found['points']} of {count} points came back: {found['error']}")
            yield {"tool": tool, "count": count, **told(written), "reload_s": found["seconds"]}


def told(written: dict[str, Any]) -> dict[str, Any]:
    """Give the numbers of a scan; times in µs, of the processor unless they say otherwise."""
    wall, each = (np.diff(written[clock])[SETTLED:] * 1e6 for clock in ("wall", "processor"))
    edge = max(int(len(each) * EDGE), 1)
    return {"median": float(np.median(each)), "wall": float(np.median(wall)), "p99": float(np.percentile(each, 99)),
            "growth": float(np.median(each[-edge:]) / np.median(each[:edge])), "grown_mb": written["grown_mb"],
            "bytes": written["bytes"], "finish_s": written["finish_s"]}


def kills(times: int, before: int, names: list[str]) -> Iterator[dict[str, Any]]:
    """Kill every tool a few times while it writes; how many points that it had said were done come back, without any repair.

    `before` says how many there were already: those that follow come at other moments.
    """
    drawn = random.Random(before)       # noqa: S311  when to kill
    for pace_s in PACES_S:
        for _ in range(times):
            after = drawn.randint(*KILLED_AFTER)
            for tool in names:
                with tempfile.TemporaryDirectory(prefix="labctl-peers-") as folder:
                    said = killed(tool, folder, after, pace_s)
                    found = asked(tool, "read", folder, said)
                yield {"tool": tool, "pace_s": pace_s, "said": said, "back": found["points"], "error": found["error"]}


def killed(tool: str, folder: str, after: int, pace_s: float) -> int:
    """Kill a tool when it has said that so many points are done; gives how many it had said in the end."""
    process = subprocess.Popen(command(tool, "die", folder, 1_000_000, pace_s), cwd=TREE, env=environment(folder), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    said = 0
    with process:
        assert process.stdout is not None   # noqa: S101  it was asked for
        for line in process.stdout:
            said += line.strip().isdecimal()
            if said == after:
                process.send_signal(signal.SIGKILL)
    if said < after:
        raise SystemExit(f"{tool} ended by itself after {said} points")
    return said


# ---------------------------------------------------------------- the table
def rows(measured: list[dict[str, Any]], deaths: list[dict[str, Any]]) -> list[list[str]]:
    """Give a row of the table for every tool: those that lose nothing first, the fastest first."""
    counts = sorted({each["count"] for each in measured})
    found: dict[str, list[str]] = {}
    order: dict[str, tuple[bool, float]] = {}
    for tool, name in TOOLS.items():
        mine = [each for each in measured if each["tool"] == tool]
        of = {count: same for count in counts if (same := [each for each in mine if each["count"] == count])}
        if not of:
            continue
        most = max(of)
        number = {key: statistics.median(each[key] for each in of[most]) for key in of[most][0] if key not in ("tool", "count")}
        died = [each for each in deaths if each["tool"] == tool]
        lost = [max(each["said"] - each["back"], 0) for each in died]
        order[tool] = (any(lost), number["median"])
        medians = [f"{statistics.median(each['median'] for each in of[count]):.0f}" if count in of else "" for count in counts]
        found[tool] = [name, *medians, f"{number['p99']:.0f}", f"{number['wall']:.0f}", f"{number['growth']:.2f}",
                       f"{number['grown_mb']:.1f}", f"{number['bytes'] / most:.0f}", f"{1e3 * number['reload_s']:.0f}",
                       survived(died, lost)]
    return [found[tool] for tool in sorted(found, key=lambda tool: order[tool])]


def survived(died: list[dict[str, Any]], lost: list[int]) -> str:
    """Say what kill -9 left."""
    if not died:
        return "not tried"
    if not any(lost):
        return f"all, {len(died)} of {len(died)} times"
    return f"lost {max(lost)} at worst, something {sum(map(bool, lost))} of {len(died)} times"


def table(measured: list[dict[str, Any]], deaths: list[dict[str, Any]]) -> str:
    """Give the table in Markdown, with what it was measured on."""
    counts = sorted({each["count"] for each in measured})
    heads = ["", *(f"µs/point, N = {count}" for count in counts), "99 %", "wall", "last/first", "memory grown, MB", "bytes/point",
             "reload, ms", "after kill -9"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(measured, deaths)]
    return "\n".join([*lines, "", *losses(deaths), *ratios(measured), machine()])


def losses(deaths: list[dict[str, Any]]) -> list[str]:
    """Say what is lost by those that are not durable at every point; they are not ranked."""
    told = []
    for tool, name in AS_INSTALLED.items():
        died = [each for each in deaths if each["tool"] == tool]
        if died:
            told.append(f"{name}: {survived(died, [max(each['said'] - each['back'], 0) for each in died])}")
    return [f"Not ranked. {'; '.join(told)}.", ""] if told else []


def ratios(measured: list[dict[str, Any]]) -> list[str]:
    """Say how labctl stands to the fastest framework and to Bluesky, at the longest scan."""
    there = {tool: {each["count"] for each in measured if each["tool"] == tool} for tool in TOOLS}
    longest = max(set.intersection(*there.values()), default=0)
    if not longest:
        return []
    median = {tool: statistics.median(each["median"] for each in measured if (each["tool"], each["count"]) == (tool, longest))
              for tool in TOOLS}
    fastest = min(FRAMEWORKS, key=lambda tool: median[tool])
    bluesky = min(BLUESKY, key=lambda tool: median[tool])
    ours = median["with_labctl"]
    finish = statistics.median(each["finish_s"] for each in measured if (each["tool"], each["count"]) == ("with_labctl", longest))
    return [f"labctl is {median[fastest] / ours:.1f} times faster per point than the fastest framework ({TOOLS[fastest]}), "
            f"{median[bluesky] / ours:.1f} times than {TOOLS[bluesky]}; its run file takes {1e6 * finish / longest:.0f} µs a point "
            "more, once, at the end.", ""]


def machine() -> str:
    """Say on what it was measured."""
    asking = "import importlib.metadata as m, sys; print(*(f'{name} {m.version(name)}' for name in sys.argv[1:]), sep=', ')"
    peers = subprocess.run([os.environ[PYTHON], "-c", asking, *VERSIONS], capture_output=True, text=True, check=True).stdout.strip()
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
                  if line.startswith("model name")), platform.machine())
    ours = f"Python {platform.python_version()}, labctl {importlib.metadata.version('labctl')}"
    return f"{model}, {os.cpu_count()} cores; {ours}, {peers}"


def measurements(given: argparse.Namespace, everything: bool, before: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measure what is asked for, and give each thing as soon as it is known."""
    for count in ROUNDS if everything else given.counts:
        for found in scans(count, given.rounds or ROUNDS.get(count, 1), given.tools or list(TOOLS)):
            yield "scans", found
    if everything or given.kills:
        for found in kills(given.kills or KILLS, before, given.tools or [*TOOLS, *AS_INSTALLED]):
            yield "kills", found


def main() -> None:
    parser = argparse.ArgumentParser(description="The standard scan on labctl and its peers.")
    parser.add_argument("counts", nargs="*", type=int, default=[])
    parser.add_argument("--kills", type=int, default=0, help="how often each is killed at each pace; default 3 without counts")
    parser.add_argument("--tools", nargs="*", default=[], help="some of them alone; default all")
    parser.add_argument("--rounds", type=int, default=0, help="turns of every tool; default 3, and 2 of 5000 points")
    parser.add_argument("--keep", type=Path, default=None, help="keep what was measured in this file")
    parser.add_argument("--python", default=str(TREE / ".venv-peers" / "bin" / "python"), help="the interpreter that has the peers")
    given = parser.parse_args()
    if not Path(given.python).exists():
        raise SystemExit(f"There is no {given.python} with the peers in it: run 'make bench-peers' once.")
    os.environ[PYTHON] = str(Path(given.python).absolute())
    kept: dict[str, list[dict[str, Any]]] = {"scans": [], "kills": []}
    if given.keep is not None and given.keep.exists():
        kept = json.loads(given.keep.read_text(encoding="utf-8"))
    everything = not given.counts and not given.kills
    for what, found in measurements(given, everything, len(kept["kills"])):
        kept[what].append(found)
        if given.keep is not None:
            given.keep.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    if kept["scans"]:
        print(table(kept["scans"], kept["kills"]))


if __name__ == "__main__":
    main()
