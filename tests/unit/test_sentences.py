"""What goes wrong before anything begins ends in a sentence that says what to do, never in a traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl.bench import discovery
from labctl.cli import main
from labctl.core.errors import Refused
from labctl.store import state

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")


def refused(*words: str) -> str:
    """Say something to labctl that it has to refuse; gives its reasons."""
    found = CliRunner().invoke(main.app, list(words)).exception
    assert isinstance(found, Refused), found
    return str(found)


@pytest.mark.parametrize("words", [("runs",), ("queue", "list"), ("run", "snapshot")])
def test_a_state_folder_that_is_none(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labctl_data").mkdir()
    (tmp_path / "a_file").touch()
    monkeypatch.setenv("LABCTL_STATE", str(tmp_path / "a_file"))
    told = CliRunner().invoke(main.app, list(words))
    assert "LABCTL_STATE" in f"{told.exception}{told.stderr}"
    assert told.exit_code != 0


def test_a_state_folder_that_may_not_be_written(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state_folder.mkdir()
    monkeypatch.setattr(state.os, "access", lambda place, mode: False)
    with pytest.raises(Refused, match=r"may not be written.*LABCTL_STATE"):
        state.make(state_folder)


def test_a_bench_file_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "search", lambda *_: discovery.Found({}, {}))
    assert "--out" in refused("bench", "new", "desk", "--port", "/dev/nothing", "--out", str(tmp_path / "nowhere" / "desk.toml"))


@linux
def test_a_window_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("qtpy")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert "ssh -X" in refused("gui")


def test_whatever_the_system_refuses(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuses() -> None:
        raise PermissionError(13, "Permission denied", "desk.toml")

    monkeypatch.setattr(main, "app", refuses)
    with pytest.raises(SystemExit) as left:
        main.main()
    assert left.value.code == 1
    assert "error: desk.toml: Permission denied." in capsys.readouterr().err
