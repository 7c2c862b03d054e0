"""Preflight: everything that can be known to be wrong before the first move, and what the run will cost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from labctl.core.instrument import Axis, Detector
from labctl.core.moving import stages
from labctl.core.plan import Estimate, Point, Problem
from labctl.core.pump_units import LEVELS
from labctl.core.suggest import suggestion
from labctl.engine.soak import soak_s
from labctl.store import places, state

SHUTTER_S = 0.16              # open and close, each confirmed by its read-back, as the twin does it (unverified)
MOST_REPORTED = 8             # different problems of one field beyond this are counted, not listed
POINT_OVERHEAD_BYTES = 512    # scalars, flags and the journal's own bookkeeping
SPARE_DISK_BYTES = 50_000_000


def check_points(points: Sequence[Point], axes: Mapping[str, Axis], detectors: Mapping[str, Detector],
                 actions: Mapping[str, object]) -> list[Problem]:
    """Check every set-point of every point against every limit, and every detector setting; touches nothing."""
    if not points:
        return [Problem("plan", "there is not a single point to visit. Check start, stop and step.")]
    problems: list[Problem] = []
    groups: dict[tuple[str, ...], list[int]] = {}
    settings: dict[tuple[tuple[str, ...], float, tuple[str, ...]], int] = {}
    for index, point in enumerate(points):
        groups.setdefault(tuple(point.set), []).append(index)
        settings.setdefault((point.read, point.exposure_s, point.do), index)
    for names, indices in groups.items():
        problems += _check_set_points(names, indices, points, axes)
    seen: set[tuple[str, float]] = set()
    for (read, exposure_s, do), index in settings.items():
        for name in read:
            if (name, exposure_s) not in seen:
                seen.add((name, exposure_s))
                problems += _check_detector(name, exposure_s, detectors, index)
        problems += [Problem("do", f"this bench cannot do {name}. {suggestion(name, actions)}", point=index)
                     for name in do if name not in actions]
    return condensed(sorted(problems, key=lambda problem: -1 if problem.point is None else problem.point))


def _check_set_points(names: Sequence[str], indices: Sequence[int], points: Sequence[Point],
                      axes: Mapping[str, Axis]) -> Iterator[Problem]:
    """Check the points that set the same quantities: an axis that can looks at all of them at once, and then at each it doubts."""
    columns = {name: np.array([points[index].set[name] for index in indices], dtype=float) for name in names}
    for name in names:
        axis = axes.get(name)
        if axis is None:
            unknown = f"this bench has no {name}. {suggestion(name, axes)}"
            yield from (Problem(name, unknown, point=index) for index in indices)
            continue
        fine = getattr(axis, "fine", None)
        doubtful: Sequence[int] = range(len(indices)) if fine is None else np.flatnonzero(~fine(columns[name], columns)).tolist()
        for place in doubtful:
            point = points[indices[place]]
            yield from (Problem(p.field, p.text, p.level, indices[place]) for p in axis.check(point.set[name], point.set))


def _check_detector(name: str, exposure_s: float, detectors: Mapping[str, Detector], index: int) -> list[Problem]:
    detector = detectors.get(name)
    if detector is None:
        return [Problem("read", f"this bench has no detector {name}. {suggestion(name, detectors)}", point=index)]
    return [Problem(p.field, p.text, p.level, index) for p in detector.check(exposure_s)]


def condensed(problems: list[Problem]) -> list[Problem]:
    """Say each thing once, with the number of points it holds for; list a field's first different ones and count the rest."""
    said: dict[tuple[str, str, str], list[Problem]] = {}
    for problem in problems:
        said.setdefault((problem.field, problem.level, problem.text), []).append(problem)
    by_field: dict[str, list[Problem]] = {}
    for same in said.values():
        first = same[0]
        more = f" This holds for {len(same)} points, the last {same[-1].point}." if len(same) > 1 else ""
        by_field.setdefault(first.field, []).append(replace(first, text=first.text + more))
    condensed = []
    for field, found in by_field.items():
        condensed += found[:MOST_REPORTED]
        if len(found) > MOST_REPORTED:
            condensed.append(Problem(field, f"... and {len(found) - MOST_REPORTED} more points, the last: {found[-1].text}",
                                     found[-1].level, found[-1].point))
    return condensed


def check_disk(root: Path, needed_bytes: int) -> list[Problem]:
    """Check that the data folder can be written, or made, and has room; leaves nothing behind."""
    existing = root
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        return [Problem("out", f"{existing} is a file, not a folder. Choose another folder with --out.")]
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".labctl_"):
            pass
    except OSError as exc:
        return [Problem("out", f"the data folder {root} cannot be written: {exc.strerror}. Choose another with --out.")]
    if share := places.network_share(existing):
        text = f"{root} is on a network share ({share}): the journal is kept in {state.folder()} until the run ends."
        return [Problem("out", text, "warning"), *_check_free(state.folder(), needed_bytes), *_check_free(existing, needed_bytes)]
    return _check_free(existing, needed_bytes)


def _check_free(folder: Path, needed_bytes: int) -> list[Problem]:
    """Check that the disk on which a folder lies, or will lie, has room."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + SPARE_DISK_BYTES:
        return [Problem("out", f"{folder} has {free / 1e6:.0f} MB free, the run needs {needed_bytes / 1e6:.0f} MB and a reserve of "
                               f"{SPARE_DISK_BYTES / 1e6:.0f} MB. Free some space or choose another folder with --out.")]
    return []


def estimate(points: Sequence[Point], axes: Mapping[str, Axis], detectors: Mapping[str, Detector],
             spot_area_cm2: float | None) -> Estimate:
    """Estimate seconds, dose at the spot, bytes and lit seconds of a plan that has passed `check_points`."""
    seconds = dose = lit = 0.0
    size = 0
    before: dict[str, float] = {}
    orders: dict[tuple[str, ...], list[list[str]]] = {}
    eta = cache(lambda name, start, stop: axes[name].eta(start, stop))
    reading = cache(lambda names, exposure_s: _reading(names, exposure_s, detectors))
    power = cache(lambda levels: asked_power(dict(levels), axes, dict(levels).get("pump.wavelength", 0.0)) or 0.0)
    for point in points:
        key = tuple(point.set)
        if key not in orders:
            orders[key] = stages(axes, dict(point.set))
        for stage in orders[key]:
            seconds += max(eta(name, before.get(name), point.set[name]) for name in stage)
        seconds += max((soak_s(axes[name], value) for name, value in point.set.items() if before.get(name) != value), default=0.0)
        before.update(point.set)
        cost, size_each, exposed, settle_s = reading(point.read, point.exposure_s)
        seconds += cost
        size += POINT_OVERHEAD_BYTES + size_each
        if point.light and exposed:
            seconds += SHUTTER_S
            lit_s = point.exposure_s + settle_s + SHUTTER_S
            lit += lit_s
            levels = tuple((name, point.set[name]) for name in ("pump.wavelength", *LEVELS) if name in point.set)
            dose += power(levels) * lit_s / spot_area_cm2 if spot_area_cm2 else 0.0
    return Estimate(seconds, dose, size, len(points), lit)


def _reading(names: tuple[str, ...], exposure_s: float, detectors: Mapping[str, Detector]) -> tuple[float, int, bool, float]:
    """Give seconds, bytes, whether it wants light, and for how many seconds before the exposure."""
    read = [detectors[name] for name in names]
    return (sum(detector.cost(exposure_s) for detector in read), sum(detector.bytes_per_point for detector in read),
            any(detector.exposed for detector in read), max((lit_before_s(each) for each in read if each.exposed), default=0.0))


def lit_before_s(detector: Detector) -> float:
    """Give the seconds for which a detector is lit before it is read: a power head follows light slowly, a camera does not."""
    return float(getattr(detector, "settle_s", 0.0))


def asked_power(settings: Mapping[str, float], axes: Mapping[str, Axis], wavelength_nm: float) -> float | None:
    """Give the mean power at the sample in W that set-points ask for, at a pump wavelength (0: not known); None if they do not."""
    for name in LEVELS:
        if name in settings:
            per_watt = getattr(axes[name], "per_watt", None)
            if per_watt is not None and (wavelength_nm or name != "pump.photon_flux"):
                return settings[name] / per_watt(wavelength_nm)
    return None
