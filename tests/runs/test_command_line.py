"""The command contract, as another program meets it: a process, its exit code, one JSON object, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

import labctl

RUN = [sys.executable, "-m", "labctl.cli.main", "run", "ple"]
WATCHDOG_S = 120.0      # only turns a hang into a failure; a run takes about 6 s


def start(*words, state, out):
    return subprocess.Popen([*RUN, "--json", "--out", str(out), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,  # noqa: S603
                            text=True, env={**os.environ, "LABCTL_STATE": str(state)})


def test_json_contract(labctl_state, ple_run, tmp_path):
    process = start("--seed", "4", "--set", "start=524", "--set", "stop=527.5", "--sample", "mapbr", "--note", "a note",
                    state=labctl_state, out=tmp_path)
    output, errors = process.communicate(timeout=WATCHDOG_S)
    assert process.returncode == 0, errors
    answer = json.loads(output)
    assert set(answer) == {"run", "run_id", "status", "points", "seed", "results", "problems"}
    assert (answer["status"], answer["seed"], answer["points"]) == ("done", 4, 3 + 2 + 8)
    assert os.path.isabs(answer["run"])
    assert {"value", "stderr", "systematic", "unit", "estimator"} <= set(answer["results"]["resonance_nm"])
    with labctl.load(answer["run"]) as run:
        assert run.run_id == answer["run_id"]
        assert (run.header["sample"], run.header["note"]) == ("mapbr", "a note")


def test_order_and_references(labctl_state, ple_run, tmp_path):
    from typer.testing import CliRunner

    from labctl.cli.main import app

    done = CliRunner().invoke(app, ["run", "ple", "--json", "--out", str(tmp_path), "--seed", "4", "--set", "start=520", "--set",
                                    "stop=522", "--order", "down", "--reference-every", "2"])
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["points"]) == ("done", 3 + 5 + 4)
    with labctl.load(answer["run"]) as run:
        assert list(run["pump.wavelength"]) == [522.0, 521.5, 521.0, 520.5, 520.0]
        assert len(run.select("reference")) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_in_mid_scan(labctl_state, ple_run, tmp_path, number):
    process = start("--speed", "25", state=labctl_state, out=tmp_path)
    for line in process.stderr:
        if line.startswith("ple: 66 points"):
            break
    process.send_signal(number)
    output, errors = process.communicate(timeout=WATCHDOG_S)
    answer = json.loads(output)
    assert process.returncode == 130, errors
    assert answer["status"] == "aborted"
    with labctl.load(answer["run"]) as run:
        assert run.status == "aborted"
        assert run.header["bench"]["simulated"]
        closed = run.end["instruments_end"]["shutter"]["settings"]["closed"]
    assert closed is True


def test_every_procedure_begins_a_line_of_the_list():
    from typer.testing import CliRunner

    from labctl.cli.main import app
    from labctl.core import registry

    lines = CliRunner().invoke(app, ["procedures"]).stdout.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == sorted(registry.points("procedure"))


def test_help_names_every_command():
    done = subprocess.run([sys.executable, "-m", "labctl.cli.main", "--help"], capture_output=True, text=True, timeout=WATCHDOG_S,
                          check=True)
    for command in ("run", "procedures", "bench", "show"):
        assert command in done.stdout
