"""The targets file: published claims with the criterion of each. It lies outside the repository; it is read, never changed."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from labctl.analysis.verdicts import Row

__all__ = ["PLACE_VARIABLE", "Row", "load_rows", "targets_file"]

PLACE = Path(__file__).resolve().parents[2].joinpath("..", "shared", "data", "seed_targets.yaml")
PLACE_VARIABLE = "LABCTL_TARGETS"


def targets_file() -> Path | None:
    """Give the place of the targets file: beside the repository, or where LABCTL_TARGETS says; None when it is not there."""
    place = Path(os.environ.get(PLACE_VARIABLE, PLACE))
    return place if place.is_file() else None


def load_rows(path: Path) -> tuple[Row, ...]:
    """Read all rows, in the order of the file."""
    return tuple(Row.from_entry(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8")))
