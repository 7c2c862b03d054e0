"""A sample that walks out of focus as it warms: the series follows it, and its results are those of the sample."""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api

WALK_MM_K = 2e-4


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Warm the sample from 110 to 230 K, where without a stage the line is lost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(tmp_path_factory.mktemp("state")))
        folder = tmp_path_factory.mktemp("data")
        steps = (("power_calibration", {"wavelengths": 5, "angles": 9}),
                 ("temperature_series", {"lowest": 110.0, "highest": 230.0, "temperatures": 3, "focus_positions": 15,
                                         "focus_span": 0.03, "frames": 2}))
        for name, values in steps:
            with api.open_bench("ying2021-cryostat") as bench:
                found = api.run(name, bench, values, order=api.Order(name, folder, seed=2, figure=False))
            assert found.status == "done", found.problems
        return found


def test_the_line_is_as_bright_as_in_the_cold_and_where_it_belongs(outcome) -> None:
    slope = outcome.results["energy_slope"]
    assert slope.value == pytest.approx(1.7e-4, abs=3e-6)
    assert len(outcome.reduction.curves["energy"].x) == 3


def test_the_stage_followed_the_walk(outcome) -> None:
    with api.load(outcome.run) as run:
        measured = ~run.flag("focus")
        kelvin, z = run["sample.temperature"][measured], run["sample.z"][measured]
        assert np.polyfit(kelvin, z, 1)[0] == pytest.approx(WALK_MM_K, rel=0.1)
        light = run.signal()[measured].sum(axis=1)
        assert light.min() > 0.3 * light.max()


def test_the_time_is_that_of_a_usual_course_and_the_light_is_within_what_was_promised(outcome) -> None:
    with api.load(outcome.run) as run:
        estimate = run.header["estimate"]
    assert outcome.seconds == pytest.approx(estimate["seconds"], rel=0.4), "the way to the first temperature is not in it"
    assert outcome.light.lit_s <= estimate["lit_seconds"]
    assert outcome.points <= estimate["points"]
