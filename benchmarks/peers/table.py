"""The table of what was measured: a row for every tool, those that lose nothing first, the fastest first."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import statistics
import tempfile
from pathlib import Path
from typing import Any

TOOLS = {
    "with_labctl": "labctl", "with_h5py": "plain h5py, SWMR", "with_pymeasure": "PyMeasure, CSV", "with_qcodes": "QCoDeS",
    "with_qcodes_uncached": "QCoDeS, uncached",
    "with_bluesky": "Bluesky, JSON lines", "with_bluesky_msgpack": "Bluesky, msgpack"}
AS_INSTALLED = {"with_qcodes_default": "QCoDeS, write period of 5 s", "with_h5py_unflushed": "plain h5py, closed at the end"}
NAMES = {**TOOLS, **AS_INSTALLED}
BLUESKY = ("with_bluesky", "with_bluesky_msgpack")
FRAMEWORKS = ("with_pymeasure", "with_qcodes", "with_qcodes_uncached", *BLUESKY)
PROMISED = {"the fastest framework": (FRAMEWORKS, 2.0), "Bluesky": (BLUESKY, 10.0)}      # how many times faster labctl is
PACKAGES = ("labctl", "pymeasure", "qcodes", "bluesky", "h5py", "numpy")
MARKED = re.compile(r"(<!-- table -->\n).*?(<!-- end -->)", re.DOTALL)

Records = list[dict[str, Any]]


def table(measured: Records, deaths: Records, load: float) -> str:
    """Give the table in Markdown, what it says about the promises, and on what it was measured; `load` is that before it began."""
    counts = sorted({each["count"] for each in measured})
    heads = ["", *(f"µs/point, N = {count}" for count in counts), "99 %", "on the clock", "99 % of it", "last/first",
             "memory grown, MB", "bytes/point", "reload, ms", "after kill -9"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(measured, deaths, counts)]
    return "\n".join([*lines, "", *losses(deaths), *ratios(measured), machine(load)])


def rows(measured: Records, deaths: Records, counts: list[int]) -> list[list[str]]:
    """Give the rows; everything but the medians is that of the longest scan of the row."""
    found: list[tuple[bool, float, list[str]]] = []
    for tool, name in TOOLS.items():
        of = {count: good(measured, tool, count) for count in counts}
        most = max((count for count in counts if of[count]), default=0)
        died = [each for each in deaths if each["tool"] == tool]
        if not most:
            if any(each["tool"] == tool for each in measured):
                found.append((True, float("inf"), [name, *[""] * (len(counts) + 7), "failed"]))
            continue
        number = {key: middle(of[most], key) for key in of[most][0] if isinstance(of[most][0][key], float)}
        medians = [f"{middle(of[count], 'median'):.0f}{cut(of[count])}" if of[count] else "" for count in counts]
        others = [f"{number[key]:.{digits}f}" for key, digits in
                  (("p99", 0), ("wall", 0), ("wall_p99", 0), ("growth", 2), ("grown_mb", 1), ("bytes", 0))]
        found.append((any(lost(died)), number["median"],
                      [name, *medians, *others, f"{1e3 * number['reload_s']:.0f}", survived(died)]))
    return [row for _, _, row in sorted(found, key=lambda each: each[:2])]


def good(measured: Records, tool: str, count: int) -> Records:
    """Give the scans of so many points in which a tool did what it was asked for."""
    return [each for each in measured if (each["tool"], each["count"]) == (tool, count) and "failed" not in each]


def middle(records: Records, key: str) -> float:
    return float(statistics.median(each[key] for each in records))


def cut(records: Records) -> str:
    """Say at which point a scan was cut off."""
    least = min((each["cut_off"] for each in records if each["cut_off"]), default=0)
    return f" (cut off at {least})" if least else ""


def lost(died: Records) -> list[int]:
    """Give how many points that were said to be done are not there, for each time a tool was killed."""
    return [max(each["said"] - each["back"], 0) for each in died if "failed" not in each]


def survived(died: Records) -> str:
    """Say what kill -9 left."""
    each = lost(died)
    failed = f"; failed {len(died) - len(each)} times" if len(each) < len(died) else ""
    if not each:
        return f"not tried{failed}"
    if not any(each):
        return f"all, {len(each)} of {len(each)} times{failed}"
    return f"lost {max(each)} at worst, something {sum(map(bool, each))} of {len(each)} times{failed}"


def losses(deaths: Records) -> list[str]:
    """Say what is lost by those that are not durable at every point; they are not ranked."""
    told = [f"{name}: {survived(died)}" for tool, name in AS_INSTALLED.items()
            if (died := [each for each in deaths if each["tool"] == tool])]
    return [f"Not ranked. {'; '.join(told)}.", ""] if told else []


def ratios(measured: Records) -> list[str]:
    """Say how labctl stands to what it promises, at the longest scan that it and somebody else went through to the end."""
    found = []
    for whom, (tools, promised) in PROMISED.items():
        for count in sorted({each["count"] for each in measured}, reverse=True):
            ours = good(measured, "with_labctl", count)
            theirs = {tool: middle(same, "median") for tool in tools
                      if (same := good(measured, tool, count)) and not any(each["cut_off"] for each in same)}
            if ours and theirs:
                break
        else:
            continue
        fastest = min(theirs, key=lambda tool: theirs[tool])
        peer = good(measured, fastest, count)
        times = theirs[fastest] / middle(ours, "median")
        finish_us = 1e6 * middle(ours, "finish_s") / count
        whole = theirs[fastest] / (middle(ours, "median") + finish_us)
        clock = middle(peer, "wall") / middle(ours, "wall")
        found.append(f"- {count} points: labctl is {times:.1f} times faster per durable point than {whom} ({TOOLS[fastest]}) in "
                     f"processor time, {clock:.1f} times on the clock; {whole:.1f} times with its run file counted in, which takes "
                     f"{finish_us:.0f} µs a point once, at the end. Promised {promised:g}: "
                     f"{'kept' if times >= promised else 'NOT KEPT'}.")
    return [*found, ""] if found else []


def machine(load: float) -> str:
    """Say on what it was measured, and how busy that was."""
    about = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in about if line.startswith("model name")), platform.machine())
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    disk = filesystem(Path(tempfile.gettempdir()))
    return (f"{model}, {os.cpu_count()} cores, load {load:.1f} before it began; files on {disk}; "
            f"Python {platform.python_version()}, {versions}")


def filesystem(place: Path) -> str:
    """Name the kind of file system of a folder; a sync costs nothing in memory."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return platform.system()
    found = [line.split()[1:3] for line in mounts.read_text(encoding="utf-8").splitlines()]
    inside = [(len(where), kind) for where, kind in found if place.resolve().is_relative_to(where)]
    return max(inside)[1] if inside else "?"


def replaced(page: str, text: str) -> str:
    """Put a table where a document has one."""
    found, count = MARKED.subn(lambda match: f"{match[1]}{text}\n{match[2]}", page)
    if count != 1:
        raise SystemExit("That document has no place for the table: <!-- table --> and <!-- end -->.")
    return found
