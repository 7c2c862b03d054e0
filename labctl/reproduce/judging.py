"""From what the experiments gave to a verdict on every row: pass, fail, skip or not_simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from labctl.analysis.verdicts import BASES, EVIDENCES, Outcome, Row, Score, number, score
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result
from labctl.core.pool import Failed
from labctl.core.quantities import to_float
from labctl.reproduce.plan import Experiment, Paper, Value
from labctl.reproduce.taking import Taken
from labctl.reproduce.targets import units

Verdict = Literal["pass", "fail", "skip", "not_simulated"]
VERDICTS: tuple[Verdict, ...] = ("pass", "fail", "skip", "not_simulated")
SUPERSCRIPTS = str.maketrans({"²": "^2", "µ": "u"})
PLAIN = {"cm2": "cm^2", "uJ/cm2": "uJ/cm^2", "mJ/cm2": "mJ/cm^2", "nJ/cm2": "nJ/cm^2"}


@dataclass(frozen=True)
class Answer:
    """What one experiment gave with one noise seed, or why it failed."""

    paper: Paper
    experiment: Experiment
    seed: int
    taken: Taken | Failed


@dataclass(frozen=True)
class Line:
    """The verdict on a row. Numbers by name, in the unit of the criterion; of several noise seeds the means.

    `stderr` and `systematic` are those of one seed (their median), None where the estimator gives none; `spread` is the standard
    deviation over the seeds. `runs` are the files that the results were read from.
    """

    row: Row
    verdict: Verdict
    values: Mapping[str, Any]
    stderr: Mapping[str, float | None]
    systematic: Mapping[str, float | None]
    spread: Mapping[str, Any]
    evidence: str
    basis: str
    passed: int
    seeds: int
    reason: str
    runs: tuple[Path, ...]

    @property
    def obtained(self) -> str:
        """Write what was obtained, with its errors; one number with its unit."""
        if len(self.values) > 1:
            return ", ".join(f"{name} {self._number(name)}" for name in self.values)
        unit = self.row.check.get("unit", "1")
        return "".join(self._number(name) + (f" {unit}" if unit != "1" else "") for name in self.values)

    def _number(self, name: str) -> str:
        parts = [number(self.values[name])]
        for error, word in ((self.stderr.get(name), "stat"), (self.systematic.get(name), "cal")):
            if error:
                parts.append(f"± {error:.2g} ({word})")
        return " ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Give the object of `--json`; where a criterion asks for several results `value` and `stderr` are objects by name."""
        several = len(self.row.results) > 1
        first = self.row.results[0] if self.row.results else ""
        value = dict(self.values) if several else self.values.get(first)
        stderr = dict(self.stderr) if several else self.stderr.get(first)
        return {
            "id": self.row.id, "verdict": self.verdict, "value": value if self.values else None,
            "stderr": stderr if self.values else None, "evidence": self.evidence, "basis": self.basis or None,
            "paper": self.row.bench, "quantity": self.row.quantity, "published": f"{self.row.value} {self.row.unit}".strip(),
            "criterion": self.row.criterion, "results": list(self.row.results), "systematic": dict(self.systematic),
            "spread": dict(self.spread), "passed": self.passed, "seeds": self.seeds, "reason": self.reason,
            "runs": [str(run.resolve()) for run in self.runs]}


def in_unit(result: Result, unit: str) -> tuple[float, float | None, float | None]:
    """Give value, standard error and systematic error in a unit; AnalysisError when that cannot be."""
    texts = [PLAIN.get(each, each) for each in (result.unit.translate(SUPERSCRIPTS), unit.translate(SUPERSCRIPTS))]
    if texts[0] == texts[1]:
        return result.value, result.stderr, result.systematic
    try:
        factor = to_float(f"1 {texts[0]}", texts[1])
    except ValueError:
        raise AnalysisError(f"it is in {result.unit}, the criterion in {unit}.") from None
    stderr, systematic = (None if error is None else error * factor for error in (result.stderr, result.systematic))
    return result.value * factor, stderr, systematic


def outcome_of(answer: Answer, unit: Mapping[str, str]) -> Outcome:
    """Give the plain numbers of an answer in the units of the criteria, and why promised results are missing."""
    promised = answer.experiment.gives
    if isinstance(answer.taken, Failed):
        why = f"the experiment failed: {answer.taken}"
        return Outcome(answer.experiment, answer.seed, {}, missing=dict.fromkeys(promised, why))
    results: dict[str, Any] = {}
    missing = dict(answer.taken.missing)
    for name, value in answer.taken.results.items():
        try:
            results[name] = in_unit(value, unit.get(name, value.unit))[0] if isinstance(value, Result) else value
        except AnalysisError as exc:
            missing[name] = str(exc)
    return Outcome(answer.experiment, answer.seed, results, missing=missing)


def lines(rows: Sequence[Row], answers: Sequence[Answer]) -> tuple[Line, ...]:
    """Judge the rows by what the experiments of their papers gave, in the order of the rows."""
    unit = units(rows)
    papers = {each.paper.name: each.paper for each in answers}.values()
    reasons = {row: why for paper in papers for row, why in paper.reasons.items()}
    scores = score(rows, [outcome_of(each, unit) for each in answers], reasons)
    return tuple(_line(each, [answer for answer in answers if answer.paper.name == each.row.bench], unit) for each in scores)


def _line(found: Score, answers: Sequence[Answer], unit: Mapping[str, str]) -> Line:
    names = found.row.results
    sources = [each for each in answers if set(names) & set(each.experiment.gives)]
    errors = {name: _errors(name, sources, unit) for name in found.values}
    runs = tuple(run for each in sources if isinstance(each.taken, Taken) for run in each.taken.runs.values())
    reason = str(found.row.check["skip"]) if "skip" in found.row.check else found.reason
    if found.verdict == "mixed":
        reason = "; ".join(filter(None, (f"passes in {found.passed} of {found.seeds} noise seeds", reason)))
    if found.verdict == "not simulated" and not reason:
        reason = "no registered procedure gives this quantity on a packaged bench"
    return Line(found.row, _verdict(found), found.values, {name: each[0] for name, each in errors.items()},
                {name: each[1] for name, each in errors.items()}, found.spread, found.evidence, found.basis, found.passed,
                found.seeds, "" if found.verdict == "pass" else reason, runs)


def _verdict(found: Score) -> Verdict:
    """Name the verdict; a row passes when it passes in every noise seed."""
    return {"pass": "pass", "mixed": "fail", "fail": "fail", "skip": "skip"}.get(found.verdict, "not_simulated")    # type: ignore[return-value]


def _errors(name: str, answers: Iterable[Answer], unit: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Give the median statistical and systematic error of a result over the seeds."""
    values: list[Value] = [each.taken.results[name] for each in answers
                           if isinstance(each.taken, Taken) and name in each.taken.results]
    kept = [in_unit(value, unit.get(name, value.unit)) for value in values if isinstance(value, Result)]
    both = [[each[place] for each in kept if each[place] is not None] for place in (1, 2)]
    stat, cal = (float(np.median(each)) if each else None for each in both)      # type: ignore[arg-type]  None is left out
    return stat, cal


def tally(found: Iterable[Line]) -> dict[str, dict[str, int]]:
    """Count verdicts: of all rows, and of those with an evidence class or a basis."""
    counts: dict[str, dict[str, int]] = {}
    for each in found:
        checkable = each.verdict != "skip"
        for key in ("all", *((each.evidence,) if checkable else ()), *((each.basis,) if each.basis else ())):
            counts.setdefault(key, dict.fromkeys(VERDICTS, 0))[each.verdict] += 1
    return {key: counts[key] for key in ("all", *EVIDENCES, *BASES) if key in counts}
