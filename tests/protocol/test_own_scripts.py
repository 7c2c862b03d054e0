"""docs/how-to/point-your-own-script.md: every example runs, on a served instrument."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from labctl.api import load_bench_file
from labctl.bench.emulation import make_devices, serve_pty, serve_tcp
from labctl.core.clock import RealClock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX only")

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/point-your-own-script.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def device(name: str) -> Any:
    config, _, _ = load_bench_file("ying2021")
    return make_devices(config, [name], RealClock(20.0))[name]


def run(example: str, replaced: str = "", by: str = "") -> dict[str, Any]:
    assert replaced in example
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(example.replace(replaced, by) if replaced else example, "example", "exec"), names)  # noqa: S102  our own documents
    return names


def on_a_terminal(example: str, name: str, folder: Path) -> dict[str, Any]:
    path = folder / name
    with serve_pty(device(name), path):
        return run(example, f"/tmp/bench/{name}", str(path))  # noqa: S108  the name in the document


def test_there_are_five():
    assert len(EXAMPLES) == 5


def test_serial(tmp_path):
    assert on_a_terminal(EXAMPLES[0], "sc10", tmp_path)["answer"] == b"closed?\r0\r> "


def test_serial_through_visa(tmp_path):
    assert on_a_terminal(EXAMPLES[1], "elliptec", tmp_path)["information"].startswith("0IN0E")


def test_socket():
    with serve_tcp(device("keithley2400"), "127.0.0.1", 0) as server:
        names = run(EXAMPLES[2], "127.0.0.1:5025", f"127.0.0.1:{server.port}")
    assert names["current"] == pytest.approx(1e-4, rel=0.01)          # the load of a meter that stands alone


def test_library():
    assert sum(run(EXAMPLES[3])["counts"]) > 0


def test_own_driver(tmp_path):
    names = on_a_terminal(EXAMPLES[4], "k10cr1", tmp_path)
    assert names["identity"].model == "K10CR1"
    assert names["angle"] == pytest.approx(5.0, abs=0.01)
