"""Runs of the simulated bench and what becomes of their data: rerun, recovery at start-up, a full disk at every stage."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from labctl import api
from labctl.store.header import JOURNAL_SUFFIX
from labctl.store.journal import RUNNING, Journal
from labctl.store.reader import JournalReader
from labctl.store.verify import verify


class TestRerun:
    """The same plan on today's bench."""

    def test_same_bench_gives_the_same_data_and_no_difference(self, ple_run, labctl_state, tmp_path):
        with api.load(ple_run.run) as first, api.open_bench("ying2021") as bench:
            assert [problem for problem in first.differences(bench) if problem.field != "software"] == []
            outcome = first.rerun(bench, order=api.Order("ple", tmp_path, seed=first.seed, figure=False))
            assert outcome.status == "done"
            with api.load(outcome.run) as second:
                assert second.header["plan_hash"] == first.header["plan_hash"]
                assert (second.counts() == first.counts()).all()
                assert second.run_id != first.run_id

    def test_another_bench_is_told_apart_before_anything_moves(self, ple_run, labctl_state):
        with api.load(ple_run.run) as first, api.open_bench("ying2021-varia") as bench:
            fields = {problem.field for problem in first.differences(bench)}
            assert {"bench", "constants"} <= fields
            assert all(problem.level == "warning" for problem in first.differences(bench))

    def test_finished_run_is_whole(self, ple_run):
        assert [problem for problem in verify(ple_run.run) if problem.level == "error"] == []

    def test_plots_and_figure_come_with_the_file(self, ple_run, tmp_path):
        with api.load(ple_run.run) as run:
            assert {type(plot).__name__ for plot in run.plots} >= {"Map", "Curve"}
            assert run.curves
            run.figure().savefig(tmp_path / "again.png")


def test_killed_run_is_recovered_before_the_next(run_ple, tmp_path, monkeypatch):
    with Journal.create(tmp_path / f"killed{JOURNAL_SUFFIX}", {"run_id": "f" * 32, "start_utc": "2026-11-21T13:00:00+00:00",
                                                               "parameters": {}, "plan": [], "procedure": "ple"}) as journal:
        journal._put_meta({"status": RUNNING, "writer": json.dumps({"pid": 2**22 + 1, "host": os.uname().nodename})})
    run_ple(step=20.0)
    assert (tmp_path / "killed.nxs").exists()
    with JournalReader(tmp_path / f"killed{JOURNAL_SUFFIX}") as reader:
        assert reader.status == "interrupted"


FULL_DISK = """
import json, os, sys
from pathlib import Path
from labctl import api
from labctl.engine import preflight
from labctl.store.reader import JournalReader
from labctl.store.run import load

preflight.SPARE_DISK_BYTES = -10**12
root = Path(sys.argv[1])
for free_kb in map(int, sys.argv[2:]):
    for old in sorted(root.rglob("*"), reverse=True):
        old.unlink() if old.is_file() else old.rmdir()
    disk = os.statvfs(root)
    room = disk.f_bavail * disk.f_frsize - free_kb * 1024
    (root / "ballast").write_bytes(bytes(room))
    told = {"free_kb": free_kb, "done": 0, "status": "refused", "text": ""}
    try:
        with api.open_bench("ying2021") as bench:
            outcome = api.run("ple", bench, {"step": 6.0}, order=api.Order("ple", root / "data", seed=1, figure=False))
        told |= {"status": outcome.status, "done": outcome.points, "text": " ".join(p.text for p in outcome.problems)}
    except Exception as exc:
        told["text"] = f"{type(exc).__name__}: {exc}"
    journals = list(root.rglob("*.journal"))
    files = [outcome.run] if told["status"] != "refused" and outcome.run else []
    (root / "ballast").unlink()         # a person frees some space
    kept = [0]
    for path in journals:
        if path.stat().st_size:
            with JournalReader(path) as reader:
                kept.append(sum(1 for record in reader.records() if reader.arrays(record)))
    for path in files:
        with load(path) as run:
            kept.append(sum(len(run.select(kind)) for kind in ("scan", "reference", "dark", "zero")))
    print(json.dumps({**told, "kept": max(kept)}), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("unshare") is None, reason="mounts a small disk of its own")
def test_full_disk_at_every_stage(ple_run, labctl_state, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=8m none {disk} 2>/dev/null || exit 77; exec "$0" "$@"'
    sizes = [60, 150, 240, 300, 8000]        # creating, describing, points on the way, end or file, none
    done = subprocess.run(["unshare", "-rm", "sh", "-c", mount, sys.executable, "-c", FULL_DISK, str(disk), *map(str, sizes)],  # noqa: S603, S607
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode in (1, 77) and not done.stdout:
        pytest.skip(f"this system lets nobody mount a disk: {done.stderr.strip()[-80:]}")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(sizes), done.stderr
    statuses = [told["status"] for told in found]
    assert statuses[-1] == "done"
    assert "refused" in statuses
    assert "failed" in statuses
    for told in found[:-1]:
        assert told["kept"] >= told["done"], told
        if told["status"] != "done":
            assert "free" in told["text"].lower() or "Choose another folder" in told["text"], told
            assert str(disk) in told["text"], told
