"""How evenly a stripe is pumped: the beam leans along it, and the slit that cuts it has soft edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erfc

from sim_instruments.twin.noise import frozen

TILT = 0.10                        # of the pump along a stripe: at most, from its middle to an end
EDGE_CM = 20e-4                    # standard deviation of the slit's edges


@dataclass(frozen=True)
class Profile:
    """The pump along a stripe: relative rise from its middle to the far end, and the blur of an edge in cm."""

    tilt: float = 0.0
    edge_cm: float = 0.0

    @classmethod
    def deal(cls, bench_seed: int, ideal: bool) -> Profile:
        """Draw the profile of a bench; an ideal one is even with sharp edges."""
        if ideal:
            return cls()
        return cls(float(frozen(bench_seed, "sample", "tilt").uniform(-TILT, TILT)), EDGE_CM)

    def mean(self, start_cm: float, length_cm: float, whole_cm: float) -> float:
        """Give the mean fluence between the slit's edges, relative to the middle of a stripe of `whole_cm`.

        The film ends at 0, sharply; only a stripe that starts behind it has two soft edges.
        """
        lean = 1.0 + self.tilt * ((2.0 * start_cm + length_cm) / whole_cm - 1.0)
        return lean * max(1.0 - (2.0 if start_cm > 0.0 else 1.0) * self._missing(length_cm), 0.0)

    def _missing(self, length_cm: float) -> float:
        """Give the part that one soft edge takes from within: the mean of Φ(−u/w) over the distances u from it."""
        if self.edge_cm <= 0.0 or length_cm <= 0.0:
            return 0.0
        away = length_cm / self.edge_cm
        rest = away * 0.5 * erfc(away / np.sqrt(2.0)) - np.expm1(-(away**2) / 2.0) / np.sqrt(2.0 * np.pi)
        return float(rest / away)
