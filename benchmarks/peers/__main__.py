"""Run the standard scan on every tool in turns, kill every tool while it writes, and print one table.

Usage: `python -m benchmarks.peers [COUNT ...] [--keep FILE] [--into FILE]`; without counts 200, 1000, 5000 points and the kills.
How far it is stands on stderr. With `--keep` what was measured stays in a file, and the table is printed of all that is in it, so
that it can be measured in pieces; with `--into` the table replaces the one in a document.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.table import AS_INSTALLED, NAMES, TOOLS, replaced, table

TREE = Path(__file__).resolve().parents[2]
ROUNDS = {200: 3, 1000: 3, 5000: 2}
KILLS, PACES_S, KILLED_AFTER = 3, (0.0, 0.01), (20, 120)
MOST = 100_000          # points for which a tool is set up that will be killed before
AT_A_TIME = 2           # tools that are killed; how long that takes is nobody's concern
EDGE = 0.1              # the first and the last tenth are compared
SETTLED = 10            # points that are left out at the beginning: imports, first allocations
LONGEST_S = 60.0        # of a scan: a tool that needs longer is cut off there, and the table says at which point
PATIENCE_S = 180.0      # of a whole process, reading included


class Failed(Exception):
    """A tool did not do what it was asked for."""


@dataclass(frozen=True)
class Task:
    """One tool: `count` points scanned and read back; or, `after` so many points, killed, and read back."""

    tool: str
    count: int = 0
    after: int = 0
    pace_s: float = 0.0

    @property
    def kind(self) -> str:
        """What it is among what was measured."""
        return "kills" if self.after else "scans"

    def __str__(self) -> str:
        what = f"killed after {self.after} points" if self.after else f"{self.count} points"
        return f"{NAMES[self.tool]}, {what}"


def command(tool: str, what: str, folder: str, count: int, pace_s: float = 0.0) -> list[str]:
    return [sys.executable, "-m", "benchmarks.peers.worker", tool, what, folder, str(count), str(pace_s), str(LONGEST_S)]


def environment(folder: str) -> dict[str, str]:
    """Give each a home and a state of its own, and one thread."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "HOME": folder, "LABCTL_STATE": f"{folder}/state", "PYTHONDONTWRITEBYTECODE": "1"}


def asked(tool: str, what: str, folder: str, count: int) -> dict[str, Any]:
    """Let a tool work in a process of its own; gives the JSON object on its last line."""
    try:
        done = subprocess.run(command(tool, what, folder, count), cwd=TREE, env=environment(folder), capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"{what} took longer than {PATIENCE_S:.0f} s") from None
    if done.returncode:
        raise Failed(f"{what} ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout.splitlines()[-1])


def carried_out(task: Task) -> dict[str, Any]:
    """Carry out a task; a tool that fails at it has `failed` in its record, and the others go on."""
    with tempfile.TemporaryDirectory(prefix="labctl-peers-") as folder:
        try:
            found = killed(task, folder) if task.after else scanned(task, folder)
        except Failed as exc:
            found = {"failed": str(exc)}
    return {"tool": task.tool, "count": task.count, "pace_s": task.pace_s, **found}


def scanned(task: Task, folder: str) -> dict[str, Any]:
    """Scan, and read everything back: what was said to be done must be there."""
    written = asked(task.tool, "write", folder, task.count)
    points = len(written["wall"])
    found = asked(task.tool, "read", folder, points)
    if found["points"] < points:
        raise Failed(f"{found['points']} of {points} points came back: {found['error']}")
    return {**told(written), "reload_s": found["seconds"], "cut_off": points if points < task.count else 0}


def told(written: dict[str, Any]) -> dict[str, Any]:
    """Give the numbers of a scan; times in µs a point, of the processor unless they say otherwise."""
    wall, each = (np.diff(written[clock])[SETTLED:] * 1e6 for clock in ("wall", "processor"))
    edge = max(int(len(each) * EDGE), 1)
    return {"median": float(np.median(each)), "p99": float(np.percentile(each, 99)), "wall": float(np.median(wall)),
            "wall_p99": float(np.percentile(wall, 99)), "growth": float(np.median(each[-edge:]) / np.median(each[:edge])),
            "grown_mb": written["grown_mb"], "bytes": written["bytes"] / len(written["wall"]), "finish_s": written["finish_s"]}


def killed(task: Task, folder: str) -> dict[str, Any]:
    """Kill a tool when it has said that so many points are done; how many of those it had said come back, without any repair."""
    process = subprocess.Popen(command(task.tool, "die", folder, MOST, task.pace_s), cwd=TREE, env=environment(folder), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    said = 0
    with process:
        for line in process.stdout or ():
            said += line.strip().isdecimal()
            if said == task.after:
                process.send_signal(signal.SIGKILL)
    if said < task.after:
        raise Failed(f"it ended by itself after {said} points")
    found = asked(task.tool, "read", folder, said)
    return {"said": said, "back": found["points"], "error": found["error"]}


# ---------------------------------------------------------------- what is to be done, in which order
def scans(rounds: dict[int, int], names: list[str]) -> Iterator[Task]:
    """Scan with every tool in turns that begin with another tool each time."""
    for count, turns in rounds.items():
        for turn in range(turns):
            first = turn % len(names)
            yield from (Task(tool, count) for tool in names[first:] + names[:first])


def kills(times: int, before: int, names: list[str]) -> Iterator[Task]:
    """Kill every tool a few times at each pace; `before` says how many there were: those that follow come at other moments."""
    drawn = random.Random(before)       # noqa: S311  when to kill
    for pace_s in PACES_S:
        for _ in range(times):
            after = drawn.randint(*KILLED_AFTER)
            yield from (Task(tool, after=after, pace_s=pace_s) for tool in names)


def measured(tasks: list[Task], say: Callable[[str], None]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Carry out all tasks, scans alone and kills a few at a time, and give each record as soon as it is known."""
    timed, others = ([task for task in tasks if task.kind == kind] for kind in ("scans", "kills"))
    began = time.monotonic()
    with ThreadPoolExecutor(min(AT_A_TIME, os.cpu_count() or 1)) as pool:
        answers = zip((*timed, *others), chained(map(carried_out, timed), lambda: pool.map(carried_out, others)), strict=True)
        for number, (task, record) in enumerate(answers, 1):
            say(f"{number:3}/{len(tasks)} {time.monotonic() - began:4.0f} s  {task}: {summary(record)}")
            yield task.kind, record


def chained(first: Iterable[Any], then: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    """Give the first, and only when they are over begin with the others."""
    yield from first
    yield from then()


def summary(record: dict[str, Any]) -> str:
    """Say in a few words what was found."""
    if "failed" in record:
        return f"FAILED: {record['failed']}"
    if "said" in record:
        return f"{min(record['back'], record['said'])} of {record['said']} came back"
    cut = f", cut off at {record['cut_off']}" if record["cut_off"] else ""
    return f"{record['median']:.0f} µs a point ({record['wall']:.0f} on the clock){cut}"


def asked_for(given: argparse.Namespace, before: int) -> list[Task]:
    """Give the tasks that the command line asks for."""
    everything = not given.counts and not given.kills
    rounds = {count: given.rounds or ROUNDS.get(count, 1) for count in (ROUNDS if everything else given.counts)}
    tasks = list(scans(rounds, given.tools or list(TOOLS)))
    if everything or given.kills:
        tasks += kills(given.kills or KILLS, before, given.tools or [*TOOLS, *AS_INSTALLED])
    return tasks


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="The standard scan on labctl and its peers.")
    parser.add_argument("counts", nargs="*", type=int, default=[])
    parser.add_argument("--kills", type=int, default=0, help="how often each is killed at each pace; default 3 without counts")
    parser.add_argument("--tools", nargs="*", choices=list(NAMES), default=[], help="some of them alone; default all")
    parser.add_argument("--rounds", type=int, default=0, help="turns of every tool; default 3, and 2 of 5000 points")
    parser.add_argument("--keep", type=Path, default=None, help="keep what was measured in this file")
    parser.add_argument("--into", type=Path, default=None, help="replace the table of this document")
    given = parser.parse_args()
    kept: dict[str, list[dict[str, Any]]] = {"scans": [], "kills": []}
    if given.keep is not None and given.keep.exists():
        kept = json.loads(given.keep.read_text(encoding="utf-8"))
    load = os.getloadavg()[0]
    for kind, record in measured(asked_for(given, len(kept["kills"])), lambda text: print(text, file=sys.stderr, flush=True)):
        kept[kind].append(record)
        if given.keep is not None:
            given.keep.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    if kept["scans"]:
        text = table(kept["scans"], kept["kills"], load)
        print(text)
        if given.into is not None:
            given.into.write_text(replaced(given.into.read_text(encoding="utf-8"), text), encoding="utf-8")
    failed = [record for records in kept.values() for record in records if "failed" in record]
    raise SystemExit(f"{len(failed)} measurements failed; they are in the table as such." if failed else 0)


if __name__ == "__main__":
    main()
