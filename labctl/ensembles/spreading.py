"""Many tasks at once: over processes of this computer, or over the workers of Dask."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Problem
from labctl.core.pool import Died, Failed, carry_out
from labctl.ensembles.working import Task

LIVES = 32              # members that one process takes: imports are paid once, and what may pile up is given back
TRIES = 3               # processes that a task may take with it before it is given up
LOOPBACK = "127.0.0.1"
CONNECT_S = 20          # a scheduler that does not answer by then is not there
PRELOADED = ("labctl.ensembles.forked",)

Work = Callable[[Task], Any]
Answers = Generator[tuple[Task, Any], None, None]


@dataclass(frozen=True)
class Processes:
    """A few processes of this computer."""

    workers: int

    def carry_out(self, work: Work, tasks: Sequence[Task]) -> Answers:
        """Give each task with what `work` made of it, or Failed, in the order in which they end."""
        with closing(carry_out(work, tasks, processes=self.workers, preload=PRELOADED, tries=TRIES,     # type: ignore[type-var]
                               lives=LIVES)) as answers:
            yield from answers


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask scheduler at an address; without one, of a cluster on this computer that listens on loopback alone.

    Dask moves tasks of a worker that died to another by itself. How often a scheduler with an address does is its own setting.
    """

    workers: int
    scheduler: str = ""

    def carry_out(self, work: Work, tasks: Sequence[Task]) -> Answers:
        """Give each task with what `work` made of it, or Failed, in the order in which they end."""
        with _client(self.workers, self.scheduler) as (client, distributed):
            futures = {client.submit(_answered, work, task, key=f"{work.__name__}-{task.member.key}", pure=False): task
                       for task in tasks}
            for future in distributed.as_completed(futures):
                yield futures[future], _heard(future, distributed)


def _answered(work: Work, task: Task) -> Any:
    """Work; what a person can act on is an answer."""
    try:
        return work(task)
    except LabctlError as exc:
        return Failed(str(exc))


def _heard(future: Any, distributed: Any) -> Any:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, distributed.KilledWorker):
        return Died(f"every worker it was given to died, {TRIES} in all")
    return Failed(f"{type(error).__name__}: {error}")


@contextmanager
def _client(workers: int, scheduler: str) -> Iterator[tuple[Any, Any]]:
    """Connect to a scheduler, or start one with its workers and end them afterwards."""
    try:
        import dask.config as options
        import distributed
    except ImportError:
        raise Refused([Problem("dask", "Dask is not installed. Install labctl[cluster], or leave --dask and --scheduler out: the "
                                       "processes of this computer need nothing more.")]) from None
    settings = {"distributed.scheduler.allowed-failures": TRIES - 1, "distributed.scheduler.worker-saturation": 1.0,
                "distributed.worker.daemon": True, "distributed.admin.event-loop-monitor-interval": "1h"}
    with options.set(settings), ExitStack() as stack:
        if not scheduler:
            local: Any = distributed.LocalCluster       # whose types say less than it takes
            cluster = stack.enter_context(local(
                n_workers=workers, threads_per_worker=1, processes=True, host=LOOPBACK, dashboard_address=None,
                worker_dashboard_address=None, silence_logs=False))
            scheduler = cluster.scheduler_address
        try:
            client = stack.enter_context(distributed.Client(scheduler, timeout=CONNECT_S))
        except OSError as exc:
            raise Refused([Problem("scheduler", f"no Dask scheduler answers at {scheduler}: {exc}. Start one with 'dask "
                                                "scheduler', or leave --scheduler out.")]) from None
        yield client, distributed
