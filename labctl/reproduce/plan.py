"""What an experiment is: registered procedures on packaged benches, and where in their runs the claimed quantities stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labctl.analysis.verdicts import Basis
from labctl.core.plan import Result
from labctl.core.plots import Plot
from labctl.store.run import Run

Runs = Mapping[str, Run]
Value = Result | np.ndarray | bool
Source = str | Callable[[Runs], Value]
"""The name of a result of the only run, `STEP.NAME` of one of several, or a function of the runs for what no result holds."""


@dataclass(frozen=True)
class Step:
    """One run: a registered procedure on a packaged bench.

    `values` are parameters as on the command line. `changes` are what a user would change in a copy of the bench file, by dotted
    key (`"twin.sample"`). `name` tells runs of one experiment apart; default: the procedure's. The sample waits in the dark for
    `wait_s` before it. `runs` gives parameters that name another run, by the step that took it. `refused` names the field for
    which the plan has to be refused: then there is no run of this name. What a step calibrates holds for those after it if it is
    `kept`, else the calibrations are again those that were there at the beginning.
    """

    procedure: str
    bench: str
    values: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    wait_s: float = 0.0
    runs: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    kept: bool = True

    @property
    def key(self) -> str:
        """Its name in the experiment."""
        return self.name or self.procedure


@dataclass(frozen=True)
class Panel:
    """A picture for the report, drawn from the run of a step (default: the first), and the rows whose numbers stand beside it.

    `plot` is a plot that the procedure declares, by its title, or one made for the report. `x_band`, `y_band` name a row of bounds
    that is drawn as a band along that axis, where both are in the same unit. `curves` keeps those of the run's curves alone,
    `fit` off leaves out their fits, `used` on leaves out points that the fit left out; `xlim`, `ylim` are in shown units.
    """

    title: str
    plot: str | Plot
    rows: tuple[str, ...] = ()
    step: str = ""
    x_band: str = ""
    y_band: str = ""
    curves: tuple[str, ...] = ()
    fit: bool = True
    used: bool = False
    xlim: tuple[float | None, float | None] | None = None
    ylim: tuple[float | None, float | None] | None = None


@dataclass(frozen=True)
class Experiment:
    """Runs that together answer some of a paper's claims.

    `bench` is the paper; `gives` says by name of a claimed result where it comes from. All results stand on noisy runs. Each step
    has a bench and a fresh sample of its own, unless `together`: then all run on the bench of the first, and its sample ages.
    """

    name: str
    bench: str
    steps: tuple[Step, ...]
    gives: Mapping[str, Source]
    panels: tuple[Panel, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)
    basis: Basis = "noisy"
    together: bool = False


@dataclass(frozen=True)
class Paper:
    """A paper's experiments; by row id why it does not pass or has no experiment, and what the report says at its head."""

    name: str
    title: str
    experiments: tuple[Experiment, ...]
    reasons: Mapping[str, str] = field(default_factory=dict)


def same(*names: str) -> dict[str, Source]:
    """Give the sources of results that the only run of an experiment calls by the claimed name."""
    return dict(zip(names, names, strict=True))


def on_sample(sample: str, **more: Any) -> dict[str, Any]:
    """Give the changes of a bench file that put another sample on the twin."""
    return {"twin.sample": sample, **more}
