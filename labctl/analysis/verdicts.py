"""Rows of published claims, and how the results of experiments over several noise seeds become a verdict on each.

Whoever simulates supplies the outcomes: the score of the twin from ideal detectors, `labctl reproduce` from recorded runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from labctl.analysis.claims import judge, needed

Basis = Literal["noisy", "model", "formula"]
BASES: tuple[Basis, ...] = ("noisy", "model", "formula")
"""How much stands behind a result: simulated noisy data analysed, a model function alone, arithmetic on inputs; best first."""
EVIDENCES = ("predicted", "fitted", "recovered")
"""What a passed row is worth: used in no calibration, used in one, or an input that the analysis returned."""

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One claim. `evidence` and `trial` are those of the trial this twin grew from, None where it had nothing to say."""

    id: str
    bench: str
    samples: tuple[str, ...]
    procedure: str
    quantity: str
    value: str
    unit: str
    kind: str
    check: Mapping[str, Any]
    evidence: str | None
    trial: str | None
    trial_verdict: str | None

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Row:
        """Make a row from an entry of the targets file."""
        return cls(
            id=entry["id"], bench=entry["bench"], samples=tuple(entry["sample"]), procedure=entry["procedure"],
            quantity=entry["quantity"], value=str(entry["value"]).strip(), unit=entry["unit"] or "", kind=entry["kind"],
            check=entry["check"], evidence=entry.get("evidence"),
            trial=None if entry.get("trial") is None else str(entry["trial"]), trial_verdict=entry.get("trial_verdict"))

    @property
    def checkable(self) -> bool:
        """Tell whether the claim has a criterion."""
        return "skip" not in self.check

    @property
    def results(self) -> tuple[str, ...]:
        """Give the names of the results the criterion asks for."""
        return needed(self.check)

    @property
    def criterion(self) -> str:
        """Write the criterion: bounds with their unit, the predicate, or why there is none."""
        if "result" not in self.check:
            return str(self.check.get("predicate", self.check.get("skip")))
        low, high, unit = self.check["lo"], self.check["hi"], self.check.get("unit", "1")
        span = f"≤ {high:g}" if low is None else f"≥ {low:g}" if high is None else f"{low:g} to {high:g}"
        return span if unit == "1" else f"{span} {unit}"


class Source(Protocol):
    """What gave results: an experiment of a paper, which is the bench of the rows that it may answer."""

    @property
    def name(self) -> str:
        """Its name, unique in the paper."""
        ...

    @property
    def bench(self) -> str:
        """The paper."""
        ...

    @property
    def basis(self) -> Basis:
        """What stands behind its results."""
        ...

    @property
    def evidence(self) -> Mapping[str, str]:
        """What a result is worth, by name; it goes before that of the targets file, which knows an older model."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What one experiment gave with one noise seed: results, or why the analysis refused.

    `missing` says by name of a result why an experiment that did give others did not give this one.
    """

    experiment: Source
    seed: int
    results: Results
    refusal: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)

    def reason(self, names: Iterable[str]) -> str:
        """Say why results of these names are not there; empty when it does not know."""
        return self.refusal or "; ".join(f"{name}: {self.missing[name]}" for name in names if name in self.missing)


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
    """Judge every row with the results of every seed; `reasons` says by row id why it does not pass, or is not simulated."""
    return tuple(_score(row, [each for each in outcomes if each.experiment.bench == row.bench], reasons.get(row.id, ""))
                 for row in rows)


def _score(row: Row, outcomes: Sequence[Outcome], reason: str) -> Score:
    names = row.results
    sources = list({each.experiment.name: each.experiment for each in outcomes
                    if set(names) & ({*each.results, *each.missing})}.values())
    basis = max((each.basis for each in sources), key=BASES.index, default="")
    stated = [each.evidence[name] for each in sources for name in names if name in each.evidence]
    evidence = stated[0] if stated else row.evidence or "recovered"
    judged: list[tuple[bool, Results]] = []
    why: list[str] = []
    for seed in sorted({each.seed for each in outcomes if each.experiment in sources}):
        found = _together(outcomes, seed)
        verdict = judge(row.check, found)
        refused = [told for each in outcomes if each.seed == seed and each.experiment in sources and (told := each.reason(names))]
        if verdict.passed is not None:
            judged.append((verdict.passed, {name: found[name] for name in names}))
            why += [verdict.reason] if verdict.reason else []
        elif refused:
            judged.append((False, {}))       # what the analysis refuses in one noise seed does not pass
            why += refused
    reason = "; ".join(dict.fromkeys(filter(None, (reason, *why))))
    given = [values for _, values in judged if values]
    if not judged:
        return Score(row, evidence, "", 0, 0, {}, {}, reason)
    values, spread = ({name: _over(statistic, given, name) for name in names} if given else {} for statistic in (np.mean, np.std))
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


def number(value: Any) -> str:
    """Write a number, or an array by its length, first, least, greatest and last value, with four digits."""
    if not isinstance(value, list):
        return f"{value:.4g}"
    if len(value) <= 8:
        return "[" + " ".join(f"{item:.3g}" for item in value) + "]"
    return f"[{len(value)}: {value[0]:.3g} … {value[-1]:.3g}; {min(value):.3g} to {max(value):.3g}]"
