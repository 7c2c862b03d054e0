"""What labctl itself remembers of a simulated bench: kept with the twin's history, for the next moves depend on it as well.

A source-meter steps to a voltage that was held before and goes to any other by a ramp; a spectrum asks the spectrograph where it
stands only when that has moved. After `labctl resume` both have forgotten, and the point would begin at another time than in an
undisturbed run. A driver or a detector names what it has to remember in `remembers`. On hardware nothing is put back: there the
sample may have changed meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from labctl.bench.devices import Device
from labctl.core.instrument import Detector


def kept(devices: Mapping[str, Device], detectors: Mapping[str, Detector], history: bytes) -> bytes:
    """Give a checkpoint: what drivers and detectors remember, as one line of JSON, and the twin's history behind it."""
    told = {key: {name: getattr(one, name) for name in names} for key, one, names in _remembering(devices, detectors)}
    return json.dumps(told).encode() + b"\n" + history


def put_back(devices: Mapping[str, Device], detectors: Mapping[str, Detector], checkpoint: bytes) -> bytes:
    """Let drivers and detectors remember what a checkpoint holds; gives the twin's history. Older ones hold nothing else."""
    line, _, history = checkpoint.rpartition(b"\n")
    told = json.loads(line) if line else {}
    for key, one, names in _remembering(devices, detectors):
        for name in names:
            if name in told.get(key, {}):
                value = told[key][name]
                setattr(one, name, tuple(value) if isinstance(value, list) else value)
    return history


def _remembering(devices: Mapping[str, Device], detectors: Mapping[str, Detector]) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    for role, device in devices.items():
        if names := getattr(device.driver, "remembers", ()):
            yield f"driver {role}", device.driver, names
    for name, detector in detectors.items():
        if names := getattr(detector, "remembers", ()):
            yield f"detector {name}", detector, names
