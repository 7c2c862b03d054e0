"""Two whole `labctl run` on one served bench at once: real ports, real clock, two processes; the second is told who has it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from labctl import api

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX only")

SPEED = 50.0          # of the served boxes; the runs keep the computer's time
LONGEST_S = 60.0      # watchdog: the whole test takes 8 s of processor time

BENCH = """
schema = 1
name = "served"
backend = "real"

[twin]
sample = "ying2021"

[safety]
failsafe = "The SC10 is normally closed."

[instruments.shutter]
driver = "sc10"
resource = "ASRL{sc10}::INSTR"

[instruments.attenuator]
driver = "elliptec"
resource = "ASRL{elliptec}::INSTR"
"""

# A distribution of its own: it is found by its entry point, as anybody's plug-in is.
ENTRY = "[labctl.procedures]\nangles = held_angles:Angles\n"
PLUG_IN = '''
import os
from labctl.core import Point, Procedure
from labctl.core.reduction import Reduction


class Angles(Procedure):
    """Turn the plate twice, and stay until somebody writes a line."""

    title = "angles"

    def plan(self, bench):
        for angle in (10.0, 20.0):
            yield Point(set={"attenuator.angle": angle}, read=())

    def reduce(self, run):
        with open(os.environ["READY"], "w") as told:
            told.write("measured\\n")
        with open(os.environ["GO_ON"]) as waited:
            waited.readline()
        return Reduction()
'''


@pytest.fixture
def start(tmp_path, serve):
    """Start `labctl run` of a procedure that stays at its end until it is told to go on."""
    plug_in, bench = tmp_path / "plug_in", tmp_path / "served.toml"
    about = plug_in / "held_angles-1.0.dist-info"
    about.mkdir(parents=True)
    (plug_in / "held_angles.py").write_text(PLUG_IN, encoding="utf-8")
    (about / "entry_points.txt").write_text(ENTRY, encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: held-angles\nVersion: 1.0\n", encoding="utf-8")
    bench.write_text(BENCH.format(**serve("sc10", "elliptec", speed=SPEED)), encoding="utf-8")
    pipes = {"READY": tmp_path / "ready", "GO_ON": tmp_path / "go_on"}
    for pipe in pipes.values():
        os.mkfifo(pipe)
    env = {**os.environ, **{name: str(pipe) for name, pipe in pipes.items()}, "LABCTL_STATE": str(tmp_path / "state"),
           "PYTHONPATH": os.pathsep.join([str(plug_in), *filter(None, sys.path)])}
    processes = []

    def run():
        words = [sys.executable, "-m", "labctl.cli.main", "run", "angles", "--bench", str(bench), "--out", str(tmp_path / "data")]
        processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env))  # noqa: S603
        return processes[-1]

    yield run, pipes
    for process in processes:
        process.kill()
        process.communicate()


def test_row46_a_second_run_is_refused_with_the_owner_and_the_first_goes_on(start, tmp_path):
    run, pipes = start
    first = run()
    assert pipes["READY"].read_text() == "measured\n"
    second = run()
    told, _ = second.communicate(timeout=LONGEST_S)
    assert second.returncode == 2, told
    assert str(first.pid) in told
    with pipes["GO_ON"].open("w") as go_on:
        go_on.write("go on\n")
    told, _ = first.communicate(timeout=LONGEST_S)
    assert first.returncode == 0, told
    (measured,) = (tmp_path / "data").rglob("*.nxs")
    with api.load(measured) as found:
        assert (found.status, list(found["attenuator.angle"])) == ("done", [10.0, 20.0])
