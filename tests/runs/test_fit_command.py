"""`labctl fit` as a person or another program meets it: files of any origin, runs, refusals, the figure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl import api
from labctl.cli.main import app
from labctl.core.errors import AnalysisError, LabctlError, Refused
from tests.docs.pages import Reader

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "fit-numbers.md"
POLARIZED = "ying2021-polarization"
SERIES = PAGE.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]


@pytest.fixture
def fit(tmp_path, monkeypatch):
    """Give a function that calls the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str):
        told = CliRunner().invoke(app, ["fit", *words])
        assert told.exception is None or isinstance(told.exception, SystemExit | LabctlError), told.exception
        return told
    return call


def decay_with_its_response(folder):
    """Write a decay of 0.5 ns and the response it was counted with, as a counter's text files."""
    rng = np.random.default_rng(3)
    time = np.arange(0, 20, 0.02)
    pulse = np.exp(-0.5 * ((time - 2) / 0.05) ** 2)
    decay = np.convolve(np.exp(-time / 0.5), pulse)[: len(time)] / pulse.sum()
    for name, counts in (("decay", rng.poisson(2000 * decay + 1)), ("prompt", rng.poisson(5000 * pulse))):
        rows = [f"{t:.2f} {n}" for t, n in zip(time, counts, strict=True)]
        (folder / f"{name}.txt").write_text("\n".join(["#time[ns] counts", *rows]))


def test_the_page_from_beginning_to_end(fit, calibrated, tmp_path):
    """With a decay and its response, and seventeen runs measured, the last one against the analyser's angle."""
    decay_with_its_response(tmp_path)
    calibrated(POLARIZED)
    with api.open_bench(POLARIZED) as bench:
        order = api.Order("sweep", tmp_path / "labctl_data", seed=1, figure=False, first_number=17)
        outcome = api.scan(bench, {"analyser.angle": "0:180:30"}, at={"pump.wavelength": 505.0}, level="30 uJ/cm^2",
                           exposure="200 ms", order=order)
    assert outcome.status == "done", outcome.problems
    reader = Reader()
    assert reader.follow("docs/how-to/fit-numbers.md") == 4
    series, run, decay = reader.told
    assert "kink of a piecewise straight line" in series
    assert "dolp" in run
    assert abs(json.loads(decay[decay.index("{"):])["results"]["lifetime"]["value"] - 0.5) < 0.02
    assert (tmp_path / "series_threshold.png").stat().st_size > 10_000
    assert reader.names["fits"]["PL intensity (a.u.)"].results["threshold"].value == pytest.approx(22, abs=0.7)


def test_json_is_one_object_and_figures_never_overwrite(fit, tmp_path):
    (tmp_path / "series.csv").write_text(SERIES)
    first, second = (json.loads(fit("series.csv", "--model", "threshold", "--json").stdout) for _ in range(2))
    assert set(first) == {"file", "model", "status", "results", "curves", "problems", "figure"}
    assert {"value", "stderr", "systematic", "unit", "estimator", "goodness", "interval"} <= set(first["results"]["threshold"])
    assert first["results"]["threshold"]["unit"] == "uJ/cm2"
    assert Path(first["figure"]).name == "series_threshold.png"
    assert Path(second["figure"]).name == "series_threshold_2.png"


def test_several_curves_and_one_that_is_refused(fit, tmp_path):
    angle = np.arange(0, 360, 15.0)
    rows = [f"{a:g};{2 + np.cos(np.deg2rad(2 * a)):.4f};{np.random.default_rng(int(a)).normal():.4f}" for a in angle]
    (tmp_path / "a.txt").write_text("\n".join(["angle (deg);line 1;nothing", *rows]).replace(".", ","))
    told = fit("a.txt", "--model", "malus", "--json", "--no-figure")
    answer = json.loads(told.stdout)
    assert answer["results"]["dolp"]["value"] == pytest.approx(50, abs=0.1)
    assert [(one["field"], one["level"]) for one in answer["problems"]] == [("nothing", "error")]
    assert answer["figure"] is None


def test_response_from_a_file_of_its_own(fit, tmp_path):
    decay_with_its_response(tmp_path)
    answer = json.loads(fit("decay.txt", "--model", "decay", "--irf", "prompt.txt", "--json", "--no-figure").stdout)
    found = answer["results"]["lifetime"]
    assert abs(found["value"] - 0.5) < 4 * found["stderr"]
    assert found["systematic"] > 0


def test_bare_histogram_says_how_wide_its_bins_are(fit, tmp_path):
    counts = np.random.default_rng(4).poisson(2000 * np.exp(-np.arange(1500) * 0.016 / 2.0) + 1)
    (tmp_path / "a.dat").write_text("#display curve no.\n0\n#ns/channel\n0.0160\n#counts\n" + "\n".join(map(str, counts)))
    found = json.loads(fit("a.dat", "--model", "decay", "--json", "--no-figure").stdout)["results"]["lifetime"]
    assert abs(found["value"] - 2.0) < 4 * found["stderr"]


def test_run_is_fitted_like_any_file(fit, ple_run):
    """Not an experiment one would do on this run, but the way from file to fit."""
    words = ("--model", "lineshape", "--components", "1", "--start", "527.7", "--json", "--no-figure")
    answer = json.loads(fit(str(ple_run.run), *words).stdout)
    assert answer["status"] == "done"
    assert answer["results"]["centre_nm"]["value"] == pytest.approx(531, abs=2)
    told = fit(str(ple_run.run), "--model", "decay")
    assert isinstance(told.exception, AnalysisError)
    assert "holds no histogram" in str(told.exception)


@pytest.mark.parametrize(("words", "reason"), [
    (["--model", "treshold"], "Did you mean threshold"), (["--model", "modes", "--medium", "water"], "neither air nor vacuum"),
    (["--model", "modes", "--band", "x"], "is no band"),
])
def test_wrong_words_are_refused_before_anything_is_read(fit, tmp_path, words, reason):
    (tmp_path / "series.csv").write_text(SERIES)
    told = fit("series.csv", *words)
    assert isinstance(told.exception, Refused)
    assert reason in str(told.exception.problems[0])


def test_unknown_column_lists_what_there_is(fit, tmp_path):
    (tmp_path / "series.csv").write_text(SERIES)
    told = fit("series.csv", "--model", "threshold", "--x", "voltage")
    assert "1 Pump fluence (uJ/cm2), 2 PL intensity (a.u.)" in str(told.exception)


def test_nothing_fitted_is_exit_code_1(fit, tmp_path):
    (tmp_path / "a.csv").write_text("angle (deg),I\n0,1\n10,2\n20,3\n")
    told = fit("a.csv", "--model", "malus")
    assert told.exit_code == 1
    assert "no result for I" in told.stderr
