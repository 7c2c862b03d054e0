"""Waiting for the sample: a sensor that has settled is not a sample that has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from labctl.core.clock import Clock
from labctl.core.instrument import Axis, Coordinate
from labctl.core.photons import air_to_vacuum, energy_ev
from labctl.core.steps import Steps

SLICE_S = 1.0           # how often a waiting run looks whether it is to go on
STILL_SPECTRA = 3       # successive spectra within the wanted band
STILL_EVERY_S = 60.0    # between them
LONGEST_STILL_S = 1800.0


def soak_s(axis: Axis, value: float) -> float:
    """Give the seconds a sample needs after this axis has settled there; 0 for nearly all."""
    own = getattr(axis, "soak_s", None)
    return 0.0 if own is None else float(own(value))


def still_ev(axis: Axis) -> float:
    """Give the band in eV within which the emission has to stand still after this axis has moved; 0 when nobody asks."""
    return float(getattr(axis, "still_ev", 0.0))


class Soaker:
    """Remembers at which set-points the sample has soaked already."""

    def __init__(self, clock: Clock, axes: Mapping[str, Axis], gate: Callable[[], None]):
        self._clock, self._axes, self._gate = clock, axes, gate
        self._soaked: dict[str, float] = {}
        self.band_ev = 0.0           # within which the emission has to stand still before the next point; 0 does not ask

    def slow(self, names: Iterable[str]) -> list[str]:
        """Name the axes after which the sample has to soak; they go before all others."""
        return [name for name in names if hasattr(self._axes[name], "soak_s")]

    def forget(self) -> None:
        """The sample may be anywhere: a guard found something out of band."""
        self._soaked.clear()

    def pause(self, seconds: float) -> Steps[None]:
        """Wait, and look meanwhile whether the run is to go on."""
        over = self._clock.now() + seconds
        while (left := over - self._clock.now()) > 0.0:
            self._gate()
            yield min(left, SLICE_S)

    def soak(self, targets: Mapping[str, float]) -> Steps[dict[str, float]]:
        """Wait until the sample has followed; gives for each axis that had moved how long that was ("..._soaked_s")."""
        moved = {name: value for name, value in targets.items() if name in self.slow(targets) and self._soaked.get(name) != value}
        longest = max((soak_s(self._axes[name], value) for name, value in moved.items()), default=0.0)
        yield from self.pause(longest)
        self._soaked.update(moved)
        self.band_ev = max((still_ev(self._axes[name]) for name in moved), default=0.0)
        return {f"{name}_soaked_s": longest for name in moved if longest > 0.0}


def stands_still(centres_ev: Sequence[float], band_ev: float) -> bool:
    """Tell whether the last three centres lie within the band."""
    last = centres_ev[-STILL_SPECTRA:]
    return len(last) == STILL_SPECTRA and max(last) - min(last) <= band_ev


def centre_ev(counts: np.ndarray, wavelength: Coordinate) -> float:
    """Give the centre of gravity in eV of what stands above half of the maximum, the median taken for the background."""
    vacuum = air_to_vacuum(wavelength.values) if wavelength.medium == "air" else wavelength.values
    above = counts.astype(float) - np.median(counts)
    weights = np.where(above >= 0.5 * above.max(), above, 0.0)
    return float(np.sum(weights * energy_ev(vacuum)) / weights.sum()) if weights.sum() > 0 else float("nan")
