"""What a procedure makes of its data, and what it may ask of a run while doing so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from labctl.core.calibration import Calibration
from labctl.core.plan import Problem, Result


@dataclass(frozen=True)
class CurveData:
    """One reduced number per point, with the fit through it.

    `x_name` is a quantity name and `unit` that of y; all arrays are 1-D and of one length, `fit_x`, `fit_y` of another;
    `used` is false where the fit left a point out, `left_out` says why. `fit_sigma` is the standard error of the fitted line itself
    (not of a point) at `fit_x`, where the fit gives one.
    """

    x_name: str
    x: np.ndarray
    y: np.ndarray
    unit: str
    label: str
    sigma: np.ndarray | None = None
    used: np.ndarray | None = None
    left_out: str = ""
    fit_x: np.ndarray | None = None
    fit_y: np.ndarray | None = None
    fit_sigma: np.ndarray | None = None


@dataclass(frozen=True)
class Reduction:
    """The outcome of `Procedure.reduce`: results by name, curves to draw, a calibration to keep, and what to know about them."""

    results: Mapping[str, Result] = field(default_factory=dict)
    curves: Mapping[str, CurveData] = field(default_factory=dict)
    calibration: Calibration | None = None
    problems: tuple[Problem, ...] = ()


class RunView(Protocol):
    """A run as a procedure sees it, whether still in the journal or in a finished file.

    Arrays run over the points of the selection (by default the scan points that were measured), in visiting order.
    """

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The values of the procedure's parameters."""
        ...

    @property
    def constants(self) -> Mapping[str, Any]:
        """Documented constants of the bench at the time of the run ("repetition_rate_hz", "pump.bandwidth" ...)."""
        ...

    @property
    def serials(self) -> Mapping[str, str]:
        """Role -> serial number of every instrument."""
        ...

    def calibration(self, kind: str) -> Calibration | None:
        """Give the calibration of a kind that was valid during the run; None when there was none."""
        ...

    def __getitem__(self, name: str) -> np.ndarray:
        """Give a set-point, companion or `<name>_measured`, 1-D float; KeyError lists what there is."""
        ...

    def select(self, kind: str) -> RunView:
        """Give the view of the points of another kind ("reference", "dark", "zero")."""
        ...

    def other(self, name: str) -> RunView:
        """Give another run of the same data folder (a blank, a control), by number, path or beginning of its id.

        Raises AnalysisError when there is none.
        """
        ...

    @property
    def signal_label(self) -> str:
        """Words and unit of `signal`, for the axis of a plot."""
        ...

    def counts(self, channel: str = "") -> np.ndarray:
        """Give the raw arrays of the default signal or of another channel, (points, pixels)."""
        ...

    def coordinate(self, channel: str, dim: str = "") -> tuple[str, str, np.ndarray] | None:
        """Give name, unit and values along a dimension of a channel, by default the last; None when it has none."""
        ...

    def signal(self, per_pulse: bool = False) -> np.ndarray:
        """Give electrons per second (or per pulse), dark subtracted, (points, pixels)."""
        ...

    def sigma(self, per_pulse: bool = False) -> np.ndarray:
        """Give the standard error of `signal`, same shape."""
        ...

    def wavelength(self, medium: str = "vacuum") -> np.ndarray:
        """Give the emission wavelength of every pixel in nm; AnalysisError where the spectrograph moved between the points."""
        ...

    def wavelengths(self, medium: str = "vacuum") -> np.ndarray:
        """Give the emission wavelength of every pixel at every point in nm, (points, pixels)."""
        ...

    def flag(self, name: str) -> np.ndarray:
        """Give a boolean mask: which points carry this flag."""
        ...
