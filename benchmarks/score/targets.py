"""The rows of the targets file: published claims with the criterion of each. The file is read, never changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labctl.analysis.claims import needed

PLACE = Path(__file__).resolve().parents[2].joinpath("..", "shared", "data", "seed_targets.yaml")
PLACE_VARIABLE = "LABCTL_TARGETS"


@dataclass(frozen=True)
class Row:
    """One claim. `evidence` and `trial` are those of the trial this twin grew from, None where it had nothing to say."""

    id: str
    bench: str
    samples: tuple[str, ...]
    procedure: str
    quantity: str
    value: str
    unit: str
    kind: str
    check: Mapping[str, Any]
    evidence: str | None
    trial: str | None
    trial_verdict: str | None

    @property
    def checkable(self) -> bool:
        """Tell whether the claim has a criterion."""
        return "skip" not in self.check

    @property
    def results(self) -> tuple[str, ...]:
        """Give the names of the results the criterion asks for."""
        return needed(self.check)


def targets_file() -> Path | None:
    """Give the place of the targets file: beside the repository, or where LABCTL_TARGETS says; None when it is not there."""
    place = Path(os.environ.get(PLACE_VARIABLE, PLACE))
    return place if place.is_file() else None


def load_rows(path: Path) -> tuple[Row, ...]:
    """Read all rows, in the order of the file."""
    return tuple(_row(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8")))


def _row(entry: Mapping[str, Any]) -> Row:
    return Row(
        id=entry["id"], bench=entry["bench"], samples=tuple(entry["sample"]), procedure=entry["procedure"],
        quantity=entry["quantity"], value=str(entry["value"]), unit=entry["unit"] or "", kind=entry["kind"], check=entry["check"],
        evidence=entry.get("evidence"), trial=None if entry.get("trial") is None else str(entry["trial"]),
        trial_verdict=entry.get("trial_verdict"))
