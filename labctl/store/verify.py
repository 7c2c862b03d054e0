"""Check that a run is whole: unaltered, complete, every array on ascending axes with units, the plan the one that was hashed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from labctl.core.errors import LabctlError, StoreError
from labctl.core.plan import Point, Problem, plan_hash
from labctl.store import seal
from labctl.store.header import JOURNAL_SUFFIX
from labctl.store.layout import words
from labctl.store.reader import JournalReader
from labctl.store.run import Run, load

KINDS = ("scan", "reference", "dark", "zero")
NEEDED = ("run_id", "run_number", "procedure", "parameters", "plan", "plan_hash", "bench", "seed", "start_utc", "environment")
ROOT = ("default", "labctl_schema", "labctl_run_id", "labctl_procedure", "labctl_start", "labctl_status")


def verify(path: Path) -> list[Problem]:
    """Say what is wrong with a run file or a journal; warnings are what somebody should know. Changes nothing."""
    path = Path(path)
    if not path.exists():
        raise StoreError(f"There is no run {path}.")
    problems = list(_journal(path) if path.suffix == JOURNAL_SUFFIX else _sealed(path))
    if any(problem.level == "error" for problem in problems):
        return problems
    try:
        with load(path) as run:
            problems += [*_header(run), *_complete(run)]
        if path.suffix != JOURNAL_SUFFIX:
            with h5py.File(path, "r") as file:
                problems += _layout(file, _units(path))
    except (LabctlError, OSError, RuntimeError, KeyError, ValueError) as exc:
        problems.append(Problem("file", f"cannot be read: {exc}"))
    return problems


def _sealed(path: Path) -> Iterator[Problem]:
    verdict = seal.check(path)
    if verdict == "altered":
        yield Problem("checksum", f"{path.name} was altered or damaged after it was finished; what is in it may be wrong. "
                                  "Take it from a backup.")
    elif verdict == "none":
        yield Problem("checksum", f"{path.name} bears no checksum: another program has rewritten it, or it is cut off.", "warning")


def _journal(path: Path) -> Iterator[Problem]:
    """Check the checksum of every point."""
    with JournalReader(path) as reader:
        for record in reader.records():
            try:
                reader.arrays(record)
            except StoreError as exc:
                yield Problem("checksum", str(exc), point=record.number)


def _header(run: Run) -> Iterator[Problem]:
    for name in NEEDED:
        if name not in run.header:
            yield Problem("provenance", f"{name} is missing.")
    found = plan_hash([Point.from_json(point) for point in run.header.get("plan", ())])
    if found != run.header.get("plan_hash"):
        yield Problem("plan", "the plan in the file is not the one that was hashed when the run began.")


def _complete(run: Run) -> Iterator[Problem]:
    """Compare the points that are there with the plan."""
    planned = run.header.get("plan", ())
    numbers = np.concatenate([run.select(kind).numbers for kind in KINDS])
    if len(np.unique(numbers)) < len(numbers) or (len(numbers) and (numbers.min() < 0 or numbers.max() >= len(planned))):
        yield Problem("points", "points stand at places that the plan does not have, or twice at one place.")
    missing = sorted(set(range(len(planned))) - {int(number) for number in numbers})
    if missing:
        text = f"{len(missing)} of {len(planned)} planned points are missing, the first is point {missing[0]}."
        yield Problem("points", text, "error" if run.status == "done" else "warning", missing[0])
    if run.status == "done" and not run.end:
        yield Problem("end", "the run is called done but has no end record.")


def _units(path: Path) -> Callable[[str], str]:
    """Give the function that says which unit a name of the file should have, by the quantities and by the run's own channels."""
    with load(path) as run:
        header = run.header
    declared = [axis for channel in header.get("channels", {}).values() for axis in channel["coords"].items()]
    axes = {dim: str(told.get("unit", "")) for dim, told in declared}
    return lambda name: axes.get(name) or words(header, name)["units"]


def _layout(file: Any, unit_of: Callable[[str], str]) -> Iterator[Problem]:
    """Check attributes, axes and units of every NXdata group, and the view for HyperSpy."""
    for name in ROOT:
        if name not in file.attrs:
            yield Problem("schema", f"the root attribute {name} is missing.")
    entry = file.get("entry")
    if entry is None or "data" not in entry or "provenance" not in entry:
        yield Problem("schema", "/entry/data or /entry/provenance is missing.")
        return
    for name, group in entry.items():
        if isinstance(group, h5py.Group) and group.attrs.get("NX_class") == "NXdata":
            yield from _axes(name, group, unit_of)
    view, signal = file.get("Experiments/data/data"), entry["data"].get(str(entry["data"].attrs.get("signal", "")))
    if view is not None and signal is not None and view.shape != signal.shape:
        yield Problem("schema", "the view for HyperSpy does not fit the data.")


def _axes(name: str, group: Any, unit_of: Callable[[str], str]) -> Iterator[Problem]:
    signal = group.get(str(group.attrs.get("signal", "")))
    axes = [group.get(str(axis)) for axis in group.attrs.get("axes", ())]
    if signal is None or any(axis is None for axis in axes):
        yield Problem("axes", f"{name}: signal or an axis is missing.")
        return
    if tuple(len(axis) for axis in axes) != signal.shape:
        yield Problem("axes", f"{name}: the signal is {signal.shape}, its axes are {tuple(len(axis) for axis in axes)} long.")
    for axis in axes:
        values, label = axis[()], axis.name.rsplit("/", 1)[-1]
        if not np.all(np.isfinite(values)) or np.any(np.diff(values) <= 0):
            yield Problem("axes", f"{name}: {label} does not ascend.")
    for item in (signal, *axes):
        label = item.name.rsplit("/", 1)[-1]
        should, has = unit_of(str(item.attrs.get("labctl_name", label))), str(item.attrs.get("units", ""))
        if should != has:
            yield Problem("units", f"{name}: {label} should be in {should or 'no unit'}, the file says {has or 'nothing'}.")
