"""Bluesky: `list_scan` under the run engine, its own writer of JSON lines, which closes the file after every document."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bluesky import RunEngine
from bluesky.callbacks.json_writer import JSONLinesWriter
from bluesky.plans import list_scan

from benchmarks.peers.scan import NAMES, PIXELS, frames, numbers, position

SETTING = "RunEngine, list_scan, its JSONLinesWriter"
FILE = "scan.jsonl"


class Done:
    """A status that is over."""

    done = success = True

    def add_callback(self, callback: Callable[[Any], None]) -> None:
        callback(self)

    def exception(self, timeout: float | None = 0.0) -> None:
        return None


def told(values: dict[str, Any]) -> dict[str, Any]:
    now = time.time()
    return {name: {"value": value, "timestamp": now} for name, value in values.items()}


class Device:
    """What Bluesky asks of everything."""

    parent = None

    def read_configuration(self) -> dict[str, Any]:
        return {}

    describe_configuration = read_configuration


class Axis(Device):
    """An axis that is there at once."""

    name, at = "wavelength", 0.0

    def set(self, value: float) -> Done:
        self.at = float(value)
        return Done()

    def read(self) -> dict[str, Any]:
        return told({"wavelength": self.at})

    def describe(self) -> dict[str, Any]:
        return {"wavelength": {"source": "benchmark", "dtype": "number", "shape": [], "units": "nm"}}


class Camera(Device):
    """A camera that has always just read out; JSON takes lists, msgpack arrays."""

    name = "camera"

    def __init__(self, lists: bool) -> None:
        self._frames: list[Any] = [frame.tolist() for frame in frames()] if lists else list(frames())
        self._index = -1

    def trigger(self) -> Done:
        self._index += 1
        return Done()

    def read(self) -> dict[str, Any]:
        return told({"counts": self._frames[self._index % len(self._frames)], **numbers(self._index)})

    def describe(self) -> dict[str, Any]:
        spectrum = {"source": "benchmark", "dtype": "array", "shape": [PIXELS], "dtype_numpy": "<u4"}
        return {"counts": spectrum, **{name: {"source": "benchmark", "dtype": "number", "shape": []} for name in NAMES}}


def scan(writer: Callable[[str, dict[str, Any]], None], count: int, done: Callable[[int], None], *, lists: bool) -> None:
    """Scan, with a writer of documents."""
    engine = RunEngine({})

    def tell(name: str, document: dict[str, Any]) -> None:
        if name == "event":
            done(document["seq_num"] - 1)

    engine.subscribe(writer)
    engine.subscribe(tell)
    engine(list_scan([Camera(lists)], Axis(), [position(index) for index in range(count)]))


def write(folder: Path, count: int, done: Callable[[int], None]) -> None:
    """Scan."""
    scan(JSONLinesWriter(str(folder), FILE), count, done, lists=True)


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read everything back; a last line that was cut off is left out."""
    events = []
    for line in (folder / FILE).read_text(encoding="utf-8").splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            break
        if document["name"] == "event":
            events.append(document["doc"]["data"])
    return columns(events)


def columns(events: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Give spectra and numbers of events."""
    return np.array([event["counts"] for event in events], "u4"), np.array([[event[name] for name in ("wavelength", *NAMES)]
                                                                             for event in events])
