"""Tasks in processes of their own, a few at a time: one that fails, or dies, costs its own result and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from labctl.core.errors import LabctlError

Given = TypeVar("Given")
Answer = TypeVar("Answer")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Numbers are crunched by one thread in each process: there are as many processes as there are cores."""


class Failed(Exception):
    """A task gave no answer; its text says why."""


def carry_out(work: Callable[[Given], Answer], tasks: Sequence[Given], *, processes: int,
              preload: Sequence[str] = ()) -> Iterator[tuple[Given, Answer | Failed]]:
    """Carry out `work(task)` for every task and give each with its answer, in the order in which they end.

    Whoever stops listening (Ctrl-C, an exception, `close()`) ends the processes. `preload` names modules that every process needs.
    """
    waiting = list(tasks)[::-1]
    running: dict[Connection, tuple[Any, Given]] = {}
    with _single_threaded(), _own_processes(running):
        context = _context(preload)
        while waiting or running:
            while waiting and len(running) < processes:
                task = waiting.pop()
                ear, mouth = context.Pipe(duplex=False)
                process = context.Process(target=_answer, args=(mouth, work, task), daemon=True)
                process.start()
                mouth.close()
                running[ear] = process, task
            for ear in wait(list(running)):
                process, task = running.pop(ear)        # type: ignore[index]  they are the connections that were waited for
                yield task, _heard(ear, process)        # type: ignore[arg-type]


def _context(preload: Sequence[str]) -> Any:
    """Give processes that start clean: forked from a server that has imported already, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


def _answer(mouth: Connection, work: Callable[[Any], Any], task: Any) -> None:
    """Work, in the process; Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        answer = work(task)
    except LabctlError as exc:
        answer = Failed(str(exc))
    except Exception as exc:        # a defect of one experiment is its own reason, not the end of the others
        place = traceback.extract_tb(exc.__traceback__)[-1]
        answer = Failed(f"{type(exc).__name__}: {exc} ({os.path.basename(place.filename)}, line {place.lineno})")
    mouth.send(answer)
    mouth.close()


def _heard(ear: Connection, process: Any) -> Any:
    try:
        answer = ear.recv()
    except EOFError:
        process.join()
        answer = Failed(f"its process ended without an answer (exit code {process.exitcode})")
    ear.close()
    process.join()
    return answer


@contextmanager
def _own_processes(running: dict[Connection, tuple[Any, Any]]) -> Iterator[None]:
    """End what still runs when nobody waits for it any more."""
    try:
        yield
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.join()
        running.clear()


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Let processes that are started here use one thread each for linear algebra."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
