"""The pump in every unit: the factors are those of physics, and what nobody knows is left out."""

from __future__ import annotations

import math

import pytest

from labctl.core.photons import photon_energy_j
from labctl.core.pump_units import EXCITONS, FLUENCE, PHOTONS, POWER, THRESHOLD, PumpUnits, pump_text

AREA, RATE, SECTION, ONSET = 2e-6, 1e6, 2.5e-14, 5e-6
KNOWN = PumpUnits.of(wavelength_nm=400.0, rate_hz=RATE, area_cm2=AREA, section_cm2=SECTION, threshold_j_cm2=ONSET,
                     sources={THRESHOLD: "run 7"})


def test_a_power_in_every_unit():
    found = dict(KNOWN.others(20.0, POWER))
    fluence = 20e-6 / RATE / AREA
    photons = fluence / photon_energy_j(400.0)
    assert found[FLUENCE] == pytest.approx(fluence * 1e6)
    assert found[PHOTONS] == pytest.approx(photons)
    assert found[EXCITONS] == pytest.approx(SECTION * photons)
    assert found[THRESHOLD] == pytest.approx(100.0 * fluence / ONSET)
    assert POWER not in found


@pytest.mark.parametrize("unit", [POWER, FLUENCE, PHOTONS, EXCITONS, THRESHOLD])
def test_there_and_back(unit):
    for other, value in KNOWN.others(3.7, unit):
        assert KNOWN.convert(value, other, unit) == pytest.approx(3.7)


def test_nothing_is_invented():
    assert PumpUnits.of(wavelength_nm=400.0, rate_hz=RATE, section_cm2=SECTION).others(1.0, POWER) == []
    assert [unit for unit, _ in PumpUnits.of(rate_hz=RATE, area_cm2=AREA, section_cm2=SECTION).others(1.0, POWER)] == [FLUENCE]
    assert PumpUnits.of(sources={THRESHOLD: "run 7"}).sources == {}


@pytest.mark.parametrize(("text", "unit", "value"), [
    ("20 µW", POWER, 20.0), ("20 uW", POWER, 20.0), ("0,02 mW", POWER, 20.0), ("300 nJ/cm2", FLUENCE, 0.3),
    ("1.5e13 photons/cm²", PHOTONS, 1.5e13), ("0.8 <N>", EXCITONS, 0.8), ("0.8 excitons", EXCITONS, 0.8),
    ("120 % of threshold", THRESHOLD, 120.0), ("1.2 x threshold", THRESHOLD, 120.0), ("90% thr", THRESHOLD, 90.0)])
def test_what_people_type(text, unit, value):
    assert KNOWN.read(text, FLUENCE) == pytest.approx(KNOWN.convert(value, unit, FLUENCE))


def test_text_that_is_no_pump_and_a_unit_that_nobody_can_convert():
    assert KNOWN.read("20 nm", FLUENCE) is None
    assert KNOWN.read("many", FLUENCE) is None
    with pytest.raises(ValueError, match="cross-section"):
        PumpUnits.of(wavelength_nm=400.0, rate_hz=RATE, area_cm2=AREA).read("0.8 <N>", FLUENCE)


def test_written_as_people_read_it():
    assert pump_text(4.14e13, PHOTONS) == "4.1 × 10¹³ photons/cm²"
    assert pump_text(0.82, EXCITONS) == "⟨N⟩ 0.82"
    assert pump_text(98.4, THRESHOLD) == "98 % of threshold"
    assert pump_text(13.53, POWER) == "13.5 µW"
    assert math.isfinite(KNOWN.per_microwatt[EXCITONS])
