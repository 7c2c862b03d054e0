"""A spot is found on fresh sample: bright and even, lit once and briefly, and the stage stands there at the end."""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api
from labctl.core.errors import Refused

BENCH = "ying2021-positioning"
COARSE = {"x_places": 4, "y_places": 3}


@pytest.fixture
def search(calibrated, tmp_path):
    """Run a search on an open bench, or on one opened for it."""
    calibrated(BENCH)

    def run(values=None, bench=None):
        order = api.Order("find_spot", tmp_path, seed=3, figure=False)
        if bench is not None:
            return api.run("find_spot", bench, values or COARSE, order=order)
        with api.open_bench(BENCH) as opened:
            return api.run("find_spot", opened, values or COARSE, order=order)
    return run


def test_the_stage_ends_at_a_bright_place_and_every_place_is_in_the_ledger(search) -> None:
    with api.open_bench(BENCH) as bench:
        outcome = search({**COARSE, "pick": "brightest"}, bench)
        assert outcome.status == "done", outcome.problems
        x, y = outcome.results["spot_x"].value, outcome.results["spot_y"].value
        assert (bench.axes["sample.x"].position, bench.axes["sample.y"].position) == pytest.approx((x, y), abs=1e-3)
        there = [bench.twin.specimen._brightness({"x": 1e3 * float(a), "y": 1e3 * float(b)})
                 for b in np.linspace(-0.02, 0.02, 3) for a in np.linspace(-0.02, 0.02, 4)]
        assert bench.twin.specimen._brightness({"x": 1e3 * x, "y": 1e3 * y}) > np.mean(there)
    with api.load(outcome.run) as run:
        told, best = run.end["dose"], int(np.argmax(outcome.reduction.curves["emission"].y))
        assert (run["sample.x"][best], run["sample.y"][best]) == (x, y)
    assert told["places"] == 12
    assert max(spot["after"]["dose_j_cm2"] for spot in told["spots"]) < 1.05 * outcome.results["spot_dose"].value


def test_places_that_have_had_light_are_refused_unless_asked_for(search) -> None:
    with api.open_bench(BENCH) as bench:
        search(bench=bench)
        with pytest.raises(Refused, match="12 of 12 places have had light before"):
            search(bench=bench)
        assert search({**COARSE, "fresh": "no"}, bench).status == "done"
        elsewhere = {**COARSE, "x_start": 0.1, "x_stop": 0.14}
        assert search(elsewhere, bench).status == "done"


@pytest.mark.parametrize(("values", "field", "text"), [
    ({"power": 1e-4}, "most_dose", "each place would have"),
    ({"x_start": -1e-3, "x_stop": 1e-3}, "x_places", "would touch"),
    ({"x_places": 200, "y_places": 200}, "x_places", "Use raster"),
    ({"y_start": 0.1}, "y_stop", "not above the start"),
    ({"x_stop": 49.0, "power": 1e-3, "most_dose": 0}, "pump.power", "outside"),
])
def test_wrong_input_is_refused_before_anything_moves(search, values, field, text) -> None:
    with pytest.raises(Refused) as caught:
        search(values)
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems


def test_a_bench_without_stages_is_refused(calibrated, tmp_path) -> None:
    with pytest.raises(Refused, match=r"no sample\.x"), api.open_bench("ying2021") as bench:
        api.run("find_spot", bench, {}, order=api.Order("find_spot", tmp_path))
