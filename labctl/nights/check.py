"""Preflight of a whole night: every run on its bench or its twin, computed parameters at their bounds; nothing is moved."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from labctl.api import load_bench_file, make_procedure, open_config
from labctl.bench.bench import Bench
from labctl.core.dose import DARK, WORDS, Budget, Light, written
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Problem
from labctl.engine import preparing
from labctl.engine.arrangement import Arrangement
from labctl.engine.dose_plan import Place
from labctl.engine.planning import Plan, make_plan
from labctl.nights.expand import Wanted
from labctl.store import state

MOST_CORNERS = 3         # computed parameters whose bounds are combined; of more, all lowest and all highest


@dataclass(frozen=True)
class Checked:
    """A run of the night with what it may take at most; None where a calibration is missing, so that nobody knows yet."""

    wanted: Wanted
    seconds: float | None = None
    lit_s: float | None = None
    light: Mapping[Place, Light] = field(default_factory=dict)
    sample: str = ""
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True)
class Checkup:
    """A whole night: its runs in order, and what is to be known or forbids it."""

    runs: tuple[Checked, ...]
    problems: tuple[Problem, ...]

    def ends(self, begin: datetime) -> list[datetime]:
        """Give when each run is over at the latest if the night begins then; unknown ones take no time."""
        return list(itertools.accumulate((timedelta(seconds=run.seconds or 0.0) for run in self.runs),
                                         lambda when, takes: when + takes, initial=begin))[1:]

    @property
    def unknown(self) -> int:
        """Of how many runs nobody knows how long they take."""
        return sum(run.seconds is None for run in self.runs)

    def refuse_if_wrong(self) -> None:
        """Raise Refused with everything found when anything forbids the night."""
        if any(problem.level == "error" for problem in self.problems):
            raise Refused(self.problems)


class _Benches:
    """Benches to plan on: themselves if simulated, else their twins; None where there is no twin."""

    def __init__(self, stack: ExitStack, opened: Bench | None):
        self._stack, self._given = stack, opened
        self._opened: dict[str, tuple[Any, Bench | None]] = {}

    def get(self, name: str) -> tuple[Any, Bench | None]:
        """Give configuration and bench, opened once."""
        if name not in self._opened:
            config, text, _ = load_bench_file(name)
            if self._given is not None and self._given.text == text:
                self._opened[name] = config, self._given
            elif config.twin is None:
                self._opened[name] = config, None
            else:
                self._opened[name] = config, self._stack.enter_context(open_config(config, text, rehearsal=not config.simulated))
        return self._opened[name]


def check(runs: Sequence[Wanted], *, until: datetime | None = None, begin: datetime | None = None, most_lit_s: float | None = None,
          out: str = "", opened: Bench | None = None) -> Checkup:
    """Plan every run, and hold all of them together against budget, light and clock; gives every problem, refuses nothing."""
    problems: list[Problem] = []
    found = []
    with ExitStack() as stack:
        benches = _Benches(stack, opened)
        for number, wanted in enumerate(runs):
            try:
                found.append(_one(wanted, benches, out, frozenset(run.procedure for run in runs[:number]), problems))
            except Refused as exc:
                problems += [_named(wanted, problem) for problem in exc.problems]
            except LabctlError as exc:
                problems.append(Problem(wanted.label, str(exc)))
    checkup = Checkup(tuple(found), ())
    problems += [*_budget(found), *_limits(checkup, until, begin, most_lit_s)]
    return Checkup(checkup.runs, tuple(dict.fromkeys(problems)))


def _named(wanted: Wanted, problem: Problem) -> Problem:
    where = "" if problem.point is None else f" (point {problem.point})"
    return Problem(wanted.label, f"{problem.field}{where}: {problem.text}", problem.level)


def _one(wanted: Wanted, benches: _Benches, out: str, taken: frozenset[str], problems: list[Problem]) -> Checked:
    """Plan one run at every corner of what is computed; `taken` are the procedures of the night before it."""
    config, bench = benches.get(wanted.bench)
    options = wanted.options
    root = Path(out or config.data.root)
    arrangement = Arrangement(options.get("order") or "planned", options.get("reference_every", 0), options.get("dark_every", 0))
    plans: list[Plan] = []
    sample = None
    for values in _corners(wanted.computed):
        made = make_procedure(wanted.procedure, {**wanted.settings, **values}, config)
        if bench is None:
            continue
        sample, wrong = preparing.sample_file(bench, str(options.get("sample", "")))
        plan = make_plan(made, bench, root, arrangement, 0)
        plans.append(plan)
        units = {name: getattr(declared, "units", None) or "" for name, declared in made.declarations().items()}
        at = ", ".join(f"{name} at {value:g} {units[name]}".rstrip() for name, value in values.items())
        ignored = {"calibration"} if plan.needs else set()      # a twin's says nothing of the bench, a simulated bench takes it
        if not config.simulated:
            problems += [Problem(wanted.label, f"{config.name} has no {kind}; take it first, or let an earlier entry take it.")
                         for kind in plan.needs if kind not in taken
                         and not state.newest_calibrations(state.folder(), config.name, kind)]
        problems += [_named(wanted, replace(each, text=each.text.rstrip() + (f" This is with {at}." if at else "")))
                     for each in [*wrong, *plan.errors] if each.field not in ignored]
    known = [plan for plan in plans if plan.estimate.points]
    if sample is None or not known or len(known) < len(plans):
        return Checked(wanted)
    worst = max(known, key=lambda plan: plan.estimate.lit_seconds)
    return Checked(wanted, max(plan.estimate.seconds for plan in known), worst.estimate.lit_seconds, worst.light, sample.name,
                   sample.budget)


def _corners(computed: Mapping[str, tuple[str, float, float]]) -> list[dict[str, float]]:
    """Give the combinations of lowest and highest values."""
    ends = [(low, high) if low != high else (low,) for _, low, high in computed.values()]
    if len(ends) > MOST_CORNERS:
        return [dict(zip(computed, (each[side] for each in ends), strict=True)) for side in (0, -1)]
    return [dict(zip(computed, place, strict=True)) for place in itertools.product(*ends)]


def _budget(found: Sequence[Checked]) -> list[Problem]:
    """Hold the light of all runs together against each sample's budget, place by place."""
    problems, told = [], set[tuple[str, str]]()
    fallen: dict[tuple[str, str, Place], Light] = {}
    for run in found:
        for place, light in run.light.items() if run.budget else ():
            key = (run.sample, str(run.wanted.options.get("mount", "")), place)
            fallen[key] = total = fallen.get(key, DARK) + light
            for name in (name for name in run.budget.over(total) if (run.sample, name) not in told):
                told.add((run.sample, name))
                much, may = (written(name, getattr(each, name)) for each in (total, run.budget))
                problems.append(Problem(run.wanted.label, f"with it the night lets {much} fall on one place of {run.sample}; its "
                                        f"budget of {WORDS[name]} is {may}. Go to new places, or measure with less light."))
    return problems


def _limits(checkup: Checkup, until: datetime | None, begin: datetime | None, most_lit_s: float | None) -> list[Problem]:
    """Say what will be held up by the latest time or by the light that the night may use."""
    problems = []
    if until is not None and begin is not None:
        late = [run for run, end in zip(checkup.runs, checkup.ends(begin), strict=True) if end > until]
        if late:
            problems.append(Problem("until", f"{len(late)} of {len(checkup.runs)} runs, the first {late[0].wanted.label}, would "
                                             f"not be over by {until:%H:%M}; they will be held up.", "warning"))
    lit = list(itertools.accumulate(run.lit_s or 0.0 for run in checkup.runs))
    over = [run for run, sum_s in zip(checkup.runs, lit, strict=True) if most_lit_s is not None and sum_s > most_lit_s]
    if over:
        problems.append(Problem("longest_lit", f"all runs light the sample for up to {lit[-1]:.0f} s, and {most_lit_s:.0f} s are "
                                               f"allowed; {over[0].wanted.label} and what follows will be held up.", "warning"))
    return problems
