"""Scripts that nobody runs every day still find what they import: pages, figures, timings, scores."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(".".join(path.relative_to(TREE).with_suffix("").parts)
                 for folder in ("docs", "benchmarks") for path in (TREE / folder).rglob("*.py"))


# in the venv of the peers alone
ELSEWHERE = {f"benchmarks.peers.with_qcodes{more}": "qcodes" for more in ("", "_default", "_uncached")}


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_can_be_imported(name, monkeypatch):
    monkeypatch.syspath_prepend(str(TREE))
    if name in ELSEWHERE:
        pytest.importorskip(ELSEWHERE[name], reason="needs make bench-peers")
    importlib.import_module(name)


def test_make_starts_the_benchmarks_as_modules():
    """A script that is started by its path does not find the others; `make bench` has ended with that once."""
    makefile = (TREE / "Makefile").read_text(encoding="utf-8")
    started = re.findall(r"python -m (benchmarks[\w.]*)", makefile)
    assert "python benchmarks" not in makefile
    assert {"benchmarks.gui", "benchmarks.engine", "benchmarks.peers", "benchmarks.score"} <= set(started)
    assert all(importlib.util.find_spec(name) for name in started)
