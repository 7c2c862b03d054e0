"""Procedures that nobody installed: the one that `new-procedure` writes, and the one in the how-to, run as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl import api
from labctl.cli.main import app
from labctl.core import registry
from labctl.core.errors import Refused

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "write-a-procedure.md"


@pytest.fixture
def here(tmp_path, monkeypatch, labctl_state):
    """Work in an empty folder, with a state of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words):
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, Refused):
        return 2, " ".join(map(str, result.exception.problems))
    return result.exit_code, result.output


@pytest.fixture
def ying2021(here):
    """The bench, calibrated coarsely."""
    with api.open_bench("ying2021") as bench:
        api.run("power_calibration", bench, {"wavelengths": 6, "angles": 10}, order=api.Order("power_calibration", here, seed=1,
                                                                                              figure=False))
    with api.open_bench("ying2021") as bench:
        yield bench


def test_what_new_procedure_writes_runs_at_once(here, ying2021) -> None:
    code, told = call("new-procedure", "photon_harvest")
    assert code == 0
    assert "labctl run photon_harvest" in told
    assert "photon_harvest" in registry.local_procedures()
    outcome = api.run("photon_harvest", ying2021, order=api.Order("photon_harvest", here, seed=1))
    assert outcome.status == "done"
    assert 0.7 < outcome.results["exponent"].value < 1.7
    assert outcome.figure is not None
    compile((here / "tests" / "test_photon_harvest.py").read_text(), "test", "exec")


@pytest.mark.soak
def test_its_own_test_is_green(here) -> None:
    """Run as a person would, by another Python, with a calibration of its own."""
    assert call("new-procedure", "photon_harvest")[0] == 0
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(here / "tests")], cwd=here,   # noqa: S603
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_nothing_is_overwritten_and_names_are_checked(here) -> None:
    assert call("new-procedure", "mine")[0] == 0
    (here / "procedures" / "mine.py").write_text("precious")
    code, told = call("new-procedure", "mine")
    assert code == 2
    assert "is there already" in told
    assert (here / "procedures" / "mine.py").read_text() == "precious"
    assert call("new-procedure", "ple")[0] == 2
    assert "no name" in call("new-procedure", "My Scan")[1]
    assert not (here / "procedures" / "My Scan.py").exists()


def test_the_how_to_runs_as_written(here, ying2021) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", HOW_TO.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    (here / "procedures").mkdir()
    (here / "procedures" / "brightness.py").write_text(code, encoding="utf-8")
    assert "brightness" in call("procedures")[1]
    outcome = api.run("brightness", ying2021, {"highest": "10 uW", "powers": 2}, order=api.Order("brightness", here, seed=1))
    assert outcome.status == "done"
    assert outcome.results["brightest"].value > 1e3
    with api.load(outcome.run) as run:
        assert run.header["procedure"] == "brightness"


@pytest.mark.parametrize(("text", "reason"), [
    ("raise RuntimeError('no such filter')", "RuntimeError: no such filter"), ("x = (", "SyntaxError"),
    ("x = 1", "defines 0 procedures"),
])
def test_a_file_that_is_no_procedure_says_why(here, text: str, reason: str) -> None:
    (here / "procedures").mkdir()
    (here / "procedures" / "odd.py").write_text(text)
    with pytest.raises(Refused, match=re.escape(reason)):
        registry.find("procedure", "odd")
