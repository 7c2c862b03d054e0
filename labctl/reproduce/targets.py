"""The published claims, read from the package's data."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

import yaml

from labctl.analysis.verdicts import Row
from labctl.data import TARGETS

UNIT = re.compile(r"\[([^\]]*)\]\s*$")


@functools.cache
def rows() -> tuple[Row, ...]:
    """Give all rows, in the order of the file."""
    return tuple(Row.from_entry(entry) for entry in yaml.safe_load(TARGETS.read_text(encoding="utf-8")))


def units(chosen: Iterable[Row]) -> dict[str, str]:
    """Give the unit of every result by name: a criterion is written for numbers in that unit."""
    found: dict[str, str] = {}
    for row in chosen:
        if "result" in row.check:
            found[str(row.check["result"])] = str(row.check.get("unit", "1"))
        for name, words in row.check.get("results", {}).items():
            stated = UNIT.search(str(words))
            found.setdefault(str(name), stated.group(1) if stated else "1")
    return found
