"""What a calibration run leaves behind: a curve with its errors, bound to the instruments it was taken with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypedDict

import numpy as np


class Taken(TypedDict):
    """To what a calibration is bound, and when it was taken."""

    serials: dict[str, str]
    date: str


def taken_now(serials: Mapping[str, str], roles: Iterable[str]) -> Taken:
    """Bind a calibration to the instruments among `roles` that the run had, `serials` by role; it is taken now."""
    return {"serials": {role: serials[role] for role in roles if role in serials},
            "date": datetime.now(UTC).isoformat(timespec="seconds")}


@dataclass(frozen=True)
class Calibration:
    """A measured relation between set-points and a physical quantity.

    Attributes
    ----------
    kind : name of the procedure that made it ("power_calibration").
    model : name of the function that reads `curve` ("half_wave_plate").
    curve : named arrays and numbers of the model, plain floats; units stand in `units`.
    valid : quantity name -> (low, high), the range of set-points it covers.
    serials : role -> serial number of every instrument it depends on; it is valid only with the same ones.
    date : ISO time (UTC) at which it was taken.
    residuals : relative residuals of the fit, one per measured point.
    uncertainty : relative systematic uncertainty of what it predicts.
    simulated : taken on a simulated backend; never valid on a real one.
    run_id : the run it came from.
    references : role -> serial number of what it was measured with and does not depend on afterwards (a borrowed head).

    """

    kind: str
    model: str
    curve: Mapping[str, Any]
    valid: Mapping[str, tuple[float, float]]
    serials: Mapping[str, str]
    date: str
    residuals: tuple[float, ...] = ()
    uncertainty: float = 0.0
    units: Mapping[str, str] = field(default_factory=dict)
    simulated: bool = False
    run_id: str = ""
    references: Mapping[str, str] = field(default_factory=dict)

    def covers(self, name: str, values: Any) -> bool:
        """Tell whether every value of a quantity lies in the calibrated range."""
        low, high = self.valid[name]
        array = np.asarray(values, dtype=float)
        margin = 1e-9 * max(abs(low), abs(high), 1.0)
        return bool(np.all((array >= low - margin) & (array <= high + margin)))

    def age_days(self, now: datetime | None = None) -> float:
        """Give its age in days."""
        taken = datetime.fromisoformat(self.date)
        return ((now or datetime.now(UTC)) - taken).total_seconds() / 86400.0

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON types, full precision."""
        def plain(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return value.tolist()
            if isinstance(value, np.generic):
                return value.item()
            return list(value) if isinstance(value, tuple) else value

        return {
            "kind": self.kind, "model": self.model, "curve": {k: plain(v) for k, v in self.curve.items()},
            "valid": {k: [float(low), float(high)] for k, (low, high) in self.valid.items()},
            "serials": dict(self.serials), "date": self.date, "residuals": [float(r) for r in self.residuals],
            "uncertainty": float(self.uncertainty), "units": dict(self.units), "simulated": self.simulated, "run_id": self.run_id,
            "references": dict(self.references),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """Rebuild from `to_json`."""
        return cls(
            kind=data["kind"], model=data["model"], curve=dict(data["curve"]),
            valid={k: (float(v[0]), float(v[1])) for k, v in data["valid"].items()}, serials=dict(data["serials"]),
            date=data["date"], residuals=tuple(data["residuals"]), uncertainty=float(data["uncertainty"]),
            units=dict(data["units"]), simulated=bool(data["simulated"]), run_id=data["run_id"],
            references=dict(data.get("references", {})),
        )
