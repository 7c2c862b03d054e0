"""One experiment of a paper through everything: calibration, process, bench, run file, verdict, report, command."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl.cli.main import app
from labctl.reproduce import papers, session
from labctl.reproduce.report import write_report
from labctl.reproduce.session import Progress, Reproduced, reproduce
from tests.docs.cheaper import cheaper
from tests.docs.pages import Reader, blocks

PAGE = "docs/how-to/reproduce-a-paper.md"
COUNT = re.compile(r'<img alt="[^"]+" src="data:image/png;base64,[A-Za-z0-9+/=]{1000,}">')


def only(paper, *names):
    """Give a paper with some of its experiments."""
    whole = papers.PAPERS[paper]
    return replace(whole, experiments=tuple(each for each in whole.experiments if each.name in names))


@dataclass
class Followed:
    """What `labctl reproduce` has done while a page was followed: the folder, and results and progress of each time."""

    folder: Path
    found: list[Reproduced] = field(default_factory=list)
    told: list[list[Progress]] = field(default_factory=list)

    def reproduce(self, papers, out, *, told, **how):
        """Do what the command does, and keep it."""
        steps: list[Progress] = []
        self.told.append(steps)
        self.found.append(reproduce(papers, out.resolve(), told=lambda step: steps.append(step) or told(step), **how))
        return self.found[-1]


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """Follow the page with a paper of one experiment, and two seeds for eight."""
    what, reader = Followed(tmp_path_factory.mktemp("reproduced")), Reader(cheaper)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(what.folder)
        patch.setitem(papers.PAPERS, "wang2015", only("wang2015", "capillary"))
        patch.setattr(session, "reproduce", what.reproduce)
        for block in blocks(PAGE):
            reader.do(block)
            days = [path.name for path in Path("labctl_reproduce/wang2015/capillary/seed 0").iterdir()]
            reader.replaced = {"2026-11-22": days[0]}
    return what


class TestOneExperiment:
    def test_its_row_passes_and_the_others_were_not_simulated(self, followed):
        lines = {line.row.id: line for line in followed.found[0].lines}
        assert followed.found[0].failures == []
        assert (lines["003-27"].verdict, lines["003-27"].basis) == ("pass", "noisy")
        assert {line.verdict for name, line in lines.items() if name != "003-27"} == {"not_simulated", "skip"}

    def test_the_number_is_that_of_the_run_file(self, followed):
        (run,) = next(line for line in followed.found[0].lines if line.row.id == "003-27").runs
        assert run.is_file()
        assert followed.folder in run.parents

    def test_with_more_seeds_every_one_is_a_run(self, followed):
        line = next(line for line in followed.found[1].lines if line.row.id == "003-27")
        assert len(set(line.runs)) == 2
        assert len(followed.found[1].answers) == 2

    def test_progress_counts_the_calibration_too(self, followed):
        assert [(step.done, step.tasks, step.ended) for step in followed.told[0]] == [
            (1, 2, "calibrating wang2015-10k"), (2, 2, "wang2015: capillary")]

    def test_report_is_one_file_with_every_row(self, followed, tmp_path):
        found = followed.found[0]
        page = write_report(found, tmp_path / "report.html", 1).read_text(encoding="utf-8")
        assert all(f">{line.row.id}<" in page for line in found.lines)
        assert len(COUNT.findall(page)) == sum(len(each.experiment.panels) for each in found.answers)
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
