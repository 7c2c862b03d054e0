"""One experiment of a paper through everything: calibration, process, bench, run file, verdict, report, command."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from labctl.cli.main import app
from labctl.reproduce import papers
from labctl.reproduce.report import write_report
from labctl.reproduce.session import reproduce

COUNT = re.compile(r'<img alt="[^"]+" src="data:image/png;base64,[A-Za-z0-9+/=]{1000,}">')


def only(paper, *names):
    """Give a paper with some of its experiments."""
    whole = papers.PAPERS[paper]
    return replace(whole, experiments=tuple(each for each in whole.experiments if each.name in names))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    told = []
    out = tmp_path_factory.mktemp("reproduced")
    return reproduce([only("wang2015", "capillary")], out, processes=1, told=told.append), told, out


class TestOneExperiment:
    def test_its_row_passes_and_the_others_were_not_simulated(self, found):
        lines = {line.row.id: line for line in found[0].lines}
        assert found[0].failures == []
        assert (lines["003-27"].verdict, lines["003-27"].basis) == ("pass", "noisy")
        assert {line.verdict for name, line in lines.items() if name != "003-27"} == {"not_simulated", "skip"}

    def test_the_number_is_that_of_the_run_file(self, found):
        (run,) = next(line for line in found[0].lines if line.row.id == "003-27").runs
        assert run.is_file()
        assert found[2] in run.parents

    def test_progress_counts_the_calibration_too(self, found):
        assert [(step.done, step.tasks, step.ended) for step in found[1]] == [
            (1, 2, "calibrating wang2015-10k"), (2, 2, "wang2015: capillary")]

    def test_report_is_one_file_with_every_row(self, found, tmp_path):
        page = write_report(found[0], tmp_path / "report.html", 1).read_text(encoding="utf-8")
        assert all(f">{line.row.id}<" in page for line in found[0].lines)
        assert len(COUNT.findall(page)) == sum(len(each.experiment.panels) for each in found[0].answers)
        assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("report")] == ["report.html"]


def test_an_unknown_paper_is_refused_with_the_nearest_name():
    done = CliRunner().invoke(app, ["reproduce", "ying2022"])
    assert done.exit_code != 0
    assert "ying2021" in str(done.exception)


@pytest.mark.soak
@pytest.mark.parametrize("paper", papers.PAPERS)
def test_every_experiment_of_a_paper_runs(paper, tmp_path):
    """Some minutes each; that rows pass is for the report, that nothing fails to run is for us."""
    done = CliRunner().invoke(app, ["reproduce", paper, "--json", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["counts"]["all"]["pass"] > told["counts"]["all"]["fail"]
