"""Parameters are strict: unknown names, wrong units and impossible values are refused, all at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.core import Procedure, Refused, choice, count, quantity, switch


class Example(Procedure):
    """An example."""

    start = quantity("First wavelength", "nm", default=500.0, minimum=400, maximum=700)
    exposure = quantity("Exposure", "s", default=1.0, minimum=1e-3, maximum=600)
    repeats = count("Repeats", default=3, minimum=1, maximum=10)
    direction = choice("Direction", ["up", "down"], default="up")
    reverse = switch("Reverse", default=False)


class TestValues:
    """What people type is understood, or refused with field, value and limit."""

    def test_defaults_are_plain_numbers(self):
        assert Example().values() == {"start": 500.0, "exposure": 1.0, "repeats": 3, "direction": "up", "reverse": False}

    @pytest.mark.parametrize(("name", "text", "value"), [
        ("start", "0.52 um", 520.0), ("start", "520", 520.0), ("start", "2.480 eV", 1239.841984 / 2.480),
        ("exposure", "200 ms", 0.2), ("repeats", "4", 4), ("reverse", "yes", True), ("direction", "down", "down"),
    ])
    def test_texts_with_units(self, name, text, value):
        found = Example(**{name: text}).values()[name]
        assert found == (value if isinstance(value, str) else pytest.approx(value, rel=1e-6))

    @pytest.mark.parametrize(("name", "value", "words"), [
        ("start", 900, "above the highest allowed value, 700 nm"), ("start", "3 s", "converts to nm"),
        ("start", "many", "not a number"), ("exposure", 0, "below the lowest allowed value, 0.001 s"),
        ("exposure", "10 h", "above the highest"), ("exposure", float("nan"), "finite"), ("exposure", True, "finite"),
        ("repeats", 2.5, "whole number"), ("repeats", 99, "outside 1 to 10"), ("direction", "sideways", "up, down"),
        ("reverse", "perhaps", "neither yes nor no"), ("strat", 1, "Did you mean start"),
    ])
    def test_refusals_name_field_and_remedy(self, name, value, words):
        with pytest.raises(Refused, match=words) as caught:
            Example(**{name: value})
        assert [problem.field for problem in caught.value.problems] == [name]

    def test_all_problems_together(self):
        with pytest.raises(Refused) as caught:
            Example(start=1, exposure=0, typo=3)
        assert {problem.field for problem in caught.value.problems} == {"start", "exposure", "typo"}

    def test_assignment_is_as_strict_and_keeps_the_old_value(self):
        example = Example()
        with pytest.raises(Refused):
            example.start = 1e6
        with pytest.raises(Refused):
            example.no_such_thing = 1
        assert example.start == 500.0

    def test_instances_do_not_share_values(self):
        first, second = Example(start=450), Example()
        assert (first.start, second.start) == (450.0, 500.0)

    @given(st.floats(400, 700))
    def test_full_precision_is_kept(self, value):
        assert Example(start=value).describe()["start"]["value"] == value

    def test_order_is_that_of_the_class_body(self):
        assert list(Example().describe()) == ["start", "exposure", "repeats", "direction", "reverse"]
