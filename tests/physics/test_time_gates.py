"""Early and late spectra of a film, as a streak camera of 50 ps cuts them out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.streak import gated
from sim_instruments.twin.units import energy_ev

T, RESPONSE_S = 300.0, 50e-12


@pytest.fixture(scope="module", params=["wang2015", "wang2015_solution"])
def sample(request):
    return load_sample(request.param)


def gate(sample, fluence_uj, start_ps, stop_ps, response_s=RESPONSE_S):
    pump = Pump.monochromatic(400.0, fluence_uj * 1e-6, 1e-13)
    return gated(pump, sample, T, start_ps * 1e-12, stop_ps * 1e-12, response_s=response_s)


def centroid_ev(light):
    return np.trapezoid(light.continuum * energy_ev(light.wavelength_nm), light.wavelength_nm) / \
        np.trapezoid(light.continuum, light.wavelength_nm)


def test_all_gates_together_are_the_whole_emission(sample):
    whole = emission(Pump.monochromatic(400.0, 25e-6, 1e-13), sample, T)
    parts = [gate(sample, 25.0, start, stop).continuum for start, stop in ((-1e3, 0.0), (0.0, 50.0), (50.0, 2e5))]
    assert sum(parts) == pytest.approx(whole.continuum, rel=1e-5)


def test_weak_pump_has_one_spectrum_at_all_times(sample):
    early, late = gate(sample, 0.01, 0.0, 50.0), gate(sample, 0.01, 50.0, 6000.0)
    assert centroid_ev(early) == pytest.approx(centroid_ev(late), abs=1e-4)


def test_biexcitons_shift_the_early_spectrum_to_the_red():
    """Predicted: the claim is a sign; -15.5 meV at 11.5 uJ/cm2."""
    film = load_sample("wang2015")
    shift = centroid_ev(gate(film, 11.5, -25.0, 25.0)) - centroid_ev(gate(film, 11.5, -25.0, 6000.0))
    assert shift == pytest.approx(-15.5e-3, abs=1e-3)


def narrow_over_broad(light):
    """Height of the amplified band over that of the broad one beneath it, at 524.5 nm; the broad one is scaled to the blue side."""
    film = load_sample("wang2015")
    broad = gate(film, 0.01, 50.0, 6000.0)
    at = {nm: np.interp(nm, light.wavelength_nm, light.continuum) for nm in (500.0, 524.5)}
    below = {nm: np.interp(nm, broad.wavelength_nm, broad.continuum) for nm in (500.0, 524.5)}
    floor = below[524.5] * at[500.0] / below[500.0]
    return (at[524.5] - floor) / (floor / below[524.5] * broad.continuum.max())


def test_stimulated_light_is_confined_to_the_first_gate():
    """Predicted. A gate right behind the first one, which begins at half the rise, would hold the tail of the response."""
    film = load_sample("wang2015")
    assert narrow_over_broad(gate(film, 25.0, -25.0, 25.0)) > 10.0
    assert narrow_over_broad(gate(film, 25.0, 75.0, 6000.0)) < 0.05


def test_a_slower_camera_smears_it():
    film = load_sample("wang2015")
    late = [narrow_over_broad(gate(film, 25.0, 75.0, 6000.0, response)) for response in (20e-12, 50e-12, 100e-12)]
    assert late == sorted(late)
    assert late[2] > 5.0 * abs(late[1])


def test_charged_films_are_refused():
    film = load_sample("qin2021")
    charged = replace(film, kinetics=replace(film.kinetics, charged_fraction=0.5))
    with pytest.raises(ValueError, match="charged"):
        gate(charged, 1.0, 0.0, 50.0)
