"""Tasks in processes of their own, a few at a time: one that fails, or dies, costs its own result and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any, TypeVar

from labctl.core.errors import LabctlError

Given = TypeVar("Given")
Answer = TypeVar("Answer")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Numbers are crunched by one thread in each process: there are as many processes as there are cores."""


class Failed(Exception):
    """A task gave no answer; its text says why."""


class Died(Failed):
    """The process of a task ended without an answer: somebody killed it, or it ran out of memory."""


@dataclass
class _Worker:
    """A process, the pipe to it, and what it works at: a task, and the how-manieth try of it."""

    process: Any
    pipe: Connection
    task: Any = None
    nth: int = 0
    had: int = 0

    def give(self, task: Any, nth: int) -> None:
        """Hand it a task."""
        self.task, self.nth, self.had = task, nth, self.had + 1
        with suppress(OSError):         # it has died since; that is heard when it is asked for its answer
            self.pipe.send(task)

    def answer(self) -> Any:
        """Hear what it made of the task; a process that is dead gives Died."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return Died(f"its process ended without an answer (exit code {self.process.exitcode})")

    def end(self) -> None:
        """Let it end: there is no further task."""
        self.pipe.close()
        self.process.join()


def carry_out(work: Callable[[Given], Answer], tasks: Sequence[Given], *, processes: int, preload: Sequence[str] = (),
              tries: int = 1, lives: int = 1) -> Iterator[tuple[Given, Answer | Failed]]:
    """Carry out `work(task)` for every task and give each with its answer, in the order in which they end.

    Whoever stops listening (Ctrl-C, an exception, `close()`) ends the processes. `preload` names modules that every process needs.
    A task whose process dies is begun anew until it has had `tries` of them; a process takes at most `lives` tasks.
    """
    waiting = [(task, 1) for task in tasks][::-1]
    running: dict[Connection, _Worker] = {}
    with _single_threaded(), _own_processes(running):
        context = _context(preload)
        while waiting or running:
            while waiting and len(running) < processes:
                worker = _started(context, work)
                running[worker.pipe] = worker
                worker.give(*waiting.pop())
            for pipe in wait(list(running)):
                worker = running[pipe]          # type: ignore[index]  they are the connections that were waited for
                task, nth, answer = worker.task, worker.nth, worker.answer()
                again = isinstance(answer, Died) and nth < tries
                if again:
                    waiting.append((task, nth + 1))
                if waiting and worker.had < lives and not isinstance(answer, Died):
                    worker.give(*waiting.pop())
                else:
                    del running[pipe]           # type: ignore[arg-type]
                    worker.end()
                if not again:
                    yield task, answer


def _started(context: Any, work: Callable[[Any], Any]) -> _Worker:
    here, there = context.Pipe()
    process = context.Process(target=_answer, args=(there, work), daemon=True)
    with _without_main():
        process.start()
    there.close()
    return _Worker(process, here)


def _context(preload: Sequence[str]) -> Any:
    """Give processes that start clean: forked from a server that has imported already, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


def _answer(pipe: Connection, work: Callable[[Any], Any]) -> None:
    """Work, in the process, as long as there are tasks; Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):           # of the pipe: the parent has no further task, or is gone
        while True:
            pipe.send(_worked(work, pipe.recv()))


def _worked(work: Callable[[Any], Any], task: Any) -> Any:
    try:
        return work(task)
    except LabctlError as exc:
        return Failed(str(exc))
    except Exception as exc:        # a defect of one experiment is its own reason, not the end of the others
        place = traceback.extract_tb(exc.__traceback__)[-1]
        return Failed(f"{type(exc).__name__}: {exc} ({os.path.basename(place.filename)}, line {place.lineno})")


@contextmanager
def _own_processes(running: dict[Connection, _Worker]) -> Iterator[None]:
    """End what still runs when nobody waits for it any more."""
    try:
        yield
    finally:
        for worker in running.values():
            worker.process.terminate()
        for worker in running.values():
            worker.end()
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


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep a new process from importing the program that starts it: a script without a guard would run in each of them."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
