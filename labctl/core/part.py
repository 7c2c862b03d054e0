"""A part of a run: the points at one value of something, seen as a run of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labctl.core.calibration import Calibration
from labctl.core.errors import AnalysisError
from labctl.core.reduction import RunView

SAME = 1e-9                 # relative difference below which two set-points are one


@dataclass(frozen=True)
class Part:
    """The points of a run at which a quantity has one value. Dark frames serve all parts alike."""

    run: RunView
    name: str
    value: float
    without: str = ""            # a flag whose points do not belong to it

    def _mask(self) -> np.ndarray:
        kept = ~self.run.flag(self.without) if self.without else np.ones(len(self.run["elapsed_s"]), dtype=bool)
        try:
            values = self.run[self.name]
        except KeyError:        # points of this kind do not set it: they belong to every part
            return kept
        return kept & (np.isclose(values, self.value, rtol=SAME, atol=0.0) | ~np.isfinite(values))

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The values of the procedure's parameters."""
        return self.run.parameters

    @property
    def constants(self) -> Mapping[str, Any]:
        """Documented constants of the bench at the time of the run."""
        return self.run.constants

    @property
    def serials(self) -> Mapping[str, str]:
        """Role -> serial number of every instrument."""
        return self.run.serials

    def calibration(self, kind: str) -> Calibration | None:
        """Give the calibration of a kind that was valid during the run."""
        return self.run.calibration(kind)

    def other(self, name: str) -> RunView:
        """Give another run of the same data folder, as a whole."""
        return self.run.other(name)

    @property
    def signal_label(self) -> str:
        """What `signal` is, in words with its unit."""
        return self.run.signal_label

    def coordinate(self, channel: str, dim: str = "") -> tuple[str, str, np.ndarray] | None:
        """Give name, unit and values along a dimension of a channel."""
        return self.run.coordinate(channel, dim)

    def __getitem__(self, name: str) -> np.ndarray:
        """Give a number per point."""
        return self.run[name][self._mask()]

    def select(self, kind: str) -> Part:
        """Give the same part of the points of another kind."""
        return Part(self.run.select(kind), self.name, self.value, self.without)

    def counts(self, channel: str = "") -> np.ndarray:
        """Give the raw arrays, the default signal unless another channel is named."""
        return (self.run.counts(channel) if channel else self.run.counts())[self._mask()]

    def signal(self, per_pulse: bool = False) -> np.ndarray:
        """Give electrons per second (or per pulse), dark subtracted."""
        return self.run.signal(per_pulse)[self._mask()]

    def sigma(self, per_pulse: bool = False) -> np.ndarray:
        """Give the standard error of `signal`."""
        return self.run.sigma(per_pulse)[self._mask()]

    def wavelength(self, medium: str = "vacuum") -> np.ndarray:
        """Give the emission wavelength of every pixel in nm; AnalysisError where the spectrograph moved within this part."""
        try:
            return self.run.wavelength(medium)
        except AnalysisError:
            own = self.wavelengths(medium)
            if not len(own) or not np.array_equal(own, np.broadcast_to(own[0], own.shape)):
                raise
            return own[0]

    def wavelengths(self, medium: str = "vacuum") -> np.ndarray:
        """Give the emission wavelength of every pixel at every point in nm."""
        return self.run.wavelengths(medium)[self._mask()]

    def flag(self, name: str) -> np.ndarray:
        """Give a boolean mask: which points carry this flag."""
        return self.run.flag(name)[self._mask()]
