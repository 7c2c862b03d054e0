"""The queue on the simulated bench: from the command line, and after kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from labctl import api
from labctl.cli.main import app
from labctl.core.errors import Refused

SMALL = ["--set", "start=520", "--set", "stop=521", "--set", "dark_frames=1"]
KILLED = """
import os, signal
from labctl import api
from labctl.engine.events import Listeners, PointDone
def kill(event):
    if isinstance(event, PointDone) and event.reading.index == 3:
        os.kill(os.getpid(), signal.SIGKILL)
api.run_queue(listeners=Listeners(kill))
"""


@pytest.fixture(autouse=True)
def _here(labctl_state, ple_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with api.Waiting() as waiting:
        waiting.clear(everything=True)
    yield
    with api.Waiting() as waiting:
        waiting.clear(everything=True)


def labctl(*words):
    return CliRunner().invoke(app, ["queue", *words])


def test_from_adding_to_the_end(tmp_path):
    for seed in ("1", "2"):
        added = labctl("add", "ple", *SMALL, "--seed", seed, "--out", str(tmp_path / "data"))
        assert added.exit_code == 0, added.output
        assert "about" in added.stdout
    assert "everything is over at" in labctl("list").stdout
    first, second = (item["id"] for item in json.loads(labctl("list", "--json").stdout))
    assert labctl("move", str(second), "1").exit_code == 0
    result = labctl("run", "--end", "safe", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["status"], told["reason"]) == ("done", "nothing waits any more")
    assert [item["id"] for item in told["items"]] == [second, first]
    for item, seed in zip(told["items"], (2, 1), strict=True):
        with api.load(item["run"]) as run:
            assert (run.seed, run.status) == (seed, "done")
    assert labctl("clear").stdout == "2 removed\n"


def test_what_is_wrong_is_said_when_it_is_added():
    result = labctl("add", "ple", "--set", "stop=640")
    assert isinstance(result.exception, Refused)
    assert json.loads(labctl("list", "--json").stdout) == []


def test_wrong_terms_are_refused():
    assert isinstance(labctl("run", "--on-failure", "later").exception, Refused)
    assert isinstance(labctl("run", "--until", "noon").exception, Refused)
    assert isinstance(labctl("run", "--longest-lit", "5 nm").exception, Refused)


def test_held_up_by_light_and_gone_on_with(tmp_path):
    labctl("add", "ple", *SMALL, "--seed", "5", "--out", str(tmp_path / "data"))
    (item,) = json.loads(labctl("list", "--json").stdout)
    assert item["lit_s"] > 4.0
    told = json.loads(labctl("run", "--longest-lit", "4 s", "--json").stdout)
    assert "would light the sample" in told["reason"]
    assert labctl("run").exit_code == 0
    assert json.loads(labctl("list", "--json").stdout)[0]["status"] == "done"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_survives_kill_9(tmp_path, labctl_state):
    labctl("add", "ple", *SMALL, "--seed", "5", "--out", str(tmp_path / "data"))
    done = subprocess.run([sys.executable, "-c", KILLED], timeout=120, check=False,  # noqa: S603
                          env={**os.environ, "LABCTL_STATE": str(labctl_state)})
    assert done.returncode == -signal.SIGKILL
    assert "cut off" in labctl("list").stdout
    (cut_off,) = json.loads(labctl("list", "--json").stdout)
    (item,) = json.loads(labctl("run", "--json").stdout)["items"]
    assert item["status"] == "done"
    assert item["run_id"] == cut_off["run_id"], "it went on with the run that was cut off"
    with api.load(item["run"]) as run:
        assert len(run) == 3
