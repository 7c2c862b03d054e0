"""How much light a spot of the sample has had, and how much it may have. Pure data.

All light counts, whatever it was for. Amounts that add up over time add; the peak fluence is the highest there was.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from labctl.core.quantities import to_float

PARTS = ("dose_j_cm2", "pulses", "lit_s", "peak_j_cm2")
UNITS = {"dose_j_cm2": "J/cm^2", "pulses": "1", "lit_s": "s", "peak_j_cm2": "J/cm^2"}
WORDS = {"dose_j_cm2": "dose", "pulses": "pulses", "lit_s": "lit time", "peak_j_cm2": "peak fluence"}
_PREFIXES = ((1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


@dataclass(frozen=True)
class Light:
    """What fell on a spot.

    Attributes
    ----------
    dose_j_cm2 : energy per area, summed over all pulses.
    pulses : number of pulses.
    lit_s : seconds with the pump shutter open.
    peak_j_cm2 : highest fluence of a single pulse.
    unknown_s : those of the lit seconds in which the power was not known; they are missing from `dose_j_cm2`.

    """

    dose_j_cm2: float = 0.0
    pulses: float = 0.0
    lit_s: float = 0.0
    peak_j_cm2: float = 0.0
    unknown_s: float = 0.0

    def __add__(self, other: Light) -> Light:
        return Light(self.dose_j_cm2 + other.dose_j_cm2, self.pulses + other.pulses, self.lit_s + other.lit_s,
                     max(self.peak_j_cm2, other.peak_j_cm2), self.unknown_s + other.unknown_s)

    def covers(self, other: Light) -> bool:
        """Tell whether this is at least as much in every respect."""
        return all(getattr(self, name) >= getattr(other, name) for name in (*PARTS, "unknown_s"))

    def as_json(self) -> dict[str, float]:
        """Give it as plain JSON types."""
        return asdict(self)

    @classmethod
    def of(cls, power_w: float | None, seconds: float, pulses_per_s: float, area_cm2: float | None) -> Light:
        """Give what falls in so many seconds at a mean power; an unknown power or area leaves the dose unknown."""
        pulses = pulses_per_s * seconds
        if power_w is None or not area_cm2:
            return cls(pulses=pulses, lit_s=seconds, unknown_s=seconds)
        peak = power_w / pulses_per_s / area_cm2 if pulses_per_s else 0.0
        return cls(power_w * seconds / area_cm2, pulses, seconds, peak)


DARK = Light()


@dataclass(frozen=True)
class Spot:
    """A place on a sample: its number within one mounting, and where the stage stands if there is one.

    `x_mm`, `y_mm` are None where no stage tells; `radius_um` is half the diameter in the bench file.
    """

    sample: str
    mount: str = ""
    number: int = 1
    x_mm: float | None = None
    y_mm: float | None = None
    radius_um: float = 0.0

    def overlaps(self, other: Spot) -> bool:
        """Tell whether light on one may fall on the other: same mounting and number, discs that touch."""
        if (self.sample, self.mount, self.number) != (other.sample, other.mount, other.number):
            return False
        if None in (self.x_mm, self.y_mm, other.x_mm, other.y_mm):
            return True
        apart_um = 1e3 * math.hypot(self.x_mm - other.x_mm, self.y_mm - other.y_mm)     # type: ignore[operator]  none is None
        return apart_um <= self.radius_um + other.radius_um

    def __str__(self) -> str:
        mount = f", mount {self.mount}" if self.mount else ""
        where = "" if self.x_mm is None or self.y_mm is None else f" at x {self.x_mm:.4f} mm, y {self.y_mm:.4f} mm"
        return f"spot {self.number} of {self.sample}{mount}{where}"

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Budget:
    """How much light a spot may have; None is no limit."""

    dose_j_cm2: float | None = None
    pulses: float | None = None
    lit_s: float | None = None
    peak_j_cm2: float | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in PARTS)

    def over(self, light: Light) -> Iterator[str]:
        """Give the names of the limits that this much light goes beyond."""
        for name in PARTS:
            limit = getattr(self, name)
            if limit is not None and getattr(light, name) > limit * (1 + 1e-9):
                yield name

    def needs_power(self) -> bool:
        """Tell whether the power has to be known for it to be kept."""
        return self.dose_j_cm2 is not None or self.peak_j_cm2 is not None

    def as_json(self) -> dict[str, float | None]:
        """Give it as plain JSON types."""
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Budget:
        """Read it from numbers, or texts with a unit; raises ValueError naming the key that is wrong."""
        found: dict[str, float] = {}
        for name, value in told.items():
            if name not in PARTS:
                raise ValueError(f"there is no limit {name}; there are {', '.join(PARTS)}")
            try:
                found[name] = to_float(value, UNITS[name])
            except (ValueError, TypeError) as exc:
                raise ValueError(f"{name}: {exc}") from None
            if isinstance(value, bool) or not found[name] >= 0.0:
                raise ValueError(f"{name}: {value!r} is not a limit")
        return cls(**found)


def written(name: str, value: float) -> str:
    """Write an amount as people read it: `written("dose_j_cm2", 4420)` gives "4.42 kJ/cm²"."""
    if name in ("dose_j_cm2", "peak_j_cm2"):
        scale, prefix = next(((s, p) for s, p in _PREFIXES if abs(value) >= s), (1.0, "") if value == 0.0 else _PREFIXES[-1])
        return f"{value / scale:.3g} {prefix}J/cm²"
    return f"{value:.3g} pulses" if name == "pulses" else f"{value:.3g} s"


def summary(light: Light) -> str:
    """Write all of it in one line."""
    unknown = f" ({written('lit_s', light.unknown_s)} of them at unknown power)" if light.unknown_s else ""
    least = "at least " if light.unknown_s else ""
    return (f"{least}{written('dose_j_cm2', light.dose_j_cm2)} in {written('lit_s', light.lit_s)}{unknown}, "
            f"{written('pulses', light.pulses)}, peak {written('peak_j_cm2', light.peak_j_cm2)}")
