"""The bench's thread: an abort finds a job wherever it is, also between waiting and under way."""

from __future__ import annotations

import threading
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

worker = pytest.importorskip("labctl.gui.model.worker")
WATCHDOG_S = 20.0
HEAD_START_S = 0.05         # for an abort that looks too early to run through; one that waits for its turn is not hurried by it


class HeldBack(deque):
    """Jobs of which the next is taken out, and handed over only when it may be."""

    def __init__(self) -> None:
        super().__init__()
        self.out, self.may = threading.Event(), threading.Event()

    def popleft(self) -> Any:
        """Take the next job out, and keep it for a while."""
        job = super().popleft()
        self.out.set()
        assert self.may.wait(WATCHDOG_S)
        return job


class NoBench:
    """Something that can be opened and closed."""

    clock = SimpleNamespace(event=threading.Event)

    def __enter__(self) -> NoBench:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing is open."""


def test_an_abort_finds_a_job_that_is_about_to_begin():
    told: list[Any] = []
    opened, heard = threading.Event(), threading.Event()

    def tell(thing: object) -> None:
        told.append(thing)
        if isinstance(thing, worker.Opened):
            opened.set()

    def job(bench: Any, control: Any) -> int:
        control.attach(heard.set)
        if not control.requests:
            heard.wait(WATCHDOG_S)
        return control.requests

    thread = worker.BenchThread(NoBench, tell)
    assert opened.wait(WATCHDOG_S)
    jobs = thread._jobs = HeldBack()
    thread.do("scan", job)
    assert jobs.out.wait(WATCHDOG_S)
    aborting = threading.Thread(target=thread.stop, args=("F12",))
    aborting.start()
    aborting.join(HEAD_START_S)
    jobs.may.set()
    aborting.join(WATCHDOG_S)
    thread.close()
    assert thread.join(2 * WATCHDOG_S)
    (ended,) = [each for each in told if isinstance(each, worker.JobEnded)]
    assert (ended.name, ended.error) == ("scan", None)
    assert ended.value >= 1
