"""Exciton and biexciton on their bench: slopes and distance come back from the noisy frames, and follow the record."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.core.errors import Refused

SHORT = {"fluences": 6, "first": 2e-6}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, session_state):
    """One short series."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(session_state))
        with api.open_bench("wang2015-10k") as bench:
            return api.run("biexciton", bench, SHORT, order=api.Order("biexciton", tmp_path_factory.mktemp("data"), seed=3))


def test_one_excitation_and_two(outcome) -> None:
    assert outcome.status == "done", outcome.problems
    assert outcome.results["exciton_slope"].value == pytest.approx(1.0, abs=0.05)
    assert outcome.results["biexciton_slope"].value == pytest.approx(2.0, abs=0.08)


def test_distance_is_the_samples(outcome) -> None:
    found = outcome.results["biexciton_binding"]
    assert found.value == pytest.approx(50.0, abs=max(5 * found.stderr, 1.0))
    assert outcome.figure is not None


@pytest.mark.parametrize(("values", "field", "text"), [
    ({"last": 1e-6}, "last", "not above the start"),
    ({"last": 1e-2}, "pump.fluence", "outside"), ({"fluences": 2}, "fluences", "outside"),
])
def test_wrong_input_is_refused_before_anything_moves(labctl_state, tmp_path, outcome, values, field, text) -> None:
    with api.open_bench("wang2015-10k") as bench, pytest.raises(Refused) as caught:
        api.run("biexciton", bench, values, order=api.Order("biexciton", tmp_path, seed=1, figure=False))
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems
