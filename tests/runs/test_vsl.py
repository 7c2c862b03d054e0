"""Gain by stripe length on the film's bench: it comes out of the twin's amplifier, through the camera, from the run's own fit."""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api
from labctl.core.errors import Refused
from labctl.store.run import load


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, session_state):
    """One scan of stripe lengths."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(session_state))
        with api.open_bench("wang2015") as bench:
            order = api.Order("vsl", tmp_path_factory.mktemp("data"), seed=3, figure=False)
            return api.run("vsl", bench, {"lengths": 36}, order=order)


def test_gain_saturation_and_depletion(outcome) -> None:
    assert outcome.status == "done", outcome.problems
    gain = outcome.results["gain_coefficient"]
    # The film's small-signal gain is 154 cm-1 at this fluence; saturation along the stripe lets the method read about 100.
    assert 80.0 < gain.value < 120.0
    assert gain.stderr < 6.0
    assert gain.systematic > gain.stderr, "what the gain owes to the choice of the window is more than counting noise"
    assert 0.045 < outcome.results["saturation_length"].value < 0.075
    assert outcome.results["gain_depletion_time"].value == pytest.approx(
        2.1 / 0.0299792458 * outcome.results["saturation_length"].value, rel=1e-6)


def test_lengths_came_in_random_order_and_stand_sorted_in_the_curve(outcome) -> None:
    with load(outcome.run) as run:
        visited = run.data["stripe_length"].values
        assert np.any(np.diff(visited) < 0)
        assert np.all(np.diff(run.curves["amplified"].x) > 0)
        assert len(visited) == 36


@pytest.mark.parametrize(("values", "field", "text"), [
    ({"shortest": 2.0}, "longest", "not above the start"),
    ({"pedestal_fluence": 5e-5}, "pedestal_fluence", "more than half"),
    ({"band_stop": 500.0}, "band_stop", "not above"),
    ({"fluence": 5.0}, "pump.fluence", "outside"),
])
def test_wrong_input_is_refused_before_anything_moves(labctl_state, tmp_path, outcome, values, field, text) -> None:
    with api.open_bench("wang2015") as bench, pytest.raises(Refused) as caught:
        api.run("vsl", bench, values, order=api.Order("vsl", tmp_path, seed=1, figure=False))
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems


def test_shifted_spot_shows_the_loss_of_the_film_before_it(outcome, labctl_state, tmp_path) -> None:
    with api.open_bench("wang2015") as bench:
        found = api.run("shifted_spot", bench, {"places": 6, "last": 0.25},
                        order=api.Order("shifted_spot", tmp_path, seed=2, figure=False))
    assert found.status == "done", found.problems
    loss = found.results["modal_loss"]
    assert 60.0 < loss.value < 130.0, "unpumped film absorbs; no loss would mean that the stripe did not move"
    assert loss.stderr < 0.15 * loss.value
