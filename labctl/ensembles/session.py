"""The whole of it: what is there already is left alone, what is missing is made, and everything is gathered."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.core.errors import LabctlError
from labctl.core.pool import Failed
from labctl.ensembles.asking import Ensemble, Member, asked
from labctl.ensembles.folder import DONE, Folder, Record
from labctl.ensembles.gathering import gather
from labctl.ensembles.spreading import Dask, Processes
from labctl.ensembles.working import Task, calibrate, take

if TYPE_CHECKING:
    import xarray

FOLDER = Path("labctl_ensembles")


@dataclass(frozen=True)
class Progress:
    """How far it is: members done and in all, and the one that has just ended."""

    done: int
    tasks: int
    ended: str = ""
    failed: str = ""


Told = Callable[[Progress], None]


@dataclass(frozen=True)
class Gathered:
    """What came of it: the table, the folder, the failures in words, and how many members had been there before."""

    data: xarray.Dataset
    folder: Path
    members: int
    found: int
    failures: tuple[str, ...]


def ensemble(procedure: str, over: Mapping[str, Any], *, bench: str = "ying2021", out: str | Path | None = None,
             workers: int | None = None, dask: bool = False, scheduler: str = "", seed: int = 0, sample: str = "",
             **values: Any) -> xarray.Dataset:
    """Run a procedure for every combination of `over` on the twin of a bench, and give all results in one Dataset.

    `over` names `seed`, `sample` or parameters with their values; `values` are parameters that stay. Nothing real is opened. The
    folder `out` (default: `labctl_ensembles/PROCEDURE`) keeps everything; the same call goes on where it was. Raises Refused, with
    everything that is wrong, before anything is run. A member that fails has NaN for its results, and its reason in `problems`.
    """
    wanted = asked(procedure, bench, over, values, seed=seed, sample=sample)
    return make(wanted, Path(out) if out is not None else FOLDER / procedure, workers=workers, dask=dask, scheduler=scheduler).data


def make(wanted: Ensemble, out: Path, *, workers: int | None = None, dask: bool = False, scheduler: str = "",
         told: Told = lambda progress: None) -> Gathered:
    """Make what is missing of an ensemble in a folder, and gather everything.

    KeyboardInterrupt ends every process and is raised again; whole members stay, and the same call goes on with the others.
    """
    folder, count = Folder(out.resolve()), workers or os.cpu_count() or 1
    means = Dask(count, scheduler) if dask or scheduler else Processes(count)
    members = wanted.members()
    with folder.held(wanted):
        records = folder.records()
        missing = [member for member in members if not _whole(records.get(member.key))]
        told(Progress(len(members) - len(missing), len(members)))
        reasons = _made(means, _tasks(wanted, folder, missing, records), len(members), records, told) if missing else {}
        data = gather(wanted, folder, records)
    failures = [f"{_words(member)}: {_why(member.key, records, reasons)}" for member in members
                if not _whole(records.get(member.key))]
    return Gathered(data, folder.path, len(members), len(members) - len(missing), tuple(failures))


def _tasks(wanted: Ensemble, folder: Folder, missing: list[Member], records: Mapping[str, Record]) -> list[Task]:
    """Number the members that are missing: one that had a number keeps it, the others come after all that there are."""
    last = max((record.number for record in records.values()), default=0)
    tasks = []
    for member in missing:
        before = records.get(member.key)
        last += before is None
        tasks.append(Task(wanted, folder.path, member, last if before is None else before.number))
    return tasks


def _made(means: Processes | Dask, tasks: list[Task], total: int, records: dict[str, Record], told: Told) -> dict[str, str]:
    """Calibrate, unless members that are whole have seen to it, and make the rest; gives, by key, why some have no record."""
    calibrated = any(_whole(record) for record in records.values())
    with closing(Processes(1).carry_out(calibrate, [] if calibrated else tasks[:1])) as answers:
        for _, answer in answers:
            if isinstance(answer, Failed):
                raise LabctlError(f"The calibrations that every member needs could not be taken: {answer}")
    reasons: dict[str, str] = {}
    done = total - len(tasks)
    with closing(means.carry_out(take, tasks)) as answers:
        for task, answer in answers:
            done += 1
            if isinstance(answer, Failed):
                reasons[task.member.key] = str(answer)
            else:
                records[task.member.key] = answer
            key = task.member.key
            told(Progress(done, total, _words(task.member), "" if _whole(records.get(key)) else _why(key, records, reasons)))
    return reasons


def _whole(record: Record | None) -> bool:
    return record is not None and record.status == DONE


def _why(key: str, records: Mapping[str, Record], reasons: Mapping[str, str]) -> str:
    """Say why a member has no results."""
    if key in reasons:
        return reasons[key]
    record = records[key]
    return f"{record.status}: {'; '.join(record.problems) or 'no reason was given'}"


def _words(member: Member) -> str:
    return ", ".join(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in member.where.items())
