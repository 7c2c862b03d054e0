"""A night from its file: unattended in virtual time, with a failure, a crash, conditions, a report and a message."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl import api
from labctl.api import queueing
from labctl.bench.lookup import find_bench
from labctl.cli.main import app
from labctl.core.errors import Refused
from labctl.engine.control import Control
from labctl.engine.events import Listeners, PointDone, RunStarted
from labctl.nights.night import rehearse_night, run_night
from sim_instruments.sdk import Failure

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "run-a-night.md"
EVENING = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
ERROR = 20089            # of the camera's library: an argument was refused
SMALL = """
schema = 1
name = "small"
bench = "ying2021"
seed = 7
[night]
figures = false
[[entry]]
name = "first"
procedure = "snapshot"
set = {exposure = "20 ms", dark_frames = 1, frames = 2}
[[entry]]
name = "second"
procedure = "snapshot"
set = {dark_frames = 1, exposure = {value = "first.total_rate / first.total_rate * 40e-3 [s]", between = ["10 ms", "100 ms"]}}
"""
KILLED = """
import os, signal, sys
from labctl.engine.events import Listeners, PointDone
from labctl.nights.night import run_night
runs = []
def kill(event):
    runs.append(event) if type(event).__name__ == "RunStarted" else None
    if isinstance(event, PointDone) and len(runs) == 2 and event.reading.index == 0:
        os.kill(os.getpid(), signal.SIGKILL)
run_night(sys.argv[1], listeners=Listeners(kill))
"""


@pytest.fixture(autouse=True)
def _here(calibrated, tmp_path, monkeypatch):
    calibrated("ying2021")
    monkeypatch.chdir(tmp_path)
    with api.Waiting() as waiting:
        waiting.clear(everything=True)
    yield
    with api.Waiting() as waiting:
        waiting.clear(everything=True)


@pytest.fixture
def benches(monkeypatch):
    """Give the benches that the queue opens, as it opens them."""
    found, opening = [], queueing.open_config
    monkeypatch.setattr(queueing, "open_config", lambda *a, **k: found.append(opening(*a, **k)) or found[-1])
    return found


def night_file(folder, text=SMALL, **changes):
    for old, new in changes.items():
        text = text.replace(old, new)
    path = folder / "small.toml"
    path.write_text(text)
    return path


def mailer(folder, monkeypatch):
    """Put a mailer on the PATH that keeps its last mail in a file."""
    (folder / "bin").mkdir()
    (folder / "bin" / "sendmail").write_text(f"#!/bin/sh\ncat > {folder}/mail\n")
    (folder / "bin" / "sendmail").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.skipif(sys.platform == "win32", reason="the mailer is a POSIX script")
def test_a_night_unattended_with_one_failure(tmp_path, benches, monkeypatch):
    told = tmp_path / "told.txt"
    script = f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read() + '---')"
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert "$ labctl queue night.toml --check" in PAGE.read_text(encoding="utf-8")
    text = text.replace("command = []", f"command = {json.dumps([sys.executable, '-c', script])}")
    text = text.replace('mail = ""', 'mail = "you@example.org"')
    mailer(tmp_path, monkeypatch)
    path = tmp_path / "night.toml"
    path.write_text(text)
    check = CliRunner().invoke(app, ["queue", "night.toml", "--check"])
    assert (check.exit_code, check.stdout.count("over by")) == (0, 1), check.output

    def strike(event):
        if isinstance(event, RunStarted) and event.procedure == "ple" and len(benches) == 1:      # a retry has another
            benches[-1].emulator("ccd").failures.append(Failure("StartAcquisition", ERROR, skip=4, times=10))

    ended, night = run_night(path, listeners=Listeners(strike), now=EVENING)
    by_name = {item.options["entry"]: item for item in ended.items}
    assert (ended.status, ended.reason) == ("done", "nothing waits any more")
    assert [(name, item.status, item.tries) for name, item in by_name.items()] == [
        ("threshold", "done", 1), ("resonance", "done", 2), ("dark", "done", 1), ("above[1]", "done", 1), ("above[2]", "done", 1),
        ("far_above", "skipped", 1)]
    with api.load(by_name["threshold"].run) as run:
        threshold_w = run.results["threshold_intercept_power"].value * 1e-6
        begin = datetime.fromisoformat(run.header["start_utc"])
    with api.load(by_name["above[2]"].run) as run:
        assert run.parameters["power"] == pytest.approx(1.2 * threshold_w)
        assert (datetime.fromisoformat(run.header["start_utc"]) - begin).total_seconds() > 2.5 * 3600.0, "it was a night"
    markdown, page = (each.read_text(encoding="utf-8") for each in night.paths)
    assert "| far_above | snapshot | skipped |" in markdown
    assert "resonance_nm" in markdown
    for link in re.findall(r"!\[[^]]*\]\(([^)]*)\)", markdown):
        assert (night.paths[0].parent / link).is_file()
    assert page.count("data:image/png") == 5
    assert told.read_text().count("---") == 1, "the retry mended it, so that only the end was told"
    assert "above_threshold: done" in told.read_text()
    mailed = message_from_bytes((tmp_path / "mail").read_bytes())
    assert (mailed["To"], mailed["Subject"]) == ("you@example.org", "labctl above_threshold: done")
    assert [part.get_content_type() for part in mailed.walk()] == ["multipart/mixed", "text/plain", "image/png"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_killed_and_started_again(tmp_path, labctl_state):
    path = night_file(tmp_path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], timeout=120, check=False,  # noqa: S603
                          env={**os.environ, "LABCTL_STATE": str(labctl_state)})
    assert done.returncode == -signal.SIGKILL
    with api.Waiting() as waiting:
        first, second = waiting.items()
    assert (first.status, second.abandoned) == ("done", True)
    result = CliRunner().invoke(app, ["queue", str(path), "--json"])
    assert result.exit_code == 0, result.output
    again, resumed = json.loads(result.stdout)["items"]
    assert (again["run_id"], again["tries"]) == (first.run_id, 1), "what was done is not repeated"
    assert (resumed["status"], resumed["run_id"]) == ("done", second.run_id), "it went on with the run that was cut off"
    assert isinstance(CliRunner().invoke(app, ["queue", str(path)]).exception, Refused), "all are over"


def test_stopped_by_a_person_it_goes_on_where_it_was(tmp_path):
    path, control = night_file(tmp_path), Control()

    def stop(event):
        if isinstance(event, PointDone) and event.reading.index == 1:
            control.request("enough")

    ended, night = run_night(path, now=EVENING, listeners=Listeners(stop), control=control)
    assert (ended.status, [item.status for item in ended.items]) == ("aborted", ["aborted", "waiting"])
    assert "ended: enough" in night.paths[0].read_text(encoding="utf-8")
    again, _ = run_night(path, now=EVENING)
    assert [item.status for item in again.items] == ["done", "done"]
    assert again.items[0].run_id == ended.items[0].run_id
    with api.load(again.items[1].run) as run:
        assert run.parameters["exposure"] == pytest.approx(0.04), "computed from the run before"


def test_a_file_that_was_changed_meanwhile_is_refused(tmp_path):
    path = night_file(tmp_path)
    ended, _ = run_night(path, now=EVENING, listeners=Listeners(lambda event: pause()))
    assert ended.reason == "the queue was paused"
    with pytest.raises(Refused, match="was changed while 1 of its runs still wait"):
        run_night(night_file(tmp_path, **{"20 ms": "21 ms"}))
    with api.Waiting() as waiting:
        assert [item.status for item in waiting.items()] == ["done", "waiting"]


def pause():
    with api.Waiting() as waiting:
        waiting.pause()


def test_everything_wrong_is_said_before_the_first_photon(tmp_path):
    path = night_file(tmp_path, **{'"20 ms"': '"20 nm"', '"100 ms"': '"2 h"', "frames = 2": "framse = 2"})
    with pytest.raises(Refused) as refused:
        run_night(path, now=EVENING)
    said = str(refused.value)
    for part in ("first: exposure: '20 nm' is not a number in s", "first: framse: there is no such parameter. Did you mean frames",
                 "second: exposure: 7200 s is above the highest allowed value, 3600 s"):
        assert part in said
    with api.Waiting() as waiting:
        assert waiting.items() == []
    result = CliRunner().invoke(app, ["queue", "night", str(path), "--check"])
    assert result.exit_code == 2
    assert "framse" in result.output


def test_the_check_shows_the_clock(tmp_path):
    path = night_file(tmp_path, **{"figures = false": 'until = "23:59"'})
    result = CliRunner().invoke(app, ["queue", str(path), "--check"])
    assert result.exit_code == 0, result.output
    assert "over by" in result.stdout
    assert "second" in result.stdout


def test_rehearsed_on_the_twin_of_a_real_bench(tmp_path, labctl_state):
    text = find_bench("ying2021").read_text(encoding="utf-8").replace('backend = "simulated"', 'backend = "real"')
    (tmp_path / "lab.toml").write_text(text)
    path = night_file(tmp_path, **{'"ying2021"': '"./lab.toml"', "/ first.total_rate": "/ first.totl_rate"})
    ended, night = rehearse_night(path, now=EVENING)
    assert [item.status for item in ended.items] == ["done", "refused"]
    assert "Did you mean total_rate" in ended.items[1].message
    with api.load(ended.items[0].run) as run:
        assert run.header["bench"]["rehearsal"]
    assert all(path.parent == tmp_path / "labctl_data" / "rehearsals" / "nights" for path in night.paths)
    with api.Waiting() as waiting:
        assert waiting.items() == []
