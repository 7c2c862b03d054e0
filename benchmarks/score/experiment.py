"""An experiment of the score; how results become verdicts on the rows stands in `labctl.analysis.verdicts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from labctl.analysis.verdicts import BASES, Basis, Outcome, Results, Score, score, tally
from labctl.core.errors import AnalysisError

__all__ = ["BASES", "Basis", "Experiment", "Outcome", "Results", "Score", "given", "run", "score", "tally"]

Section = TypeVar("Section")


def given(section: Section | None) -> Section:
    """Give a section of a sample's record that the experiment cannot do without."""
    if section is None:
        raise ValueError("the sample's record lacks a section that this experiment needs")
    return section


@dataclass(frozen=True)
class Experiment:
    """One simulated experiment: `measure(seed)` gives what detectors show, `estimate(data)` the results by name.

    `evidence` says by name of a result what it is worth; it goes before that of the targets file, which knows an older model.
    """

    name: str
    bench: str
    measure: Callable[[int], Any]
    estimate: Callable[[Any], Results]
    basis: Basis = "noisy"
    evidence: Mapping[str, str] = field(default_factory=dict)


def run(experiment: Experiment, seed: int) -> Outcome:
    """Run one experiment; an analysis that refuses gives no results but its reason."""
    try:
        return Outcome(experiment, seed, experiment.estimate(experiment.measure(seed)))
    except AnalysisError as exc:
        return Outcome(experiment, seed, {}, str(exc))
