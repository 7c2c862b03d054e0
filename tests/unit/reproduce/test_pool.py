"""Processes: answers come back, failures and deaths are answers, and nobody is left behind."""

from __future__ import annotations

import multiprocessing
import os

from labctl.core.errors import LabctlError
from labctl.reproduce.pool import Failed, carry_out


def work(task):
    if task == "refuse":
        raise LabctlError("the bench is not there")
    if task == "break":
        raise ZeroDivisionError("by nought")
    if task == "die":
        os._exit(7)
    return task, os.environ["OMP_NUM_THREADS"]


def test_each_task_has_its_answer_and_one_that_dies_costs_itself_alone():
    tasks = ["first", "refuse", "break", "die", "last"]
    found = dict(carry_out(work, tasks, processes=2))
    assert (found["first"], found["last"]) == (("first", "1"), ("last", "1"))
    assert str(found["refuse"]) == "the bench is not there"
    assert str(found["break"]).startswith("ZeroDivisionError: by nought (test_pool.py")
    assert "exit code 7" in str(found["die"])
    assert all(isinstance(found[name], Failed) for name in ("refuse", "break", "die"))


def test_who_stops_listening_ends_the_processes():
    answers = carry_out(work, ["first", "second", "third"], processes=3)
    next(answers)
    answers.close()
    assert multiprocessing.active_children() == []
