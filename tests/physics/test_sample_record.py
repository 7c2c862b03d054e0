"""Sample files: what they must say, and how a mistake in one is reported."""

from __future__ import annotations

from importlib import resources

import pytest

from sim_instruments.twin.sample import SampleError, load_sample

TEXT = resources.files("sim_instruments.samples").joinpath("ying2021.toml").read_text(encoding="utf-8")


@pytest.fixture
def altered(tmp_path):
    """Write the packaged record with one piece of text replaced; gives its path."""
    def write(before, after):
        assert before in TEXT
        path = tmp_path / "copy.toml"
        path.write_text(TEXT.replace(before, after, 1), encoding="utf-8")
        return path
    return write


def test_units_are_converted(ying):
    assert ying.lines.stokes_shift_ev == pytest.approx(0.018)
    assert ying.kinetics.exciton_lifetime_s == pytest.approx(268e-12)
    assert len(ying.cavity.modes) == 2


def test_a_copy_can_be_changed(altered):
    assert load_sample(altered("d_S = {value = 18", "d_S = {value = 23")).lines.stokes_shift_ev == pytest.approx(0.023)


def test_the_same_value_in_another_unit(altered, ying):
    same = load_sample(altered('d_S = {value = 18, unit = "meV"', 'd_S = {value = 0.018, unit = "eV"'))
    assert same.lines.stokes_shift_ev == pytest.approx(ying.lines.stokes_shift_ev)


@pytest.mark.parametrize(("before", "after", "words"), [
    ('d_S = {value = 18, unit = "meV"', 'd_S = {value = 18, unit = "nm"', "d_S: the unit is eV, not nm"),
    ("d_S =", "d_s =", "no parameter d_s"),
    ("qy = {", "# qy = {", "qy missing"),
    ("[gain]", "[gains]", "no section gains"),
    ("value = 0.85", 'value = "much"', "much"),
    ('source = "Ying 2021, Stokes shift", ', "", "lines.d_S"),
    ("[lines]", "[lines", "copy.toml")])
def test_mistakes_are_named(altered, before, after, words):
    with pytest.raises(SampleError, match=words):
        load_sample(altered(before, after))


def test_unknown_name_lists_the_known():
    with pytest.raises(FileNotFoundError, match="ying2021"):
        load_sample("yang2021")


def test_every_parameter_says_where_it_comes_from():
    for line in TEXT.splitlines():
        if "value =" in line:
            assert "source =" in line
            assert "evidence =" in line
