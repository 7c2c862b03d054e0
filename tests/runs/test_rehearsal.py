"""A rehearsal opens nothing real and says what to expect; the run after it says where it differs."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from labctl import api
from labctl.bench import connect
from labctl.bench.lookup import find_bench
from labctl.cli.main import app
from labctl.core.dose import Light, Spot
from labctl.core.errors import Refused
from labctl.store.catalogue import Catalogue
from labctl.store.ledger import REAL, Session, open_ledger
from labctl.store.verify import verify

SCAN = {"start": 518, "stop": 521, "dark_frames": 2}
LIT = [*range(2, 11)]            # numbers in the plan: two dark frames, a reference, seven points, a reference


@pytest.fixture(autouse=True)
def _calibrated(labctl_state, ple_run):
    """The simulated bench has its calibration."""


@pytest.fixture
def rehearsed(tmp_path):
    return api.rehearse("ple", "ying2021", SCAN, order=api.Order("ple", tmp_path, seed=3, figure=False))


def measure(tmp_path, disturb=lambda bench: None, **values):
    with api.open_bench("ying2021") as bench:
        disturb(bench)
        return api.run("ple", bench, {**SCAN, **values}, order=api.Order("ple", tmp_path, seed=4, figure=False))


def compared(outcome):
    with api.load(outcome.run) as run:
        return run.header["rehearsal"]


def test_says_what_to_expect_and_is_marked(rehearsed, tmp_path):
    told = rehearsed.forecast
    assert rehearsed.status == "done"
    assert rehearsed.run.is_relative_to(tmp_path / "rehearsals")
    assert told.seconds == rehearsed.seconds
    assert told.bytes == rehearsed.run.stat().st_size
    assert len(LIT) < told.light.lit_s < 1.3 * len(LIT)
    assert 0 < told.peak.counts <= told.peak.limit
    assert told.peak.point in LIT
    with api.load(rehearsed.run) as run:
        assert run.header["bench"]["rehearsal"]
        assert "rehearsal" in run.headline
        assert run.counts()[told.peak.point - LIT[1]].max() == told.peak.counts
    assert verify(rehearsed.run) == []


def test_the_list_of_runs_tells_it_from_a_measurement(rehearsed, tmp_path):
    run = measure(tmp_path)
    with Catalogue(tmp_path) as catalogue:
        catalogue.refresh()
        assert {entry.path: entry.rehearsal for entry in catalogue.find()} == {run.run: False, rehearsed.run: True}
    listed = CliRunner().invoke(app, ["runs", "--out", str(tmp_path)], catch_exceptions=False).output.splitlines()
    assert [("(rehearsal)" in line, "(simulated)" in line) for line in listed if ".nxs" in line] == [(False, True), (True, False)]


def test_the_next_run_carries_it_and_agrees(rehearsed, tmp_path):
    outcome = measure(tmp_path)
    told = compared(outcome)
    assert told["run_id"] == rehearsed.run_id
    assert told["numbers"] == LIT
    assert told["differs"] == []
    assert told["factor"] == pytest.approx(1.0, rel=0.05)
    assert "rehearsal" not in [problem.field for problem in outcome.problems]
    with api.load(outcome.run) as run:
        assert run["rehearsal_chi2"] == pytest.approx(told["chi2"][1:-1])
        assert not run.flag("differs_from_rehearsal").any()
    assert verify(outcome.run) == []
    shown = CliRunner().invoke(app, ["show", str(outcome.run)]).stdout
    assert f"rehearsed as run {rehearsed.run_id[:8]}" in shown
    assert "0 of 9 points differ from the rehearsal" in shown


def test_points_that_differ_are_flagged(rehearsed, tmp_path):
    def dim_from_the_eighth_point_on(bench):
        # The pick-off head reads twice too much from then on, so that the sample gets half the light.
        head = bench.twin.heads["power_meter"]
        point = bench.point

        def announced(seed, index):
            if index == 8:
                head.gain *= 2.0
            point(seed, index)

        bench.point = announced

    outcome = measure(tmp_path, dim_from_the_eighth_point_on)
    assert compared(outcome)["differs"] == [8, 9, 10]
    assert "3 of 9 points differ" in " ".join(problem.text for problem in outcome.problems)
    with api.load(outcome.run) as run:
        assert list(run.numbers[run.flag("differs_from_rehearsal")]) == [8, 9]
        assert run.select("reference").flag("differs_from_rehearsal").tolist() == [False, True]
    assert ": points 8, 9, 10" in CliRunner().invoke(app, ["show", str(outcome.run)]).stdout


def test_another_plan_does_not_carry_it(rehearsed, tmp_path):
    assert compared(measure(tmp_path, stop=520)) is None


@pytest.fixture
def real_bench(tmp_path):
    """The bench file with the line that switches turned to real, and a serial number as `labctl bench new` writes it."""
    text = find_bench("ying2021").read_text(encoding="utf-8").replace('backend = "simulated"', 'backend = "real"')
    path = tmp_path / "real.toml"
    text = text.replace('driver = "superk_laser"\n', 'driver = "superk_laser"\nserial = "4711"\n')
    path.write_text(text.replace('name = "ying2021"', 'name = "lab2021"'), encoding="utf-8")
    return str(path)


def test_a_real_bench_is_rehearsed_without_being_touched(real_bench, tmp_path, monkeypatch, labctl_state):
    opened = []
    real = connect.open_connection
    monkeypatch.setattr("labctl.bench.opening.open_connection",
                        lambda *told, world, **more: (opened.append(world), real(*told, world=world, **more))[1])
    said, locks = [], labctl_state / "locks"      # of the session: other tests may have held such a port before this one
    before = sorted(locks.glob("*ttyUSB*"))
    outcome = api.rehearse("ple", real_bench, SCAN, order=api.Order("ple", tmp_path, seed=3, figure=False, sample="film 12"),
                           announce=said.append)
    assert outcome.status == "done"
    assert None not in opened, "a connection without a simulated world is a real one"
    assert sorted(locks.glob("*ttyUSB*")) == before
    assert "ying2021, from [twin] of the bench file: the twin has no model of film 12" in said[0]
    with open_ledger() as ledger:
        assert ledger.places(sample="film 12") == {}


def test_the_budget_of_a_real_sample_is_rehearsed_with_what_it_has_had(real_bench, tmp_path):
    sample = tmp_path / "thin.toml"
    sample.write_text('based_on = "ying2021"\nname = "thin"\n[budget]\nlit_s = 20\n', encoding="utf-8")
    with open_ledger() as ledger:
        ledger.write(Session("earlier", "lab2021", REAL, "ple"), Spot("thin"), Light(1.0, 1.0, 15.0), still_lit=False)
    with pytest.raises(Refused, match=r"has had 15 s and the plan adds 10\.8 s"):
        api.rehearse("ple", real_bench, SCAN, order=api.Order("ple", tmp_path, seed=3, figure=False, sample=str(sample)))


def test_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [text for name, value in SCAN.items() for text in ("--set", f"{name}={value}")]
    result = CliRunner().invoke(app, ["rehearse", "ple", *words, "--seed", "3", "--json", "--out", str(tmp_path)])
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["forecast"]["peak"]["limit"] == 65535
    assert "brightest" in result.stderr
    again = CliRunner().invoke(app, ["run", "ple", *words, "--seed", "3", "--dry-run", "--json", "--out", str(tmp_path)])
    assert json.loads(again.stdout)["forecast"]["light"] == answer["forecast"]["light"]
