"""Formulas over results: units are minded, and nothing but arithmetic can be written."""

from __future__ import annotations

import pytest

from labctl.core.expression import Amount, parse

KNOWN = {("threshold", "fluence"): Amount(20e-6, "J/cm^2"), ("ple[2]", "resonance_nm"): Amount(526.0, "nm"),
         ("map", "unevenness"): Amount(12.0, "1")}


def lookup(run, result):
    return KNOWN[run, result]


@pytest.mark.parametrize(("text", "value", "unit"), [
    ("1.2 * threshold.fluence", 24e-6, "J/cm^2"), ("120 % * threshold.fluence", 24e-6, "J/cm^2"),
    ("threshold.fluence + 20 %  * threshold.fluence", 24e-6, "J/cm^2"), ("threshold.fluence + 5 [uJ/cm^2]", 25e-6, "J/cm^2"),
    ("(ple[2].resonance_nm - 2 [nm]) / 2", 262.0, "nm"), ("-3 + 2 * 4 / 8 - 1", -3.0, ""),
    ("threshold.fluence / 10 [uJ/cm^2]", 2.0, ""), ("map.unevenness * 2", 24.0, ""), ("1e-3 [W]", 1e-3, "W"),
    ("2 - 1 - 1", 0.0, ""), ("8 / 4 / 2", 1.0, ""),
])
def test_numbers(text, value, unit):
    found = parse(text).amount(lookup)
    assert (found.value, found.unit) == (pytest.approx(value), unit)


@pytest.mark.parametrize(("text", "holds"), [
    ("threshold.fluence > 15 [uJ/cm^2]", True), ("threshold.fluence <= 15 [uJ/cm^2] or ple[2].resonance_nm != 1 [nm]", True),
    ("not (map.unevenness < 10)", True), ("map.unevenness == 12 and map.unevenness >= 13", False),
])
def test_conditions(text, holds):
    assert parse(text).holds(lookup) is holds


def test_names_are_told():
    assert parse("threshold.fluence * 2 + threshold.fluence > ple[2].resonance_nm").names == (
        ("threshold", "fluence"), ("ple[2]", "resonance_nm"))


@pytest.mark.parametrize(("text", "why"), [
    ("threshold.fluence > 60e-6", "write it with a unit"), ("threshold.fluence + ple[2].resonance_nm", "not a number in"),
    ("threshold.fluence * threshold.fluence", "pure number"), ("1 / threshold.fluence", "none that can be set"),
    ("1 / 0", "nought"), ("(1 > 0) + 1", "yes or no"), ("1 and 2", "join conditions"), ("1 > 0", "a number is wanted"),
])
def test_what_cannot_be_computed(text, why):
    with pytest.raises(ValueError, match=why):
        parse(text).amount(lookup)


@pytest.mark.parametrize("text", [
    "", "1 +", "(1", "1 2", "__import__('os')", "threshold", "a.b(1)", "a.b[0]", "lambda: 1", "1 ** 2", "3 [parsec/fortnights2]",
    "a.b; c.d", "'text'", "1 < 2 < 3", "x" * 600, "(" * 200 + "1" + ")" * 200,
])
def test_what_cannot_be_written(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse(text)


def test_a_number_is_no_condition():
    with pytest.raises(ValueError, match="a condition is wanted"):
        parse("1 + 1").holds(lookup)
