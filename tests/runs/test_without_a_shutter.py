"""A camera behind a spectrograph and nothing else: it measures, and nobody is told that dark frames in the light are dark."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.engine.planning import make_plan

BENCH = "spectrograph-camera"


def warned(bench, tmp_path, **values):
    plan = make_plan(api.make_procedure("snapshot", values), bench, tmp_path)
    assert plan.errors == ()
    return [problem.level for problem in plan.problems if problem.field == "shutter"]


def test_its_snapshot_is_warned_of(tmp_path):
    with api.open_bench(BENCH) as bench:
        assert warned(bench, tmp_path, exposure="0.1 s") == ["warning"]
        outcome = api.run("snapshot", bench, {"exposure": 0.1}, order=api.Order("snapshot", tmp_path, seed=1, figure=False))
    assert outcome.status == "done"
    with api.load(outcome.run) as run:
        counts = run.counts().mean()
        dark = run.select("dark").counts().mean()
        assert counts == pytest.approx(dark, rel=0.01)           # the film shines into both


def test_a_bench_with_one_is_not(tmp_path):
    with api.open_bench("ying2021") as bench:
        assert warned(bench, tmp_path, exposure="0.1 s") == []
