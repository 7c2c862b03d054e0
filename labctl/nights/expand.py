"""From a night file to single runs: sweeps written out, names put into scope."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labctl.core import registry
from labctl.core.errors import Refused
from labctl.core.expression import parse
from labctl.core.plan import Problem
from labctl.core.quantities import to_float
from labctl.core.suggest import suggestion
from labctl.nights.file import Computed, Entry, Night, Sweep

MOST_RUNS = 2000
NAME = re.compile(r"\b([A-Za-z_]\w*)(\[\d+\])?(?=\.[A-Za-z_])")


@dataclass(frozen=True)
class Wanted:
    """One run of a night. `label` is its name in formulas; `computed` gives formula, lowest and highest value by parameter."""

    label: str
    entry: str
    procedure: str
    bench: str
    settings: Mapping[str, Any]
    computed: Mapping[str, tuple[str, float, float]] = field(default_factory=dict)
    when: str = ""
    stop_when: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def formulas(self) -> Iterator[tuple[str, str]]:
        """Give (field, formula) of all of them."""
        yield from ((name, told[0]) for name, told in self.computed.items())
        yield from ((name, text) for name, text in (("when", self.when), ("stop_when", self.stop_when)) if text)


def expand(night: Night) -> list[Wanted]:
    """Write a night out, in order: all entries for each place of the outer sweep, each with its own sweep.

    Raises Refused with every name that is not there and every formula over what does not come before.
    """
    outer = _places(night.sweep)
    count = len(outer) * sum(len(_places(entry.sweep)) for entry in night.entry)
    if count > MOST_RUNS:
        raise Refused([Problem("sweep", f"the sweeps make {count} runs; {MOST_RUNS} are allowed. Use fewer values.")])
    problems: list[Problem] = []
    procedures = {}
    for entry in night.entry:
        try:
            procedures[entry.name] = registry.find("procedure", entry.procedure)
        except Refused as exc:
            problems += [Problem(entry.name, f"{problem.field}: {problem.text}") for problem in exc.problems]
    if not problems:
        problems += _unused(night, procedures)
    if problems:
        raise Refused(problems)
    found: list[Wanted] = []
    for number, place in enumerate(outer, 1):
        prefix = f"at{number}_" if len(outer) > 1 else ""
        for entry in night.entry:
            found += _runs(night, entry, procedures[entry.name], place, prefix, problems)
    problems += _out_of_order(found, night)
    if problems:
        raise Refused(list(dict.fromkeys(problems)))
    return found


def _places(sweep: Sweep | None) -> list[dict[str, Any]]:
    if sweep is None:
        return [{}]
    values = sweep.over.values()
    return [dict(zip(sweep.over, each, strict=True)) for each in (zip(*values, strict=True) if sweep.together
                                                                else itertools.product(*values))]


def _unused(night: Night, procedures: Mapping[str, Any]) -> list[Problem]:
    """Say which parameters of the outer sweep no entry has."""
    known = {name for procedure in procedures.values() for name in procedure.declarations()}
    return [Problem("sweep", f"no entry has a parameter {name}. {suggestion(name, known)}")
            for name in (night.sweep.over if night.sweep else {}) if name not in known]


def _runs(night: Night, entry: Entry, procedure: Any, outer: Mapping[str, Any], prefix: str,
          problems: list[Problem]) -> Iterator[Wanted]:
    declared = procedure.declarations()
    plain = {name: value for name, value in entry.set.items() if not isinstance(value, Computed)}
    common = {name: value for name, value in outer.items() if name in declared and name not in entry.set}
    places = _places(entry.sweep)
    computed = {name: made for name, told in entry.set.items() if isinstance(told, Computed)
                and (made := _computed(entry, name, told, declared, problems)) is not None}
    scope = _Scope(night, entry, prefix)
    for number, place in enumerate(places, 1):
        options = {"sample": entry.sample or night.sample, "mount": entry.mount or night.mount, "note": entry.note,
                   "order": entry.order, "reference_every": entry.reference_every, "dark_every": entry.dark_every}
        label = f"{prefix}{entry.name}{f'[{number}]' if len(places) > 1 else ''}"
        if entry.on_failure is not None:
            options["on_failure"] = entry.on_failure
        yield Wanted(label, entry.name, entry.procedure, entry.bench or night.bench, {**common, **plain, **place},
                     {name: (scope(text), low, high) for name, (text, low, high) in computed.items() if name not in place},
                     scope(entry.when), scope(entry.stop_when), options)


def _computed(entry: Entry, name: str, told: Computed, declared: Mapping[str, Any],
              problems: list[Problem]) -> tuple[str, float, float] | None:
    unit = getattr(declared.get(name), "units", None)
    if name not in declared:
        problems.append(Problem(entry.name, f"{name}: there is no such parameter. {suggestion(name, declared)}"))
        return None
    try:
        low, high = (to_float(each, unit or "") for each in told.between)
    except ValueError as exc:
        problems.append(Problem(entry.name, f"{name}: between: {exc}."))
        return None
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        problems.append(Problem(entry.name, f"{name}: between {low:g} and {high:g} is nothing; give lowest, then highest."))
        return None
    return told.value, low, high


@dataclass(frozen=True)
class _Scope:
    """Puts the place of the outer sweep before the names in a formula: `threshold` means that of the same place."""

    night: Night
    entry: Entry
    prefix: str

    def __call__(self, text: str) -> str:
        own = {entry.name for entry in self.night.entry}
        return NAME.sub(lambda m: f"{self.prefix if m.group(1) in own else ''}{m.group(1)}{m.group(2) or ''}", text) \
            if self.prefix else text


def _out_of_order(found: list[Wanted], night: Night) -> list[Problem]:
    """Say which formulas name what is no run, several runs, or one that comes later."""
    problems, before = [], set()
    every = {wanted.label for wanted in found}
    for wanted in found:
        for where, text in wanted.formulas():
            known = before | ({wanted.label} if where == "stop_when" else set())
            problems += [Problem(wanted.entry, f"{where}: {_why(run, every, known)}") for run, _ in parse(text).names
                         if run not in known]
        before.add(wanted.label)
    for text in night.night.stop_when:
        problems += [Problem("night", f"stop_when: {_why(run, every, every)}") for run, _ in parse(text).names if run not in every]
    return problems


def _why(run: str, every: set[str], known: set[str]) -> str:
    several = sorted(label for label in every if re.fullmatch(rf"(at\d+_)?{re.escape(run)}(\[\d+\])?", label) and label != run)
    if several:
        return f"{run} is swept; name one of its runs, e.g. {several[0]}."
    if run in every:
        return f"{run} comes later; its results are not known yet."
    return f"there is no entry {run}. {suggestion(run, known) if known else 'It is the first.'}"
