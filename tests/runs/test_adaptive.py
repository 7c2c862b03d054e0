"""An adaptive plan on the simulated bench: it ends by itself, and goes on after an abort as if nothing had happened."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labctl import api
from labctl.core.errors import Refused
from labctl.engine import runner
from labctl.engine.control import Control
from labctl.store.journal import Journal
from labctl.store.verify import verify

PAGE = Path(__file__).parents[2] / "docs/how-to/write-a-procedure.md"


@pytest.fixture(scope="module")
def procedure():
    """The adaptive procedure of the how-to."""
    names = {"__name__": "example"}
    code = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]
    exec(compile(code, "example", "exec"), names)  # noqa: S102  our own documents
    return names["PowerForSignal"]


@pytest.fixture
def hunt(labctl_state, ple_run, tmp_path, procedure):
    """Run it with seed 5, under wishes that come at bench times in seconds."""
    def run(*wishes, arrangement=api.Arrangement(), **values):  # noqa: B008  frozen
        control = Control()
        order = api.Order("power_for_signal", tmp_path, seed=5, figure=False, arrangement=arrangement)
        with api.open_bench("ying2021") as bench:
            for when, wish in wishes:
                bench.clock.call_at(when, lambda wish=wish: wish(control))
            return api.run(procedure(**values), bench, order=order, control=control)
    return run


def resumed(procedure, outcome, **values):
    with api.open_bench("ying2021") as bench:
        return runner.resume(procedure(**values), bench, outcome.run.with_suffix(".journal"), figure=False)


def measured(outcome):
    with api.load(outcome.run) as run:
        return run.counts(), run["pump.power"], run["pump.power_measured"]


def test_ends_by_itself_where_it_should(hunt):
    outcome = hunt()
    assert outcome.status == "done"
    assert 1 < outcome.points < 12
    counts, power, _ = measured(outcome)
    assert int(counts[-1].max()) == pytest.approx(800, rel=0.05)
    assert outcome.results["power"].value == power[-1]
    assert verify(outcome.run) == []
    with api.load(outcome.run) as run:
        assert len(run.plan) == outcome.points == len(run)
        assert run.header["bounds"]["points"] == 12
        assert run.header["estimate"]["points"] == 12
        assert run.header["estimate"]["seconds"] > outcome.seconds / 2


def test_what_a_rehearsal_visited_too_is_compared_with_it(labctl_state, ple_run, procedure, tmp_path):
    """The head of the run reads too much, so that the sample gets less light, and the hunt leaves the rehearsed way."""
    order = api.Order("power_for_signal", tmp_path, seed=11, figure=False, rehearsal=True)
    with api.open_bench("ying2021") as bench:
        rehearsed = runner.run(procedure(), bench, order)
    with api.open_bench("ying2021") as bench:
        bench.twin.heads["power_meter"].gain *= 1.2
        outcome = runner.run(procedure(), bench, replace(order, rehearsal=False))
    with api.load(outcome.run) as run, api.load(rehearsed.run) as other:
        told, same = run.header["rehearsal"], [one.set == two.set for one, two in zip(run.plan, other.plan, strict=False)]
    assert told["run_id"] == rehearsed.run_id
    assert told["numbers"] == [number for number, coincides in enumerate(same) if coincides]
    assert 0 in told["numbers"]
    assert len(told["numbers"]) < outcome.points
    assert told["differs"] == []


@pytest.mark.parametrize("wish", [lambda control: control.request("Ctrl-C"), lambda control: control.pause(drop=True)])
def test_disturbed_hunt_is_an_undisturbed_one(hunt, procedure, wish):
    undisturbed = measured(hunt())
    outcome = hunt((15.0, wish), (4000.0, Control.resume))
    if outcome.status == "aborted":
        assert 0 < outcome.points < len(undisturbed[1])
        outcome = resumed(procedure, outcome)
    assert outcome.status == "done"
    for one, other in zip(measured(outcome), undisturbed, strict=True):
        assert np.array_equal(one, other)


def test_a_plan_that_would_go_another_way_is_refused(hunt, procedure):
    outcome = hunt((30.0, lambda control: control.request("Ctrl-C")))
    assert outcome.points > 1, "a reading has to stand in the journal before the plan can go another way"
    with pytest.raises(Refused, match="today's procedure and bench"):
        resumed(procedure, outcome, wanted=340)
    with pytest.raises(Refused, match="is not today's"):
        resumed(procedure, outcome, most=5)


def test_ended_at_its_most_points(hunt):
    outcome = hunt(most=2)
    assert (outcome.status, outcome.points) == ("done", 2)
    assert any("bound of 2 points" in problem.text for problem in outcome.problems)
    assert any("counts, not 800" in problem.text for problem in outcome.problems), "the reduction has to say that it did not arrive"


def test_bounds_out_of_reach_are_refused_before_anything_moves(hunt, tmp_path):
    with pytest.raises(Refused, match="edge of the plan's bounds"):
        hunt(highest=0.5)
    assert not list(tmp_path.rglob("*.journal"))


def test_references_and_darks_are_put_among_the_points(hunt):
    outcome = hunt(arrangement=api.Arrangement(reference_every=2, dark_every=3))
    with api.load(outcome.run) as run:
        kinds = "".join(point.kind[0] for point in run.plan)
        assert kinds.startswith("rss" "rs")
        assert kinds.endswith("r")
        powers = {point.set["pump.power"] for point in run.plan if point.kind == "reference"}
        assert powers == {run.plan[1].set["pump.power"]}
    with pytest.raises(Refused, match="cannot be imposed"):
        hunt(arrangement=api.Arrangement("down"))


def test_a_killed_hunt_is_readable(hunt, tmp_path, monkeypatch):
    monkeypatch.setattr(Journal, "end", lambda self, status, end: None)
    outcome = hunt(most=3)
    assert outcome.run is not None
    assert not [problem for problem in verify(outcome.run) if problem.level == "error"]
