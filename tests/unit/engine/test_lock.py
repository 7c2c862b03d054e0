"""One run at a time: across processes on a real bench, within the process on a simulated one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from labctl.core.errors import Refused
from labctl.engine import lock
from labctl.store import state

HOLD = """
import sys
from types import SimpleNamespace
from labctl.engine import lock
with lock.held(SimpleNamespace(name="lab", simulated=False), "ple"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def bench():
    return SimpleNamespace(name="lab", simulated=False)


@pytest.fixture
def other_process(state_folder):
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,  # noqa: S603
                          env={**os.environ, "LABCTL_STATE": str(state_folder)}) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def take(bench, doing="a test"):
    with lock.held(bench, doing):
        return True


def test_another_process_is_named_with_what_it_does(bench, other_process):
    with pytest.raises(Refused, match=rf"lab is in use by process {other_process.pid}, ple since \d\d:\d\d UTC.*Nothing was sent"):
        take(bench)


def test_a_killed_owner_gives_the_bench_back(bench, other_process):
    other_process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    other_process.wait(20)
    assert take(bench)


def test_what_a_dead_owner_left_is_not_believed(bench):
    with lock.held(bench, "ple"):
        owner = state.folder() / "locks" / "bench_lab.owner"
        owner.write_text(json.dumps({**json.loads(owner.read_text(encoding="utf-8")), "pid": 2**22 + 1}), encoding="utf-8")
        stranger = lock.ProcessLock(owner.parent, "bench lab")
        assert str(stranger.acquire()) == "another process, which has not yet said who it is"


@pytest.mark.parametrize("simulated", [False, True])
def test_two_runs_in_one_program(bench, simulated):
    bench.simulated = simulated
    with lock.held(bench, "ple"), pytest.raises(Refused, match=r"this program \(ple\)"):
        take(bench)
    assert take(bench)


def test_simulated_benches_are_private(bench, other_process):
    assert take(SimpleNamespace(name="lab", simulated=True))


def test_given_back_after_an_error(bench):
    with pytest.raises(ZeroDivisionError), lock.held(bench, "ple"):
        raise ZeroDivisionError
    assert take(bench)
