"""An experiment of the score, and how the results of all experiments become verdicts on the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np

from benchmarks.score.targets import Row
from labctl.analysis.claims import judge
from labctl.core.errors import AnalysisError

Basis = Literal["noisy", "model", "formula"]
BASES: tuple[Basis, ...] = ("noisy", "model", "formula")
"""How much stands behind a result: simulated noisy data analysed, a model function alone, arithmetic on inputs; best first."""

Results = Mapping[str, Any]
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


@dataclass(frozen=True)
class Outcome:
    """What one experiment gave with one noise seed: results, or why the analysis refused."""

    experiment: Experiment
    seed: int
    results: Results
    refusal: str = ""


def run(experiment: Experiment, seed: int) -> Outcome:
    """Run one experiment; an analysis that refuses gives no results but its reason."""
    try:
        return Outcome(experiment, seed, experiment.estimate(experiment.measure(seed)))
    except AnalysisError as exc:
        return Outcome(experiment, seed, {}, str(exc))


@dataclass(frozen=True)
class Score:
    """The verdict on one row: in how many of the noise seeds tried it passes; no seeds: not simulated.

    `values` are the means over the seeds (arrays: element by element) and `spread` their standard deviations, by name.
    """

    row: Row
    evidence: str
    basis: str
    passed: int
    seeds: int
    values: Mapping[str, Any]
    spread: Mapping[str, Any]
    reason: str = ""

    @property
    def verdict(self) -> str:
        """Name the verdict: pass, fail, mixed, not simulated, or skip."""
        if not self.row.checkable:
            return "skip"
        if not self.seeds:
            return "not simulated"
        return "pass" if self.passed == self.seeds else "fail" if not self.passed else "mixed"


def score(rows: Iterable[Row], outcomes: Sequence[Outcome], reasons: Mapping[str, str]) -> tuple[Score, ...]:
    """Judge every row with the results of every seed; `reasons` says by row id why it is not simulated."""
    return tuple(_score(row, [each for each in outcomes if each.experiment.bench == row.bench], reasons.get(row.id, ""))
                 for row in rows)


def _score(row: Row, outcomes: Sequence[Outcome], reason: str) -> Score:
    names = row.results
    sources = list({each.experiment.name: each.experiment for each in outcomes if set(names) & set(each.results)}.values())
    basis = max((each.basis for each in sources), key=BASES.index, default="")
    stated = [each.evidence[name] for each in sources for name in names if name in each.evidence]
    evidence = stated[0] if stated else row.evidence or "recovered"
    judged: list[tuple[bool, Results]] = []
    for seed in sorted({each.seed for each in outcomes if each.experiment in sources}):
        found = _together(outcomes, seed)
        verdict = judge(row.check, found)
        if verdict.passed is not None:
            judged.append((verdict.passed, {name: found[name] for name in names}))
        elif any(each.refusal and each.seed == seed and each.experiment in sources for each in outcomes):
            judged.append((False, {}))       # what the analysis refuses in one noise seed does not pass
    given = [values for _, values in judged if values]
    if not given:
        return Score(row, evidence, "", 0, 0, {}, {}, reason)
    values, spread = ({name: _over(statistic, given, name) for name in names} for statistic in (np.mean, np.std))
    return Score(row, evidence, basis, sum(passed for passed, _ in judged), len(judged), values, spread, reason)


def _together(outcomes: Sequence[Outcome], seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in outcomes:
        if each.seed == seed:
            found |= each.results
    return found


def _over(statistic: Callable[..., Any], given: Sequence[Mapping[str, Any]], name: str) -> Any:
    """Give a statistic over the seeds; arrays whose length differs between seeds are shown by their extremes."""
    values = [np.asarray(each[name], dtype=float) for each in given]
    if len({value.shape for value in values}) > 1:
        values = [np.array([value.min(), value.max()]) for value in values if value.size]
    found = statistic(np.array(values), axis=0)
    return found.tolist() if np.ndim(found) else float(found)


def tally(scores: Iterable[Score]) -> dict[str, dict[str, int]]:
    """Count the checkable rows by evidence (and by basis) and verdict."""
    counts: dict[str, dict[str, int]] = {}
    for each in scores:
        if each.row.checkable:
            for key in ("all", each.evidence, *([each.basis] if each.basis else [])):
                place = counts.setdefault(key, {"pass": 0, "mixed": 0, "fail": 0, "not simulated": 0})
                place[each.verdict] += 1
    return counts
