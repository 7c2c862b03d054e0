"""Programs for the SC10 that cannot live in the venv people work in, in a process of their own: pzp-hardware and instrumentkit.

`make interop` installs the first. instrumentkit 0.6 pins a ruamel.yaml that no longer builds: it can be had with `pip install
--no-deps instrumentkit` in a venv of its own, whose Python is then named by LABCTL_CLIENTS_PYTHON. What is not there is skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sim_instruments.sc10 import EmulatedSC10
from sim_instruments.serve import PtyServer
from sim_instruments.wire import Unit

pytestmark = pytest.mark.interop

PZP = """
import sys
import puzzlepiece as pzp
from pzp_hardware.thorlabs import shutter_sc10
app = pzp.QApp([])
puzzle = pzp.Puzzle(app, "bench", debug=False)
puzzle.add_piece("shutter", shutter_sc10.Piece, 0, 0)
shutter = puzzle["shutter"]
shutter["port"].set_value(sys.argv[1])
shutter["connected"].set_value(True)
seen = [shutter["open"].get_value()]
for wanted in (1, 1, 0):
    shutter["open"].set_value(wanted)
    seen.append(shutter["open"].get_value())
print(*(int(value) for value in seen))
"""

INSTRUMENTKIT = """
import sys
import instruments
import quantities
shutter = instruments.thorlabs.SC10.open_serial(sys.argv[1], baud=9600, timeout=2)
shutter.repeat = 7
shutter.mode = shutter.Mode.auto
shutter.open_time = 250 * quantities.ms
print(shutter.name, shutter.enable, shutter.closed, shutter.interlock, shutter.repeat, int(shutter.mode), shutter.open_time)
"""


@pytest.fixture
def run_client(clock, serve):
    """Serve an SC10 and let a script of a client loose on it; gives what the script printed, and the device."""
    def run(package: str, script: str, prompt: bytes = b"> ") -> tuple[str, EmulatedSC10]:
        python = os.environ.get("LABCTL_CLIENTS_PYTHON", sys.executable)
        environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
        if subprocess.run([python, "-W", "ignore", "-c", f"import {package}"], capture_output=True, env=environment).returncode:  # noqa: S603
            pytest.skip(f"{python} has no {package}")
        device = EmulatedSC10([Unit("shutter", "sc10")], clock=clock, seed=1)
        device.prompt = prompt
        port = serve(PtyServer(device)).path
        done = subprocess.run([python, "-W", "ignore", "-c", script, port], capture_output=True, text=True, timeout=60,  # noqa: S603
                              env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip(), device

    return run


def test_pzp_hardware(run_client):
    said, device = run_client("pzp_hardware.thorlabs.shutter_sc10", PZP)
    assert said == "0 1 1 0"
    assert not device.enabled


def test_instrumentkit(run_client):
    """It wants a prompt without the blank that the manual's example has, and gets it here: one byte that is not as documented."""
    said, device = run_client("instruments", INSTRUMENTKIT, prompt=b">")
    assert said == "THORLABS SC10 VERSION 1.07 False True False 7 2 250.0 ms"
    assert not device.enabled
