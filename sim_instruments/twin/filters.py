"""Filters in a wheel of the detection: their transmission against wavelength, from text files or from the bench file itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np

from sim_instruments.twin.units import vacuum_to_air

FOLDER = "filters"                 # beside the packaged benches
DEALT = 0.002                      # relative standard uncertainty of a table that states none


class FilterError(ValueError):
    """A filter cannot be read as described."""


class SlotFilter:
    """What stands in one slot: a number, a table's name, or {wavelength_nm, transmission} (nm in air).

    `deal(uncertainty)` gives the relative error that nobody knows of: how far the real filter is from its table.
    """

    def __init__(self, described: float | str | Mapping[str, Any], deal: Any):
        flat = isinstance(described, int | float)
        table: Mapping[str, Any] = {"wavelength_nm": [0.0], "transmission": [described]} if flat else (
            read_table(described) if isinstance(described, str) else described)
        try:
            self._nm = np.asarray(table["wavelength_nm"], dtype=float)
            self._passed = np.asarray(table["transmission"], dtype=float)
        except (KeyError, TypeError, ValueError):
            raise FilterError("a filter is a transmission, the name of a table or {wavelength_nm, transmission}, "
                              f"not {described!r}") from None
        if self._nm.shape != self._passed.shape or not self._nm.size or np.any(np.diff(self._nm) <= 0.0):
            raise FilterError(f"the wavelengths of {described!r} have to ascend, with one transmission each")
        self.error = 0.0 if flat else float(deal(float(table.get("uncertainty", DEALT))))

    def passes(self, wavelength_nm: Any) -> Any:
        """Give the transmission at wavelengths in vacuum; beyond the table it stays as at its end."""
        return np.interp(vacuum_to_air(np.asarray(wavelength_nm)), self._nm, self._passed) * (1.0 + self.error)


def read_table(name: str) -> dict[str, Any]:
    """Read a table by its name: `# uncertainty: …` and lines of wavelength and transmission."""
    place = resources.files("sim_instruments.benches") / FOLDER / f"{name}.txt"
    if not place.is_file():
        raise FilterError(f"there is no filter table {name!r} among the packaged ones")
    lines = place.read_text(encoding="utf-8").splitlines()
    rows: Sequence[list[float]] = [[float(word) for word in line.split()] for line in lines if line and not line.startswith("#")]
    told = next((line.partition(":")[2] for line in lines if line.startswith("# uncertainty")), str(DEALT))
    return {"wavelength_nm": [row[0] for row in rows], "transmission": [row[1] for row in rows], "uncertainty": float(told)}
