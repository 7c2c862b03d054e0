"""Bad input is refused before the shutter can open, all problems together, exit 2, nothing half-written."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from labctl.cli.main import app


@pytest.fixture
def labctl(labctl_state, tmp_path, monkeypatch):
    """Run the command line in-process; gives exit code and the JSON object."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        result = CliRunner().invoke(app, ["run", "--json", "--out", str(tmp_path / "data"), *words])
        return result.exit_code, json.loads(result.stdout)
    return call


@pytest.mark.parametrize(("words", "field", "text"), [
    (["pel"], "procedure", "Did you mean ple"),
    (["ple", "--bench", "ying2012"], "bench", "Did you mean ying2021"),
    (["ple", "--bench", "./no/such.toml"], "bench", "no file"),
    (["ple", "--set", "strat=500"], "strat", "Did you mean start"),
    (["ple", "--set", "start"], "set", "name=value"),
    (["ple", "--set", "exposure=0"], "exposure", "below the lowest allowed value"),
    (["ple", "--set", "exposure=10 h"], "exposure", "above the highest allowed value"),
    (["ple", "--set", "step=-0.5"], "step", ""),
    (["ple", "--set", "start=530", "--set", "stop=500"], "step", ""),
    (["ple", "--set", "stop=640"], "stop", "465.13 to 590.164 nm"),
    (["ple", "--out", "/proc/labctl"], "out", "cannot be written"),
])
def test_refused(labctl, tmp_path, words, field, text):
    code, answer = labctl(*words)
    assert code == 2
    assert answer["status"] == "refused"
    assert answer["run"] is None
    assert field in [problem["field"] for problem in answer["problems"]], answer["problems"]
    assert text in " ".join(problem["text"] for problem in answer["problems"])
    assert not (tmp_path / "data").exists()


def test_wavelengths_the_calibration_does_not_cover(labctl, ple_run):
    code, answer = labctl("ple", "--set", "stop=580")
    assert code == 2
    assert "covers 475 to 575 nm, not 575.5 nm" in answer["problems"][0]["text"]


def test_all_problems_together(labctl):
    code, answer = labctl("ple", "--bench", "nowhere", "--set", "exposure=0", "--set", "typo=1")
    assert code == 2
    assert {problem["field"] for problem in answer["problems"]} == {"bench", "exposure", "typo"}


def test_bench_file_errors_name_the_line(labctl, tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text('schema = 1\nname = "x"\nbackend = = "simulated"\n', encoding="utf-8")
    code, answer = labctl("ple", "--bench", str(path))
    assert code == 2
    assert "broken.toml:3" in answer["problems"][0]["text"]


def test_unknown_driver_is_refused(labctl, tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text('schema = 1\nname = "odd"\nbackend = "real"\n[safety]\nfailsafe = "none"\n[instruments.ccd]\ndriver = "andro"\n'
                    'resource = "sdk:0"\n', encoding="utf-8")
    code, answer = labctl("ple", "--bench", str(path))
    assert code == 2
    assert "Did you mean andor" in answer["problems"][0]["text"]
