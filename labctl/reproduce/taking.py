"""One experiment in a process of its own: runs on fresh benches, then the claimed results read back from the run files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from labctl import api
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Problem
from labctl.reproduce.bench_text import changed_bench
from labctl.reproduce.calibrations import CALIBRATIONS
from labctl.reproduce.papers import find
from labctl.reproduce.plan import Step, Value
from labctl.reproduce.reading import read_back

STATE = "LABCTL_STATE"


@dataclass(frozen=True)
class Task:
    """What a process is asked for: an experiment of a paper, or (without one) the calibrations of a bench."""

    paper: str
    experiment: str
    seed: int
    out: Path               # for the run files
    state: Path             # private to this task
    bench: str = ""
    calibrated: tuple[Path, ...] = ()       # state folders whose calibrations it begins with


@dataclass(frozen=True)
class Taken:
    """What it answers: results by name, why others are missing, the run files by step, seconds on the benches' clocks."""

    results: Mapping[str, Value] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    runs: Mapping[str, Path] = field(default_factory=dict)
    seconds: float = 0.0
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)       # by step


def take(task: Task) -> Taken:
    """Do it. Raises LabctlError, with the reason, when a run does not end well."""
    os.environ[STATE] = str(task.state)
    for earlier in task.calibrated:
        if (kept := earlier / "calibrations").is_dir():
            shutil.copytree(kept, task.state / "calibrations", dirs_exist_ok=True)
    if task.bench:
        return _taken([(step, run_step(step, task)) for step in CALIBRATIONS[task.bench]])
    experiment = find(task.paper, task.experiment)
    if experiment.together:
        with _opened(experiment.steps[0]) as bench:
            taken = _taken([(step, run_on(bench, step, task)) for step in experiment.steps])
    else:
        taken = _taken([(step, run_step(step, task)) for step in experiment.steps])
    results, missing = read_back(experiment.gives, taken.runs, taken.problems)
    return replace(taken, results=results, missing=missing)


def _taken(outcomes: Sequence[tuple[Step, api.Outcome | None]]) -> Taken:
    """Gather the runs there are."""
    done = {step.key: each for step, each in outcomes if each is not None}
    return Taken(runs={key: each.run for key, each in done.items() if each.run is not None},
                 seconds=sum(each.seconds for each in done.values()),
                 problems={key: each.problems for key, each in done.items()})


def _opened(step: Step) -> api.Bench:
    config, text = changed_bench(step.bench, step.changes)
    return api.open_config(config, text)


def run_step(step: Step, task: Task) -> api.Outcome | None:
    """Run a procedure on a fresh bench."""
    with _opened(step) as bench:
        return run_on(bench, step, task)


def run_on(bench: api.Bench, step: Step, task: Task) -> api.Outcome | None:
    """Run a procedure; gives an outcome with a run file, or None when it was refused as it has to be. Raises LabctlError else."""
    if step.wait_s:
        bench.clock.wait(step.wait_s)
    order = api.Order(step.procedure, task.out, seed=task.seed, figure=False)
    try:
        outcome = api.run(step.procedure, bench, step.values, order=order)
    except Refused as exc:
        if step.refused and {problem.field for problem in exc.problems} == {step.refused}:
            return None
        raise
    if outcome.status != "done" or outcome.run is None:
        why = "; ".join(str(problem) for problem in outcome.problems if problem.level == "error")
        raise LabctlError(f"{step.procedure} on {step.bench} ended {outcome.status}: {why or 'no reason was given'}")
    return outcome
