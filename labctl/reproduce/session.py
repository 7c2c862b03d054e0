"""The whole of it: calibrate every bench once, take every experiment in a process of its own, judge the rows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.core.pool import Failed, carry_out
from labctl.reproduce.judging import Answer, Line, lines
from labctl.reproduce.plan import Paper
from labctl.reproduce.taking import Taken, Task, take
from labctl.reproduce.targets import rows

PRELOADED = ("labctl.reproduce.taking",)


@dataclass(frozen=True)
class Progress:
    """How far it is: tasks done and in all, and the one that has just ended."""

    done: int
    tasks: int
    ended: str
    failed: str = ""


@dataclass(frozen=True)
class Cost:
    """What a task that ended well took: seconds of processor time here, and seconds on the clocks of its benches."""

    task: str
    seed: int
    processor_s: float
    bench_s: float

    def as_json(self) -> dict[str, Any]:
        """Give the object of `--json`."""
        return {"task": self.task, "seed": self.seed, "processor_seconds": round(self.processor_s, 2),
                "bench_seconds": round(self.bench_s, 1)}


@dataclass(frozen=True)
class Reproduced:
    """What came of it, and what it cost, the dearest first."""

    papers: tuple[Paper, ...]
    lines: tuple[Line, ...]
    answers: tuple[Answer, ...]
    costs: tuple[Cost, ...] = ()

    @property
    def failures(self) -> list[str]:
        """Give a line for every experiment that failed."""
        return [f"{each.paper.name}, {each.experiment.name}, noise seed {each.seed}: {each.taken}" for each in self.answers
                if isinstance(each.taken, Failed)]


def reproduce(papers: Sequence[Paper], out: Path, *, seeds: int = 1, processes: int | None = None,
              told: Callable[[Progress], None] = lambda progress: None) -> Reproduced:
    """Take the experiments of these papers with noise seeds 0 to `seeds` - 1; run files lie below `out`.

    An experiment that fails costs its own rows. KeyboardInterrupt ends every process and is raised again; nothing is left behind
    but run files.
    """
    with tempfile.TemporaryDirectory(prefix="labctl-reproduce-") as name:
        work = _Work(papers, out, Path(name), seeds, processes or os.cpu_count() or 1, told)
        answers = work.answers()
    names = {paper.name for paper in papers}
    return Reproduced(tuple(papers), lines([row for row in rows() if row.bench in names], answers), tuple(answers),
                      tuple(sorted(work.costs, key=lambda cost: -cost.processor_s)))


class _Work:
    """The work in progress: calibrations first, then the experiments that build on them."""

    def __init__(self, papers: Sequence[Paper], out: Path, scratch: Path, seeds: int, processes: int,
                 told: Callable[[Progress], None]):
        self.papers = {paper.name: paper for paper in papers}
        self.out, self.scratch, self.seeds, self.processes, self.told = out, scratch, range(seeds), processes, told
        self.benches = sorted({step.bench for paper in papers for each in paper.experiments for step in each.steps})
        self.tasks = seeds * (len(self.benches) + sum(len(paper.experiments) for paper in papers))
        self.done = 0
        self.costs: list[Cost] = []

    def answers(self) -> list[Answer]:
        """Take everything, and give the answers in the order of papers, experiments and seeds."""
        failed: dict[tuple[str, int], Failed] = {}
        for task, answer in self._carried_out([self._calibration(bench, seed) for seed in self.seeds for bench in self.benches]):
            if isinstance(answer, Failed):
                failed[task.bench, task.seed] = answer
        wanted = [(paper, each, seed) for paper in self.papers.values() for each in paper.experiments for seed in self.seeds]
        found: dict[tuple[str, str, int], Taken | Failed] = {}
        tasks = []
        for paper, each, seed in wanted:
            benches = sorted({step.bench for step in each.steps})
            lacking = [bench for bench in benches if (bench, seed) in failed]
            if lacking:
                why = "; ".join(f"{bench} could not be calibrated: {failed[bench, seed]}" for bench in lacking)
                found[paper.name, each.name, seed] = Failed(why)
                self._count(f"{paper.name}: {each.name}", why)
            else:
                tasks.append(self._experiment(paper.name, each.name, seed, benches))
        for task, answer in self._carried_out(tasks):
            found[task.paper, task.experiment, task.seed] = answer
        return [Answer(paper, each, seed, found[paper.name, each.name, seed]) for paper, each, seed in wanted]

    def _carried_out(self, tasks: Sequence[Task]) -> list[tuple[Task, Taken | Failed]]:
        ended = []
        with closing(carry_out(take, tasks, processes=self.processes, preload=PRELOADED)) as answers:      # type: ignore[type-var]
            for task, answer in answers:
                ended.append((task, answer))
                name = f"{task.paper}: {task.experiment}" if task.experiment else f"calibrating {task.bench}"
                if isinstance(answer, Taken):
                    self.costs.append(Cost(name, task.seed, answer.processor_s, answer.seconds))
                self._count(name, str(answer) if isinstance(answer, Failed) else "")
        return ended

    def _count(self, name: str, failed: str) -> None:
        self.done += 1
        self.told(Progress(self.done, self.tasks, name, failed))

    def _calibration(self, bench: str, seed: int) -> Task:
        out = self.out / "calibrations" / bench / f"seed {seed}"
        return Task("", "", seed, out, self._state(bench, seed), bench=bench)

    def _experiment(self, paper: str, experiment: str, seed: int, benches: Sequence[str]) -> Task:
        state = self.scratch / paper / f"{experiment} {seed}"
        calibrated = tuple(self._state(bench, seed) for bench in benches)
        return Task(paper, experiment, seed, self.out / paper / experiment / f"seed {seed}", state, calibrated=calibrated)

    def _state(self, bench: str, seed: int) -> Path:
        return self.scratch / "calibrations" / f"{bench} {seed}"
