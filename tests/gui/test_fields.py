"""What typed text means, and what is said when it means nothing."""

from __future__ import annotations

import pytest

from labctl.core import registry
from labctl.gui.presenter.fields import CHOICE, COUNT, NUMBER, SWITCH, Field, fields, own_defaults

PUMP = Field("start", "First", NUMBER, "nm", "nm", 1.0, 200.0, 3000.0, default=500.0)
FLUENCE = Field("fluence", "Fluence", NUMBER, "J/cm^2", "µJ/cm²", 1e6, 1e-9, 1e-3, default=2e-5)


class TestReading:
    """A number in the shown unit, or with any unit that converts; nothing is clamped."""

    @pytest.mark.parametrize(("text", "value"), [("515", 515.0), ("515,5", 515.5), (" 515.5 ", 515.5), ("0.515 um", 515.0),
                                                 ("2.40 eV", 516.6008), ("5.2e2", 520.0)])
    def test_lengths(self, text, value):
        assert PUMP.read(text) == pytest.approx(value, abs=1e-3)

    @pytest.mark.parametrize("text", ["19216 cm-1", "19216 cm⁻¹", "19216 1/cm"])
    def test_wavenumbers_become_wavelengths(self, text):
        assert PUMP.read(text) == pytest.approx(520.40, abs=0.01)

    @pytest.mark.parametrize(("text", "value"), [("20", 2e-5), ("20 uJ/cm^2", 2e-5), ("0.02 mJ/cm²", 2e-5), ("2e-5 J/cm^2", 2e-5)])
    def test_bare_numbers_are_in_the_unit_that_is_shown(self, text, value):
        assert FLUENCE.read(text) == pytest.approx(value)

    @pytest.mark.parametrize("text", ["4000", "199.9", "-500", "1e400"])
    def test_a_value_outside_is_refused_with_the_limits(self, text):
        with pytest.raises(ValueError, match="200 to 3000 nm"):
            PUMP.read(text)

    @pytest.mark.parametrize("text", ["", "4a", "nan", "5 kg", "--3", "3,4,5"])
    def test_what_is_no_number_is_refused(self, text):
        with pytest.raises(ValueError, match=r"number|Empty"):
            PUMP.read(text)

    def test_a_limit_typed_as_shown_is_good(self):
        assert FLUENCE.read(FLUENCE.write(FLUENCE.high)) == FLUENCE.high
        assert FLUENCE.read(FLUENCE.write(FLUENCE.low)) == FLUENCE.low

    def test_counts_are_whole(self):
        field = Field("n", "Frames", COUNT, low=1, high=9, default=2)
        assert field.read("7") == 7
        with pytest.raises(ValueError, match="whole numbers 1 to 9"):
            field.read("2.5")

    def test_words(self):
        assert Field("c", "Spacing", CHOICE, choices=("linear", "hunt")).read("hunt") == "hunt"
        assert Field("s", "Random", SWITCH).read("no") is False


@pytest.mark.parametrize("name", sorted(registry.points("procedure")))
def test_every_default_of_every_procedure_can_be_typed_back(name):
    procedure = registry.find("procedure", name)
    made = fields(procedure, {})
    assert [field.name for field in made] == list(procedure.declarations())
    values = {field.name: field.read(field.write(field.default)) for field in made}
    for field in made:
        assert values[field.name] == pytest.approx(field.default) if field.kind == NUMBER else values[field.name] == field.default
    procedure(**values)


def test_a_bench_may_have_defaults_of_its_own():
    procedure = registry.find("procedure", "power_series")
    own = own_defaults(procedure, {"first": "2.27 uJ/cm^2", "no_such_parameter": 1})
    field = next(field for field in fields(procedure, own) if field.name == "first")
    assert field.write(field.default) == "2.27"
    assert field.shown_unit == "µJ/cm²"
