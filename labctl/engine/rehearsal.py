"""Rehearsals: a plan on the twin before it is one on the bench, and what the bench then shows against what the twin had shown."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.analysis.agreement import DIFFERS, MODEL_TOLERANCE, agreement
from labctl.bench.config import REHEARSED
from labctl.core.dose import Light
from labctl.core.errors import AnalysisError, LabctlError
from labctl.core.plan import Problem
from labctl.engine.arrangement import Arrangement
from labctl.store import state
from labctl.store.journal import Journal
from labctl.store.run import Run, load
from labctl.store.view import View
from labctl.store.whole import write_whole

if TYPE_CHECKING:
    from labctl.core.procedure import Procedure

log = logging.getLogger("labctl.engine")

FOLDER = "rehearsals"        # below the data root
KINDS = ("scan", "reference")
MOST_SAMPLES = 50_000_000    # numbers in the spectra of a run that is still compared


@dataclass(frozen=True)
class Peak:
    """The brightest pixel of a run: counts, the limit of a frame (None where the detector names none), point and set-points."""

    counts: float
    limit: float | None
    point: int
    where: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON types."""
        return {"counts": self.counts, "limit": self.limit, "point": self.point, "where": dict(self.where)}

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value:g}" for name, value in self.where.items())
        share = "" if not self.limit else f", {self.counts / self.limit:.0%} of the detector's limit of {self.limit:.0f}"
        return f"{self.counts:.0f} counts at point {self.point} ({where}){share}"


@dataclass(frozen=True)
class Forecast:
    """What a rehearsal has shown: bench time, light on the sample, brightest pixel, file size, and how many points saturate."""

    seconds: float
    light: Light
    peak: Peak | None
    bytes: int
    saturated: int

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON types."""
        return {"seconds": self.seconds, "light": self.light.as_json(), "bytes": self.bytes, "saturated": self.saturated,
                "peak": None if self.peak is None else self.peak.as_json()}


def forecast(path: Path) -> Forecast:
    """Read out of a rehearsal's file what the run would be like."""
    with load(path) as run:
        return Forecast(float(run.end.get("seconds", 0.0)), Light(**run.end["dose"]["added"]), _peak(run), path.stat().st_size,
                        int(sum(run.select(kind).flag("saturated").sum() for kind in KINDS)))


def _peak(run: Run) -> Peak | None:
    """Find the brightest pixel of all lit points."""
    found: Peak | None = None
    for view in (run.select(kind) for kind in KINDS):
        if not len(view) or not view.channels:
            continue
        highest = view.counts().reshape(len(view), -1).max(axis=1)
        row = int(np.argmax(highest))
        if found is None or highest[row] > found.counts:
            limit = float(view["saturation_counts"][row]) if "saturation_counts" in view.names else None
            number = int(view.numbers[row])
            found = Peak(float(highest[row]), limit, number, run.plan[number].set if number < len(run.plan) else {})
    return found


# ---------------------------------------------------------------- from the rehearsal to the run
def plan_key(name: str, procedure: Procedure, arrangement: Arrangement, bench: str, sample: str) -> str:
    """Name a plan by what a person chose: the points of a real bench follow its own calibrations, not the twin's."""
    chosen = {"procedure": name, "values": procedure.values(), "arrangement": arrangement.as_json(),
              "bench": bench.removesuffix(REHEARSED), "sample": sample}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True, default=str).encode()).hexdigest()


def remember(key: str, path: Path, run_id: str) -> None:
    """Let later runs of the same plan find this rehearsal."""
    place = _place(key)
    place.parent.mkdir(parents=True, exist_ok=True)
    told = {"path": str(path.resolve()), "run_id": run_id, "date": datetime.now(UTC).isoformat(timespec="seconds")}
    write_whole(place, json.dumps(told))


def recall(key: str) -> dict[str, str] | None:
    """Give path, run id and date of the last rehearsal of a plan; None when there was none, or its file is gone."""
    try:
        told = json.loads(_place(key).read_text(encoding="utf-8"))
        return told if Path(told["path"]).is_file() else None
    except (OSError, ValueError, KeyError):
        return None


def _place(key: str) -> Path:
    return state.folder() / "rehearsals" / f"{key}.json"


def compare(journal: Journal, told: Mapping[str, str]) -> list[Problem]:
    """Hold what a run has measured against its rehearsal, and write it into the journal; warns of what differs."""
    try:
        with load(journal.path) as run, load(told["path"]) as rehearsed:
            numbers, chi2, factor = _compared(run, rehearsed)
    except (LabctlError, OSError, KeyError, ValueError) as exc:
        log.debug("no comparison with the rehearsal", exc_info=True)
        journal.describe({"rehearsal": {**told, "not_compared": str(exc)}})
        return [Problem("rehearsal", f"the run was not compared with its rehearsal: {exc}", "warning")]
    differs = [number for number, value in zip(numbers, chi2, strict=True) if value > DIFFERS]
    journal.describe({"rehearsal": {
        **told, "numbers": numbers, "chi2": chi2, "threshold": DIFFERS, "tolerance": MODEL_TOLERANCE, "factor": factor,
        "differs": differs}})
    text = summary(len(differs), len(numbers), factor)
    return [Problem("rehearsal", f"{text}. Look at them before you trust them.", "warning")] if differs else []


def summary(differing: int, compared: int, factor: float) -> str:
    """Say in words how a run stands to its rehearsal."""
    return (f"{differing} of {compared} points differ from the rehearsal (reduced χ² above {DIFFERS:g}, model within "
            f"{MODEL_TOLERANCE:.0%}); measured / rehearsed {factor:.3g}")


def _compared(run: Run, rehearsed: Run) -> tuple[list[int], list[float], float]:
    """Give plan numbers, reduced χ² and the common factor of all lit points that both runs have."""
    measured, expected = _lit(run), _lit(rehearsed)
    there = {asked: number for number, asked in enumerate(_asked(rehearsed)) if number in expected}
    asked = _asked(run)
    twins = {number: there[asked[number]] for number in sorted(measured) if number < len(asked) and asked[number] in there}
    numbers = list(twins)
    if not numbers:
        raise AnalysisError("the two have no lit point in common.")
    if len(numbers) * len(measured[numbers[0]][0]) > MOST_SAMPLES:
        raise AnalysisError("it is too large to be compared point by point.")
    if len({measured[number][0].shape for number in numbers} | {expected[twin][0].shape for twin in twins.values()}) > 1:
        raise AnalysisError("their arrays have different lengths.")
    found = agreement(*(np.array([table[number][part] for number in chosen])
                        for table, chosen in ((measured, numbers), (expected, twins.values())) for part in (0, 1)))
    return numbers, [float(value) for value in found.chi2], found.factor


def _asked(run: Run) -> list[Hashable]:
    """Name every point: by its number, or, where the plan goes as its readings lead, by what it asks for and for which time."""
    if not run.header.get("bounds"):
        return list(range(len(run.plan)))
    seen: Counter[Hashable] = Counter()
    named: list[Hashable] = []
    for point in run.plan:
        where = tuple(sorted((name, f"{value:.6g}") for name, value in point.set.items()))
        asked = point.kind, point.light, point.exposure_s, point.read, where
        seen[asked] += 1
        named.append((asked, seen[asked]))
    return named


def _lit(run: Run) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Give signal and standard error of every lit point by its number in the plan."""
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for view in (run.select(kind) for kind in KINDS):
        if len(view) and view.channels:
            signal, sigma = _signal(view)
            found |= {int(number): (signal[row].ravel(), sigma[row].ravel()) for row, number in enumerate(view.numbers)}
    return found


def _signal(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Give electrons per second with their errors, else counts with those of counting."""
    try:
        return view.signal(), view.sigma()
    except AnalysisError:
        counts = view.counts().astype(float)
        return counts, np.sqrt(np.maximum(counts, 1.0))
