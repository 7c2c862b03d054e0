"""One member, in whatever process it was given to: a dry run on a fresh twin, its file moved into place, its record last."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl import api
from labctl.core.errors import Refused
from labctl.engine.control import Control
from labctl.engine.planning import make_plan
from labctl.ensembles.asking import SAMPLE, SEED, Ensemble, Member
from labctl.ensembles.folder import Folder, Record
from labctl.store.whole import put_whole

STATE = "LABCTL_STATE"
_one_at_a_time = threading.Lock()       # of the threads of a process: the state folder stands in the environment


@dataclass(frozen=True)
class Task:
    """What a process is asked for: a member and its number, or, without one, the calibrations that all need."""

    ensemble: Ensemble
    folder: Path
    member: Member
    number: int = 0

    @property
    def seed(self) -> int:
        """The seed of its run."""
        return int(self.member.where.get(SEED, self.ensemble.seed))

    @property
    def sample(self) -> str:
        """The sample on the twin; empty for the bench file's own."""
        return str(self.member.where.get(SAMPLE, self.ensemble.sample))

    @property
    def values(self) -> dict[str, Any]:
        """The parameters that are set or varied."""
        varied = {name: value for name, value in self.member.where.items() if name not in (SEED, SAMPLE)}
        return {**self.ensemble.values, **varied}


def calibrate(task: Task) -> None:
    """Take the calibrations that a member needs, once for all of them. Raises LabctlError when that does not succeed."""
    with _own_state(None) as state, tempfile.TemporaryDirectory(dir=Folder(task.folder).parts) as place:
        config, text, _ = api.load_bench_file(str(task.ensemble.bench))
        with api.open_config(config, text, rehearsal=True, sample=task.sample) as bench:
            procedure = api.make_procedure(task.ensemble.procedure, task.values, bench.config)
            needs = make_plan(procedure, bench, Path(place), seed=task.seed).needs
            order = api.Order(task.ensemble.procedure, Path(place), figure=False)
            stopped = api.calibrate(bench, order, kinds=needs) if needs else None
        if stopped is not None:
            raise Refused(stopped.problems)
        if (taken := state / "calibrations").is_dir():
            shutil.copytree(taken, Folder(task.folder).state / "calibrations", dirs_exist_ok=True)


def take(task: Task) -> Record:
    """Make a member, and give its record, which then stands in the folder. Refusals are records, too."""
    folder = Folder(task.folder)
    with _own_state(folder.state), _part(folder, task.member.key) as place:
        try:
            outcome = _run(task, place)
        except Refused as exc:
            record = _record(task, "refused", problems=tuple(str(problem) for problem in exc.problems))
        else:
            run = ""
            if outcome.run is not None:
                run = f"{folder.runs.name}/{task.ensemble.procedure}_{task.number:04d}{outcome.run.suffix}"
                put_whole(outcome.run, task.folder / run)
            record = _record(task, outcome.status, run=run, points=outcome.points, seconds=outcome.seconds,
                             light=outcome.light.as_json(), problems=tuple(str(problem) for problem in outcome.problems),
                             results={name: result.as_json() for name, result in outcome.results.items()})
        folder.keep(record)
    return record


def _record(task: Task, status: str, **what: Any) -> Record:
    where: Mapping[str, Any] = dict(task.member.where)
    return Record(task.member.key, task.number, where, status, **what)


def _run(task: Task, place: Path) -> api.Outcome:
    config, text, _ = api.load_bench_file(str(task.ensemble.bench))
    order = api.Order(task.ensemble.procedure, place, seed=task.seed, sample=task.sample, rehearsal=True, figure=False,
                      first_number=task.number, note="member of an ensemble")
    with api.open_config(config, text, rehearsal=True, sample=task.sample) as bench:
        return api.run(task.ensemble.procedure, bench, task.values, order=order, control=Control())     # no bar, no ears


@contextmanager
def _part(folder: Folder, key: str) -> Iterator[Path]:
    """Give a folder that is gone afterwards; its name tells which member is made, and by which process.

    It is nobody else's: a worker on another computer may have the same process number, and be given the same member.
    """
    folder.parts.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=folder.parts, prefix=f"{key[:16]}-", suffix=f"-{os.getpid()}"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _own_state(calibrated: Path | None) -> Iterator[Path]:
    """Work with a state folder of one's own, on the local disk: no member knows of another, or of what the lab has calibrated."""
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="labctl-ensemble-") as name:
        state, before = Path(name), os.environ.get(STATE)
        if calibrated is not None and (kept := calibrated / "calibrations").is_dir():
            shutil.copytree(kept, state / "calibrations")
        os.environ[STATE] = name
        try:
            yield state
        finally:
            if before is None:
                del os.environ[STATE]
            else:
                os.environ[STATE] = before
