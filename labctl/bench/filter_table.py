"""The filters of a wheel as a bench file describes them: a number, a list against wavelength, or a table in a text file of its own.

Wavelengths are in air, as filters are specified and spectrographs read.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from labctl.bench import lookup
from labctl.core import registry
from labctl.core.errors import AnalysisError

FACT = re.compile(r"#\s*(name|source|evidence|uncertainty):\s*(.+)")
EVIDENCE = ("measured", "data sheet", "assumed")


class Filter(BaseModel):
    """One filter of a wheel: its transmission, flat, or measured at wavelengths (nm in air, ascending)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    table: str = ""                    # the text file in which the rest stands
    transmission: float | list[float] = 1.0
    wavelength_nm: list[float] = []
    uncertainty: float = Field(default=0.0, ge=0)
    source: str = ""
    evidence: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_table(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict) or not value.get("table"):
            return value
        if "transmission" in value or "wavelength_nm" in value:
            raise ValueError("a filter has a table or a transmission, not both")
        folder = (info.context or {}).get("folder", Path())
        return {**read_table(find_table(str(value["table"]), folder)), **value}

    @model_validator(mode="after")
    def _measured(self) -> Filter:
        values = self.transmission if isinstance(self.transmission, list) else [self.transmission]
        if not values or not all(0.0 <= value <= 1.0 for value in values):
            raise ValueError("a transmission lies between 0 and 1")
        expected = len(self.wavelength_nm) if isinstance(self.transmission, list) else 0
        if len(self.wavelength_nm) != expected or (isinstance(self.transmission, list) and len(values) != expected):
            raise ValueError("give one transmission for each wavelength, or one number and no wavelengths")
        if any(after <= before for before, after in zip(self.wavelength_nm, self.wavelength_nm[1:], strict=False)):
            raise ValueError("the wavelengths of a filter have to ascend")
        return self

    @property
    def peak(self) -> float:
        """The highest transmission."""
        return max(self.transmission) if isinstance(self.transmission, list) else self.transmission

    def at(self, wavelength_nm: float) -> float:
        """Give the transmission at a wavelength, straight between measured ones; AnalysisError outside what was measured."""
        if not isinstance(self.transmission, list):
            return self.transmission
        first, last = self.wavelength_nm[0], self.wavelength_nm[-1]
        if not first <= wavelength_nm <= last:
            name = self.name or "this filter"
            raise AnalysisError(f"The transmission of {name} was measured from {first:g} to {last:g} nm, not at "
                                f"{wavelength_nm:g} nm. Measure it there, and put it into the bench file.")
        return float(np.interp(wavelength_nm, self.wavelength_nm, self.transmission))

    def as_json(self) -> dict[str, Any]:
        """Give what a run has to remember."""
        return {"name": self.name, "transmission": self.transmission, "wavelength_nm": self.wavelength_nm,
                "uncertainty": self.uncertainty, "source": self.source, "evidence": self.evidence}


def as_filters(value: Any) -> Any:
    """Let a plain number stand for a filter of that transmission."""
    if not isinstance(value, list):
        return value
    return [{"transmission": each} if isinstance(each, int | float) else each for each in value]


def find_table(name: str, folder: Path) -> Path:
    """Find a table: a path relative to the bench file, else one that came with a packaged bench; ValueError names the places."""
    if (folder / name).is_file():
        return folder / name
    for place in _packaged():
        if (place / name).is_file():
            return place / name
    raise ValueError(f"there is no table {name} beside the bench file ({folder}), and none of that name came with labctl")


@functools.cache
def _packaged() -> tuple[Path, ...]:
    """Give the folders of the packaged benches; asking the installed packages takes 30 ms, so they are asked once."""
    return tuple(dict.fromkeys(lookup.packaged(bench).parent for bench in registry.points("bench")))


def read_table(path: Path) -> dict[str, Any]:
    """Read a table: lines `# name: …`, `# source: …`, `# evidence: …`, `# uncertainty: …`, then wavelength and transmission a line.

    Raises ValueError for what cannot be read, with the line.
    """
    found: dict[str, Any] = {"name": path.stem}
    rows: list[Sequence[float]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if fact := FACT.match(line):
            found[fact[1]] = fact[2].strip()
        elif line.strip() and not line.startswith("#"):
            try:
                wavelength, transmission = (float(word) for word in line.replace(",", " ").split())
            except ValueError:
                raise ValueError(f"{path.name}, line {number}: two numbers are expected, wavelength and transmission") from None
            rows.append((wavelength, transmission))
    if found.get("evidence") not in EVIDENCE or "source" not in found:
        raise ValueError(f"{path.name} has to say '# source: …' and '# evidence: …' ({', '.join(EVIDENCE)})")
    return {**found, "wavelength_nm": [row[0] for row in rows], "transmission": [row[1] for row in rows]}
