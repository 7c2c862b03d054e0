"""A sweep in one line: axes, detectors, exposure. An ordinary run of the procedure `sweep`, which has all that a run has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labctl.api.bench import Bench
from labctl.api.running import run
from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.core.pump_units import LEVELS
from labctl.core.set_points import level_named
from labctl.engine.runner import Outcome

DARK_FRAMES = 3


def scan(bench: Bench, axes: Mapping[str, Any], *, read: str | Sequence[str] = "spectrum", exposure: float | str = 1.0,
         level: str | None = None, at: Mapping[str, Any] | None = None, together: bool = False, dark_frames: int | None = None,
         **options: Any) -> Outcome:
    """Step quantities and read detectors at every place: preflight, dose, journal, abort, resume, file and figure as for any run.

    `axes` gives every quantity its values: a range, list, array, or text such as "0:360:10" or "1 uW, 2 uW"; the last runs fastest,
    or all step `together`. `read` names detectors, `exposure` is in s or a text with a unit, `level` is the pump's, with a unit
    that says what it is ("20 uJ/cm^2", "5 uW"), and `at` holds further quantities. What was chosen by hand
    (`bench["pump.wavelength"] = 505`) is held, too, unless it is an axis. `dark_frames` are 3, none where only numbers are read.
    `options` are those of `labctl.run`: `seed`, `sample`, `note`, `out`, `figure`, `order`.
    """
    detectors = [read] if isinstance(read, str) else list(read)
    held = _held(bench, axes, level, at or {})
    if dark_frames is None:
        arrays = [name for name in detectors if name in bench.detectors and bench.detectors[name].spec.dims]    # type: ignore
        dark_frames = DARK_FRAMES if arrays else 0
    values = {"axes": dict(axes), "at": held, "together": together, "detectors": detectors, "exposure": exposure,
              "dark_frames": dark_frames}
    return run("sweep", bench, values, **options)


def _held(bench: Bench, axes: Mapping[str, Any], level: str | None, at: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is held: what was chosen by hand, unless this scan says something else about it or about the pump's level."""
    asked = dict(at)
    if level is not None:
        try:
            asked[level_named(level)] = level
        except ValueError as exc:
            raise Refused([Problem("level", f"{exc}. Write e.g. '20 uJ/cm^2'.")]) from None
    levels = {name for name in LEVELS if name in asked or name in axes}
    by_hand = {name: value for name, value in bench.by_hand.items() if name not in axes and not (levels and name in LEVELS)}
    return {**by_hand, **asked}
