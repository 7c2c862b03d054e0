"""What earlier runs on a sample have found that says what a pump fluence means there: its threshold, and a cross-section."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labctl.core.errors import LabctlError
from labctl.core.plan import Result
from labctl.store.catalogue import Catalogue, Entry, Query
from labctl.store.run import load

MOST_RUNS = 50               # looked at, newest first
SAME_NM = 1.0                # pump wavelengths closer than this are one: cross-sections and thresholds belong to a wavelength
THRESHOLDS = {"µJ/cm²": 1e-6, "uJ/cm^2": 1e-6, "J/cm^2": 1.0, "J/cm²": 1.0}
SECTIONS = {"cm²": 1.0, "cm^2": 1.0}


@dataclass(frozen=True)
class Found:
    """What one run has found, and at which pump wavelength (vacuum, nm); None for what it was not about."""

    pump_nm: float
    threshold_j_cm2: float | None
    section_cm2: float | None


@dataclass(frozen=True)
class Known:
    """The newest of each that belongs to a sample and a wavelength, and the number of the run it comes from."""

    threshold_j_cm2: float | None = None
    threshold_run: int = 0
    section_cm2: float | None = None
    section_run: int = 0


def known(root: Path, sample: str, pump_nm: float, *, simulated: bool) -> Known:
    """Look through the newest runs on a sample; waits for the disk. A simulated run says nothing of a real sample."""
    told = Known()
    try:
        entries = list(_entries(root, sample, simulated))
    except (LabctlError, OSError):      # no data folder yet, or no index: then nothing is known
        return told
    for entry in entries:
        found = _found(entry.path, entry.path.stat().st_mtime_ns) if entry.path.is_file() else None
        if found is None or abs(found.pump_nm - pump_nm) > SAME_NM:
            continue
        threshold, section = found.threshold_j_cm2, found.section_cm2
        told = Known(*((told.threshold_j_cm2, told.threshold_run) if told.threshold_j_cm2 or not threshold else
                       (threshold, entry.number)),
                     *((told.section_cm2, told.section_run) if told.section_cm2 or not section else (section, entry.number)))
        if told.threshold_j_cm2 and told.section_cm2:
            break
    return told


def _entries(root: Path, sample: str, simulated: bool) -> Iterator[Entry]:
    with Catalogue(root) as catalogue:
        catalogue.refresh()
        found = catalogue.find(Query(sample=sample, status="done", limit=MOST_RUNS))
    return (entry for entry in found if entry.simulated == simulated and not entry.rehearsal)


@functools.lru_cache(maxsize=4 * MOST_RUNS)
def _found(path: Path, stamp: int) -> Found | None:
    """Read one run; None for one that found neither, or that had more than one pump wavelength. `stamp` makes it read anew."""
    try:
        with load(path) as run:
            pumped = {float(point["set"]["pump.wavelength"]) for point in run.header.get("plan", ())
                      if "pump.wavelength" in point.get("set", {})}
            results = dict(run.results)
    except (LabctlError, OSError, KeyError):
        return None
    threshold, section = _first(results, "threshold", THRESHOLDS), _first(results, "cross_section", SECTIONS)
    return Found(pumped.pop(), threshold, section) if len(pumped) == 1 and (threshold or section) else None


def _first(results: dict[str, Result], begins: str, units: dict[str, float]) -> float | None:
    """Give the first result of a kind, in the unit without prefix; a fluence or an area, by its unit."""
    return next((result.value * units[result.unit] for name, result in results.items()
                 if name.startswith(begins) and result.unit in units and math.isfinite(result.value) and result.value > 0), None)
