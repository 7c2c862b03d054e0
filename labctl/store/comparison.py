"""What a run was estimated to cost, beside what it did cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labctl.core.dose import written

DOSE = "dose_j_cm2"


@dataclass(frozen=True)
class Compared:
    """One quantity of the estimate and its outcome, both in `unit`."""

    what: str
    estimated: float
    happened: float
    unit: str

    @property
    def texts(self) -> tuple[str, str]:
        """Estimate and outcome as people read them."""
        first, second = (written(DOSE, value) if self.unit == "J/cm²" else f"{value:.4g} {self.unit}".strip()
                         for value in (self.estimated, self.happened))
        return first, second

    @property
    def difference(self) -> str:
        """How far it was off, in words."""
        if self.estimated == self.happened:
            return "as estimated"
        return f"{self.happened / self.estimated - 1.0:+.1%}" if self.estimated else "not expected"


def compared(header: Mapping[str, Any], end: Mapping[str, Any], points: int) -> list[Compared]:
    """Compare estimate and outcome of a run: time, points, lit time of all places, and dose of the most exposed one.

    Empty while a run goes on, and for runs that know no estimate. The estimate of an adaptive run, and the outcome of one that
    did not come to its end, are what they are: the most it could cost, and what had been done by then.
    """
    estimate = header.get("estimate") or {}
    if "seconds" not in estimate or "seconds" not in end:
        return []
    found = [Compared("time", estimate["seconds"], float(end["seconds"]), "s"),
             Compared("points", float(estimate.get("points", 0)), float(points), "")]
    told = end.get("dose") or {}
    places = [spot["added"] for spot in told.get("spots", ())]
    most = max(places, key=lambda added: added["lit_s"], default={"lit_s": 0.0, DOSE: 0.0})
    light = {**most, "lit_s": told.get("added", most)["lit_s"]}
    pairs = (("lit time", "lit_seconds", "lit_s", "s"), ("dose", DOSE, DOSE, "J/cm²"))
    found += [Compared(what, estimate.get(asked, 0.0), light[had], unit) for what, asked, had, unit in pairs
              if estimate.get(asked) or light[had]]
    return found
