"""The twin's history as an opaque checkpoint: everything a later photon depends on, and putting it back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sim_instruments.twin.detector_arm import CentreError
from sim_instruments.twin.elements import Element, Line
from sim_instruments.twin.more_elements import BiasedSample, Cryostat
from sim_instruments.twin.motion import Mover
from sim_instruments.twin.noise import Wander

if TYPE_CHECKING:
    from sim_instruments.twin.twin import Twin

VERSION = 2
_NOT_STATE = ("role", "columns", "rows", "slots", "sensor")


def capture(twin: Twin) -> bytes:
    """Give the state of a settled twin; times are kept relative to now."""
    now = twin.clock.now()
    streams = twin.streams
    state = {
        "version": VERSION,
        "elements": {role: _element_state(element) for role, element in twin.elements.items()},
        "port": asdict(twin.sample_port),
        "specimen": twin.specimen.remember(now),
        "drift": _wander_state(twin.drift, now),
        "heads": {role: {"zero_w": head.zero_w, "shown_w": head.shown_w, "drift": _wander_state(head.drift, now)}
                  for role, head in twin.heads.items()},
        "centre": asdict(twin.arm.centre),
        "streams": {"run_seed": streams.run_seed, "index": streams.index, "in_run": streams.in_run, "taken": dict(streams.taken)},
    }
    return json.dumps(state, sort_keys=True).encode("ascii")


def put_back(twin: Twin, checkpoint: bytes) -> None:
    """Restore what `capture` gave, on this twin or on one built from the same bench file."""
    state = json.loads(checkpoint)
    if state.get("version") != VERSION:
        raise ValueError(f"the checkpoint has version {state.get('version')}, this twin reads version {VERSION}")
    if set(state["elements"]) != set(twin.elements):
        raise ValueError("the checkpoint belongs to another light path: " + ", ".join(sorted(state["elements"])))
    now = twin.clock.now()
    for role, saved in state["elements"].items():
        _put_element(twin.elements[role], saved)
    for name, value in state["port"].items():
        setattr(twin.sample_port, name, value)
    twin.specimen.recall(state["specimen"], now)
    _put_wander(twin.drift, state["drift"], now)
    for role, saved in state["heads"].items():
        head = twin.heads[role]
        head.zero_w, head.shown_w = saved["zero_w"], saved["shown_w"]
        _put_wander(head.drift, saved["drift"], now)
    twin.arm.centre = CentreError(**state["centre"])
    streams = twin.streams
    streams.run_seed, streams.index, streams.in_run = (state["streams"][name] for name in ("run_seed", "index", "in_run"))
    streams.taken = dict(state["streams"]["taken"])


def _element_state(element: Element) -> dict[str, Any]:
    saved: dict[str, Any] = {}
    for name, value in vars(element).items():
        if isinstance(value, Mover):
            saved[name] = {"course": value.course()}
        elif name == "axes":
            saved[name] = {axis: mover.course() for axis, mover in value.items()}
        elif name == "lines":
            saved[name] = [[line.centre_nm, line.amplitude] for line in value]
        elif isinstance(value, (bool, int, float)) and name not in _NOT_STATE:
            saved[name] = value
    if isinstance(element, BiasedSample):
        saved["course"] = element.course()
    elif isinstance(element, Cryostat):
        saved["anchor"] = element.anchor()
    return saved


def _put_element(element: Element, saved: dict[str, Any]) -> None:
    for name, value in saved.items():
        if name in ("course", "anchor"):
            continue
        present = getattr(element, name)
        if name == "axes":
            for axis, course in value.items():
                present[axis].resume(tuple(course))
        elif isinstance(present, Mover):
            present.resume(tuple(value["course"]))
        elif name == "lines":
            present[:] = [Line(centre, amplitude) for centre, amplitude in value]
        else:
            setattr(element, name, value)
    # Last: whatever was set before began a new course.
    if isinstance(element, BiasedSample):
        element.resume(tuple(saved["course"]))
    elif isinstance(element, Cryostat):
        element.resume(tuple(saved["anchor"]))


def _wander_state(wander: Wander, now: float) -> list[float]:
    return [wander.value, round(now - wander.since, 6)]


def _put_wander(wander: Wander, saved: list[float], now: float) -> None:
    wander.value, wander.since = saved[0], now - saved[1]
