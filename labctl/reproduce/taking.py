"""One experiment in a process of its own: runs on fresh benches, then the claimed results read back from the run files."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from labctl import api
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Problem
from labctl.engine.control import Control
from labctl.reproduce.bench_text import changed_bench
from labctl.reproduce.calibrations import CALIBRATIONS
from labctl.reproduce.papers import find
from labctl.reproduce.plan import Experiment, Step, Value
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
    pictures: tuple[bytes | str, ...] = ()      # of the panels, PNG, or why one could not be drawn; of the first noise seed alone
    processor_s: float = 0.0


def take(task: Task) -> Taken:
    """Do it. Raises LabctlError, with the reason, when a run does not end well."""
    before = time.process_time()
    taken = _taken(task)
    return replace(taken, processor_s=time.process_time() - before)


def _taken(task: Task) -> Taken:
    os.environ[STATE] = str(task.state)
    _recall(task)
    if task.bench:
        return _take(CALIBRATIONS[task.bench], task)
    experiment = find(task.paper, task.experiment)
    if experiment.together:
        with _opened(experiment.steps[0]) as bench:
            taken = _take(experiment.steps, task, bench)
    else:
        taken = _take(experiment.steps, task)
    results, missing = read_back(experiment.gives, taken.runs, taken.problems)
    pictures = _pictures(experiment, taken.runs) if task.seed == 0 else ()
    return replace(taken, results=results, missing=missing, pictures=pictures)


def _recall(task: Task) -> None:
    """Begin with copies of the calibrations that were taken for it, and no others."""
    shutil.rmtree(task.state / "calibrations", ignore_errors=True)
    for earlier in task.calibrated:
        if (kept := earlier / "calibrations").is_dir():
            shutil.copytree(kept, task.state / "calibrations", dirs_exist_ok=True)


def _pictures(experiment: Experiment, runs: Mapping[str, Path]) -> tuple[bytes | str, ...]:
    """Draw the panels; one that cannot be drawn costs itself alone."""
    from labctl.reproduce.pictures import draw

    found: list[bytes | str] = []
    for panel in experiment.panels:
        try:
            found.append(draw(panel, runs[panel.step] if panel.step else next(iter(runs.values()))))
        except (LabctlError, LookupError, ValueError, StopIteration) as exc:
            found.append(f"could not be drawn: {exc}")
    return tuple(found)


def _take(steps: Sequence[Step], task: Task, bench: api.Bench | None = None) -> Taken:
    """Take the runs one after the other, on this bench or each on a fresh one of its own."""
    done: dict[str, api.Outcome] = {}
    for step in steps:
        with nullcontext(bench) if bench is not None else _opened(step) as opened:
            outcome = run_on(opened, step, task, {name: done[key] for name, key in step.runs.items()})
        if outcome is not None:
            done[step.key] = outcome
        if not step.kept:
            _recall(task)
    return Taken(runs={key: each.run for key, each in done.items() if each.run is not None},
                 seconds=sum(each.seconds for each in done.values()), problems={key: each.problems for key, each in done.items()})


def _opened(step: Step) -> api.Bench:
    config, text = changed_bench(step.bench, step.changes)
    return api.open_config(config, text)


def run_on(bench: api.Bench, step: Step, task: Task, others: Mapping[str, api.Outcome]) -> api.Outcome | None:
    """Run a procedure; gives an outcome with a run file, or None when it was refused as it has to be. Raises LabctlError else.

    `others` are earlier runs by the parameter that names them.
    """
    if step.wait_s:
        bench.clock.wait(step.wait_s)
    order = api.Order(step.procedure, task.out, seed=task.seed, figure=False)
    values = {**step.values, **{name: each.run_id for name, each in others.items()}}
    try:
        outcome = api.run(step.procedure, bench, values, order=order, control=Control())     # no bar, no ears
    except Refused as exc:
        if step.refused and {problem.field for problem in exc.problems} == {step.refused}:
            return None
        raise
    if outcome.status != "done" or outcome.run is None:
        why = "; ".join(str(problem) for problem in outcome.problems if problem.level == "error")
        raise LabctlError(f"{step.procedure} on {step.bench} ended {outcome.status}: {why or 'no reason was given'}")
    return outcome
