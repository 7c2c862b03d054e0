"""Air and vacuum, energy and wavelength, power and fluence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.core import photons
from labctl.core.quantities import file_name, listed, shown, to_float


def test_mercury_line_reads_its_vacuum_energy():
    vacuum = photons.air_to_vacuum(546.074)
    assert vacuum == pytest.approx(546.2258, abs=1e-4)
    assert photons.energy_ev(vacuum) == pytest.approx(2.26983, abs=1e-5)


@given(st.floats(300, 1600))
def test_air_and_vacuum_are_inverse(wavelength):
    assert photons.vacuum_to_air(photons.air_to_vacuum(wavelength)) == pytest.approx(wavelength, abs=1e-9)


def test_arrays_stay_arrays():
    assert photons.air_to_vacuum(np.array([500.0, 600.0])).shape == (2,)


def test_photon_flux_of_the_paper():
    assert 50e-6 / photons.photon_energy_j(526.0) == pytest.approx(1.324e14, rel=1e-3)


@pytest.mark.parametrize(("definition", "fluence_uj"), [("disc", 17.0), ("1/e2", 34.0), ("fwhm", 11.8)])
def test_fluence_depends_on_what_the_spot_size_means(definition, fluence_uj):
    area = photons.spot_area_cm2(1.2, definition)
    assert photons.fluence_j_cm2(15e-6, 78e6, area) * 1e6 == pytest.approx(fluence_uj, rel=0.01)


def test_unknown_spot_definition_is_refused():
    with pytest.raises(ValueError, match="must be 'disc'"):
        photons.spot_area_cm2(1.2, "radius")


@pytest.mark.parametrize(("text", "unit", "value"), [
    ("20 uJ/cm^2", "J/cm^2", 20e-6), ("20 µJ/cm²", "J/cm^2", 20e-6), ("50 uW", "W", 50e-6), ("45 deg", "deg", 45.0),
    ("80 %", "1", 0.8), ("1e14", "1/s", 1e14), ("300 K", "K", 300.0),
])
def test_texts_with_units(text, unit, value):
    assert to_float(text, unit) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "nm", "12 parsec", "__import__('os')", "1 nm; rm"])
def test_nonsense_is_a_value_error(text):
    with pytest.raises(ValueError):
        to_float(text, "s")


def test_names_in_the_file():
    assert file_name("pump.wavelength") == "excitation_wavelength"
    assert file_name("pump.wavelength_measured") == "excitation_wavelength_measured"
    assert file_name("stage.angle") == "stage_angle"


def test_people_read_microjoules():
    assert shown(2e-5, "pump.fluence") == "20 µJ/cm²"


@pytest.mark.parametrize(("text", "found"), [
    ("", ()), ("500", (500.0,)), ("500, 505.5; 0.51 um", (500.0, 505.5, 510.0)),
    ("500:502:0.5", (500.0, 500.5, 501.0, 501.5, 502.0)),
    ("503:500:-2", (503.0, 501.0)), ("500:501:0.4,", (500.0, 500.4, 500.8)),
])
def test_a_list_of_numbers_is_read(text: str, found: tuple[float, ...]) -> None:
    assert listed(text, "nm") == pytest.approx(found)


@pytest.mark.parametrize("text", ["five", "500:510", "500:510:-1", "500:510:0", "1 s", "0:1:1e-9"])
def test_what_is_no_list_of_numbers_says_which_part(text: str) -> None:
    with pytest.raises(ValueError, match=text.split(",", maxsplit=1)[0]):
        listed(text, "nm")
