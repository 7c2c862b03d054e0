"""Processes: answers come back, failures and deaths are answers, and nobody is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys

from labctl.core.errors import LabctlError
from labctl.core.pool import Died, Failed, carry_out


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


def dies_until_third(task):
    folder, name = task
    (folder / f"{name}-{os.getpid()}").touch()
    if len(list(folder.glob(f"{name}-*"))) < 3 or name == "always":
        os.kill(os.getpid(), signal.SIGKILL)
    return name, os.getpid()


def test_a_task_whose_process_dies_is_begun_anew_until_it_has_had_its_tries(tmp_path):
    tasks = [(tmp_path, "third"), (tmp_path, "always")]
    found = dict(carry_out(dies_until_third, tasks, processes=2, tries=3))
    assert found[tasks[0]][0] == "third"
    assert isinstance(found[tasks[1]], Died)
    assert len(list(tmp_path.glob("always-*"))) == 3


def own_process(task):
    return os.getpid()


def test_a_process_takes_as_many_tasks_as_it_has_lives():
    alone = [pid for _, pid in carry_out(own_process, range(4), processes=1)]
    shared = [pid for _, pid in carry_out(own_process, range(4), processes=1, lives=2)]
    assert (len(set(alone)), len(set(shared))) == (4, 2)


def test_a_script_without_a_guard_is_not_run_again_by_its_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("print('begun')\nfrom labctl.core.pool import carry_out\n"
                      "print([answer for _, answer in carry_out(abs, [-1, -2], processes=2)].count(1))\n", encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603
    assert done.stdout.split() == ["begun", "1"]
