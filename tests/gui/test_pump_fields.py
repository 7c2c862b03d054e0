"""Fields that set the pump say what they are in other units, and understand them."""

from __future__ import annotations

import pytest

from labctl.core.pump_units import EXCITONS, FLUENCE, POWER, THRESHOLD, PumpUnits
from labctl.engine.prospect import Pump
from labctl.gui.presenter.fields import Field
from labctl.gui.presenter.pump import also, highest, read, sets_the_pump

UNITS = PumpUnits.of(wavelength_nm=400.0, rate_hz=1e6, area_cm2=1e-6, section_cm2=2e-14, threshold_j_cm2=10e-6,
                     sources={THRESHOLD: "run 12"})
FIELD = Field("fluence", "Fluence", unit="J/cm^2", shown_unit="µJ/cm²", factor=1e6, low=1e-9, high=1e-3)


def test_a_field_sets_the_pump_when_the_plan_takes_its_value():
    pump = Pump({"pump.fluence": (3e-6, 5e-5)}, UNITS)
    assert sets_the_pump(FIELD, 5e-5, pump)
    assert not sets_the_pump(FIELD, 4e-5, pump)
    dose = Field("dose", "Most dose", unit="J/cm^2", shown_unit="µJ/cm²", factor=1e6)
    assert not sets_the_pump(dose, 100.0, pump)


def test_says_what_is_known_and_where_it_comes_from():
    text = also(FIELD, "20", UNITS).replace("\u00a0", " ")
    assert text.startswith("20 µW · ")
    assert "200 % of threshold (run 12)" in text
    assert f"{EXCITONS} " in text
    assert also(FIELD, "20", PumpUnits.of()) == ""
    assert also(FIELD, "twenty", UNITS) == ""


def test_understands_the_other_units_and_says_its_own():
    assert read(FIELD, "20 µW", UNITS) == pytest.approx(20e-6)
    assert read(FIELD, "50 % of threshold", UNITS) == pytest.approx(5e-6)
    assert also(FIELD, "20 µW", UNITS).startswith("20\u00a0µJ/cm²")
    with pytest.raises(ValueError, match="Allowed"):
        read(FIELD, "2000 µW", UNITS)
    with pytest.raises(ValueError, match="threshold"):
        read(FIELD, "50 % of threshold", PumpUnits.of(rate_hz=1e6, area_cm2=1e-6))


def test_the_highest_level_of_a_plan():
    assert highest(Pump({"pump.fluence": (3e-6, 5e-5)}, UNITS))[0] == f"50 {FLUENCE}"
    assert highest(Pump({"pump.power": (2e-6,)}, UNITS))[0] == f"2 {POWER}"
    assert highest(Pump()) == ("", "")
