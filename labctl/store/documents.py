"""A run as the documents of Bluesky (start, descriptors, events, stop), as its databrokers and callbacks take them.

Scan points are the stream "primary"; reference, dark and zero points are streams of their own kind. Keys are labctl's names with
underscores for dots, which those documents do not allow. All ids follow from the run's, so that two exports are the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from labctl.store.layout import words
from labctl.store.run import Run
from labctl.store.view import View

STREAMS = {"scan": "primary", "reference": "reference", "dark": "dark", "zero": "zero"}
OBJECT = "labctl"
EXIT = {"done": "success", "aborted": "abort"}       # anything else is "fail"

Document = tuple[str, dict[str, Any]]


def documents(run: Run) -> Iterator[Document]:
    """Give (name, document) of a run, in the order in which Bluesky would have sent them within each stream, JSON types only."""
    start = str(uuid.UUID(run.run_id))
    began = datetime.fromisoformat(run.header["start_utc"]).timestamp()
    yield "start", _start(run, start, began)
    counts: dict[str, int] = {}
    for kind, stream in STREAMS.items():
        view = run.select(kind)
        if len(view):
            yield from _stream(run, view, stream, start, began)
            counts[stream] = len(view)
    ended = run.end.get("end_utc")
    problems = run.end.get("problems") or []
    yield "stop", {
        "uid": _id(start, "stop"), "run_start": start, "time": datetime.fromisoformat(ended).timestamp() if ended else began,
        "exit_status": EXIT.get(run.status, "fail"), "reason": "; ".join(str(each["text"]) for each in problems),
        "num_events": counts, "labctl_status": run.status,
        "results": {key(name): result.as_json() for name, result in run.results.items()}}


def key(name: str) -> str:
    """Give a name as a key of the documents, which hold neither dots nor slashes."""
    return name.replace(".", "_").replace("/", "_")


def _start(run: Run, uid: str, began: float) -> dict[str, Any]:
    axes = [key(name) for name in run.header.get("scan_axes") or () if name in run.names]
    bench = run.header.get("bench", {})
    return {
        "uid": uid, "time": began, "scan_id": int(run.header.get("run_number", 0)), "plan_name": str(run.header["procedure"]),
        "plan_type": OBJECT, "plan_args": _plain(run.parameters), "motors": axes, "detectors": [key(name) for name in run.channels],
        "num_points": len(run), "sample": str(run.header.get("sample", "")), "operator": str(run.header.get("user", "")),
        "note": str(run.header.get("note", "")), "bench": str(bench.get("name", "")), "simulated": bool(bench.get("simulated")),
        "seed": run.seed, "hints": {"dimensions": [[[name], STREAMS["scan"]] for name in axes]}}


def _stream(run: Run, view: View, stream: str, start: str, began: float) -> Iterator[Document]:
    """Give the descriptor and the events of one kind of points."""
    descriptor, flags = _id(start, stream), view.flag_names
    columns = {name: np.asarray(view[name], float) for name in view.names}
    arrays = {name: view.counts(name) for name in view.channels}
    times = began + np.nan_to_num(columns.get("elapsed_s", np.zeros(len(view))))
    keys = {**{key(name): _number(run, name) for name in columns},
            **{key(name): _array(run, name, array) for name, array in arrays.items()},
            "flags": {"source": "labctl:flags", "dtype": "string", "shape": [], "object_name": OBJECT}}
    configured = dict(_coordinates(view))
    yield "descriptor", {
        "uid": descriptor, "run_start": start, "time": float(times[0]), "name": stream, "data_keys": keys,
        "object_keys": {OBJECT: list(keys)}, "hints": {OBJECT: {"fields": []}},
        "configuration": {OBJECT: {
            "data": {name: values for name, (values, _) in configured.items()},
            "timestamps": dict.fromkeys(configured, began),
            "data_keys": {name: {"source": "labctl:coordinate", "dtype": "array", "shape": [len(values)], "units": unit}
                          for name, (values, unit) in configured.items()}}}}
    marks = {name: view.flag(name) for name in flags}
    for row in range(len(view)):
        data: dict[str, Any] = {key(name): _plain(column[row]) for name, column in columns.items()}
        data |= {key(name): _plain(array[row]) for name, array in arrays.items()}
        data["flags"] = ",".join(name for name, mark in marks.items() if mark[row])
        time = float(times[row])
        yield "event", {"uid": _id(start, stream, row), "descriptor": descriptor, "seq_num": row + 1, "time": time, "data": data,
                        "timestamps": dict.fromkeys(data, time), "filled": {}}


def _number(run: Run, name: str) -> dict[str, Any]:
    told = words(run.header, name)
    return {"source": f"labctl:{name}", "dtype": "number", "shape": [], "units": told["units"], "object_name": OBJECT}


def _array(run: Run, name: str, values: np.ndarray) -> dict[str, Any]:
    return {**_number(run, name), "dtype": "array", "dtype_numpy": values.dtype.str, "shape": list(values.shape[1:])}


def _coordinates(view: View) -> Iterator[tuple[str, tuple[list[float], str]]]:
    """Give the values along the last dimension of every array, by name, with their unit."""
    for channel in view.channels:
        found = view.coordinate(channel)
        if found is not None:
            name, unit, values = found
            yield f"{key(channel)}_{key(name)}", (_plain(values), unit)


def _plain(value: Any) -> Any:
    """Give plain JSON types; JSON has no NaN."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {key(str(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _id(start: str, *what: object) -> str:
    return str(uuid.uuid5(uuid.UUID(start), "/".join(map(str, what))))
