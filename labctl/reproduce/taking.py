"""One experiment in a process of its own: runs on fresh benches, then the claimed results read back from the run files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from labctl import api
from labctl.core.errors import LabctlError
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
        return _take_runs(CALIBRATIONS[task.bench], task)
    experiment = find(task.paper, task.experiment)
    taken = _take_runs(experiment.steps, task)
    results, missing = read_back(experiment.gives, taken.runs, taken.problems)
    return replace(taken, results=results, missing=missing)


def _take_runs(steps: tuple[Step, ...], task: Task) -> Taken:
    outcomes = {step.key: run_step(step, task.out, task.seed) for step in steps}
    return Taken(runs={key: each.run for key, each in outcomes.items() if each.run is not None},
                 seconds=sum(each.seconds for each in outcomes.values()),
                 problems={key: each.problems for key, each in outcomes.items()})


def run_step(step: Step, out: Path, seed: int) -> api.Outcome:
    """Run a procedure on its bench; gives an outcome with a run file."""
    config, text = changed_bench(step.bench, step.changes)
    with api.open_config(config, text) as bench:
        order = api.Order(step.procedure, out, seed=seed, figure=False)
        outcome = api.run(step.procedure, bench, step.values, order=order)
    if outcome.status != "done" or outcome.run is None:
        why = "; ".join(str(problem) for problem in outcome.problems if problem.level == "error")
        raise LabctlError(f"{step.procedure} on {step.bench} ended {outcome.status}: {why or 'no reason was given'}")
    return outcome
