"""Units are read in the threads of a window, all at once."""

from __future__ import annotations

import subprocess
import sys

ASK = """
import threading
from labctl.core.quantities import to_float
gate, wrong = threading.Barrier(8), []
def ask(number):
    gate.wait()
    try:
        assert abs(to_float("4 uW", "W") - 4e-6) < 1e-15 and abs(to_float("500 nm", "um") - 0.5) < 1e-12
    except Exception as exc:
        wrong.append(exc)
threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
raise SystemExit(f"{wrong}" if wrong else 0)
"""


def test_first_readers_do_not_meet_a_half_filled_registry():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, encoding="utf-8", timeout=60, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
