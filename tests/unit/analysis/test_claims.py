"""Criteria of published claims: bounds, predicates, what is missing, and what a criterion may not say."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.claims import ClaimError, judge, needed

BOUNDS = {"result": "threshold", "unit": "uJ/cm2", "lo": 20.0, "hi": 24.0}
SHAPE = {"predicate": "max(diff(curve)) <= 0.02*curve[0] and curve[-1] < 0.8*curve[0]", "results": {"curve": "array [1]"}}


class TestBounds:
    @pytest.mark.parametrize(("value", "passed"), [(20.0, True), (24.0, True), (24.001, False), (float("nan"), False)])
    def test_are_inclusive_and_nan_fails(self, value, passed):
        assert judge(BOUNDS, {"threshold": value}).passed is passed

    @pytest.mark.parametrize(("low", "high", "passed"), [(None, 30.0, True), (30.0, None, False), (None, None, True)])
    def test_may_be_open(self, low, high, passed):
        assert judge(BOUNDS | {"lo": low, "hi": high}, {"threshold": 25.0}).passed is passed


class TestPredicate:
    @pytest.mark.parametrize(("curve", "passed"), [([1.0, 0.9, 0.5], True), ([1.0, 1.1, 0.5], False), ([1.0, 0.9, 0.85], False)])
    def test_compares_arrays(self, curve, passed):
        assert judge(SHAPE, {"curve": np.array(curve)}).passed is passed

    def test_of_too_short_an_array_fails(self):
        found = judge(SHAPE, {"curve": np.array([])})
        assert found.passed is False
        assert found.reason

    @pytest.mark.parametrize("text", [
        "__import__('os')", "curve.size > 0", "(lambda: 1)()", "open('x')", "other > 1", "[x for x in curve]"])
    def test_may_say_nothing_else(self, text):
        with pytest.raises(ClaimError):
            judge({"predicate": text, "results": {"curve": ""}}, {"curve": np.ones(2)})


class TestNothingToJudge:
    def test_a_skipped_claim_gives_its_reason(self):
        assert judge({"skip": "input"}, {}).passed is None
        assert judge({"skip": "input"}, {}).reason == "input"

    def test_a_missing_result_is_no_failure(self):
        assert judge(BOUNDS, {"threshold": None}).missing == ("threshold",)

    def test_an_unknown_form_is_refused(self):
        with pytest.raises(ClaimError, match="lower"):
            needed({"lower": 3})
