"""docs/tutorials/write-a-driver.md: followed from the empty folder to the last refusal."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path

import pytest

from labctl.core import registry
from tests.docs.pages import Reader, blocks

PAGE = "docs/tutorials/write-a-driver.md"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Do what `pip install --editable .` does, before the files are there: a distribution that names the entry points."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (project,) = [block.code for block in blocks(PAGE) if block.saved == "pyproject.toml"]
    lines: list[str] = []
    for group, points in tomllib.loads(project)["project"]["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    folder = tmp_path / "my_lab-1.dist-info"
    folder.mkdir()
    folder.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: my_lab\nVersion: 1\n")
    folder.joinpath("entry_points.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "my_lab").mkdir()
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "my_lab"]:
        del sys.modules[name]
    registry._installed.cache_clear()


def test_the_tutorial(installed: Path, labctl_state: Path) -> None:
    reader = Reader()
    assert reader.follow(PAGE) == 9
    assert "400 K is outside 290 to 390 K" in reader.told[-1]
    assert not list(installed.glob("labctl_data/*/*refused*"))
